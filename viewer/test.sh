#!/usr/bin/env bash
# Every test of the viewer. Its packages are there (make viewer).
#   viewer/test.sh PAGE
set -euo pipefail
[ $# = 1 ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
VIEWER_PAGE=$(realpath "$1")
export VIEWER_PAGE
cd "$(dirname "$0")"
if grep -q '"resolved": "http' package-lock.json; then
    echo "package-lock.json names a registry: omit-lockfile-registry-resolved of .npmrc was not in force" >&2
    exit 1
fi
# One file after the other: some measure time.
node --test --test-concurrency=1 test/*.test.mjs
