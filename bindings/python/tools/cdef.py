"""Writes attestlm/_cdef.py from the C header.

python tools/cdef.py [--check]
"""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
HEADER = HERE.parents[1] / "include" / "attestlm.h"
WRITTEN = HERE / "attestlm" / "_cdef.py"


def declarations(header: str) -> str:
    """What cffi reads: types, whole-number macros and functions, without comments."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r'#ifdef __cplusplus\n(extern "C" \{|\}.*?)\n#endif.*\n', "", text)
    kept: "list[str]" = []
    for line in text.splitlines():
        line = line.rstrip()
        if line.startswith("#") and not re.fullmatch(r"#define ATTESTLM_\w+ -?\d+", line):
            continue
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip() + "\n"


def module(header: str) -> str:
    version = re.search(r'#define ATTESTLM_VERSION "([^"]+)"', header)
    if version is None:
        raise SystemExit(f"{HEADER}: no ATTESTLM_VERSION")
    return (
        '"""Written from include/attestlm.h by `python tools/cdef.py`. Do not edit."""\n\n'
        f'VERSION = "{version.group(1)}"\n\n'
        f'CDEF = """\n{declarations(header)}"""\n'
    )


def main() -> None:
    text = module(HEADER.read_text(encoding="utf-8"))
    if sys.argv[1:] == ["--check"]:
        if not WRITTEN.exists() or WRITTEN.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{WRITTEN} is not what tools/cdef.py writes")
    elif sys.argv[1:]:
        raise SystemExit(__doc__)
    else:
        WRITTEN.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
