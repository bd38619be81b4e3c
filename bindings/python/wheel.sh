#!/usr/bin/env bash
# The wheel, with the library inside. Its tag names the glibc that the library needs.
#   wheel.sh library-directory out-directory
set -euo pipefail
[ $# -eq 2 ] || { sed -n 2,3p "$0" >&2; exit 2; }
library=$(realpath "$1/libattestlm.so")
out=$(realpath -m "$2")
cd "$(dirname "$0")"
python=${PYTHON:-python3}
"$python" tools/cdef.py --check
ATTESTLM_WHEEL_LIBRARY=$library "$python" -m pip wheel --quiet --no-deps --wheel-dir "$out" .
