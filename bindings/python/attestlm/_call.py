"""Calls of the library: statuses become exceptions, results Python's own. The GIL is released in every call."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, TypeVar, Union

from ._library import ffi, lib
from .errors import AttestLMError, of_status

T = TypeVar("T")

# Its text, its object, or, as a `Path`, its file.
Document = Union[str, bytes, Mapping[str, Any], "os.PathLike[str]"]

# How long a call waits before Python gets to see an interrupt.
PATIENCE_MS = 50


def call(function: Any, *arguments: Any) -> int:
    """The status, 0 or above, of a function that takes an error last."""
    slot = ffi.new("attestlm_error_t **")
    status: int = function(*arguments, slot)
    if status >= 0:
        return status
    error = slot[0]
    try:
        message = ffi.string(lib.attestlm_error_message(error)).decode()
        field = ffi.string(lib.attestlm_error_field(error)).decode()
        raise of_status(lib.attestlm_error_code(error), message, field)
    finally:
        lib.attestlm_error_free(error)


def made(kind: str, function: Any, *arguments: Any) -> Any:
    """The object that a function made, to be freed."""
    slot = ffi.new(f"attestlm_{kind}_t **")
    call(function, *arguments, slot)
    return slot[0]


def taken(pointer: Any) -> bytes:
    """What a result of the library holds; the result is freed."""
    try:
        return bytes(ffi.buffer(lib.attestlm_bytes_data(pointer), lib.attestlm_bytes_len(pointer)))
    finally:
        lib.attestlm_bytes_free(pointer)


def text(function: Any, *arguments: Any) -> str:
    return taken(made("bytes", function, *arguments)).decode()


def fixed(size: int, function: Any, *arguments: Any) -> bytes:
    """The bytes that a function writes to a place of this size."""
    place = ffi.new("uint8_t[]", size)
    call(function, *arguments, place)
    return bytes(ffi.buffer(place))


def path_bytes(path: Union[str, "os.PathLike[str]"]) -> bytes:
    return os.fsencode(path)


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """A JSON object without spaces, its members in their order."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def document_bytes(value: Document, name: str) -> bytes:
    """A JSON document as its text: a text as it is, a file's, or an object's."""
    if isinstance(value, os.PathLike):
        return Path(value).read_bytes()
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: a text, an object or a Path, not a {type(value).__name__}")
    return json_bytes(value)


def interruptible(work: Callable[[], T], cancel: Callable[[], None], look: Optional[Callable[[], None]] = None) -> T:
    """Does what blocks. In the main thread, which alone sees interrupts, and where somebody wants to `look` meanwhile, it
    is done in another thread. What is raised here before its end cancels it."""
    if look is None and threading.current_thread() is not threading.main_thread():
        return work()
    done: "list[T]" = []
    failed: "list[BaseException]" = []
    ended = threading.Event()

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)
        finally:
            ended.set()

    try:
        threading.Thread(target=run, name="attestlm").start()
        while not ended.wait(PATIENCE_MS / 1000):
            if look is not None:
                look()
    except BaseException:
        with contextlib.suppress(AttestLMError):
            cancel()
        ended.wait(PATIENCE_MS / 1000)
        raise
    if failed:
        raise failed.pop()
    return done[0]
