#!/bin/bash
# Runs shellcheck on every script of the checkout, told by its name or by its first line.
# usage: shell.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v shellcheck >/dev/null; then
  [ -z "${CI:-}" ] || { echo "shell: error: shellcheck is missing: apt-get install shellcheck" >&2; exit 1; }
  echo "shell: shellcheck is not installed, so the scripts are not checked (apt-get install shellcheck)"
  exit 0
fi
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard | while read -r file; do
  [ -f "$file" ] || continue
  case $file in
    *.sh) echo "$file" ;;
    *) ! head -c 64 "$file" | head -n 1 | grep -aq '^#!.*\bbash' || echo "$file" ;;
  esac
done)
shellcheck --external-sources "${scripts[@]}"
