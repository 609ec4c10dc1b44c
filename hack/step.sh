#!/usr/bin/env bash
# step.sh TITLE COMMAND...: says what begins, runs it, and says how long it took.
set -euo pipefail
title=$1
shift
began=$SECONDS
printf '\n==> %s\n' "$title"
"$@"
printf '    done in %d s\n' $((SECONDS - began))
