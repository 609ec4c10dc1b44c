#!/bin/bash
# Runs a developers' tool, building it first if it is missing.
# usage: run.sh NAME [ARGUMENT]...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/lib.sh"
. "$here/lib.sh"

[ $# -gt 0 ] || fail "say which tool" "there are: ${TOOLS[*]}"
"$here/build.sh" "$1" >&2
exec "$(tool_dir "$1")/$1" "${@:2}"
