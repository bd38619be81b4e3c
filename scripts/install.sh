#!/usr/bin/env bash
# Installs header, libraries and pkg-config file.
#   scripts/install.sh directory-of-libraries destination prefix
set -euo pipefail
from=$1 to=$2 prefix=$3
case $prefix in
/*) ;;
*)
    echo "PREFIX must be an absolute path, not $prefix: the pkg-config file names it" >&2
    exit 1
    ;;
esac
version=$(sed -nE 's/^#define ATTESTLM_VERSION "(.*)"/\1/p' include/attestlm.h)
install -d "$to/include" "$to/lib/pkgconfig"
install -m 644 include/attestlm.h "$to/include/attestlm.h"
install -m 755 "$from/libattestlm.so.0" "$to/lib/libattestlm.so.0"
ln -sf libattestlm.so.0 "$to/lib/libattestlm.so"
install -m 644 "$from/libattestlm.a" "$to/lib/libattestlm.a"
install -m 644 /dev/stdin "$to/lib/pkgconfig/attestlm.pc" <<PC
prefix=${prefix// /\\ }
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: attestlm
Description: Language-model inference whose answer others can check
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lattestlm
Libs.private: -lpthread -ldl -lm
PC
install -d "$to/share/doc/attestlm/schema"
install -m 644 docs/request.md docs/verify.md docs/c-abi.md "$to/share/doc/attestlm/"
install -m 644 docs/schema/* "$to/share/doc/attestlm/schema/"
echo "installed under $prefix: include/attestlm.h, lib/libattestlm.{so,a}, lib/pkgconfig/attestlm.pc, share/doc/attestlm"
