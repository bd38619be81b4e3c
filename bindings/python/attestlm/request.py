"""Requests, from keyword arguments or as a text (`docs/request.md`)."""

from __future__ import annotations

import datetime
import json
import operator
from decimal import Decimal
from typing import Any, Callable, Dict, List, Mapping, Sequence, TypedDict, Union

from ._record import camel

Real = Union[float, int, str, Decimal]
Bytes32 = Union[str, bytes]


class Message(TypedDict):
    role: str
    content: str


class Domain(TypedDict):
    chain_id: int
    verifying_contract: str


class Fields(TypedDict, total=False):
    """The fields of a request besides its input. None is the same as absent."""

    tools: Any
    date: Union[str, datetime.date, None]
    parse_special: Union[bool, None]
    temperature: Union[Real, None]
    top_k: Union[int, None]
    top_p: Union[Real, None]
    min_p: Union[Real, None]
    repeat_penalty: Union[Real, None]
    presence_penalty: Union[Real, None]
    frequency_penalty: Union[Real, None]
    penalty_window: Union[int, None]
    logit_bias: Union[Mapping[int, Real], Mapping[str, Real], None]
    bans: Union[Sequence[int], None]
    stop: Union[str, Sequence[str], None]
    schema: Union[Mapping[str, Any], bool, str, None]
    grammar: Union[str, None]
    ignore_eog: Union[bool, None]
    max_tokens: Union[int, None]
    context_tokens: Union[int, None]
    choices: Union[int, None]
    seed: Union[int, Bytes32, None]
    seed_rule: Union[int, None]
    client_entropy: Union[Bytes32, None]
    provider_secret: Union[Bytes32, None]
    beacon: Union[Bytes32, None]
    nonce: Union[Bytes32, None]
    context: Union[Bytes32, None]
    domain: Union[Domain, None]
    issued_at: Union[int, str, None]
    logprobs: Union[int, None]
    # Hugging Face's names.
    max_new_tokens: Union[int, None]
    do_sample: Union[bool, None]
    repetition_penalty: Union[Real, None]
    num_return_sequences: Union[int, None]
    stop_strings: Union[str, Sequence[str], None]
    suppress_tokens: Union[Sequence[int], None]


ALIASES = {
    "max_new_tokens": "max_tokens",
    "repetition_penalty": "repeat_penalty",
    "num_return_sequences": "choices",
    "stop_strings": "stop",
    "suppress_tokens": "bans",
}
FIELDS = set(Fields.__annotations__) - set(ALIASES) - {"do_sample"}

Input = Union[str, Sequence[Message], Sequence[Mapping[str, str]], Sequence[int], "Request"]


def _real(value: Any) -> str:
    """A decimal text: the library reads digits, and no exponent."""
    if isinstance(value, str):
        return value
    return format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")


def _date(value: Any) -> Any:
    return value.isoformat()[:10] if isinstance(value, datetime.date) else value


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


_JSON: Dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("temperature", "top_p", "min_p"), _real),
    **dict.fromkeys(("repeat_penalty", "presence_penalty", "frequency_penalty"), _real),
    "logit_bias": lambda value: {str(token): _real(bias) for token, bias in value.items()},
    "bans": lambda value: [operator.index(token) for token in value],
    "stop": lambda value: [value] if isinstance(value, str) else list(value),
    "domain": lambda value: {camel(key): member for key, member in value.items()},
    "date": _date,
}


def _input(given: Any) -> Dict[str, Any]:
    if isinstance(given, str):
        return {"prompt": given}
    items: List[Any] = list(given)
    if all(isinstance(item, Mapping) for item in items):
        return {"messages": items}
    return {"promptTokens": [operator.index(item) for item in items]}


def _sampled(fields: Dict[str, Any]) -> None:
    """What `do_sample` says of the temperature."""
    sample = fields.pop("do_sample", None)
    temperature = fields.get("temperature")
    if sample is None:
        return
    if temperature is None:
        fields["temperature"] = 1 if sample else 0
    elif bool(sample) != (Decimal(str(temperature)) > 0):
        raise ValueError(f"do_sample={sample} contradicts temperature={temperature}")


class Request:
    """An input and how it is answered. The input is a prompt's text, which is tokenized as it is, a list of messages, or
    a list of token ids."""

    def __init__(self, input: Union[str, Sequence[Any]], **fields: Any) -> None:
        given: Dict[str, Any] = {}
        for name, value in fields.items():
            known = ALIASES.get(name, name)
            if known not in FIELDS and known != "do_sample":
                raise TypeError(f"a request has no field {name!r}")
            if known in given:
                raise TypeError(f"{name!r} and another name of {known!r} were both given")
            given[known] = value
        _sampled(given)
        members = _input(input)
        for name, value in given.items():
            if value is not None:
                members[camel(name)] = _JSON.get(name, _plain)(value)
        self._json = json.dumps(
            members, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=operator.index
        ).encode()

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> Request:
        """A request's own text, byte for byte; the library reads it when it is used."""
        request = cls.__new__(cls)
        request._json = text.encode() if isinstance(text, str) else bytes(text)
        return request

    @classmethod
    def of(cls, input: Input, fields: Mapping[str, Any]) -> Request:
        if not isinstance(input, Request):
            return cls(input, **fields)
        if fields:
            raise TypeError(f"a Request takes no further fields: {', '.join(sorted(fields))}")
        return input

    @property
    def choices(self) -> int:
        """How many answers it asks for; 1 where its text is wrong, which the library says better."""
        try:
            choices = json.loads(self._json)["choices"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return 1
        return choices if isinstance(choices, int) else 1

    def to_json(self) -> bytes:
        return self._json
