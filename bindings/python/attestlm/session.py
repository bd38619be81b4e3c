"""Sessions: a model at work."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Union

from ._call import call, json_bytes, made, place, taken, text
from ._handle import borrowed, handle
from ._library import lib
from ._operation import awaited, watched
from ._record import camel, of_json
from .answer import Answer, Done, Failed, Score, ScoredToken, bytes_of
from .completions import Completions
from .errors import AttestLMError, SignerError, of_json as error_of_json
from .model import Adapter, Model
from .receipt import Receipt
from .request import Fields, Input, Request, Tokens, named, token_ids
from .signer import Signer, cause, explained, signing
from .stream import AsyncStream, Stream

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclasses.dataclass(frozen=True)
class SessionInfo:
    """What was made of the options. `profile` is the id, `model` and `adapter` are SHA-256 in hex; `unattested` is
    None, or why answers carry no receipt."""

    profile: str
    threads: int
    context_tokens: int
    streams: int
    ubatch: int
    model: str
    adapter: Optional[str]
    unattested: Optional[AttestLMError]


def _of_one_choice(input: Input, fields: Mapping[str, Any]) -> Request:
    request = Request.of(input, fields)
    if request.choices != 1:
        raise ValueError(f"this is for one choice, not {request.choices}: use generate_all")
    return request


class Session(Completions):
    """Answers requests, several at once if asked for. Any thread may use it."""

    def __init__(
        self,
        model: Model,
        adapter: Optional[Adapter] = None,
        *,
        profile: Optional[str] = None,
        threads: Optional[int] = None,
        context_tokens: Optional[int] = None,
        streams: Optional[int] = None,
        ubatch: Optional[int] = None,
        oversubscribe: Optional[bool] = None,
    ) -> None:
        """`profile` is "exact" (the one that the model has, if left out), "exact-1", "exact-2" or "fast"; `threads` at most
        what affinity and cgroup quota allow; `context_tokens` the longest prompt and output; `streams` the sequences
        live at once; `ubatch` the prompt tokens computed at once."""
        options = {
            "profile": profile,
            "threads": threads,
            "context_tokens": context_tokens,
            "streams": streams,
            "ubatch": ubatch,
            "oversubscribe": oversubscribe,
        }
        given = json_bytes({camel(name): value for name, value in options.items() if value is not None}, "options")
        with handle(model, Model) as weights, borrowed(adapter, Adapter) as change:
            session = made("session", lib.attestlm_session_new, weights, change, given, len(given))
        super().__init__(session, lib.attestlm_session_cancel)

    def _about(self) -> str:
        return f"of model {self.info.model[:14]}"

    @property
    def info(self) -> SessionInfo:
        with self._handle as session:
            value = json.loads(text(lib.attestlm_session_info, session))
        why = value["unattested"]
        return of_json(SessionInfo, value, unattested=why and error_of_json(why))

    def stream(self, input: Input, *, signer: Optional[Signer] = None, **fields: Unpack[Fields]) -> Stream:
        """Queues a request and iterates over its events. With a signer every answer carries a receipt."""
        request = Request.of(input, fields).to_json()
        with self._handle as session, borrowed(signer, Signer) as key:
            generation = made("generation", lib.attestlm_session_generate, session, request, len(request), key)
        return Stream(generation, signer)

    def astream(self, input: Input, *, signer: Optional[Signer] = None, **fields: Unpack[Fields]) -> AsyncStream:
        """The same for `async for`. The event loop is never blocked."""
        request = Request.of(input, fields)
        return AsyncStream(lambda: self.stream(request, signer=signer))

    def generate(self, input: Input, *, signer: Optional[Signer] = None, **fields: Unpack[Fields]) -> Answer:
        """The answer of a request with one choice. An interrupt cancels it."""
        return self.generate_all(_of_one_choice(input, fields), signer=signer)[0]

    async def agenerate(self, input: Input, *, signer: Optional[Signer] = None, **fields: Unpack[Fields]) -> Answer:
        """The same, without blocking the event loop. A cancel of the task cancels it."""
        request = _of_one_choice(input, fields)
        async with self.astream(request, signer=signer) as stream:
            async for _ in stream:
                pass
            return stream.answer()

    def generate_all(self, input: Input, *, signer: Optional[Signer] = None, **fields: Unpack[Fields]) -> List[Answer]:
        """The answers of every choice, in order. The first error, or why there is no receipt, is raised."""
        with self.stream(input, signer=signer, **fields) as stream:
            ended = sorted(event.choice for event in stream if isinstance(event, (Done, Failed)))
            return [stream.answer(choice) for choice in ended]

    def score(
        self,
        input: Input,
        continuation: Union[str, Tokens],
        *,
        signer: Optional[Signer] = None,
        **fields: Unpack[Fields],
    ) -> Score:
        """How likely a continuation, a text or token ids, is after the prompt. An interrupt ends it, and nothing else that
        the session does."""
        try:
            return watched(self._scored(input, continuation, signer, fields))
        except SignerError as error:
            raise explained(error, cause(signer, error))

    async def ascore(
        self,
        input: Input,
        continuation: Union[str, Tokens],
        *,
        signer: Optional[Signer] = None,
        **fields: Unpack[Fields],
    ) -> Score:
        """The same, without blocking the event loop. A cancel of the task ends it."""
        try:
            return await awaited(self._scored(input, continuation, signer, fields))
        except SignerError as error:
            raise explained(error, cause(signer, error))

    def _scored(
        self, input: Input, continuation: Union[str, Tokens], signer: Optional[Signer], fields: Mapping[str, Any]
    ) -> Callable[[Any], Score]:
        """What makes the score, given an operation."""
        request = Request.of(input, fields).to_json()
        follows: Dict[str, Any] = {"text": continuation}
        if not isinstance(continuation, str):
            follows = {"tokens": named("continuation", token_ids, continuation)}
        given = json_bytes(follows, "continuation")

        def score(operation: Any) -> Score:
            document, receipt = place("bytes"), place("receipt")
            arguments = (request, len(request), given, len(given))
            with self._handle as session, borrowed(signer, Signer) as key, signing():
                call(lib.attestlm_session_score, session, *arguments, key, operation, document, receipt)
                value = json.loads(taken(document))
                return of_json(
                    Score,
                    value,
                    tokens=tuple(of_json(ScoredToken, token, bytes=bytes_of(token)) for token in value["tokens"]),
                    receipt=Receipt(receipt) if receipt[0] else None,
                )

        return score

    def forget(self) -> None:
        """Forgets every cached prefix that is not in use: the next prompt is read whole."""
        with self._handle as session:
            call(lib.attestlm_session_forget, session)

    def cancel(self) -> None:
        """Ends what runs now: every generation as cancelled, a score with an error. It does not wait."""
        self._handle.cancel()
