#!/bin/sh
# Prints a copy of a receipt with the first output token of its disclosure changed.
#   scripts/edit-token.sh receipt.json
set -eu
awk '
    { text = text $0 "\n" }
    END {
        if (!match(text, /"outputTokens"[ \t\n]*:[ \t\n]*\[[ \t\n]*[0-9]+/)) {
            print "edit-token: no outputTokens in the disclosure" > "/dev/stderr"
            exit 1
        }
        end = RSTART + RLENGTH
        start = end
        while (substr(text, start - 1, 1) ~ /[0-9]/) start--
        token = substr(text, start, end - start)
        printf "%s%d%s", substr(text, 1, start - 1), (token > 0 ? token - 1 : 1), substr(text, end)
    }
' "$1"
