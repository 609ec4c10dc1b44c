#!/bin/bash
# Prints the folder for KUBEBUILDER_ASSETS (etcd, kube-apiserver, kubectl), building them if they are missing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

"$ATTACHE_CLUSTER_SRC/build.sh" envtest >&2
bin_dir kubernetes
