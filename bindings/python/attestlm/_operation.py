"""Calls that take long: how far they are, and their end before their time."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, Optional, TypeVar

from . import _exit
from ._call import call, interruptible, made
from ._handle import Handle
from ._library import ffi, lib
from .errors import CancelledError

T = TypeVar("T")

# Takes what is done, and of how much.
Progress = Callable[[int, int], object]

_SECONDS_BETWEEN = 0.1


class _Operation(Handle):
    def __init__(self) -> None:
        super().__init__("operation", made("operation", lib.attestlm_operation_new), lib.attestlm_operation_cancel)

    def progress(self) -> "tuple[int, int]":
        done, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        with self as operation:
            call(lib.attestlm_operation_progress, operation, done, total)
        return done[0], total[0]

    def run(self, work: Callable[[Any], T]) -> T:
        try:
            with self as operation:
                return work(operation)
        except CancelledError:
            _exit.wait_if_over()
            raise


def watched(work: Callable[[Any], T], progress: Optional[Progress] = None) -> T:
    """Does what blocks, with an operation as its argument. An interrupt cancels it; `progress` is called meanwhile in the
    caller's thread, and cancels it by raising."""
    operation = _Operation()
    told = time.monotonic()

    def tell(progress: Progress) -> None:
        done, total = operation.progress()
        if total:
            progress(done, total)

    def look(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN:
            tell(progress)
            told = time.monotonic()

    try:
        if progress is None:
            return interruptible(lambda: operation.run(work), operation.cancel)
        own = progress
        result = interruptible(lambda: operation.run(work), operation.cancel, lambda: look(own))
        tell(progress)
        return result
    finally:
        operation.close()


async def awaited(work: Callable[[Any], T]) -> T:
    """The same in one of the loop's worker threads. A cancel of the task cancels it."""
    operation = _Operation()
    try:
        return await asyncio.to_thread(operation.run, work)
    except asyncio.CancelledError:
        operation.cancel()
        raise
    finally:
        operation.close()
