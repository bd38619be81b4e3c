#!/usr/bin/env bash
# Links what users link: libattestlm.so (only the interface exported, the C++ runtime inside) and libattestlm.a (one
# object, everything but the interface local), from the static library that cargo builds. Neither clashes with another
# ggml, C++ runtime or Rust library in the same process.
#   scripts/libraries.sh target-directory/release output-directory [testing]: with the functions of ffi/src/testing.rs
set -euo pipefail
release=$1 out=$2
shift 2
archive=$release/libattestlm_ffi.a
mkdir -p "$out"

# The interface is what the header declares.
{
    echo 'ATTESTLM_0 {'
    echo '  global:'
    sed -nE 's/.*[ *](attestlm_[a-z0-9_]+)\(.*/    \1;/p' ffi/abi/symbols.txt
    [ "${1:-}" != testing ] || sed -nE 's/.* fn (attestlm_testing_[a-z_]+)\(.*/    \1;/p' ffi/src/testing.rs
    echo '  local: *;'
    echo '};'
} >"$out/exports.map"
functions=$(sed -nE 's/^    (attestlm_[a-z0-9_]+);$/\1/p' "$out/exports.map")

# On x86-64 glibc 2.28 is enough for both, though a newer one is here (ffi/glibc/). The archive's user links it against a glibc of
# his own: there it is enough that nothing is missing. They come before the archive: the first definition of a name is taken
# for all references, weak ones (Rust's library) and the C++ runtime's included.
missing=() versions=() system=(-lpthread -ldl -lm)
if [[ $(cc -dumpmachine) = x86_64-* ]]; then
    missing=("$out/missing.o") versions=("$out/versions.o")
    cc -std=gnu11 -O2 -Wall -Wextra -fPIC -ffunction-sections -fdata-sections -c -o "${missing[0]}" ffi/glibc/missing.c
    cc -c -o "${versions[0]}" ffi/glibc/versions.s
    # Before 2.34 libc itself had neither threads nor dlopen.
    system=(-Wl,--push-state,--no-as-needed -l:libpthread.so.0 -l:libdl.so.2 -Wl,--pop-state -lm)
fi

# --wrap: no destructor of a static object runs at exit (ffi/src/exit.rs).
# -z nodelete: its threads and once-only state do not survive unloading.
# shellcheck disable=SC2046 # one -u for each function
g++ -shared -o "$out/libattestlm.so.0" \
    -Wl,-soname,libattestlm.so.0 -Wl,--version-script="$out/exports.map" -Wl,--gc-sections -Wl,-z,defs -Wl,-z,nodelete \
    -Wl,-z,relro,-z,now -Wl,--wrap=__cxa_atexit $(printf -- '-Wl,-u,%s ' $functions) \
    "${missing[@]}" "${versions[@]}" "$archive" -static-libstdc++ -static-libgcc "${system[@]}"
strip --strip-unneeded "$out/libattestlm.so.0"
ln -sf libattestlm.so.0 "$out/libattestlm.so"

# The C++ runtime goes in, too: a C linker does not know it. No section groups stay: of two groups of one name, ours and
# the program's, a linker keeps one.
# shellcheck disable=SC2046
g++ -r -nostdlib -Wl,--gc-sections -Wl,--force-group-allocation -Wl,--wrap=__cxa_atexit -o "$out/attestlm.o" $(printf -- '-Wl,-u,%s ' $functions) \
    "${missing[@]}" "$archive" \
    "$(g++ -print-file-name=libstdc++.a)" "$(g++ -print-libgcc-file-name)" "$(g++ -print-file-name=libgcc_eh.a)"
printf '%s\n' $functions >"$out/interface.txt"
# Rust's own library brings bitcode along, which is none any more once it is linked.
objcopy --remove-section=.llvmbc --remove-section=.llvmcmd "$out/attestlm.o"
# objcopy does not localize a unique symbol, but makes it a weak one, which it localizes then.
nm "$out/attestlm.o" | awk '$2 == "u" { print $3 }' >"$out/unique.txt"
[ ! -s "$out/unique.txt" ] || objcopy --weaken-symbols="$out/unique.txt" "$out/attestlm.o"
objcopy --keep-global-symbols="$out/interface.txt" --strip-unneeded "$out/attestlm.o"
rm -f "$out/libattestlm.a"
ar rcs "$out/libattestlm.a" "$out/attestlm.o"
rm -f "$out/attestlm.o" "${missing[@]}" "${versions[@]}" "$out/interface.txt" "$out/unique.txt"
ls -l "$out"
