#!/usr/bin/env bash
# Builds what users link into TARGET/lib (scripts/libraries.sh), with `testing` also the same with faults on purpose into
# TARGET/lib-testing. What is up to date is not linked again: each part of `make test` may ask for it.
#   scripts/build-libraries.sh target-directory [testing]
set -euo pipefail
target=$1
release=$target/release

# Both builds leave their archive in the same place.
# build OUT [testing]
build() {
    local out=$1 made_of
    shift
    ${CARGO:-cargo} build --release --locked --package attestlm-ffi ${1:+--features "$1"}
    made_of=$(cat "$release/libattestlm_ffi.a" scripts/libraries.sh ffi/abi/* ffi/glibc/* ffi/src/testing.rs | sha256sum)
    [ "$(cat "$out/made-of" 2>/dev/null)" != "$made_of" ] || return 0
    rm -rf "$out"
    scripts/libraries.sh "$release" "$out" "$@" >/dev/null
    echo "$made_of" >"$out/made-of"
}

[ "${2:-}" != testing ] || build "$target/lib-testing" testing
build "$target/lib"
