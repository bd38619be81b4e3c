"""Log-probabilities in OpenAI's shapes."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, TypedDict

from .answer import Answer, TokenLogprob

# What a token stands for; bytes that are not UTF-8 are replaced.
Texts = Mapping[int, str]

_REPLACED = "\ufffd"


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


def tokens_of(answer: Answer) -> "set[int]":
    """Every token whose text is needed."""
    every = told(answer)
    return {each.token for each in every} | {one.token for each in every for one in each.likeliest}


def _bytes(text: str) -> Optional[List[int]]:
    return None if _REPLACED in text else list(text.encode())


def chat(answer: Answer, texts: Texts) -> ChatLogprobs:
    content: List[ChatTokenLogprob] = []
    for each in told(answer):
        likeliest: List[ChatTopLogprob] = [
            {"token": texts[one.token], "logprob": one.logprob, "bytes": _bytes(texts[one.token])}
            for one in each.likeliest
        ]
        text = texts[each.token]
        content.append({"token": text, "logprob": each.logprob, "bytes": _bytes(text), "top_logprobs": likeliest})
    return {"content": content, "refusal": None}


def _likeliest(each: TokenLogprob, texts: Texts) -> Dict[str, float]:
    """With the token itself, as OpenAI has it. Of two that read the same, the likelier."""
    found: Dict[str, float] = {}
    for one in each.likeliest:
        found.setdefault(texts[one.token], one.logprob)
    found.setdefault(texts[each.token], each.logprob)
    return found


def completion(answer: Answer, texts: Texts) -> CompletionLogprobs:
    every = told(answer)
    tokens = [texts[each.token] for each in every]
    return {
        "tokens": tokens,
        "token_logprobs": [each.logprob for each in every],
        "top_logprobs": [_likeliest(each, texts) for each in every],
        "text_offset": offsets(answer.text, tokens),
    }


def offsets(text: str, tokens: Sequence[str]) -> List[int]:
    """Where in the text each token begins; one that is not whole characters, where the first one like it before the
    next whole one does. What a stop string cut off begins at the end."""
    found: List[int] = []
    at, is_part = 0, False
    for token in tokens:
        if _REPLACED in token:
            is_part = True
            found.append(min(at, len(text)))
            continue
        if is_part and token:
            at = max(at, text.find(token, at + 1))
            is_part = False
        found.append(min(at, len(text)))
        at += len(token)
    return found
