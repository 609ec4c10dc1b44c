#!/bin/bash
# Runs a command inside a node, e.g. in.sh ip route, or in.sh -n 2 ctr -n k8s.io images list.
# usage: in.sh [-n N] COMMAND...   (default: node 1)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/node.sh"

n=1
if [ "${1:-}" = -n ]; then
  n=${2:-}
  shift 2
fi
[ $# -gt 0 ] || fail "say which command" "usage: in.sh [-n N] COMMAND..."
require_root "entering a node"
enter "$n" "$@"
