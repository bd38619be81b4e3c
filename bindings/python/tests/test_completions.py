"""OpenAI's shapes, read by OpenAI's own types."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import openai.types
import openai.types.chat
import pytest
from conftest import QUESTION

from attestlm import ArgumentError, LogitsError, Model, Receipt, Session, Signer, UnsupportedError

FIELDS: Dict[str, Any] = {"temperature": 0.7, "seed": 7, "max_tokens": 60}


def test_chat(model: Model, session: Session, signer: Signer) -> None:
    made = session.create_chat_completion(QUESTION, signer=signer, model="abacus", **FIELDS)
    own = session.generate(QUESTION, **FIELDS)
    read = openai.types.chat.ChatCompletion.model_validate(made, strict=True)
    assert read.choices[0].message.content == own.text and read.choices[0].finish_reason == "stop"
    assert read.usage and read.usage.completion_tokens == len(own.tokens)
    assert read.usage.total_tokens == len(own.tokens) + own.prompt_count
    assert (read.model, read.system_fingerprint) == ("abacus", session.info.profile)
    attestation = made["attestation"]
    assert isinstance(attestation, dict)
    # As it is, and after a way through JSON.
    for document in (attestation, json.loads(json.dumps(attestation))):
        assert Receipt.parse(document).verify(model).verdict.name == "verified"


def test_chat_stream(model: Model, session: Session, signer: Signer) -> None:
    own = session.generate(QUESTION, **FIELDS)
    chunks = list(
        session.create_chat_completion(
            QUESTION, stream=True, signer=signer, stream_options={"include_usage": True}, **FIELDS
        )
    )
    read = [openai.types.chat.ChatCompletionChunk.model_validate(chunk, strict=True) for chunk in chunks]
    assert len({chunk.id for chunk in read}) == 1
    assert [chunk.choices[0].delta.role for chunk in read[:-1]] == ["assistant"] + [None] * (len(read) - 2)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in read[:-1]) == own.text
    assert [chunk.choices[0].finish_reason for chunk in read[:-1]] == [None] * (len(read) - 2) + ["stop"]
    assert read[-1].choices == [] and read[-1].usage and read[-1].usage.completion_tokens == len(own.tokens)
    attestations = [chunk["attestation"] for chunk in chunks if chunk["attestation"]]
    assert len(attestations) == 1 and isinstance(attestations[0], dict)
    assert Receipt.parse(attestations[0]).verify(model).verdict.name == "verified"


def test_completion(session: Session, signer: Signer) -> None:
    made = session.create_completion("Tom has", n=2, temperature=1, seed=3, max_tokens=5, ignore_eog=True, signer=signer)
    read = openai.types.Completion.model_validate(made, strict=True)
    own = session.generate_all("Tom has", choices=2, temperature=1, seed=3, max_tokens=5, ignore_eog=True)
    assert [choice.text for choice in read.choices] == [answer.text for answer in own]
    assert [choice.finish_reason for choice in read.choices] == ["length"] * 2
    assert read.usage and read.usage.completion_tokens == 10
    assert isinstance(made["attestation"], list) and len(made["attestation"]) == 2
    texts: List[str] = ["", ""]
    for chunk in session.create_completion(
        "Tom has", n=2, temperature=1, seed=3, max_tokens=5, ignore_eog=True, stream=True
    ):
        assert chunk["attestation"] is None
        texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    assert texts == [answer.text for answer in own]


def test_response_format(session: Session) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    made = session.create_completion(
        "JSON: ",
        temperature=0.8,
        seed=4,
        max_completion_tokens=40,
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    )
    assert isinstance(json.loads(made["choices"][0]["text"])["n"], int)
    text = session.create_completion("Tom", max_tokens=1, response_format={"type": "text"})
    assert text["attestation"] is None
    with session.stream("x", schema={"type": "object"}, max_tokens=1):
        pass
    session.create_completion("x", max_tokens=1, response_format={"type": "json_object"})
    with pytest.raises(ValueError, match="response_format"):
        session.create_completion("Tom", response_format={"type": "xml"})


def test_parts_of_a_message(session: Session) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": QUESTION[0]["content"]}]}]
    made = session.create_chat_completion(parts, user="me")
    assert made["choices"][0]["message"]["content"] == session.generate(QUESTION).text
    with pytest.raises(UnsupportedError, match="messages"):
        session.create_chat_completion([{"role": "user", "content": [{"type": "image_url"}]}])


def test_what_is_refused(model: Model, session: Session) -> None:
    for logprobs in ({"logprobs": 0}, {"logprobs": True}, {"top_logprobs": 2}):
        refused: Dict[str, Any] = dict(logprobs)
        with pytest.raises(UnsupportedError, match="logprobs: .*score"):
            session.create_completion("Tom", **refused)
    session.create_completion("Tom", logprobs=False, max_tokens=1)
    unknown: Dict[str, Any] = {"best_of": 2}
    with pytest.raises(TypeError, match="best_of"):
        session.create_completion("Tom", **unknown)
    with pytest.raises(TypeError, match="max_completion_tokens"):
        session.create_completion("Tom", max_tokens=1, max_completion_tokens=1)
    # At once, not when the stream is read.
    with pytest.raises(ArgumentError, match="temperature"):
        session.create_completion("Tom", temperature=-1, stream=True)
    with pytest.raises(ArgumentError, match="messages"):
        session.create_chat_completion([{"role": "user", "content": "x", "name": "me"}])
    banned = range(model.info.vocabulary)
    with pytest.raises(LogitsError):
        session.create_completion("Tom", bans=banned)
    chunks = session.create_completion("Tom", bans=banned, stream=True)
    with pytest.raises(LogitsError):
        list(chunks)
