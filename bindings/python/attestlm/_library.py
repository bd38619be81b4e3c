"""Finds and loads the library, and checks that it is the one this package was written for."""

from __future__ import annotations

import os
import re
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
    except UnicodeEncodeError:
        raise ImportError(f"attestlm: the library's path is not UTF-8: {os.fsencode(path)!r}") from None
    if interface != library.ATTESTLM_ABI_VERSION or version != VERSION:
        raise ImportError(
            f"attestlm: {path} is version {version} with interface {interface}; "
            f"this package needs {VERSION} with interface {library.ATTESTLM_ABI_VERSION}"
        )
    # An older one of the same version would fail in the middle of something.
    for name in re.findall(r"\b(attestlm_\w+)\(", CDEF):
        if not hasattr(library, name):
            raise ImportError(f"attestlm: {path} is not the library of this package: it has no {name}")
    return library


ffi: Any = cffi.FFI()
ffi.cdef(CDEF)
lib: Any = _load(ffi)


def has_feature(name: str) -> bool:
    """Whether the library has `engine`, `bundled`, `exact` or `testing`."""
    key = name.encode()
    return bool(lib.attestlm_has_feature(key, len(key)))
