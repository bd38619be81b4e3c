#!/usr/bin/env bash
# Every test of the Node binding.
#   bindings/node/test.sh LIBRARY_DIR TESTING_LIBRARY_DIR
# Each folder holds libattestlm.so.0 (scripts/libraries.sh), the second one of a build with the feature `testing`.
set -euo pipefail
[ $# = 2 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
ATTESTLM_LIBRARY=$(realpath "$1/libattestlm.so.0")
ATTESTLM_TESTING_LIBRARY=$(realpath "$2/libattestlm.so.0")
export ATTESTLM_LIBRARY ATTESTLM_TESTING_LIBRARY
cd "$(dirname "$0")"
npm ci --prefer-offline --no-audit --no-fund
if grep -q '"resolved": "http' package-lock.json; then
    echo "package-lock.json names a registry: omit-lockfile-registry-resolved of .npmrc was not in force" >&2
    exit 1
fi
# One file after the other: some measure time, memory or the event loop.
node --test --test-concurrency=1 test/*.test.mjs
