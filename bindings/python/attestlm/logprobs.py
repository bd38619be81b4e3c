"""Log-probabilities in OpenAI's shapes."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple, TypedDict

from .answer import Answer, TokenLogprob, TopLogprob


class ChatTopLogprob(TypedDict):
    token: str
    logprob: float
    bytes: Optional[List[int]]


class ChatTokenLogprob(TypedDict):
    token: str
    logprob: float
    bytes: Optional[List[int]]
    top_logprobs: List[ChatTopLogprob]


class ChatLogprobs(TypedDict):
    content: List[ChatTokenLogprob]
    refusal: None


class CompletionLogprobs(TypedDict):
    """`text_offset` counts characters of `text`."""

    tokens: List[str]
    token_logprobs: List[float]
    top_logprobs: List[Dict[str, float]]
    text_offset: List[int]


def of_fields(fields: Dict[str, Any], chat: bool) -> None:
    """Makes OpenAI's fields the request's one: how many of the likeliest tokens are told."""
    wanted, top = fields.pop("logprobs", None), fields.pop("top_logprobs", None) if chat else None
    if chat:
        if not isinstance(wanted, (bool, type(None))):
            raise TypeError("'logprobs' is True or False: 'top_logprobs' says how many")
        if top and not wanted:
            raise ValueError("'top_logprobs' needs logprobs=True")
        wanted = (top or 0) if wanted else None
    elif wanted is True:
        raise TypeError("'logprobs' is a number: how many of the likeliest tokens")
    if wanted is not None and wanted is not False:
        fields["logprobs"] = wanted


def told(answer: Answer) -> Tuple[TokenLogprob, ...]:
    """Those of the text: the token that says that it ends is none of it."""
    every = answer.logprobs or ()
    return every[:-1] if answer.finish == "end of generation" else every


def chat(answer: Answer) -> ChatLogprobs:
    return {
        "content": [
            {
                "token": each.text,
                "logprob": each.logprob,
                "bytes": list(each.bytes),
                "top_logprobs": [_chat(one) for one in each.likeliest],
            }
            for each in told(answer)
        ],
        "refusal": None,
    }


def _chat(one: TopLogprob) -> ChatTopLogprob:
    return {"token": one.text, "logprob": one.logprob, "bytes": list(one.bytes)}


def _likeliest(each: TokenLogprob) -> Dict[str, float]:
    """With the token itself, as OpenAI has it. Of two that read the same, the likelier."""
    found: Dict[str, float] = {}
    for one in each.likeliest:
        found.setdefault(one.text, one.logprob)
    found.setdefault(each.text, each.logprob)
    return found


def completion(answer: Answer) -> CompletionLogprobs:
    every = told(answer)
    return {
        "tokens": [each.text for each in every],
        "token_logprobs": [each.logprob for each in every],
        "top_logprobs": [_likeliest(each) for each in every],
        "text_offset": offsets(answer.text, [each.bytes for each in every]),
    }


def offsets(text: str, pieces: Sequence[bytes]) -> List[int]:
    """Where in the text each token begins: behind the characters that are whole before it. What a stop string cut off
    begins at the end."""
    found: List[int] = []
    before = b""
    for piece in pieces:
        found.append(min(len(before.decode("utf-8", "ignore")), len(text)))
        before += piece
    return found
