"""Completions in OpenAI's shapes, with the receipt as `attestation` beside `choices`."""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Literal, Mapping, Optional, Sequence
from typing import TypedDict, Union, overload

from . import logprobs
from ._handle import Owned
from .answer import Answer, Done, Failed, Text
from .logprobs import ChatLogprobs, CompletionLogprobs
from .request import Fields, Input
from .signer import Signer
from .stream import Stream

if TYPE_CHECKING:
    from typing_extensions import NotRequired, Unpack

    from .session import SessionInfo

Document = Dict[str, Any]
# One for each choice where there are several.
Attestation = Union[Document, List[Document], None]
FinishReason = Literal["stop", "length"]

# OpenAI has no word for a cancelled answer: it was cut short. The receipt has.
_FINISH: Dict[str, FinishReason] = {
    "end of generation": "stop",
    "stop string": "stop",
    "grammar end": "stop",
    "max tokens": "length",
    "context full": "length",
    "cancelled": "length",
}


class Usage(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AssistantMessage(TypedDict):
    role: Literal["assistant"]
    content: str


class ChatChoice(TypedDict):
    index: int
    message: AssistantMessage
    logprobs: Optional[ChatLogprobs]
    finish_reason: FinishReason


class ChatCompletion(TypedDict):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: List[ChatChoice]
    usage: Usage
    attestation: Attestation


class Delta(TypedDict, total=False):
    role: Literal["assistant"]
    content: str


class ChatChunkChoice(TypedDict):
    index: int
    delta: Delta
    logprobs: Optional[ChatLogprobs]
    finish_reason: Optional[FinishReason]


class ChatCompletionChunk(TypedDict):
    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: List[ChatChunkChoice]
    usage: NotRequired[Optional[Usage]]
    attestation: Attestation


class CompletionChoice(TypedDict):
    index: int
    text: str
    logprobs: Optional[CompletionLogprobs]
    finish_reason: Optional[FinishReason]


class Completion(TypedDict):
    """Of a stream, too: there each holds a piece of the text."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: List[CompletionChoice]
    usage: NotRequired[Optional[Usage]]
    attestation: Attestation


class OpenAIFields(Fields, total=False):
    """The fields of a request, and what OpenAI has besides. `logprobs` is as OpenAI has it: of a chat True, with `top_logprobs`, of
    a completion how many."""

    stream_options: Optional[Mapping[str, Any]]
    model: Optional[str]
    user: Optional[str]
    top_logprobs: Optional[int]


def _usage(answers: Sequence[Answer]) -> Usage:
    prompt, completion = answers[0].prompt_count, sum(len(answer.tokens) for answer in answers)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _attestation(answers: Sequence[Answer]) -> Attestation:
    documents = [json.loads(answer.receipt.to_json()) for answer in answers if answer.receipt is not None]
    return documents if len(documents) > 1 else documents[0] if documents else None


@dataclasses.dataclass(frozen=True)
class _Form:
    """What chats and completions differ in."""

    prefix: str
    kind: str
    chunk: str
    whole: Callable[[Answer], Any]
    piece: Callable[[Optional[str], bool], Any]
    logprobs: Callable[[Answer], Any]


class Completions(Owned):
    """What a session is to programs written for OpenAI's interface."""

    if TYPE_CHECKING:

        @property
        def info(self) -> SessionInfo: ...

        def stream(self, input: Input, *, signer: Optional[Signer] = None, **fields: Unpack[Fields]) -> Stream: ...

    @overload
    def create_chat_completion(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        stream: Literal[False] = False,
        signer: Optional[Signer] = None,
        **fields: Unpack[OpenAIFields],
    ) -> ChatCompletion: ...

    @overload
    def create_chat_completion(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        stream: Literal[True],
        signer: Optional[Signer] = None,
        **fields: Unpack[OpenAIFields],
    ) -> Iterator[ChatCompletionChunk]: ...

    def create_chat_completion(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        stream: bool = False,
        signer: Optional[Signer] = None,
        **fields: Any,
    ) -> Union[ChatCompletion, Iterator[ChatCompletionChunk]]:
        """Answers a conversation. With `stream` an iterator of chunks: text by text, and for each choice a last one with
        `finish_reason`, `attestation` and the `logprobs` of all its tokens."""
        def whole(answer: Answer) -> Any:
            return {"message": {"role": "assistant", "content": answer.text}}

        def piece(text: Optional[str], first: bool) -> Any:
            delta: Delta = {"role": "assistant"} if first else {}
            if text is not None:
                delta["content"] = text
            return {"delta": delta}

        logprobs.of_fields(fields, chat=True)
        form = _Form("chatcmpl", "chat.completion", "chat.completion.chunk", whole, piece, logprobs.chat)
        result: Any = self._complete(form, messages, stream, signer, fields)
        return result  # type: ignore[no-any-return]

    @overload
    def create_completion(
        self,
        prompt: Union[str, Sequence[int]],
        *,
        stream: Literal[False] = False,
        signer: Optional[Signer] = None,
        **fields: Unpack[OpenAIFields],
    ) -> Completion: ...

    @overload
    def create_completion(
        self,
        prompt: Union[str, Sequence[int]],
        *,
        stream: Literal[True],
        signer: Optional[Signer] = None,
        **fields: Unpack[OpenAIFields],
    ) -> Iterator[Completion]: ...

    def create_completion(
        self,
        prompt: Union[str, Sequence[int]],
        *,
        stream: bool = False,
        signer: Optional[Signer] = None,
        **fields: Any,
    ) -> Union[Completion, Iterator[Completion]]:
        """Goes on after a prompt, which is tokenized as it is. `stream`: as of `create_chat_completion`."""

        def whole(answer: Answer) -> Any:
            return {"text": answer.text}

        def piece(text: Optional[str], first: bool) -> Any:
            return {"text": text or ""}

        logprobs.of_fields(fields, chat=False)
        form = _Form("cmpl", "text_completion", "text_completion", whole, piece, logprobs.completion)
        result: Any = self._complete(form, prompt, stream, signer, fields)
        return result  # type: ignore[no-any-return]

    def _complete(
        self,
        form: _Form,
        input: Any,
        streamed: bool,
        signer: Optional[Signer],
        fields: Dict[str, Any],
    ) -> Any:
        options = fields.pop("stream_options", None)
        options = {} if options is None else options
        if not isinstance(options, Mapping):
            raise TypeError(f"stream_options: a mapping, not a {type(options).__name__}")
        fields.pop("user", None)
        info = self.info
        head = {
            "id": f"{form.prefix}-{uuid.uuid4().hex}",
            "object": form.chunk if streamed else form.kind,
            "created": int(time.time()),
            "model": fields.pop("model", None) or info.model,
            "system_fingerprint": info.profile,
        }
        # Errors of the request are raised here, not when a stream is read.
        stream = self.stream(input, signer=signer, **fields)
        if streamed:
            return self._chunks(form, head, stream, bool(options.get("include_usage")))
        with stream:
            ended = sorted(event.choice for event in stream if isinstance(event, (Done, Failed)))
            answers = [stream.answer(choice) for choice in ended]
        return {
            **head,
            "choices": [
                {
                    "index": answer.choice,
                    **form.whole(answer),
                    "logprobs": self._logprobs(form, answer),
                    "finish_reason": _FINISH[answer.finish],
                }
                for answer in answers
            ],
            "usage": _usage(answers),
            "attestation": _attestation(answers),
        }

    def _logprobs(self, form: _Form, answer: Optional[Answer]) -> Any:
        if answer is None or answer.logprobs is None:
            return None
        return form.logprobs(answer)

    def _chunks(
        self, form: _Form, head: Dict[str, Any], stream: Stream, with_usage: bool
    ) -> Iterator[Dict[str, Any]]:
        begun = set()
        answers: List[Answer] = []
        with stream:
            for event in stream:
                if not isinstance(event, (Text, Done, Failed)):
                    continue
                # A failed choice raises its error here.
                answer = None if isinstance(event, Text) else stream.answer(event.choice)
                choice = {
                    "index": event.choice,
                    **form.piece(event.text if isinstance(event, Text) else None, event.choice not in begun),
                    "logprobs": self._logprobs(form, answer),
                    "finish_reason": _FINISH[answer.finish] if answer else None,
                }
                begun.add(event.choice)
                chunk = {**head, "choices": [choice], "attestation": _attestation([answer]) if answer else None}
                if answer:
                    answers.append(answer)
                yield {**chunk, "usage": None} if with_usage else chunk
        if with_usage:
            yield {**head, "choices": [], "usage": _usage(answers), "attestation": None}
