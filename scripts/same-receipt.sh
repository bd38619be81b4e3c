#!/bin/sh
# Two builds of the command answer one request; their receipts must be the same bytes.
#   scripts/same-receipt.sh path/to/attestlm path/to/other/attestlm
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ATTESTLM_PASSWORD=test "$1" key new "$work/key.json" --light >/dev/null
i=0
for attestlm in "$1" "$2"; do
    i=$((i + 1))
    ATTESTLM_PASSWORD=test "$attestlm" run --prompt 'Ann has 7 pens and buys 6 more. How many pens?' \
        --temperature 0.8 --top-k 40 --top-p 0.95 --seed 3 --max-tokens 64 \
        --nonce "0x$(printf '%064d' 1)" --issued-at 1700000000 --key "$work/key.json" \
        --receipt "$work/$i.json" >"$work/$i.txt"
done
cmp "$work/1.txt" "$work/2.txt"
cmp "$work/1.json" "$work/2.json"
echo "same receipt from $1 and $2"
