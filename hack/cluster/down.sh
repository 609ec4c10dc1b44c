#!/bin/bash
# Ends the cluster; what is in it stays for the next up.sh, unless it is wiped.
# usage: down.sh [--wipe]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/node.sh"

wipe() {
  # The nodes' mounts end with their namespaces. One that is here belongs to somebody else, and rm would follow it.
  ! grep -q " $ATTACHE_STATE/" /proc/self/mountinfo || fail "something is mounted under $ATTACHE_STATE" \
    "see: grep $ATTACHE_STATE /proc/self/mountinfo; unmount it, then run this again"
  rm -rf "$ATTACHE_STATE"
}

main() {
  local n
  case ${1:-} in
    '' | --wipe) ;;
    *) fail "there is no argument $1" "usage: down.sh [--wipe]" ;;
  esac
  if foreign_kubeconfig; then
    say "leaving the cluster of KUBECONFIG=$KUBECONFIG alone"
    return
  fi
  [ -d "$ATTACHE_STATE" ] || return 0
  require_root "ending the cluster"
  lock cluster
  stop_proxy
  for n in $(seq $MAX_NODES -1 1); do stop_node "$n"; done
  if [ "${1:-}" = --wipe ]; then
    wipe
    say "down, and wiped"
  else
    say "down; its contents stay in $ATTACHE_STATE"
  fi
}

main "$@"
