#!/bin/bash
# Loads images into every node of the cluster, and into those that join later.
# usage: load.sh ARCHIVE...
# With KUBECONFIG set, ATTACHE_LOAD_COMMAND is run with each archive, e.g. "kind load image-archive".
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/node.sh"

load_foreign() {
  local archive
  [ -n "${ATTACHE_LOAD_COMMAND:-}" ] || fail "how images reach the cluster of KUBECONFIG=$KUBECONFIG is not known here" \
    "set ATTACHE_LOAD_COMMAND to a command that takes an archive, e.g. 'kind load image-archive'" \
    "or to a script that pushes it to a registry, e.g. with crane push"
  for archive in "$@"; do
    say "$ATTACHE_LOAD_COMMAND $archive"
    bash -c "$ATTACHE_LOAD_COMMAND \"\$1\"" - "$archive"
  done
}

load() {
  local archive kept n
  for archive in "$@"; do
    kept=$ATTACHE_STATE/images/$(basename "$archive" .tar).tar
    cp "$archive" "$kept.new"
    mv "$kept.new" "$kept"
    for n in $(seq $MAX_NODES); do
      node_alive "$n" || continue
      say "$(basename "$archive") into node$n"
      enter "$n" "$ATTACHE_CLUSTER_SRC/node-images.sh" "$n" "$kept" >"$ATTACHE_STATE/node$n/log/load.log" 2>&1 ||
        fail "node$n does not take $archive: $(tail -n 3 "$ATTACHE_STATE/node$n/log/load.log")" "is it an archive that go run ./hack/image made?"
    done
  done
}

main() {
  local archive
  [ $# -gt 0 ] || fail "say which archives" "usage: load.sh ARCHIVE..."
  for archive in "$@"; do [ -f "$archive" ] || fail "there is no file $archive"; done
  if foreign_kubeconfig; then
    load_foreign "$@"
    return
  fi
  require_root "loading images"
  node_alive 1 || fail "the cluster is not up" "start it: $ATTACHE_CLUSTER_SRC/up.sh"
  lock cluster
  load "$@"
}

main "$@"
