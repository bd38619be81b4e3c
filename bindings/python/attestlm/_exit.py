"""The interpreter's exit. A thread that comes back to Python after it vanishes, and must not with the library's frames on its
stack: a signer's function is called from there. So none is left inside, and what would go in then waits for the end.

Nothing here holds a lock: an interrupt, which only the main thread sees, may come between any two steps."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Iterator, NoReturn, Set

from .errors import AttestLMError, ClosedError

if TYPE_CHECKING:
    from ._handle import Handle

# How long a signer's function may take at the exit.
_SECONDS = 10
_SECONDS_BETWEEN = 0.005

# One for each use of `inside`.
_inside: "Set[object]" = set()
# Whether the exit has begun, and whether everything was closed.
_over = False
_ended = False
# What is open.
live: "Set[weakref.ref[Handle]]" = set()


def is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _stop() -> NoReturn:
    """Stops a daemon thread for good, instead of telling it that everything was closed."""
    while True:
        time.sleep(3600)


def wait_if_over() -> None:
    if _over and not is_main():
        _stop()


def refuse_if_ended() -> None:
    """For a call of an exit handler that was registered before this package was imported, and so is called after it ended."""
    if _ended:
        wait_if_over()
        raise ClosedError("the interpreter exits: nothing can be used any more", "attestlm")


@contextlib.contextmanager
def inside() -> Iterator[None]:
    """Around every call in which a signer's function may be called. The main thread, which ends the interpreter, is never
    inside then."""
    if is_main():
        yield
        return
    use = object()
    # Before it looks whether it is over: who ends it says so first, and then looks who is inside.
    _inside.add(use)
    try:
        if _over:
            _inside.discard(use)
            _stop()
        yield
    finally:
        _inside.discard(use)


def _handles() -> "Iterator[Handle]":
    for reference in list(live):
        handle = reference()
        if handle is not None:
            yield handle


def _abandon(status: int) -> NoReturn:
    """Ends the process without the interpreter's finalization, which would end a thread inside, and abort."""
    with contextlib.suppress(Exception):
        sys.stderr.write("attestlm: a signer's function did not return: the process ends without it\n")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)


def _cancel_and_wait() -> None:
    for handle in _handles():
        with contextlib.suppress(AttestLMError):
            handle.cancel()
    deadline = time.monotonic() + _SECONDS
    while _inside:
        if time.monotonic() > deadline:
            _abandon(1)
        time.sleep(_SECONDS_BETWEEN)


@atexit.register
def _end() -> None:
    global _over, _ended
    _over = True
    try:
        _cancel_and_wait()
        for handle in _handles():
            handle.close()
    except BaseException:
        if _inside:
            _abandon(130)  # As a shell tells an interrupt.
        raise
    finally:
        _ended = True


def _forked() -> None:
    """In the child there are no other threads, and nothing works: there is nobody to wait for, and nothing to free."""
    _inside.clear()
    live.clear()


os.register_at_fork(after_in_child=_forked)
