#!/usr/bin/env bash
# Packs what users of Python, Node and Go install, into TARGET/package, and says how large each is beside its peer. Fails
# where ours is not the smaller one.
#   scripts/package.sh target-directory [wheel]: the wheel alone
# Needs TARGET/lib (scripts/build-libraries.sh) and scripts/deps.sh. Nothing in a package depends on when it was packed.
set -euo pipefail
target=$(realpath "$1")
package=$target/package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Bytes, as docs/adr/0015-packages.md measured them.
npm_peer='@node-llama-cpp/linux-x64 3.22.1' npm_peer_packed=10800000 npm_peer_installed=30400000
wheel_peer='xllamacpp 2026.10.11549' wheel_peer_packed=33800000

mkdir -p "$package"
rm -f "$package"/*.whl
PYTHON=$target/tools/python/bin/python bindings/python/wheel.sh "$target/lib" "$package"
[ "${2:-}" != wheel ] || { ls "$package"/*.whl; exit 0; }

rm -f "$package"/*.tgz
bindings/node/pack.sh "$target/lib" "$package" >/dev/null

# Go: a folder to unpack and to name in `replace`. Header and static library are inside.
version=$(sed -nE 's/^#define ATTESTLM_VERSION "(.*)"/\1/p' include/attestlm.h)
module=attestlm-go-$version-linux-amd64
bindings/go/libs.sh "$target/lib"
mkdir "$work/$module"
for file in bindings/go/*.go; do
    case $file in
    *_test.go | */faults.go) ;; # tests
    *) cp "$file" "$work/$module/" ;;
    esac
done
cp -r bindings/go/{go.mod,README.md,internal} LICENSE-MIT LICENSE-APACHE "$work/$module/"
rm -f "$package"/attestlm-go-*.tar.gz
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --directory="$work" "$module" |
    gzip -9n >"$package/$module.tar.gz"

# bytes FILE…: what files, or the files of folders, hold
bytes() { find "$@" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'; }
mb() { awk -v bytes="$1" 'BEGIN { printf bytes < 1e5 ? "%.2f MB" : "%.1f MB", bytes / 1e6 }'; }

echo '{ "private": true }' >"$work/package.json"
npm install --silent --prefix "$work" --prefer-offline --ignore-scripts --no-audit --no-fund "$package"/*.tgz
"$target/tools/python/bin/python" -m zipfile --extract "$package"/*.whl "$work/wheel"
npm_packed=$(bytes "$package"/*.tgz) npm_installed=$(bytes "$work/node_modules")
wheel_packed=$(bytes "$package"/*.whl) wheel_installed=$(bytes "$work/wheel")
go_packed=$(bytes "$package/$module.tar.gz") go_installed=$(bytes "$work/$module")

echo "with the bundled model, $(mb "$(stat -c %s models/abacus/*.gguf)"):"
(cd "$package" && for file in *.whl *.tgz *.tar.gz; do echo "  $file: $(mb "$(stat -c %s "$file")")"; done)
echo "wheel: $(mb "$wheel_packed") packed, $(mb "$wheel_installed") installed ($wheel_peer: $(mb $wheel_peer_packed) packed)"
echo "npm: $(mb "$npm_packed") packed, $(mb "$npm_installed") installed, koffi included ($npm_peer: $(mb $npm_peer_packed) packed, $(mb $npm_peer_installed) installed)"
echo "go: $(mb "$go_packed") packed, $(mb "$go_installed") unpacked"

# smaller WHAT OURS PEERS
smaller() { [ "$2" -lt "$3" ] || { echo "$1: ours is not smaller than its peer" >&2; exit 1; }; }
smaller 'the wheel' "$wheel_packed" $wheel_peer_packed
smaller 'the npm packages, packed' "$npm_packed" $npm_peer_packed
smaller 'the npm packages, installed' "$npm_installed" $npm_peer_installed
