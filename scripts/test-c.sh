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
scripts/libraries.sh "$release" "$work/testing" testing >/dev/null
flags=(-std=c99 -Wall -Wextra -pedantic -Werror -Iinclude -Iffi/tests/c)
cc "${flags[@]}" -o "$work/faults" ffi/tests/faults/faults.c -L"$work/testing" -lattestlm -lpthread \
    -Wl,-rpath,"$work/testing"
"$work/faults" 2>"$work/stderr"
# The library itself writes nothing.
[ ! -s "$work/stderr" ] || { cat "$work/stderr" >&2; exit 1; }

echo "== verification alone"
cargo build --release --locked --quiet --package attestlm-ffi --no-default-features
scripts/libraries.sh "$release" "$work/verify" >/dev/null
size=$(stat -c %s "$work/verify/libattestlm.so.0")
echo "libattestlm.so without an engine: $size bytes"
[ "$size" -le $((2 * 1024 * 1024)) ]
cc "${flags[@]}" -o "$work/verify_only" ffi/tests/verify/verify_only.c -L"$work/verify" -lattestlm \
    -Wl,-rpath,"$work/verify"

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
# In the static one all else is local: no symbol, unique ones included, and no section group that a linker would merge.
globals=$(nm "$work/lib/libattestlm.a" | awk '$2 ~ /^[A-TV-Zuv]$/ { print $3 }' | sort -u)
[ "$declared" = "$globals" ] || { diff <(echo "$declared") <(echo "$globals"); exit 1; }
! readelf -gW "$work/lib/libattestlm.a" | grep 'group section'
readelf -d "$work/lib/libattestlm.so.0" | grep -q 'SONAME.*\[libattestlm.so.0\]'
# A plain C linker needs no C++ runtime.
if readelf -d "$work/lib/libattestlm.so.0" | grep -qE 'NEEDED.*(stdc\+\+|gcc_s)'; then
    echo "libattestlm.so needs the C++ runtime" >&2
    exit 1
fi
# glibc 2.28 is enough (ffi/glibc/): no version is newer.
readelf -VW "$work"/{lib,verify,testing}/libattestlm.so.0 | grep -oE 'GLIBC_[A-Z0-9_.]+' | sort -uV >"$work/versions"
if ! { cat "$work/versions"; echo GLIBC_2.28; } | sort -CV; then
    nm -D --undefined-only "$work"/{lib,verify,testing}/libattestlm.so.0 | grep -F "$(sed '1,/^GLIBC_2.28$/d' "$work/versions")" >&2
    echo "libattestlm.so needs a newer glibc than 2.28" >&2
    exit 1
fi
# The archive's functions all were there in 2.28, whatever their version here. These two are in no shared library.
system=$(for name in libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 ld-linux-x86-64.so.2; do cc -print-file-name=$name; done)
# shellcheck disable=SC2086 # a list of names
{
    printf '%s\n' __dso_handle pthread_atfork
    nm -D --defined-only $system | sed -nE 's/.* ([^ @]+)@+GLIBC_2\.([0-9]|1[0-9]|2[0-8])(\.[0-9]+)?$/\1/p'
} | sort -u >"$work/glibc"
nm --undefined-only "$work/lib/libattestlm.a" | awk '$1 == "U" { print $2 }' | sort -u | comm -23 - "$work/glibc" >"$work/missing"
[ ! -s "$work/missing" ] || { echo "glibc 2.28 lacks:" >&2; cat "$work/missing" >&2; exit 1; }
size=$(stat -c %s "$work/lib/libattestlm.so.0")
echo "$(echo "$declared" | wc -l) functions, libattestlm.so: $size bytes"
[ "$size" -le $((15 * 1024 * 1024)) ]

echo "== the header"
printf '#include "attestlm.h"\n#include "attestlm.h"\nint main(void) { return ATTESTLM_OK; }\n' >"$work/twice.c"
cc -std=c99 -Wall -Wextra -pedantic -Werror -Iinclude -o "$work/twice" "$work/twice.c"
cp "$work/twice.c" "$work/twice.cpp"
c++ -std=c++17 -Wall -Wextra -pedantic -Werror -Iinclude -o "$work/twice" "$work/twice.cpp"

echo "== programs"
for source in ffi/tests/c/*.c; do
    name=$(basename "$source" .c)
    libraries=(-lattestlm -lpthread) arguments=()
    [ "$name" != vectors ] || { libraries+=(-ljansson) arguments=(vectors); }
    cc "${flags[@]}" -o "$work/$name" "$source" -L"$work/lib" "${libraries[@]}" -Wl,-rpath,"$work/lib"
    "$work/$name" "${arguments[@]}"
done
cc "${flags[@]}" -o "$work/quickstart" examples/quickstart.c -L"$work/lib" -lattestlm -lpthread -Wl,-rpath,"$work/lib"

echo "== leaks"
cc "${flags[@]}" -g -fsanitize=address,undefined -o "$work/leaks-sanitized" ffi/tests/c/leaks.c -L"$work/lib" -lattestlm \
    -lpthread -Wl,-rpath,"$work/lib"
"$work/leaks-sanitized" 1000
# Fifty times slower: 1,000 cycles take a quarter of an hour (docs/security.md).
valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect "$work/leaks" "${VALGRIND_CYCLES:-5}"

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

echo "== beside another ggml"
sources=$(cargo metadata --locked --format-version 1 | python3 -c 'import json, os, sys
print(*(os.path.dirname(package["manifest_path"]) for package in json.load(sys.stdin)["packages"]
        if package["name"] == "llama-cpp-sys-2"))')
cmake -S ffi/tests/beside -B "$1/beside" -DCMAKE_BUILD_TYPE=Release -DGGML_SOURCE="$sources/llama.cpp/ggml" \
    -DATTESTLM="$PWD" -DLIBRARIES="$work/lib" >"$work/cmake.log"
cmake --build "$1/beside" --parallel 2 >"$work/cmake.log" || { cat "$work/cmake.log" >&2; exit 1; }
for kind in shared static; do
    "$1/beside/beside-$kind" "$work/request.json" "$work/key.json" >"$work/from-beside.json" 2>/dev/null
    cmp "$work/from-c.json" "$work/from-beside.json"
done
echo "the same receipt beside a ggml of the program's own, shared and static"

echo "== without an engine"
"$work/verify_only" "$work/from-c.json"
