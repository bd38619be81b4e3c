"""Finds and loads the library, and checks that it is the one this package was written for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cffi

from ._cdef import CDEF, VERSION

_PACKAGED = Path(__file__).parent / "_lib" / "libattestlm.so"


def _load(found: Any) -> Any:
    path = str(_PACKAGED) if _PACKAGED.exists() else os.environ.get("ATTESTLM_LIBRARY")
    if not path:
        raise ImportError(f"attestlm: no library at {_PACKAGED}, and ATTESTLM_LIBRARY names none")
    try:
        library = found.dlopen(path)
        version = found.string(library.attestlm_version()).decode()
        interface = library.attestlm_abi_version()
    except (OSError, AttributeError) as error:
        raise ImportError(f"attestlm: {path} is not the library: {error}") from error
    if interface != library.ATTESTLM_ABI_VERSION or version != VERSION:
        raise ImportError(
            f"attestlm: {path} is version {version} with interface {interface}; "
            f"this package needs {VERSION} with interface {library.ATTESTLM_ABI_VERSION}"
        )
    return library


ffi: Any = cffi.FFI()
ffi.cdef(CDEF)
lib: Any = _load(ffi)


def has_feature(name: str) -> bool:
    """Whether the library has `engine`, `bundled`, `exact` or `testing`."""
    key = name.encode()
    return bool(lib.attestlm_has_feature(key, len(key)))
