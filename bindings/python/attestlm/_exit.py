"""The interpreter's exit. A thread that comes back to Python after it vanishes, and must not with the library's frames on its
stack: a signer's function is called from there. So none is left inside, and what would go in then waits for the end."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Set

from .errors import AttestLMError

if TYPE_CHECKING:
    from ._handle import Handle

# How long a signer's function may take at the exit.
_SECONDS = 10

_condition = threading.Condition()
_inside = 0
_over = False
# What is open.
live: "Set[Handle]" = set()


def _is_late() -> bool:
    return _over and threading.current_thread() is not threading.main_thread()


def wait_if_over() -> None:
    """Stops a daemon thread for good at the exit, instead of telling it that everything was closed."""
    if _is_late():
        threading.Event().wait()


class _Inside:
    def __enter__(self) -> None:
        global _inside
        with _condition:
            if not _is_late():
                _inside += 1
                return
        wait_if_over()

    def __exit__(self, *_: object) -> None:
        global _inside
        with _condition:
            _inside -= 1
            _condition.notify_all()


# `with inside` is around every call in which a signer's function may be called.
inside = _Inside()


@atexit.register
def _end() -> None:
    global _over
    with _condition:
        _over = True
    for handle in list(live):
        with contextlib.suppress(AttestLMError):
            handle.cancel()
    with _condition:
        _condition.wait_for(lambda: _inside == 0, _SECONDS)
    for handle in list(live):
        handle.close()


def _forked() -> None:
    global _condition, _inside
    _condition, _inside = threading.Condition(), 0


os.register_at_fork(after_in_child=_forked)
