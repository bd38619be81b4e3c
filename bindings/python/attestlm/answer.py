"""What comes of a request."""

from __future__ import annotations

import builtins
import dataclasses
import json
from typing import Any, Dict, List, Optional, Tuple, Union

from ._record import of_json
from .arrays import AnswerArrays, ScoreArrays, imported
from .errors import AttestLMError, of_json as error_of_json
from .receipt import Receipt


@dataclasses.dataclass(frozen=True)
class Prefill:
    """`done` of `total` prompt tokens were read."""

    choice: int
    done: int
    total: int
    json: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Text:
    """`text` follows that of earlier events: whole characters."""

    choice: int
    text: str
    json: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Done:
    """The choice has ended; its answer and receipt can be taken."""

    choice: int
    finish: str
    output_count: int
    json: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Failed:
    """The choice has no answer. `Stream.answer` raises `error`."""

    choice: int
    error: AttestLMError
    json: str = dataclasses.field(repr=False)


Event = Union[Prefill, Text, Done, Failed]


def event(text: str) -> Event:
    value = json.loads(text)
    kind = value["event"]
    if kind == "text":
        return Text(value["choice"], value["text"], text)
    if kind == "failed":
        return Failed(value["choice"], error_of_json(value["error"]), text)
    return of_json(Prefill, value, json=text) if kind == "prefill" else of_json(Done, value, json=text)


@dataclasses.dataclass(frozen=True)
class TopLogprob:
    """A token, and the natural logarithm of its probability. In `text` bytes that are not UTF-8 are replaced."""

    token: int
    text: str
    bytes: builtins.bytes
    logprob: float


@dataclasses.dataclass(frozen=True)
class TokenLogprob:
    """How likely a token was, by the model's own logits: before penalties, bias, grammar and temperature. `likeliest`
    are as many as the request asked for, the likeliest first."""

    token: int
    text: str
    bytes: builtins.bytes
    logprob: float
    likeliest: Tuple[TopLogprob, ...]


def token_logprobs(value: Optional[List[Any]]) -> Optional[Tuple[TokenLogprob, ...]]:
    if value is None:
        return None
    return tuple(
        of_json(
            TokenLogprob,
            one,
            bytes=bytes_of(one),
            likeliest=tuple(of_json(TopLogprob, other, bytes=bytes_of(other)) for other in one["likeliest"]),
        )
        for one in value
    )


def bytes_of(token: Dict[str, Any]) -> bytes:
    return bytes.fromhex(token["bytes"][2:])


@dataclasses.dataclass(frozen=True)
class Answer:
    """`finish`: "end of generation", "stop string", "max tokens", "grammar end", "context full" or "cancelled".
    `tokens` holds those that ended it, too; `receipt` is None without a signer. `logprobs` is None unless the request
    asked."""

    choice: int
    text: str = dataclasses.field(repr=False)
    finish: str
    tokens: Tuple[int, ...] = dataclasses.field(repr=False)
    prompt_count: int
    receipt: Optional[Receipt]
    logprobs: Optional[Tuple[TokenLogprob, ...]] = dataclasses.field(default=None, repr=False)

    def to_numpy(self) -> AnswerArrays:
        """`tokens` and `logprobs` as arrays, with the likeliest tokens as matrices."""
        numpy = imported()
        if self.logprobs is None:
            raise ValueError("the request asked for no logprobs")
        likeliest = [each.likeliest for each in self.logprobs]
        shape = (len(likeliest), len(likeliest[0]) if likeliest else 0)
        tokens = numpy.array([[one.token for one in each] for each in likeliest], numpy.uint32)
        logprobs = numpy.array([[one.logprob for one in each] for each in likeliest], numpy.float64)
        return AnswerArrays(
            tokens=numpy.array([each.token for each in self.logprobs], numpy.uint32),
            logprobs=numpy.array([each.logprob for each in self.logprobs], numpy.float64),
            top_tokens=tokens.reshape(shape),
            top_logprobs=logprobs.reshape(shape),
        )


@dataclasses.dataclass(frozen=True)
class ScoredToken:
    """`greedy`: no token was more probable."""

    token: int
    text: str
    bytes: builtins.bytes
    logprob: float
    greedy: bool


@dataclasses.dataclass(frozen=True)
class Score:
    """How likely a continuation is; `logprob` is the sum of its tokens'."""

    tokens: Tuple[ScoredToken, ...] = dataclasses.field(repr=False)
    logprob: float
    greedy: bool
    prompt_count: int
    receipt: Optional[Receipt]

    def to_numpy(self) -> ScoreArrays:
        """The tokens' members as arrays."""
        numpy = imported()
        return ScoreArrays(
            tokens=numpy.array([each.token for each in self.tokens], numpy.uint32),
            logprobs=numpy.array([each.logprob for each in self.tokens], numpy.float64),
            greedy=numpy.array([each.greedy for each in self.tokens], numpy.bool_),
        )
