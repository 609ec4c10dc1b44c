#!/bin/bash
# Prints the KUBECONFIG to use: yours if it is set, else that of the cluster on this machine.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

foreign_kubeconfig || KUBECONFIG=$ATTACHE_OWN_KUBECONFIG
echo "$KUBECONFIG"
