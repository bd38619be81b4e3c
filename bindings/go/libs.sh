#!/usr/bin/env bash
# Lays header and static library under internal/lib/linux_amd64, for programs built with the tag attestlm_static.
#   bindings/go/libs.sh LIBRARY_DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
library=${1:?directory of libattestlm.a}/libattestlm.a
# The library's name holds its digest: go links anew when the name changes, not when the file does.
name=libattestlm-$(sha256sum "$library" | cut -c 1-16).a
to=$here/internal/lib/linux_amd64
rm -rf "$to"
mkdir -p "$to"
cp "$here/../../include/attestlm.h" "$to/attestlm.h"
cp "$library" "$to/$name"
cat >"$here/link_static.go" <<GO
// Written by libs.sh. Do not edit.

//go:build attestlm_static && linux && amd64

package attestlm

// #cgo CFLAGS: -I\${SRCDIR}/internal/lib/linux_amd64
// #cgo LDFLAGS: \${SRCDIR}/internal/lib/linux_amd64/$name -lpthread -ldl -lm
import "C"
GO
