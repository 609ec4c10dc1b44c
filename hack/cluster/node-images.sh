#!/bin/bash
# Imports images into node N; runs inside it. Without archives: the cluster's own and those loaded before, each once.
# usage: node-images.sh N [ARCHIVE]...
set -euo pipefail
. "$(dirname "$0")/lib.sh"

n=$1
shift
node=$ATTACHE_STATE/node$n
snapshotter=$(awk -F'"' '/^snapshotter/ { print $2 }' "$node/etc/containerd.toml")

# stamp ARCHIVE: tells an archive from a later one of the same name.
stamp() { stat -c '%s %y' "$1"; }

import() {
  ctr -n k8s.io images import --snapshotter "$snapshotter" "$1"
  stamp "$1" >"$node/imported/$(basename "$1")"
}

main() {
  local archive
  mkdir -p "$node/imported"
  until ctr version >/dev/null 2>&1; do sleep 0.1; done
  for archive in "$@"; do import "$archive"; done
  [ $# -eq 0 ] || return 0
  # Oldest first: where two archives hold the same tag, the one loaded last counts.
  while read -r _ archive; do
    [ "$(stamp "$archive")" = "$(cat "$node/imported/$(basename "$archive")" 2>/dev/null)" ] || import "$archive"
  done < <(find "$(image_archive "$(pause_image)")" "$(image_archive "$(coredns_image)")" "$ATTACHE_STATE/images" \
    -name '*.tar' -printf '%T@ %p\n' | sort -n)
}

main "$@"
