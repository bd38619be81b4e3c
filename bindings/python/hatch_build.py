"""Puts the library into the wheel, and says in its tag which glibc the library needs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Dict

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parents[2]


def glibc(library: bytes) -> int:
    """The highest 2.x whose symbols the library asks for."""
    return max(int(minor) for minor in re.findall(rb"\0GLIBC_2\.(\d+)", library))


class Library(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        if version == "editable":
            return
        name = os.environ.get("ATTESTLM_WHEEL_LIBRARY")
        if not name:
            raise SystemExit("ATTESTLM_WHEEL_LIBRARY names no library: build with wheel.sh")
        library = Path(name).resolve(strict=True)
        build_data["force_include"][str(library)] = "attestlm/_lib/libattestlm.so"
        for licence in ("LICENSE-MIT", "LICENSE-APACHE"):
            build_data["force_include"][str(ROOT / licence)] = f"attestlm/{licence}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_{glibc(library.read_bytes())}_x86_64"
