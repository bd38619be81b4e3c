#!/usr/bin/env bash
# Packs both packages: attestlm, and the one with the library for this platform.
#   bindings/node/pack.sh LIBRARY_DIR OUT_DIR
# LIBRARY_DIR holds libattestlm.so.0 (scripts/libraries.sh).
set -euo pipefail
[ $# = 2 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
library=$(realpath "$1/libattestlm.so.0")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")"
node scripts/abi.js --check

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/attestlm"
cp -r lib index.mjs index.d.ts index.d.mts package.json README.md "$work/attestlm"
cp -r platforms/linux-x64-gnu "$work/platform"
install -m 755 "$library" "$work/platform/libattestlm.so.0"
for package in attestlm platform; do
    cp ../../LICENSE-MIT ../../LICENSE-APACHE "$work/$package"
    npm pack --silent --pack-destination "$out" "$work/$package"
done
