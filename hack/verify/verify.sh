#!/bin/bash
# Verifies the checkout without a cluster and without running tests. Each step is printed with its time; the first that
# fails ends it.
# usage: verify.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

step() {
  local name=$1 started=$SECONDS
  shift
  printf 'verify: %s\n' "$name"
  "$@" || {
    printf 'verify: error: %s failed (%s)\n' "$name" "$*" >&2
    exit 1
  }
  [ $((SECONDS - started)) -lt 2 ] || printf 'verify: %s took %d s\n' "$name" $((SECONDS - started))
}

# clean_tree: the commit holds what the generators make and the formatter likes.
clean_tree() {
  [ -n "$(git status --porcelain)" ] || return 0
  git --no-pager diff HEAD
  git status --short
  printf '%s\n' "the tree differs from the commit: run 'make generate fmt' and commit the result" >&2
  return 1
}

step "generated files" make --no-print-directory generate
step "format" make --no-print-directory fmt
step "go.mod" go mod tidy -diff
step "vet" make --no-print-directory vet
step "lint" make --no-print-directory lint
step "compatibility of the CRDs" hack/verify/crds.sh check
step "chart" make --no-print-directory chart
step "clean tree" clean_tree
printf 'verify: all is well, in %d s\n' $SECONDS
