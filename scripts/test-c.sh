#!/usr/bin/env bash
# The C interface, as a C programmer meets it: header, list and schemas up to date, libraries that export nothing else, programs
# that compile without a warning and run, and the receipt of `attestlm run`, byte for byte.
#   scripts/test-c.sh target-directory
set -euo pipefail
release=$1/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export CARGO_TARGET_DIR=$1
cargo run --release --locked --quiet --package xtask -- header --check
cargo run --release --locked --quiet --package xtask -- abi --check
cargo run --release --locked --quiet --package xtask -- schema --check

echo "== faults on purpose"
cargo build --release --locked --quiet --package attestlm-ffi --features testing
testing=$(grep -oE 'fn attestlm_testing_[a-z_]+' ffi/src/testing.rs | cut -d ' ' -f 2)
# shellcheck disable=SC2086 # a list of names
scripts/libraries.sh "$release" "$work/testing" $testing >/dev/null
flags=(-std=c99 -Wall -Wextra -pedantic -Werror -Iinclude -Iffi/tests/c)
cc "${flags[@]}" -o "$work/faults" ffi/tests/faults/faults.c -L"$work/testing" -lattestlm -lpthread \
    -Wl,-rpath,"$work/testing"
"$work/faults" 2>"$work/stderr"
# The library itself writes nothing.
[ ! -s "$work/stderr" ] || { cat "$work/stderr" >&2; exit 1; }

cargo build --release --locked --quiet --package attestlm-ffi
scripts/libraries.sh "$release" "$work/lib" >/dev/null

echo "== what is exported"
declared=$(sed -nE 's/.*[ *](attestlm_[a-z0-9_]+)\(.*/\1/p' ffi/abi/symbols.txt | sort -u)
exported=$(nm -D --defined-only "$work/lib/libattestlm.so.0" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort -u)
[ "$declared" = "$exported" ] || { diff <(echo "$declared") <(echo "$exported"); exit 1; }
if nm -D --defined-only "$work/lib/libattestlm.so.0" | awk '{ print $2 }' | grep -q '[uVvWw]'; then
    echo "a unique or weak symbol is exported" >&2
    exit 1
fi
readelf -d "$work/lib/libattestlm.so.0" | grep -q 'SONAME.*\[libattestlm.so.0\]'
# A plain C linker needs no C++ runtime.
if readelf -d "$work/lib/libattestlm.so.0" | grep -qE 'NEEDED.*(stdc\+\+|gcc_s)'; then
    echo "libattestlm.so needs the C++ runtime" >&2
    exit 1
fi
size=$(stat -c %s "$work/lib/libattestlm.so.0")
echo "$(echo "$declared" | wc -l) functions, libattestlm.so: $size bytes"
[ "$size" -le $((15 * 1024 * 1024)) ]

echo "== the header"
printf '#include "attestlm.h"\n#include "attestlm.h"\nint main(void) { return ATTESTLM_OK; }\n' >"$work/twice.c"
cc -std=c99 -Wall -Wextra -pedantic -Werror -Iinclude -o "$work/twice" "$work/twice.c"
cp "$work/twice.c" "$work/twice.cpp"
c++ -std=c++17 -Wall -Wextra -pedantic -Werror -Iinclude -o "$work/twice" "$work/twice.cpp"

echo "== programs"
for source in ffi/tests/c/*.c examples/quickstart.c; do
    name=$(basename "$source" .c)
    cc "${flags[@]}" -o "$work/$name" "$source" -L"$work/lib" -lattestlm -lpthread -Wl,-rpath,"$work/lib"
    [ "$name" = quickstart ] || "$work/$name"
done

echo "== the receipt of attestlm run"
export ATTESTLM_PASSWORD=quickstart
"$release/attestlm" key new --light "$work/key.json" >/dev/null
nonce=0x$(printf '5a%.0s' $(seq 32))
cat >"$work/request.json" <<REQUEST
{"messages": [{"role": "user", "content": "Tom has 12 apples."}], "temperature": "0.7", "seed": "7", "maxTokens": 40, "nonce": "$nonce",
 "issuedAt": "1700000000", "contextTokens": 256}
REQUEST
"$work/quickstart" "$work/request.json" "$work/key.json" >"$work/from-c.json" 2>"$work/events"
"$release/attestlm" run --prompt 'Tom has 12 apples.' --temperature 0.7 --seed 7 --max-tokens 40 --nonce "$nonce" \
    --issued-at 1700000000 --context-tokens 256 --key "$work/key.json" --receipt "$work/from-run.json" >/dev/null
cmp "$work/from-c.json" "$work/from-run.json"
grep -q '"name":"verified"' "$work/events"
# The static library makes the same.
cc "${flags[@]}" -o "$work/static" examples/quickstart.c "$work/lib/libattestlm.a" -lpthread -ldl -lm
"$work/static" "$work/request.json" "$work/key.json" >"$work/from-static.json" 2>/dev/null
cmp "$work/from-c.json" "$work/from-static.json"
echo "the same $(wc -c <"$work/from-c.json") bytes from C, shared and static, and from the command"
