#!/usr/bin/env bash
# Receipts on a real chain: installs the packages as a user would, with go-ethereum, web3.py and viem, and has the programs of
# examples/onchain anchor and check receipts on geth, and the viewer look for one; then measures gas again (docs/gas.md). All of it on loopback.
#   scripts/test-chain.sh target-directory
# Needs TARGET/package (scripts/package.sh), TARGET/release/attestlm, TARGET/tools/geth, contracts/out, the viewer and its packages
# (make viewer), Chromium and scripts/deps.sh.
set -euo pipefail
[ $# = 1 ] && [ -n "$1" ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
target=$(realpath "$1")
root=$PWD
examples=$root/examples/onchain
work=$target/onchain
mkdir -p "$work"
unset PYTHONPATH PYTHONHOME NODE_PATH ATTESTLM_LIBRARY GOFLAGS CGO_CFLAGS CGO_LDFLAGS
export GOWORK=off PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

# made NAME FILE…: whether NAME was made of these files, and whole
digest() { cat "$@" "$root/scripts/test-chain.sh" | sha256sum; }
made() { [ "$(cat "$work/$1/made-of" 2>/dev/null)" = "$(digest "${@:2}")" ]; }

echo "== Python: the wheel and web3.py"
wheel=("$target"/package/attestlm-*.whl)
if ! made python "$examples/python/requirements.txt" "${wheel[@]}"; then
    rm -rf "$work/python"
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet --requirement "$examples/python/requirements.txt" "${wheel[@]}"
    digest "$examples/python/requirements.txt" "${wheel[@]}" >"$work/python/made-of"
fi

echo "== Node: both packages and viem"
packages=("$target"/package/attestlm-*.tgz)
if ! made node "$examples/node/package-lock.json" "${packages[@]}"; then
    rm -rf "$work/node"
    mkdir "$work/node"
    cp "$examples"/node/{package.json,package-lock.json,.npmrc} "$work/node/"
    (cd "$work/node" && npm ci --silent --prefer-offline --no-audit --no-fund &&
        npm install --silent --no-save --prefer-offline --no-audit --no-fund "${packages[@]}")
    digest "$examples/node/package-lock.json" "${packages[@]}" >"$work/node/made-of"
fi
cp "$examples/node/onchain.mjs" "$work/node/"

echo "== Go: the archive, linked statically, and go-ethereum"
rm -rf "$work/go"
mkdir "$work/go"
# With times of their own: go knows a file by path, size and time, and those in the archive are always the same.
tar --extract --touch --directory "$work/go" --file "$target"/package/attestlm-go-*.tar.gz
cp "$examples"/go/{go.mod,go.sum,main.go} "$work/go/"
(cd "$work/go" && go mod edit -replace=attestlm="$(echo ./attestlm-go-*)" &&
    go vet -tags attestlm_static . && go build -tags attestlm_static -o onchain .)

export GETH=$target/tools/geth ATTESTLM=$target/release/attestlm VIEWER_PAGE=$target/viewer/index.html
timeout --kill-after=30 400 node contracts/test/chain.test.mjs "$work"
echo "== gas"
timeout --kill-after=30 120 node contracts/gas.mjs "$GETH" --check
