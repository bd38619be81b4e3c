"""Requests, from keyword arguments or as a text (`docs/request.md`)."""

from __future__ import annotations

import datetime
import json
import operator
from decimal import Decimal, InvalidOperation
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, SupportsFloat, SupportsIndex, TypedDict, Union

from ._record import camel
from .errors import ArgumentError, AttestLMError, UnsupportedError, utf8

# NumPy's numbers, too.
Real = Union[SupportsFloat, SupportsIndex, str, Decimal]
Bytes32 = Union[str, bytes]
# A list, a tuple, a range, an array.
Tokens = Iterable[SupportsIndex]


class Message(TypedDict):
    role: str
    content: str


class Domain(TypedDict):
    chain_id: int
    verifying_contract: str


class ContextInputs(TypedDict, total=False):
    """A job, and the receipt that another follows, by its digest. What is left out is zero."""

    chain_id: SupportsIndex
    contract: str
    job_id: Bytes32
    previous_digest: Bytes32


class Fields(TypedDict, total=False):
    """The fields of a request besides its input. None is the same as absent."""

    tools: Any
    date: Union[str, datetime.date, None]
    parse_special: Union[bool, None]
    temperature: Union[Real, None]
    top_k: Union[SupportsIndex, None]
    top_p: Union[Real, None]
    min_p: Union[Real, None]
    repeat_penalty: Union[Real, None]
    presence_penalty: Union[Real, None]
    frequency_penalty: Union[Real, None]
    penalty_window: Union[SupportsIndex, None]
    logit_bias: Union[Mapping[int, Real], Mapping[str, Real], None]
    bans: Union[Tokens, None]
    stop: Union[str, Sequence[str], None]
    schema: Union[Mapping[str, Any], bool, str, None]
    grammar: Union[str, None]
    ignore_eog: Union[bool, None]
    max_tokens: Union[SupportsIndex, None]
    context_tokens: Union[SupportsIndex, None]
    choices: Union[SupportsIndex, None]
    # False: the whole is the answer; two texts: what opens reasoning, and what closes it.
    steps: Union[bool, Sequence[str], None]
    seed: Union[SupportsIndex, Bytes32, None]
    seed_rule: Union[SupportsIndex, None]
    client_entropy: Union[Bytes32, None]
    provider_secret: Union[Bytes32, None]
    beacon: Union[Bytes32, None]
    nonce: Union[Bytes32, None]
    # What the receipt is for: 32 bytes, or the inputs that they are the hash of.
    context: Union[Bytes32, ContextInputs, None]
    domain: Union[Domain, None]
    issued_at: Union[SupportsIndex, str, None]
    logprobs: Union[SupportsIndex, None]
    # Hugging Face's names.
    max_new_tokens: Union[SupportsIndex, None]
    do_sample: Union[bool, None]
    repetition_penalty: Union[Real, None]
    num_return_sequences: Union[SupportsIndex, None]
    stop_strings: Union[str, Sequence[str], None]
    suppress_tokens: Union[Tokens, None]
    # OpenAI's.
    n: Union[SupportsIndex, None]
    max_completion_tokens: Union[SupportsIndex, None]
    response_format: Union[Mapping[str, Any], None]


ALIASES = {
    "max_new_tokens": "max_tokens",
    "repetition_penalty": "repeat_penalty",
    "num_return_sequences": "choices",
    "stop_strings": "stop",
    "suppress_tokens": "bans",
    "n": "choices",
    "max_completion_tokens": "max_tokens",
    "response_format": "schema",
}
FIELDS = set(Fields.__annotations__) - set(ALIASES) - {"do_sample"}

Input = Union[str, Sequence[Mapping[str, Any]], Tokens, "Request"]


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("a number, not a bool")
    return operator.index(value)


# More than any float has, NumPy's longest included.
_EXPONENT = 20_000


def uint32(value: Any) -> int:
    number = _whole(value)
    if not 0 <= number < 1 << 32:
        raise ValueError("it is from 0 to 2^32 - 1")
    return number


def large(value: Any) -> Any:
    """As a decimal text: what reads JSON may know no number above 2^53."""
    return bytes32(value) if isinstance(value, (str, bytes)) else str(_whole(value))


def _real(value: Any) -> str:
    """A decimal text: the library reads digits, and no exponent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError(f"a number, not a {type(value).__name__}")
    # The shortest that reads the same: float(numpy.float32(0.7)) has sixteen digits.
    shortest = float.__repr__(value) if isinstance(value, float) else str(value)
    try:
        exact = Decimal(shortest)
    except InvalidOperation:
        exact = Decimal(repr(float(value)))
    # Written out, it has a digit for each of these.
    if exact.is_finite() and max(abs(exact.adjusted()), abs(int(exact.as_tuple().exponent))) > _EXPONENT:
        raise ValueError("its exponent is out of range")
    return format(exact, "f")


def _date(value: Any) -> Any:
    return value.isoformat()[:10] if isinstance(value, datetime.date) else value


def bytes32(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


def token_ids(value: Any) -> List[int]:
    """Of any sequence of integers, NumPy's too."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping)):
        raise TypeError(f"token ids, not a {type(value).__name__}")
    return [_whole(token) for token in value]


def _bias(value: Any) -> Dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a mapping from token ids, not a {type(value).__name__}")
    return {str(token): _real(bias) for token, bias in value.items()}


