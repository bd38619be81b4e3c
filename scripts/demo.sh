#!/bin/sh
# The whole way once: a question, a signed answer, its replay, and two lies caught.
#   scripts/demo.sh path/to/release
set -eu
attestlm=$1/attestlm
forge=$1/examples/forge
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# caught VERDICT FILE
caught() {
    status=0
    report=$("$attestlm" verify "$2") || status=$?
    printf '%s\n' "$report" | sed 1q
    if [ "$status" -ne 1 ] || [ "${report#"$1"}" = "$report" ]; then
        echo "it was not caught as $1 (exit status $status)" >&2
        exit 1
    fi
}

question='Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?'

say '1. A question, answered by the bundled model; the receipt is signed with a fresh key'
echo "> $question"
"$attestlm" run --prompt "$question" --temperature 0.7 --seed 7 --receipt "$work/receipt.json"

say '2. What the receipt says'
"$attestlm" inspect "$work/receipt.json"

say '3. Anyone with the same model replays it, bit for bit'
"$attestlm" verify "$work/receipt.json"

say '4. One output token edited in a copy: it no longer fits what was signed'
scripts/edit-token.sh "$work/receipt.json" >"$work/edited.json"
caught invalid "$work/edited.json"

say '5. One output token changed, everything committed to and signed anew: the replay catches it'
"$forge" "$work/receipt.json" >"$work/forged.json"
caught diverged "$work/forged.json"
