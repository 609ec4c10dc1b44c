#!/bin/bash
# Compares the generated CRDs with the accepted snapshots: what users wrote against the old must fit the new.
# usage: crds.sh check | accept [--breaking]
#   check    fails on a breaking change, and on an addition that is not accepted yet
#   accept   takes additions into the snapshots; with --breaking, breaking changes too
set -euo pipefail
cd "$(dirname "$0")/../.."
generated=config/crd/bases
accepted=config/crd/snapshots

fail() {
  printf 'crds: error: %s\n' "$1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}

# breaking prints what breaks, per file; its exit code is 1 if there is anything.
breaking() {
  local old new report status=0
  for old in "$accepted"/*.yaml; do
    [ -e "$old" ] || continue
    new=$generated/${old##*/}
    if [ ! -e "$new" ]; then
      printf '%s: the CRD is gone\n' "$old"
      status=1
    elif ! report=$(hack/tools/run.sh crdify --config hack/verify/crdify.yaml "file://$old" "file://$new" 2>&1); then
      printf '%s, compared with %s:\n' "$new" "$old"
      grep -v -e ' - ✓$' -e ' Validations$' -e '^$' <<<"$report" || true
      status=1
    fi
  done
  return $status
}

copy() {
  rm -f "$accepted"/*.yaml
  cp "$generated"/*.yaml "$accepted"/
}

case "${1:-} ${2:-}" in
  "check ")
    breaking >&2 || fail "the CRDs changed in a way that breaks objects or clients that exist" \
      "keep the field and its meaning, or make a new API version;" \
      "nobody uses the version yet? 'make crd-snapshots BREAKING=1' accepts the change, to be seen in review"
    diff -r "$accepted" "$generated" || fail "the CRDs changed, without breaking anybody" \
      "run 'make crd-snapshots' and commit config/crd/snapshots: from then on the additions are kept"
    ;;
  "accept ")
    breaking >&2 || fail "not accepted: the change breaks objects or clients that exist" \
      "'make crd-snapshots BREAKING=1' accepts it all the same, to be seen in review"
    copy
    ;;
  "accept --breaking") copy ;;
  *) fail "say what to do" "usage: $0 check | accept [--breaking]" ;;
esac