def domain(value: Any) -> Dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a mapping, not a {type(value).__name__}")
    members = {camel(key): member for key, member in value.items()}
    return {key: large(member) if key == "chainId" else member for key, member in members.items()}


def _context(value: Mapping[str, Any]) -> Dict[str, Any]:
    members = {camel(key): member for key, member in value.items() if member is not None}
    return {key: large(member) if key == "chainId" else bytes32(member) for key, member in members.items()}


def _schema(response_format: Any) -> Any:
    """What OpenAI's `response_format` asks for."""
    if not isinstance(response_format, Mapping):
        raise TypeError(f"a mapping, not a {type(response_format).__name__}")
    kind = response_format.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind == "json_schema":
        schema = response_format.get("json_schema")
        if not isinstance(schema, Mapping) or "schema" not in schema:
            raise ValueError("json_schema: it is a mapping with a schema")
        return schema["schema"]
    raise ValueError("its type is text, json_object or json_schema")


_CONVERTED: Dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("temperature", "top_p", "min_p"), _real),
    **dict.fromkeys(("repeat_penalty", "presence_penalty", "frequency_penalty"), _real),
    **dict.fromkeys(("top_k", "penalty_window", "max_tokens", "context_tokens", "choices", "seed_rule"), _whole),
    **dict.fromkeys(("seed", "issued_at"), large),
    **dict.fromkeys(("client_entropy", "provider_secret", "beacon", "nonce"), bytes32),
    "logprobs": _whole,
    "logit_bias": _bias,
    "bans": token_ids,
    "stop": lambda value: [value] if isinstance(value, str) else list(value),
    "steps": lambda value: value if isinstance(value, (bool, str)) else list(value),
    "context": lambda value: _context(value) if isinstance(value, Mapping) else bytes32(value),
    "domain": domain,
    "date": _date,
    "response_format": _schema,
}


def _message(message: Mapping[str, Any]) -> Dict[str, Any]:
    """With the text of its parts, as OpenAI has them, as its content."""
    content = message.get("content")
    if not isinstance(content, (list, tuple)):
        return dict(message)
    if any(isinstance(part, Mapping) and part.get("type") != "text" for part in content):
        raise UnsupportedError("parts of a message are texts", "messages")
    if not all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content):
        raise TypeError("a part of a message is a mapping with a text")
    return {**message, "content": "".join(part["text"] for part in content)}


def _input(given: Any) -> Dict[str, Any]:
    if isinstance(given, str):
        return {"prompt": given}
    if isinstance(given, (bytes, bytearray, memoryview, Mapping)) or not hasattr(given, "__iter__"):
        what = type(given).__name__
        raise TypeError(f"a text, a list of messages, a list of token ids or a Request, not a {what}")
    items: List[Any] = list(given)
    if all(isinstance(item, Mapping) for item in items):
        return {"messages": [_message(item) for item in items]}
    return {"promptTokens": token_ids(items)}


def _other(value: Any) -> int:
    """What JSON has no form for: a number of NumPy's, or nothing that a request takes."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"it takes no {type(value).__name__}") from None


def named(name: str, convert: Callable[[Any], Any], value: Any) -> Any:
    """What is converted, or an error that names the argument, and tells no value."""
    try:
        return convert(value)
    except AttestLMError:
        raise
    except ValueError as error:
        raise ArgumentError(str(error), name) from error
    except (TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise TypeError(f"{name}: {error}") from error


def _encoded(name: str, value: Any) -> bytes:
    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_other)

    return utf8(named(name, text, value), name)


def _sampled(members: Dict[str, Any], sample: bool) -> None:
    """What `do_sample` says of the temperature."""
    temperature = members.setdefault("temperature", "1" if sample else "0")
    try:
        positive = Decimal(temperature) > 0
    except InvalidOperation:
        return  # The library says what is wrong with it.
    if sample != positive:
        raise ValueError(f"do_sample={sample} contradicts temperature={temperature}")


class Request:
    """An input and how it is answered. The input is a prompt's text, which is tokenized as it is, a list of messages, or
    a list of token ids."""

    def __init__(self, input: Union[str, Sequence[Any], Tokens], **fields: Any) -> None:
        members: Dict[str, Any] = {**named("input", _input, input)}
        given: Dict[str, str] = {}
        for name, value in fields.items():
            known = ALIASES.get(name, name)
            if known not in FIELDS and known != "do_sample":
                raise TypeError(f"a request has no field {name!r}")
            if value is None:
                continue
            if known in given:
                raise TypeError(f"{given[known]!r} and {name!r} were both given, which are one field")
            given[known] = name
            members[known] = named(name, _CONVERTED.get(name, _CONVERTED.get(known, lambda same: same)), value)
        if "do_sample" in members:
            _sampled(members, bool(members.pop("do_sample")))
        encoded = [
            b'"%s":%s' % (camel(name).encode(), _encoded(given.get(name, name), value))
            for name, value in members.items()
            if value is not None
        ]
        self._json = b"{%s}" % b",".join(encoded)

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> Request:
        """A request's own text, byte for byte; the library reads it when it is used."""
        request = cls.__new__(cls)
        request._json = utf8(text, "request") if isinstance(text, str) else bytes(text)
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
