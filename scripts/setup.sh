#!/bin/sh
# Checks for what the build needs, with the argument `tests` for what the tests need, too. As root on a Debian or
# Ubuntu system it installs what is missing; everywhere else it says exactly what to install, and fails.
set -eu
what=${1:-build}

has() { command -v "$1" >/dev/null 2>&1; }

has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    for directory in /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
        for library in "$directory"/libclang.so* "$directory"/libclang-*.so*; do
            [ -e "$library" ] && return 0
        done
    done
    return 1
}

has_jansson() {
    echo '#include <jansson.h>' | cc -E - >/dev/null 2>&1
}

# Under any of the names that viewer/test/browser.mjs knows.
has_chromium() {
    has chromium || has chromium-browser || has google-chrome
}

missing() {
    has cmake || echo cmake
    has make || echo make
    has c++ || has g++ || has clang++ || echo 'a C++ compiler'
    has clang || echo clang
    has_libclang || echo libclang
    has python3 || echo python3
    [ "$what" = tests ] || return 0
    has_jansson || echo jansson
    has valgrind || echo valgrind
    has pkg-config || echo pkg-config
    has_chromium || echo chromium
}

packages='cmake clang libclang-dev g++ make python3'
[ "$what" != tests ] || packages="$packages libjansson-dev valgrind pkg-config chromium"

lacking=$(missing)
if [ -n "$lacking" ]; then
    # shellcheck disable=SC2086 # a list of names
    echo "missing:" $lacking >&2
    if [ "$(id -u)" = 0 ] && has apt-get; then
        apt-get update -q
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y $packages
    fi
    if [ -n "$(missing)" ]; then
        echo "install the build tools, then try again. On Debian and Ubuntu:" >&2
        echo "    apt-get install -y $packages" >&2
        exit 1
    fi
fi

if ! has cargo && ! [ -x "$HOME/.cargo/bin/cargo" ]; then
    echo "missing: cargo. Install Rust (https://rustup.rs), then try again:" >&2
    echo "    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh" >&2
    exit 1
fi
