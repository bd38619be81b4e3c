#!/usr/bin/env bash
# What a user does with what `make package` and `make install` give: each is installed into an environment of its own where the
# source is not, and runs the quickstart of its language and the program on the project's first page. All quickstarts answer
# one request with one key, and write the same receipt.
#   scripts/quickstarts.sh target-directory
# Needs TARGET/lib (scripts/build-libraries.sh), TARGET/package (scripts/package.sh) and scripts/deps.sh.
set -euo pipefail
root=$PWD
target=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Nothing of the caller's, and nothing of the source tree.
unset PYTHONPATH PYTHONHOME NODE_PATH ATTESTLM_LIBRARY GOFLAGS CGO_CFLAGS CGO_LDFLAGS
export GOWORK=off PIP_DISABLE_PIP_VERSION_CHECK=1 ATTESTLM_PASSWORD=quickstart
cp bindings/go/testdata/{request,keystore}.json "$work/"
made=()

# verified FILE: the report in it says so
verified() { grep -q '"name":"verified"' "$1" || { cat "$1" >&2; exit 1; }; }

# quickstart NAME COMMAND…: with a question of its own and a fresh key, with the request and the key, and with neither there
quickstart() {
    local name=$1
    shift
    "$@" >alone.json 2>alone.txt || { cat alone.txt >&2; exit 1; }
    verified alone.txt
    "$@" "$work/request.json" "$work/keystore.json" >"$work/$name.json" 2>"$work/$name.txt" || { cat "$work/$name.txt" >&2; exit 1; }
    verified "$work/$name.txt"
    grep -q '"event":"text"' "$work/$name.txt"
    if "$@" missing.json >none.json 2>none.txt || [ -s none.json ] || ! grep -q '^quickstart: .*missing\.json' none.txt; then
        echo "$name: a request that is missing is not reported" >&2
        cat none.txt >&2
        exit 1
    fi
    made+=("$name")
}

# from_readme LANGUAGE FILE: the program of that language on the first page
from_readme() {
    awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" >"$2"
    [ -s "$2" ] || { echo "README.md has no program in $1" >&2; exit 1; }
}
# says_verified COMMAND…: it succeeds and says so
says_verified() { "$@" >readme.txt 2>&1 && grep -q '^verified' readme.txt || { cat readme.txt >&2; exit 1; }; }

echo "== Python: the wheel in a virtual environment"
mkdir "$work/python" && cd "$work/python"
python3 -m venv .venv
.venv/bin/pip install --quiet "$target"/package/attestlm-*.whl
cp "$root/examples/quickstart.py" .
quickstart python .venv/bin/python quickstart.py
from_readme python readme.py
says_verified .venv/bin/python readme.py

echo "== Node: both packages in an empty project"
mkdir "$work/node" && cd "$work/node"
echo '{ "private": true }' >package.json
npm install --silent --prefer-offline --no-audit --no-fund "$target"/package/attestlm-*.tgz
cp "$root/examples/quickstart.mjs" .
quickstart node node quickstart.mjs
from_readme js readme.mjs
says_verified node readme.mjs

echo "== Go: the archive in a module, linked statically"
mkdir "$work/go" && cd "$work/go"
tar --extract --file "$target"/package/attestlm-go-*.tar.gz
go mod init -C . quickstart 2>/dev/null
go mod edit -require=attestlm@v0.0.0 -replace=attestlm="$(echo ./attestlm-go-*)"
cp "$root/examples/quickstart.go" .
go build -tags attestlm_static -o quickstart .
quickstart go ./quickstart
mkdir readme
from_readme go readme/main.go
go build -tags attestlm_static -o readme/readme ./readme
says_verified readme/readme

echo "== C: installed, through pkg-config"
(cd "$root" && scripts/install.sh "$target/lib" "$work/prefix" "$work/prefix" >/dev/null)
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
mkdir "$work/c" && cd "$work/c"
cp "$root/examples/quickstart.c" .
# shellcheck disable=SC2046 # a list of flags
cc quickstart.c $(pkg-config --cflags --libs attestlm) -o quickstart
quickstart c env LD_LIBRARY_PATH="$work/prefix/lib" ./quickstart

echo "== Go: the library installed, through pkg-config"
cd "$work/go"
# go remembers what pkg-config said before, unless another of its inputs is new.
CGO_CFLAGS="-O2 -DATTESTLM_TEST=$(basename "$work" | tr . _)" go build -o installed .
quickstart go-installed env LD_LIBRARY_PATH="$work/prefix/lib" ./installed

echo "== Rust: the crate"
cd "$root"
${CARGO:-cargo} build --release --locked --quiet --package attestlm --example quickstart
mkdir "$work/rust" && cd "$work/rust"
quickstart rust "$target/release/examples/quickstart"

for name in "${made[@]}"; do
    cmp "$work/c.json" "$work/$name.json"
done
echo "C, Go (static and installed), Node, Python and Rust write the same receipt, $(wc -c <"$work/c.json") bytes, and verify it"
