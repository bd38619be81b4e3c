"""One request at work, event by event."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from types import TracebackType
from typing import Any, Callable, Dict, Optional, Type

from ._call import PATIENCE_MS, call, interruptible, made, place, taken, text
from ._handle import Owned
from ._library import lib
from .answer import Answer, Event, Text, event, token_logprobs
from .errors import AttestLMError, BusyError, ClosedError, SignerError
from .receipt import Receipt
from .request import named, uint32
from .signer import Signer, cause, explained, signing


class Stream(Owned):
    """An iterator over the events of a request. Closed before its end, it is cancelled, and nothing of it is signed."""

    def __init__(self, place: Any, signer: Optional[Signer]) -> None:
        super().__init__(place, lib.attestlm_generation_cancel)
        self._signer = signer
        self._causes: Dict[str, Optional[BaseException]] = {}
        self._ended = False
        # Whether the next step may take long: another thread takes it, and an interrupt cuts it short.
        self._slow = True

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> Event:
        try:
            while self.closed or not self._ended:
                found = interruptible(self._pull, self.cancel) if self._slow else self._pull()
                if found is not None:
                    return found
        except (KeyboardInterrupt, SystemExit):
            with contextlib.suppress(AttestLMError):
                self.cancel()
            raise
        raise StopIteration

    def _pull(self) -> Optional[Event]:
        """The next event; None if none came soon, or none will come."""
        slot = place("bytes")
        began = time.monotonic()
        with self._handle as generation, signing():
            status = call(lib.attestlm_generation_next, generation, PATIENCE_MS, slot)
            self._ended = status == lib.ATTESTLM_END
            found = event(taken(slot).decode()) if status == lib.ATTESTLM_OK else None
        self._slow = not isinstance(found, Text) or time.monotonic() - began > PATIENCE_MS / 1000
        return found

    def cancel(self) -> None:
        """Ends every choice as cancelled; the last events follow. Any thread may call it."""
        self._handle.cancel()

    def answer(self, choice: int = 0) -> Answer:
        """The answer of a choice that is `Done`; its error, or why it has no receipt, is raised."""
        number = named("choice", uint32, choice)
        value = json.loads(self._of_choice(lambda generation: text(lib.attestlm_generation_answer, generation, number)))
        return Answer(
            choice=value["choice"],
            text=value["text"],
            finish=value["finish"],
            tokens=tuple(value["tokens"]),
            prompt_count=value["promptCount"],
            logprobs=token_logprobs(value["logprobs"]),
            receipt=None if self._signer is None else self.receipt(choice),
        )

    def receipt(self, choice: int = 0) -> Receipt:
        """The receipt of a choice that is `Done`. It lives on after the stream."""
        number = named("choice", uint32, choice)
        return Receipt(
            self._of_choice(lambda generation: made("receipt", lib.attestlm_generation_receipt, generation, number))
        )

    def prove_token(self, index: int, *, choice: int = 0, with_digest: bool = False) -> Dict[str, Any]:
        """A proof that output token `index` is what the receipt's trace says. `with_digest` shows the digest of its
        logits: with it, whoever has the model can confirm guesses of all tokens before."""
        number, token = named("choice", uint32, choice), named("index", uint32, index)
        proof: Dict[str, Any] = json.loads(
            self._of_choice(
                lambda generation: text(
                    lib.attestlm_generation_prove_token, generation, number, token, int(with_digest)
                )
            )
        )
        return proof

    def _of_choice(self, ask: Callable[[Any], Any]) -> Any:
        try:
            with self._handle as generation:
                return ask(generation)
        except SignerError as error:
            # The same each time it is asked for.
            if error.message not in self._causes:
                self._causes[error.message] = cause(self._signer, error)
            raise explained(error, self._causes[error.message])


class AsyncStream:
    """The same for `async for`: whatever blocks runs in the loop's worker threads, and nothing before the first event."""

    def __init__(self, start: Callable[[], Stream]) -> None:
        self._start = start
        self._stream: Optional[Stream] = None
        self._starting = False
        self._closed = False

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Event:
        stream = self._stream or await self._started()
        try:
            while stream.closed or not stream._ended:
                found = await asyncio.to_thread(stream._pull)
                if found is not None:
                    return found
        except asyncio.CancelledError:
            await self.aclose()
            raise
        raise StopAsyncIteration

    async def _started(self) -> Stream:
        """Makes the request, once."""
        if self._closed:
            raise ClosedError("it was closed", "stream")
        if self._starting:
            raise BusyError("another task waits for its first event", "stream")
        self._starting = True
        try:
            stream = await asyncio.to_thread(self._start)
        except asyncio.CancelledError:
            # The thread goes on, and what it makes is freed.
            self._closed = True
            raise
        finally:
            self._starting = False
        if self._closed:
            stream.close()
        self._stream = stream
        return stream

    @property
    def stream(self) -> Stream:
        """What is iterated over, for `answer`, `receipt`, `prove_token` and `cancel`; there is none before an event."""
        if self._stream is None:
            raise RuntimeError("nothing was asked for yet: begin to iterate")
        return self._stream

    def answer(self, choice: int = 0) -> Answer:
        return self.stream.answer(choice)

    def receipt(self, choice: int = 0) -> Receipt:
        return self.stream.receipt(choice)

    def cancel(self) -> None:
        self.stream.cancel()

    async def aclose(self) -> None:
        """Cancels what has not ended, and frees it."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.aclose()
