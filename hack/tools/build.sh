#!/bin/bash
# Builds the developers' tools from the Go modules beside this script into a cache outside the checkout.
# usage: build.sh [NAME]...   (default: all)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/lib.sh"
. "$here/lib.sh"

# compile NAME builds beside the target and renames, so that a half-written binary is never found.
compile() {
  local name=$1 module dir started=$SECONDS
  module=$(tool_module "$name")
  dir=$(tool_dir "$name")
  say "$name, as ${module#"$ATTACHE_REPO"/}/go.mod pins it ($(tool_estimate "$name") the first time)"
  mkdir -p "$dir"
  (cd "$module" && CGO_ENABLED=0 GOWORK=off GOFLAGS='-buildvcs=false -mod=readonly' \
    go build -ldflags '-s -w' -o "$dir/.$name.new" "$(tool_package "$name")") ||
    fail "$name did not build" "modules come from GOPROXY=$(go env GOPROXY): it must be reachable the first time"
  mv "$dir/.$name.new" "$dir/$name"
  say "$name: done in $((SECONDS - started)) s"
}

main() {
  local name missing=()
  [ $# -gt 0 ] || set -- "${TOOLS[@]}"
  for name in "$@"; do
    tool_package "$name" >/dev/null || fail "there is no tool $name" "there are: ${TOOLS[*]}"
    [ -x "$(tool_dir "$name")/$name" ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  lock tools
  require_go "$here"
  require_free 3 "$ATTACHE_CACHE"
  for name in "${missing[@]}"; do
    # Another build may have made it while this one waited for the lock.
    [ -x "$(tool_dir "$name")/$name" ] || compile "$name"
  done
}

main "$@"
