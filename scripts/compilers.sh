#!/usr/bin/env bash
# Builds the engine with gcc and with clang, and compares the digest of every family and weight type under each exact
# profile between the two and with the pinned ones. Two engine builds: minutes, seconds with ccache.
#   scripts/compilers.sh target-directory
set -euo pipefail
target=$1

for pair in gcc:g++ clang:clang++; do
    cc=${pair%%:*} cxx=${pair##*:}
    for compiler in "$cc" "$cxx"; do
        command -v "$compiler" >/dev/null || { echo "missing: $compiler" >&2; exit 1; }
    done
    CC=$cc CXX=$cxx CARGO_TARGET_DIR=$target/compilers/$cc \
        cargo build --release --locked --quiet --package attestlm-proof --bin exactness
    "$target/compilers/$cc/release/exactness" --digests >"$target/compilers/$cc.digests.txt"
    "$target/compilers/$cc/release/exactness" --exact-2 --digests >"$target/compilers/$cc.digests-2.txt"
    echo "$("$cc" --version | head -n 1): $(cat "$target/compilers/$cc".digests*.txt | grep -vc '^#') digests"
done
for pinned in digests.txt digests-2.txt; do
    cmp "$target/compilers/gcc.$pinned" "$target/compilers/clang.$pinned"
    cmp "$target/compilers/gcc.$pinned" "proof/exactness/$pinned"
    echo "gcc and clang compute the pinned $pinned: $(grep -vc '^#' "proof/exactness/$pinned")"
done
