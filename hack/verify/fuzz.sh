#!/bin/bash
# Runs every fuzz target for a while; what it finds is written beside the target, under testdata/fuzz.
# usage: fuzz.sh AMOUNT   (inputs such as 20000x, or a time such as 30s; with a time Go may fail at its very end:
#   https://github.com/golang/go/issues/75804)
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# = 1 ] || { echo "fuzz: error: say how long each target runs, such as 20000x or 30s" >&2; exit 1; }

count=0
while IFS=: read -r file target; do
  echo "fuzz: $target in ${file%/*}"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "./${file%/*}"
  count=$((count + 1))
done < <(git grep -oE 'func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/')
[ $count -gt 0 ] || { echo "fuzz: error: there are no fuzz targets" >&2; exit 1; }
echo "fuzz: $count targets, nothing found"
