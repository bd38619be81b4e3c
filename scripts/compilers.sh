#!/usr/bin/env bash
# Builds the engine with gcc and with clang, and compares the digest of every family and weight type between
# the two and with the pinned ones. Two engine builds: minutes, seconds with ccache.
#   scripts/compilers.sh target-directory
set -euo pipefail
target=$1
pinned=proof/exactness/digests.txt

for pair in gcc:g++ clang:clang++; do
    cc=${pair%%:*} cxx=${pair##*:}
    for compiler in "$cc" "$cxx"; do
        command -v "$compiler" >/dev/null || { echo "missing: $compiler" >&2; exit 1; }
    done
    CC=$cc CXX=$cxx CARGO_TARGET_DIR=$target/compilers/$cc \
        cargo build --release --locked --quiet --package attestlm-proof --bin exactness
    "$target/compilers/$cc/release/exactness" --digests >"$target/compilers/$cc.txt"
    echo "$("$cc" --version | head -n 1): $(grep -vc '^#' "$target/compilers/$cc.txt") digests"
done
cmp "$target/compilers/gcc.txt" "$target/compilers/clang.txt"
cmp "$target/compilers/gcc.txt" "$pinned"
echo "gcc and clang compute the pinned digests: $(grep -vc '^#' "$pinned") of $(grep -vc '^#' "$pinned")"
