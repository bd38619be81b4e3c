"""The library's log, as Python's: the logger `attestlm`."""

from __future__ import annotations

import atexit
import logging
from typing import Any

from ._call import call
from ._library import ffi, lib

logger = logging.getLogger("attestlm")

_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG, 5: logging.NOTSET + 5}


@ffi.callback("attestlm_log_fn")  # type: ignore[untyped-decorator, unused-ignore]
def _line(env: Any, level: int, line: Any, length: int) -> None:
    logger.log(_LEVELS[level], "%s", bytes(ffi.buffer(line, length)).decode())


def set_log(level: int) -> None:
    """Sends lines up to a level to the logger `attestlm`: 1 error, 2 warning, 3 information, 4 debug, 5 trace; 0: none,
    which is how it begins. One setting for the process. Its handlers must not use this package."""
    if level == 0:
        call(lib.attestlm_log_set, ffi.NULL, ffi.NULL, 1)
        return
    call(lib.attestlm_log_set, _line, ffi.NULL, level)
    # No line may come when the interpreter is gone.
    atexit.register(lib.attestlm_log_set, ffi.NULL, ffi.NULL, 1, ffi.NULL)
