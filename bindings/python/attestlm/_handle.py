"""Objects of the library that Python owns."""

from __future__ import annotations

import contextlib
import threading
import weakref
from types import TracebackType
from typing import Any, ContextManager, Optional, Type, TypeVar

from . import _exit
from ._call import call, free
from ._library import ffi
from .errors import AttestLMError, ClosedError

Self = TypeVar("Self", bound="Owned")


class Handle:
    """A pointer that is freed once: when it is closed and no call uses it any more. `with handle as pointer` uses it."""

    def __init__(self, name: str, place: Any, cancel: Any) -> None:
        self._name = name
        self._place: Any = place
        self._cancel = cancel
        self._users = 0
        self.closed = False
        # Reentrant: the garbage collector may close something at any moment.
        self._lock = threading.RLock()
        self._reference: weakref.ref[Handle] = weakref.ref(self, _exit.live.discard)
        _exit.live.add(self._reference)

    def __enter__(self) -> Any:
        with self._lock:
            if not self.closed:
                self._users += 1
                return self._place[0]
        _exit.wait_if_over()
        raise ClosedError("it was closed", self._name)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
        self._free_unused()

    def cancel(self) -> None:
        if self._cancel is not None:
            with self as pointer:
                call(self._cancel, pointer)

    def close(self) -> None:
        with self._lock:
            self.closed = True
        self._free_unused()

    def _free_unused(self) -> None:
        with self._lock:
            if not self.closed or self._users or self._place is None:
                return
            place, self._place = self._place, None
        _exit.live.discard(self._reference)
        free(place)


class Owned:
    """Closed by `close`, at the end of a `with`, by the garbage collector, or when the interpreter exits."""

    def __init__(self, place: Any, cancel: Any = None) -> None:
        self._handle = Handle(type(self).__name__.lower(), place, cancel)
        self._finalizer = weakref.finalize(self, self._handle.close)
        self._finalizer.atexit = False  # `_exit` does it, when nothing runs any more

    def close(self) -> None:
        """Frees it, at the latest when no other thread uses it any more. May be called again."""
        self._finalizer()

    @property
    def closed(self) -> bool:
        return self._handle.closed

    def _about(self) -> str:
        """What tells it from others, without a prompt or an output."""
        return "open"

    def __repr__(self) -> str:
        try:
            about = "closed" if self.closed else self._about()
        except AttestLMError as error:
            about = type(error).__name__
        return f"<{type(self).__name__} {about}>"

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def handle(owned: Any, kind: Type[Owned]) -> Handle:
    """That of an argument, which has the name of its kind."""
    if not isinstance(owned, kind):
        name = kind.__name__
        raise TypeError(f"{name.lower()}: it is of class {name}, not {type(owned).__name__}")
    return owned._handle


def borrowed(owned: Optional[Owned], kind: Type[Owned]) -> ContextManager[Any]:
    """The pointer of an argument, which stays alive for the `with`; NULL for None."""
    return contextlib.nullcontext(ffi.NULL) if owned is None else handle(owned, kind)
