#!/bin/bash
# Builds the archives of the images that the cluster itself needs: pause and CoreDNS.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# archive IMAGE PROGRAM DESTINATION
archive() {
  local to
  to=$(image_archive "$1")
  (cd "$ATTACHE_REPO" && go run ./hack/image -t "$1" -o "$to" -e "$3" "$3=$2")
  say "$1 is in $to"
}

main() {
  [ ! -f "$(image_archive "$(pause_image)")" ] || [ ! -f "$(image_archive "$(coredns_image)")" ] || return 0
  require_go "$ATTACHE_REPO"
  export CGO_ENABLED=0 GOFLAGS=${GOFLAGS:--buildvcs=false}
  mkdir -p "$ATTACHE_CACHE/images"
  "$ATTACHE_CLUSTER_SRC/build.sh" coredns
  archive "$(coredns_image)" "$(bin_dir coredns)/coredns" /coredns
  pause=$(mktemp)
  trap 'rm -f "$pause"' EXIT
  (cd "$ATTACHE_REPO" && go build -ldflags '-s -w' -o "$pause" ./hack/cluster/pause)
  archive "$(pause_image)" "$pause" /pause
}

main "$@"
