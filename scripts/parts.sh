#!/bin/sh
# Runs make targets one after the other, and says at the end what each took beside the time it is given.
#   scripts/parts.sh target:seconds…
set -eu
summary=''
for part in "$@"; do
    name=${part%%:*}
    budget=${part##*:}
    echo "== $name"
    start=$(date +%s)
    ${MAKE:-make} --no-print-directory "$name"
    took=$(($(date +%s) - start))
    over=''
    [ "$took" -le "$budget" ] || over=', OVER ITS BUDGET'
    summary="$summary$(printf '%-18s %5d s of %5d s%s' "$name" "$took" "$budget" "$over")
"
done
printf '\n%s' "$summary"
