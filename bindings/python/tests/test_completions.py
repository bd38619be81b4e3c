"""OpenAI's shapes, read by OpenAI's own types."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import openai.types
import openai.types.chat
import pytest
from conftest import QUESTION
from eth_account import Account

from attestlm import ArgumentError, LogitsError, Model, Receipt, Request, Session, Signer, UnsupportedError
from attestlm.logprobs import offsets

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


def test_a_chat_against_ones_own_request_and_signed_later(model: Model, session: Session, signer: Signer) -> None:
    fields: Dict[str, Any] = {"n": 2, "temperature": 1, "seed": 7, "max_completion_tokens": 20}
    with Signer.external(signer.address) as external:
        made = session.create_chat_completion(QUESTION, signer=external, **fields)
    attestations = made["attestation"]
    assert isinstance(attestations, list) and len(attestations) == 2
    # The key is another process's.
    account = Account.from_key(b"F" * 32)
    for document in attestations:
        receipt = Receipt.parse(json.dumps(document))
        assert not receipt.is_signed
        receipt.sign(bytes(Account.unsafe_sign_hash(receipt.digest, account.key).signature))
        report = receipt.verify(model, request=Request(QUESTION, **fields), expect_signer=signer.address)
        assert report.verdict.name == "verified"
        other = Request(QUESTION, **{**fields, "seed": 8})
        assert receipt.verify(model, request=other).verdict.name == "invalid"


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


def test_logprobs_of_a_chat(session: Session) -> None:
    made = session.create_chat_completion(QUESTION, logprobs=True, top_logprobs=3, **FIELDS)
    read = openai.types.chat.ChatCompletion.model_validate(made, strict=True).choices[0]
    own = session.generate(QUESTION, logprobs=3, **FIELDS)
    assert own.logprobs and read.logprobs and read.logprobs.content and read.logprobs.refusal is None
    content = read.logprobs.content
    assert "".join(one.token for one in content) == own.text
    assert bytes(byte for one in content for byte in one.bytes or ()) == own.text.encode()
    # The token that says that it ends is no part of the text.
    assert [one.logprob for one in content] == [one.logprob for one in own.logprobs[:-1]]
    for one, each in zip(content, own.logprobs):
        assert [top.logprob for top in one.top_logprobs] == [top.logprob for top in each.likeliest]
        same = [top.token for top, known in zip(one.top_logprobs, each.likeliest) if known.token == each.token]
        assert same in ([], [one.token])
    # Scored after the same prompt, every token is as likely.
    score = session.score(QUESTION, own.tokens)
    assert [token.logprob for token in score.tokens] == pytest.approx([one.logprob for one in own.logprobs], abs=1e-3)
    assert [token.text for token in score.tokens[:-1]] == [one.token for one in content]
    without = session.create_chat_completion(QUESTION, logprobs=True, **FIELDS)["choices"][0]["logprobs"]
    assert without and all(one["top_logprobs"] == [] for one in without["content"])


def test_logprobs_of_a_stream_are_in_the_last_chunk_of_a_choice(session: Session) -> None:
    fields: Dict[str, Any] = {"n": 3, "temperature": 1, "seed": 3, "max_tokens": 12}
    whole = session.create_chat_completion(QUESTION, logprobs=True, top_logprobs=2, **fields)
    chunks = list(session.create_chat_completion(QUESTION, stream=True, logprobs=True, top_logprobs=2, **fields))
    told = [chunk["choices"][0] for chunk in chunks if chunk["choices"][0]["logprobs"]]
    assert [choice["finish_reason"] is not None for choice in told] == [True] * 3
    assert {choice["index"]: choice["logprobs"] for choice in told} == {
        choice["index"]: choice["logprobs"] for choice in whole["choices"]
    }
    for chunk in chunks:
        openai.types.chat.ChatCompletionChunk.model_validate(chunk, strict=True)


def test_logprobs_of_a_completion(session: Session) -> None:
    fields: Dict[str, Any] = {"temperature": 1, "seed": 8, "max_tokens": 20, "ignore_eog": True}
    made = session.create_completion("Tom has", logprobs=2, **fields)
    read = openai.types.Completion.model_validate(made, strict=True).choices[0]
    own = session.generate("Tom has", logprobs=2, **fields)
    logprobs = read.logprobs
    assert own.logprobs and logprobs and logprobs.tokens and logprobs.text_offset and logprobs.top_logprobs
    assert "".join(logprobs.tokens) == read.text == own.text
    for token, at in zip(logprobs.tokens, logprobs.text_offset):
        assert own.text[at:].startswith(token)
    assert logprobs.token_logprobs == [one.logprob for one in own.logprobs]
    for token, top, one in zip(logprobs.tokens, logprobs.top_logprobs, own.logprobs):
        # The token itself is always among them.
        assert top[token] == one.logprob and len(top) == len({each.token for each in one.likeliest} | {one.token})
    none = session.create_completion("Tom has", logprobs=0, **fields)["choices"][0]["logprobs"]
    assert none and none["top_logprobs"] == [{token: value} for token, value in zip(none["tokens"], none["token_logprobs"])]
    (last,) = [
        chunk["choices"][0]["logprobs"]
        for chunk in session.create_completion("Tom has", logprobs=2, stream=True, **fields)
        if chunk["choices"][0]["logprobs"]
    ]
    assert last == made["choices"][0]["logprobs"]


def test_tokens_that_are_no_whole_characters(session: Session) -> None:
    made = session.create_completion("x", grammar='root ::= "é€ 12"', logprobs=1, max_tokens=20)["choices"][0]
    logprobs = made["logprobs"]
    assert logprobs and made["text"].startswith("é€ 12")
    parts = [at for at, token in zip(logprobs["text_offset"], logprobs["tokens"]) if "\ufffd" in token]
    wholes = {token: at for at, token in zip(logprobs["text_offset"], logprobs["tokens"]) if "\ufffd" not in token}
    # Each where its character begins.
    assert parts and set(parts) <= {0, 1} and parts == sorted(parts)
    assert all(made["text"][at:].startswith(token) for token, at in wholes.items()) and wholes
    chat = session.create_chat_completion(QUESTION, grammar='root ::= "é"', logprobs=True, max_tokens=20)["choices"][0]
    assert chat["logprobs"]
    told = chat["logprobs"]["content"]
    assert any("\ufffd" in one["token"] for one in told)
    assert bytes(byte for one in told for byte in one["bytes"] or []).decode() == chat["message"]["content"]


def test_text_offsets() -> None:
    assert offsets("aé b", [b"a", b"\xc3", b"\xa9", b" b"]) == [0, 1, 1, 2]
    assert offsets("é", [b"\xc3", b"\xa9", b""]) == [0, 0, 1]
    # A stop string cut the rest off.
    assert offsets("ab", [b"ab", b"cd", b"\xe2", b"e"]) == [0, 2, 2, 2]
    assert offsets("", []) == []
