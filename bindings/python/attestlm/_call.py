"""Calls of the library: statuses become exceptions, results Python's own. The GIL is released in every call."""

from __future__ import annotations

import _thread
import contextlib
import json
import os
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, TypeVar, Union

from . import _exit
from ._library import ffi, lib
from .errors import ArgumentError, AttestLMError, of_status, utf8

T = TypeVar("T")

# Its text, its object, or, as a `Path`, its file.
Document = Union[str, bytes, Mapping[str, Any], "os.PathLike[str]"]

# How long a call waits before Python gets to see an interrupt.
PATIENCE_MS = 50


def _type(kind: str) -> Any:
    return ffi.typeof(f"attestlm_{kind}_t **")


_FREE = {
    _type("adapter"): lib.attestlm_adapter_free,
    _type("bytes"): lib.attestlm_bytes_free,
    _type("error"): lib.attestlm_error_free,
    _type("generation"): lib.attestlm_generation_free,
    _type("model"): lib.attestlm_model_free,
    _type("operation"): lib.attestlm_operation_free,
    _type("receipt"): lib.attestlm_receipt_free,
    _type("session"): lib.attestlm_session_free,
    _type("signer"): lib.attestlm_signer_free,
}


# The library is named for it to stay loaded until then.
def _dropped(slot: Any, library: Any = lib) -> None:
    if slot[0]:
        _FREE[ffi.typeof(slot)](slot[0])


def place(kind: str) -> Any:
    """Where the library writes the pointer of a new object. It is freed by `free`, or else when nobody has the place any
    more: an interrupt that comes before the object has an owner loses nothing."""
    return ffi.gc(ffi.new(_type(kind)), _dropped)


def free(slot: Any) -> None:
    """An interrupt meanwhile is raised by it, as `_dropped` could not."""
    pointer, slot[0] = slot[0], ffi.NULL
    _FREE[ffi.typeof(slot)](pointer)
    ffi.gc(slot, None)


def call(function: Any, *arguments: Any) -> int:
    """The status, 0 or above, of a function that takes an error last."""
    _exit.refuse_if_ended()
    slot = place("error")
    status: int = function(*arguments, slot)
    if status >= 0:
        ffi.gc(slot, None)
        return status
    error = slot[0]
    message = ffi.string(lib.attestlm_error_message(error)).decode()
    field = ffi.string(lib.attestlm_error_field(error)).decode()
    code = lib.attestlm_error_code(error)
    free(slot)
    raise of_status(code, message, field)


def made(kind: str, function: Any, *arguments: Any) -> Any:
    """The place of the object that a function made."""
    slot = place(kind)
    call(function, *arguments, slot)
    return slot


def taken(slot: Any) -> bytes:
    """What a result of the library holds; the result is freed."""
    try:
        return bytes(ffi.buffer(lib.attestlm_bytes_data(slot[0]), lib.attestlm_bytes_len(slot[0])))
    finally:
        free(slot)


def text(function: Any, *arguments: Any) -> str:
    return taken(made("bytes", function, *arguments)).decode()


def fixed(size: int, function: Any, *arguments: Any) -> bytes:
    """The bytes that a function writes to a place of this size."""
    place = ffi.new("uint8_t[]", size)
    call(function, *arguments, place)
    return bytes(ffi.buffer(place))


def path_bytes(path: Union[str, "os.PathLike[str]"]) -> bytes:
    try:
        return os.fsencode(path)
    except TypeError:
        raise TypeError(f"path: a text or a Path, not a {type(path).__name__}") from None
    except UnicodeEncodeError:
        pass
    raise ArgumentError("no file has such a name", "path")


def secret_bytes(secret: Union[str, bytes], field: str) -> bytes:
    if isinstance(secret, str):
        return utf8(secret, field)
    if isinstance(secret, (bytes, bytearray, memoryview)):
        return bytes(secret)
    raise TypeError(f"{field}: a text or bytes, not a {type(secret).__name__}")


def json_bytes(value: Mapping[str, Any], name: str) -> bytes:
    """A JSON object without spaces, its members in their order."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ArgumentError(str(error), name) from None
    return utf8(text, name)


def document_bytes(value: Document, name: str) -> bytes:
    """A JSON document as its text: a text as it is, a file's, or an object's."""
    if isinstance(value, os.PathLike):
        return Path(value).read_bytes()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        return utf8(value, name)
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: a text, an object or a Path, not a {type(value).__name__}")
    return json_bytes(value, name)


def interruptible(work: Callable[[], T], cancel: Callable[[], None], look: Optional[Callable[[], None]] = None) -> T:
    """Does what blocks. In the main thread, which alone sees interrupts, and where somebody wants to `look` meanwhile, it
    is done in another thread. What is raised here before its end cancels it, and waits for it no longer than a moment: the
    other thread may be held up by a signer's function.

    An interrupt may come between any two steps here. `threading.Thread` and `Event`, written in Python, would keep a lock."""
    _exit.refuse_if_ended()
    if look is None and not _exit.is_main():
        return work()
    done: "list[T]" = []
    failed: "list[BaseException]" = []
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)
        finally:
            ended.release()

    try:
        _thread.start_new_thread(run, ())
        while not ended.acquire(timeout=PATIENCE_MS / 1000):
            if look is not None:
                look()
    except BaseException:
        with contextlib.suppress(AttestLMError):
            cancel()
        ended.acquire(timeout=PATIENCE_MS / 1000)
        raise
    if failed:
        raise failed.pop()
    return done[0]
