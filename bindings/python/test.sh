#!/usr/bin/env bash
# Every test of the Python package: types, tests, the tag of the wheel. scripts/quickstarts.sh installs the wheel.
#   test.sh library-directory testing-library-directory
# The second is of a library with the feature `testing`. Works in $ATTESTLM_PYTHON_WORK, or target/python.
set -euo pipefail
[ $# -eq 2 ] || { sed -n 2,4p "$0" >&2; exit 2; }
library=$(realpath "$1/libattestlm.so")
testing=$(realpath "$2/libattestlm.so")
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(realpath -m "${ATTESTLM_PYTHON_WORK:-$root/target/python}")
mkdir -p "$work"
# What is tested is the source here, with these libraries, and nothing of the caller's.
unset PYTHONPATH ATTESTLM_LIBRARY ATTESTLM_TESTING_LIBRARY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

venv=$work/venv
wanted=$(cat "$here/requirements.txt" "$here/pyproject.toml" "$here/test.sh" | sha256sum)
if [ "$(cat "$venv/made-of" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    "$venv/bin/pip" install --quiet --no-deps --editable "$here"
    echo "$wanted" >"$venv/made-of"
fi
cd "$here"

echo "== types"
"$venv/bin/python" tools/cdef.py --check
"$venv/bin/mypy" --cache-dir "$work/mypy"
PYRIGHT_PYTHON_IGNORE_WARNINGS=1 "$venv/bin/pyright" --pythonpath "$venv/bin/python"

echo "== tests"
ATTESTLM_LIBRARY=$library ATTESTLM_TESTING_LIBRARY=$testing \
    "$venv/bin/pytest" -q -o cache_dir="$work/pytest" --tb=short

echo "== the wheel"
rm -rf "$work/wheel"
PYTHON=$venv/bin/python ./wheel.sh "$(dirname "$library")" "$work/wheel"
wheel=$(ls "$work"/wheel/attestlm-*.whl)
tag=$(basename "$wheel" .whl | sed 's/.*-//')
"$venv/bin/auditwheel" show "$wheel" >"$work/auditwheel.txt"
tr '\n' ' ' <"$work/auditwheel.txt" | grep -q "following platform tag: \"$tag\"" || { cat "$work/auditwheel.txt" >&2; exit 1; }
echo "$(basename "$wheel"): the tag that auditwheel gives"
