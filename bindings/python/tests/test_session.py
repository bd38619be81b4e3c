"""Requests by keyword, streams, scores, receipts and signers."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import errno
import gc
import json
import pickle
import re
import threading
import weakref
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
from conftest import QUESTION, ROOT, python
from eth_account import Account
from eth_account.messages import encode_typed_data

from attestlm import ArgumentError, ContextInputs, Domain, Done, Failed, IoError, LogitsError, Model, Prefill, Receipt, ReceiptError, Request
from attestlm import Session, Signer, SignerError, Text, profile_info
from attestlm._record import camel


def members(request: Request) -> Any:
    return json.loads(request.to_json())


def test_stream_gives_the_text_in_pieces(session: Session, signer: Signer) -> None:
    with session.stream(QUESTION, signer=signer) as stream:
        events = list(stream)
        answer = stream.answer()
        assert isinstance(events[0], Prefill) and events[0].done <= events[0].total
        assert isinstance(events[-1], Done) and events[-1].finish == answer.finish == "end of generation"
        assert "".join(event.text for event in events if isinstance(event, Text)) == answer.text
        assert events[-1].output_count == len(answer.tokens)
        assert list(stream) == []
        proof = stream.prove_token(1)
    assert answer.receipt is not None
    answer.receipt.check_proof(proof)
    answer.receipt.check_proof(answer.receipt.prove_step(0))
    proof["token"]["value"] += 1
    with pytest.raises(ReceiptError):
        answer.receipt.check_proof(json.dumps(proof))


def test_generate_without_a_signer(session: Session) -> None:
    answer = session.generate("Tom has", max_tokens=3, ignore_eog=True)
    assert answer.receipt is None and len(answer.tokens) == 3 and answer.finish == "max tokens"
    assert session.generate(answer.tokens, max_tokens=1, ignore_eog=True).prompt_count == 3
    with session.stream("Tom has", max_tokens=1) as stream:
        with pytest.raises(ArgumentError):
            stream.answer()
        list(stream)
        with pytest.raises(ArgumentError):
            stream.receipt()


def test_choices(session: Session, signer: Signer) -> None:
    answers = session.generate_all("Tom has", choices=3, temperature=1, seed=5, max_tokens=8, signer=signer)
    assert [answer.choice for answer in answers] == [0, 1, 2]
    assert len({answer.receipt.digest for answer in answers if answer.receipt}) == 3
    with pytest.raises(ValueError, match="generate_all"):
        session.generate("Tom has", choices=2, temperature=1, max_tokens=2)


def test_a_choice_that_fails_says_so(model: Model, session: Session) -> None:
    with session.stream("Tom", bans=range(model.info.vocabulary)) as stream:
        events = list(stream)
        assert isinstance(events[-1], Failed) and isinstance(events[-1].error, LogitsError)
        with pytest.raises(LogitsError):
            stream.answer()


def test_cancel(session: Session, signer: Signer) -> None:
    with session.stream("Tom", signer=signer, ignore_eog=True, max_tokens=400) as stream:
        next(stream)
        stream.cancel()
        last = list(stream)[-1]
        assert isinstance(last, Done) and last.finish == "cancelled"
        receipt = stream.receipt()
    assert receipt.verify(signature_only=True).verdict.name == "invalid"
    assert receipt.verify(signature_only=True, allow_prefix=True).verdict.prefix_only
    with session.stream("Tom", ignore_eog=True, max_tokens=400) as stream:
        session.cancel()
        assert [event.finish for event in stream if isinstance(event, Done)] == ["cancelled"]


def test_session_options(model: Model) -> None:
    with Session(model, profile="fast", threads=1, context_tokens=128, streams=2, ubatch=64) as session:
        info = session.info
        assert (info.threads, info.context_tokens, info.streams, info.ubatch) == (1, 128, 2, 64)
        assert info.model == model.info.sha256 and info.adapter is None and info.unattested is None
        assert info.profile in [profile.id for profile in profile_info().profiles if profile.name == "fast"]
        session.forget()
    with pytest.raises(ArgumentError, match="ubatch"):
        Session(model, ubatch=0)


def test_score(session: Session, signer: Signer) -> None:
    score = session.score("Tom has 2 apples", " and 3 more", signer=signer)
    assert "".join(token.text for token in score.tokens) == " and 3 more"
    assert score.logprob == pytest.approx(sum(token.logprob for token in score.tokens))
    assert not score.greedy and score.prompt_count > 0 and score.receipt is not None
    assert score.receipt.verify(signature_only=True).verdict.name == "invalid"
    assert score.receipt.verify(signature_only=True, scored=True).verdict.name == "verified"
    assert session.score("Tom", " has").receipt is None


def test_logprobs(session: Session) -> None:
    fields: Dict[str, Any] = {"temperature": 1, "seed": 8, "max_tokens": 6, "ignore_eog": True}
    answer = session.generate("Tom has", logprobs=4, **fields)
    assert answer.logprobs is not None and [one.token for one in answer.logprobs] == list(answer.tokens)
    for one in answer.logprobs:
        likely = [top.logprob for top in one.likeliest]
        assert len(likely) == 4 and likely == sorted(likely, reverse=True) and one.logprob <= likely[0] <= 0
    arrays = answer.to_numpy()
    assert [array.dtype.name for array in arrays] == ["uint32", "float64"] * 2
    assert arrays.tokens.tolist() == list(answer.tokens)
    assert arrays.logprobs.tolist() == [one.logprob for one in answer.logprobs]
    assert arrays.top_tokens.tolist() == [[top.token for top in one.likeliest] for one in answer.logprobs]
    assert arrays.top_logprobs.tolist() == [[top.logprob for top in one.likeliest] for one in answer.logprobs]
    none = session.generate("Tom has", logprobs=0, **fields).to_numpy()
    assert none.top_tokens.shape == none.top_logprobs.shape == (6, 0)
    with pytest.raises(ValueError, match="logprobs"):
        session.generate("Tom has", **fields).to_numpy()
    score = session.score("Tom has", " 2 apples")
    scored = score.to_numpy()
    assert scored.logprobs.sum() == pytest.approx(score.logprob)
    assert scored.tokens.tolist() == [token.token for token in score.tokens]
    assert scored.greedy.tolist() == [token.greedy for token in score.tokens]


def test_numpy_is_optional() -> None:
    done = python(
        """
import sys
import attestlm
session = attestlm.Session(attestlm.Model.bundled())
answer, score = session.generate("Tom", max_tokens=1, logprobs=1), session.score("Tom", " has")
assert "numpy" not in sys.modules
sys.modules["numpy"] = None
for made in (answer, score):
    try:
        made.to_numpy()
    except ImportError as error:
        print(error)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "attestlm: arrays need NumPy: pip install attestlm[numpy]\n" * 2


def test_verify(model: Model, session: Session, signer: Signer) -> None:
    request = Request(QUESTION, temperature=0.7, seed=7, max_tokens=60, nonce=b"Z" * 32, issued_at=1_700_000_000)
    answer = session.generate(request, signer=signer)
    assert answer.receipt is not None
    receipt = Receipt.parse(answer.receipt.to_json())
    report = receipt.verify(model, request=request, expect_signer=signer.address, expect_model=model.info.sha256)
    assert report.verdict.name == "verified" and "replay" in report.compared
    assert report.signer == receipt.signer == signer.address
    assert report.digest == "0x" + receipt.digest.hex()
    with pytest.raises(TypeError, match="verdict"):
        bool(report)
    assert receipt.verify().verdict.name == "unverifiable"
    other = receipt.verify(model, request=Request(QUESTION, seed=8, temperature=0.7)).verdict
    assert other.name == "invalid" and other.what
    edited = receipt.to_dict()
    edited["disclosure"]["outputTokens"][0] += 1
    assert Receipt.parse(edited).verify(model).verdict.name == "invalid"
    assert "disclosure" not in receipt.to_dict(disclosure=False)
    with pytest.raises(ArgumentError, match="finish"):
        receipt.verify(expect_finish="soon")


def test_somebody_elses_verifier(session: Session) -> None:
    """eth_account reads the document as it is, and finds the signer."""
    account = Account.create()
    domain: Any = {"chain_id": 11155111, "verifying_contract": "0x" + "11" * 20}
    for given in (None, domain):
        with Signer.from_key(bytes(account.key)) as signer:
            receipt = session.generate(QUESTION, signer=signer, domain=given).receipt
        assert receipt is not None
        document = receipt.to_dict()
        signature = document["signature"]
        for data in (document, receipt.typed_data):
            message = encode_typed_data(full_message={key: data[key] for key in ("types", "primaryType", "domain", "message")})
            assert Account.recover_message(message, signature=signature) == account.address
        # And the whole document, untouched.
        assert Account.recover_message(encode_typed_data(full_message=document), signature=signature) == account.address
        assert receipt.signer == account.address


def test_external_and_callback_signers(session: Session) -> None:
    account = Account.create()

    def sign(digest: bytes) -> bytes:
        return bytes(Account.unsafe_sign_hash(digest, account.key).signature)

    with Signer.external(account.address) as external:
        receipt = session.generate("Tom has", max_tokens=2, signer=external).receipt
        with pytest.raises(SignerError):
            external.to_keystore("x")
    assert receipt is not None
    elsewhere = Receipt.parse(receipt.to_json())
    with pytest.raises(SignerError):
        receipt.sign(b"\0" * 65)
    for each in (receipt, elsewhere):
        assert not each.is_signed and each.verify(signature_only=True).verdict.name == "invalid"
        each.sign(sign(each.digest))
        assert each.is_signed and each.verify(signature_only=True).verdict.name == "verified"
    assert elsewhere.to_json() == receipt.to_json()

    with Signer.callback(account.address, sign) as callback:
        receipt = session.generate("Tom has", max_tokens=2, signer=callback).receipt
        assert receipt is not None and receipt.verify(signature_only=True).verdict.name == "verified"
        scored = session.score("Tom", " has", signer=callback).receipt
        assert scored is not None and scored.signer == account.address


def test_a_callback_that_fails_is_the_cause(session: Session, signer: Signer) -> None:
    def refuse(digest: bytes) -> bytes:
        raise LookupError("no such key")

    for sign, cause in ((refuse, LookupError), (lambda digest: b"short", ValueError)):
        with Signer.callback(signer.address, sign) as failing:
            with pytest.raises(SignerError) as raised:
                session.generate("Tom has", max_tokens=2, signer=failing)
            assert isinstance(raised.value.__cause__, cause)
            # The reason is the cause's to tell.
            assert str(raised.value) == f"signer callback: it raised {cause.__name__}"
            with pytest.raises(SignerError, match=f"it raised {cause.__name__}$") as raised:
                session.score("Tom", " has", signer=failing)
            assert isinstance(raised.value.__cause__, cause)

    def interrupt(digest: bytes) -> bytes:
        raise KeyboardInterrupt

    with Signer.callback(signer.address, interrupt) as failing, pytest.raises(KeyboardInterrupt):
        session.generate("Tom has", max_tokens=2, signer=failing)
    with pytest.raises(ArgumentError, match="address"):
        Signer.callback(b"short", interrupt)


def test_addresses_are_read_in_both_forms(session: Session) -> None:
    address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # of EIP-55
    for given in (address, address.lower(), bytes.fromhex(address[2:])):
        with Signer.external(given) as signer:
            assert signer.address == address
    for wrong in (address.replace("aA", "Aa"), address[2:], address.upper(), "0x" + "é" * 40, b"x" * 21, ""):
        with pytest.raises(ArgumentError, match="^address: "):
            Signer.external(wrong)
    receipt = session.generate("Tom", signer=Signer.external(address), max_tokens=1).receipt
    assert receipt is not None and receipt.signer == address
    # A document has one form.
    assert address.lower() in json.dumps(receipt.typed_data) and address not in json.dumps(receipt.typed_data)


def test_expected_signer_in_both_forms(session: Session, signer: Signer) -> None:
    receipt = session.generate("Tom", signer=signer, max_tokens=1).receipt
    assert receipt is not None
    for expected in (signer.address, signer.address.lower()):
        assert receipt.verify(signature_only=True, expect_signer=expected).verdict.name == "verified"
    with pytest.raises(ArgumentError, match="EIP-55"):
        receipt.verify(signature_only=True, expect_signer=signer.address.swapcase().replace("0X", "0x"))
    unknown: Any = {"expect_singer": signer.address}
    with pytest.raises(TypeError, match="expect_singer"):
        receipt.verify(**unknown)
    for near in ("signer", "expect_threads"):
        unknown = {near: None}
        with pytest.raises(TypeError, match=near):
            receipt.verify(**unknown)


def test_each_term_is_looked_at(session: Session, signer: Signer) -> None:
    domain: Domain = {"chain_id": 5, "verifying_contract": "0x" + "11" * 20}
    request = Request(
        "Tom", max_tokens=1, temperature=1, seed_rule=1, client_entropy=b"E" * 32, provider_secret=b"S" * 32,
        nonce=b"N" * 32, issued_at=1_700_000_000, domain=domain, context=b"C" * 32,
    )  # fmt: skip
    receipt = session.generate(request, signer=signer).receipt
    assert receipt is not None
    right: Any = {
        "expect_context": b"C" * 32, "expect_domain": domain, "expect_client_entropy": b"E" * 32, "expect_nonce": b"N" * 32,
        "issued_from": 1_700_000_000, "issued_until": "1700000000", "expect_seed": json.loads(receipt.to_json())["disclosure"]["seed"],
    }  # fmt: skip
    report = receipt.verify(signature_only=True, **right)
    assert report.verdict.name == "verified"
    for name in ("context", "domain", "clientEntropy", "nonce", "seed", "issuedAt"):
        assert "expected " + name in report.compared
    wrong: Any = {
        "expect_context": b"c" * 32, "expect_domain": "none", "expect_client_entropy": "0x" + "00" * 32,
        "expect_provider_commitment": b"P" * 32, "expect_beacon": b"B" * 32, "expect_nonce": b"n" * 32, "expect_seed": 7,
        "issued_from": 1_700_000_001, "issued_until": 1_699_999_999,
    }  # fmt: skip
    for name, value in wrong.items():
        assert receipt.verify(signature_only=True, **{name: value}).verdict.name == "invalid", name
    with pytest.raises(ArgumentError, match="issuedFrom"):
        receipt.verify(issued_from=2, issued_until=1)
    with pytest.raises((TypeError, ValueError), match="issued_from"):
        receipt.verify(issued_from=1.5)  # type: ignore[arg-type]


def test_concurrent_answers_have_their_own_causes(model: Model, signer: Signer) -> None:
    """Whoever decodes signs for everybody: the answers of two threads fail in one."""
    fields: Dict[str, Any] = {"nonce": b"N" * 32, "issued_at": 1, "seed": 1, "temperature": 1}
    fields.update(ignore_eog=True, max_tokens=4, choices=8)
    with Session(model, context_tokens=128, streams=8) as session:
        digests = {}
        for prompt in ("Tom", "Anna"):
            receipts = [answer.receipt for answer in session.generate_all(prompt, signer=signer, **fields)]
            digests[prompt] = [receipt.digest for receipt in receipts if receipt]

        def refuse(digest: bytes) -> bytes:
            raise LookupError(digest)

        causes: Dict[str, Any] = {}

        def work(prompt: str, failing: Signer) -> None:
            with session.stream(prompt, signer=failing, **fields) as stream:
                list(stream)
                raised = []
                for choice in [*range(8), *range(8)]:
                    with pytest.raises(SignerError) as error:
                        stream.answer(choice)
                    assert isinstance(error.value.__cause__, LookupError)
                    raised.append(error.value.__cause__.args[0])
                causes[prompt] = raised

        with Signer.callback(signer.address, refuse) as failing:
            threads = [threading.Thread(target=work, args=(prompt, failing)) for prompt in digests]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        # Asked for twice, too.
        assert causes == {prompt: every * 2 for prompt, every in digests.items()}


def test_failures_that_nobody_asks_for_are_not_kept() -> None:
    from attestlm.signer import _REMEMBERED, _Failures

    failures = _Failures()
    codes = [failures.add(LookupError(index)) for index in range(_REMEMBERED + 5)]
    assert len(set(codes)) == len(codes) and len(failures._raised) == _REMEMBERED

    def take(code: int, field: str = "signer callback") -> Any:
        return failures.take(SignerError(f"it answered {code}", field))

    assert take(codes[0]) is None and take(codes[-1], "key") is None and take(-1) is None
    assert take(codes[-1]).args == (_REMEMBERED + 4,)
    assert take(codes[-1]) is None and len(failures._raised) == _REMEMBERED - 1


def test_failures_do_not_leak(session: Session, signer: Signer) -> None:
    from attestlm.signer import _Callback

    class Held:
        pass

    held: List[Any] = []
    callbacks = len(_Callback.live)

    def refuse(digest: bytes) -> bytes:
        mine = Held()
        held.append(weakref.ref(mine))
        raise LookupError("no such key")

    def work() -> None:
        failing = Signer.callback(signer.address, refuse)
        for _ in range(10):
            with pytest.raises(SignerError):
                session.generate("Tom has", max_tokens=1, signer=failing)
            with pytest.raises(SignerError):
                session.score("Tom", " has", signer=failing)
            # Nobody asks why.
            list(session.stream("Tom has", max_tokens=1, signer=failing))

    work()
    gc.collect()
    assert len(held) == 30 and not any(each() for each in held)
    assert len(_Callback.live) == callbacks


def test_keystore(signer: Signer, tmp_path: Path) -> None:
    text = signer.to_keystore("pässword")
    path = tmp_path / "key.json"
    path.write_text(text)
    for keystore in (text, json.loads(text), path):
        assert Signer.from_keystore(keystore, "pässword").address == signer.address
    assert bytes(Account.decrypt(json.loads(text), "pässword")) == b"F" * 32
    with pytest.raises(SignerError):
        Signer.from_keystore(text, "password")
    with pytest.raises(ArgumentError, match="hex"):
        Signer.from_key("no hex")


def test_request_takes_other_names() -> None:
    own = Request("x", max_tokens=5, repeat_penalty=1.5, choices=1, stop=["a"], bans=[3], temperature=0)
    other = Request(
        "x", max_new_tokens=5, repetition_penalty=1.5, num_return_sequences=1, stop_strings="a", suppress_tokens=(3,), do_sample=False
    )
    assert members(own) == members(other)
    assert members(Request("x", do_sample=True)) == {"prompt": "x", "temperature": "1"}
    assert members(Request("x", do_sample=True, temperature=0.5)) == {"prompt": "x", "temperature": "0.5"}
    with pytest.raises(ValueError, match="do_sample"):
        Request("x", do_sample=False, temperature=0.5)


def test_request_values() -> None:
    request = Request(
        [1, 2], nonce=b"\1" * 32, date=datetime.date(2026, 1, 2), top_p=1e-06, min_p=Decimal("0.10"), logit_bias={7: -1.5}, seed=2**64 - 1, top_k=None
    )
    assert members(request) == {
        "promptTokens": [1, 2],
        "nonce": "0x" + "01" * 32,
        "date": "2026-01-02",
        "topP": "0.000001",
        "minP": "0.10",
        "logitBias": {"7": "-1.5"},
        "seed": str(2**64 - 1),
    }


def test_whole_numbers_of_any_size_and_kind(session: Session) -> None:
    for seed in (2**53 + 1, numpy.uint64(2**64 - 1)):
        assert members(Request("x", seed=seed)) == {"prompt": "x", "seed": str(int(seed))}
        drawn = session.generate("Tom has", seed=seed, temperature=1, max_tokens=4, ignore_eog=True)
        assert drawn == session.generate("Tom has", seed=str(int(seed)), temperature=1, max_tokens=4, ignore_eog=True)
    domain: Any = {"chain_id": numpy.int64(5), "verifying_contract": "0x" + "11" * 20}
    request = Request("x", domain=domain, issued_at=numpy.int64(7), max_tokens=numpy.int32(2), bans=numpy.array([3], numpy.uint32))
    assert members(request) == {
        "prompt": "x",
        "domain": {"chainId": "5", "verifyingContract": "0x" + "11" * 20},
        "issuedAt": "7",
        "maxTokens": 2,
        "bans": [3],
    }


@pytest.mark.parametrize("value", [0.7, "0.7", Decimal("0.7"), numpy.float64(0.7), numpy.float32(0.7), numpy.array(0.7)])
def test_real_numbers_of_any_kind(value: Any) -> None:
    request = Request("x", temperature=value, logit_bias={numpy.int64(7): value}, top_p=numpy.int64(1), min_p=Fraction(1, 4))
    assert members(request) == {
        "prompt": "x", "temperature": "0.7", "logitBias": {"7": "0.7"}, "topP": "1", "minP": "0.25"
    }


@pytest.mark.parametrize(
    "name, value",
    [
        ("temperature", [1]),
        ("temperature", 1 + 2j),
        ("temperature", "warm"),
        ("temperature", numpy.float32("nan")),
        ("top_p", Fraction(1, 3)),
        ("min_p", True),
        ("seed", 1.5),
        ("seed", True),
        ("max_tokens", 1.5),
        ("max_tokens", numpy.float32(5)),
        ("max_new_tokens", "5"),
        ("choices", True),
        ("n", "2"),
        ("logprobs", True),
        ("issued_at", 1.5),
        ("stop", 5),
        ("stop", b"x"),
        ("bans", "ab"),
        ("suppress_tokens", 5),
        ("logit_bias", [1]),
        ("logit_bias", {1: None}),
        ("domain", 5),
        ("domain", {"chain_id": 1.5}),
        ("grammar", b"root"),
        ("grammar", "\ud800"),
        ("nonce", bytearray(32)),
        ("client_entropy", 5),
        ("tools", float("nan")),
        ("tools", object()),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_schema"}),
    ],
)
def test_what_is_wrong_with_a_field_names_it(session: Session, name: str, value: Any) -> None:
    fields: Dict[str, Any] = {name: value}
    with pytest.raises((TypeError, ArgumentError), match=rf"^({name}|{camel(name)})(\.\w+)?: "):
        session.stream("x", **fields)


def test_what_is_wrong_with_an_argument_names_it(model: Model, session: Session, signer: Signer, tmp_path: Path) -> None:
    receipt = session.generate("Tom", signer=signer, max_tokens=1).receipt
    assert receipt is not None
    wrong: Any
    for wrong in (b"Tom", None, {"messages": QUESTION}, 5, ["Tom"], [1.5], [True]):
        with pytest.raises(TypeError, match="^input: "):
            session.generate(wrong)
    for wrong in (b" 5", None, [" 5", " 6"], [1.5]):
        with pytest.raises(TypeError, match="^continuation: "):
            session.score("2 + 3 =", wrong)
    wrong = "0x" + "11" * 20
    with pytest.raises(TypeError, match="^signer: "):
        session.generate("Tom", signer=wrong)
    with pytest.raises(TypeError, match="^model: "):
        Session(wrong)
    with pytest.raises(TypeError, match="^adapter: "):
        Session(model, wrong)
    with pytest.raises(TypeError, match="^model: "):
        receipt.verify(wrong)
    for wrong in (QUESTION, {"prompt": "Tom"}, "Tom"):
        with pytest.raises(TypeError, match="^request: "):
            receipt.verify(request=wrong)
    for wrong in (None, [1]):
        with pytest.raises(TypeError, match="^document: "):
            Receipt.parse(wrong)
        with pytest.raises(TypeError, match="^proof: "):
            receipt.check_proof(wrong)
    with pytest.raises(SignerError, match="^keystore: .* Path"):
        Signer.from_keystore(str(tmp_path / "key.json"), "x")
    path = tmp_path / "receipt.json"
    path.write_text(receipt.to_json())
    assert Receipt.parse(path).digest == receipt.digest


def test_score_takes_any_token_ids(session: Session) -> None:
    tokens = [token.token for token in session.score("2 + 3 =", " 5 apples").tokens]
    scores = [session.score("2 + 3 =", given) for given in (tokens, tuple(tokens), numpy.array(tokens, numpy.uint32))]
    assert scores[0] == scores[1] == scores[2]


def test_request_takes_openai_names() -> None:
    own = Request("x", choices=2, max_tokens=5, schema={"type": "object"})
    assert members(own) == members(Request("x", n=2, max_completion_tokens=5, response_format={"type": "json_object"}))
    assert members(Request("x", n=None, choices=2, response_format={"type": "text"})) == {"prompt": "x", "choices": 2}
    with pytest.raises(TypeError, match="'n' and 'choices'"):
        Request("x", n=2, choices=2)
    parts = [{"role": "user", "content": [{"type": "text", "text": "To"}, {"type": "text", "text": "m"}]}]
    assert members(Request(parts)) == {"messages": [{"role": "user", "content": "Tom"}]}


def test_compact(session: Session, signer: Signer) -> None:
    receipt = session.generate("Tom é\u2028", signer=signer, max_tokens=2).receipt
    assert receipt is not None
    line = receipt.to_json(compact=True)
    assert line.splitlines() == [line] and line.isascii() and json.loads(line) == receipt.to_dict()
    assert Receipt.parse(line).to_json() == receipt.to_json()
    assert json.loads(receipt.to_json(False, compact=True)) == receipt.to_dict(disclosure=False)


def test_answers_are_copied_and_pickled(session: Session, signer: Signer) -> None:
    answer = session.generate("Tom has", signer=signer, max_tokens=3, logprobs=1)
    copies: List[Any] = [pickle.loads(pickle.dumps(answer)), copy.deepcopy(answer)]
    assert answer.receipt and copy.copy(answer.receipt).digest == answer.receipt.digest
    for other in copies:
        assert other.receipt.to_json() == answer.receipt.to_json() and other.receipt is not answer.receipt
        assert dataclasses.replace(other, receipt=None) == dataclasses.replace(answer, receipt=None)


def test_reprs_are_short_and_tell_no_text(model: Model, session: Session, signer: Signer) -> None:
    with session.stream("Tom has", signer=signer, max_tokens=8, ignore_eog=True) as stream:
        list(stream)
        answer = stream.answer()
        receipt = stream.receipt()
        assert repr(stream) == "<Stream open>"
    assert repr(stream) == "<Stream closed>"
    assert repr(model) == f"<Model {model.info.sha256[:14]}>" and model.info.sha256[:14] in repr(session)
    assert repr(signer) == f"<Signer {signer.address}>"
    assert repr(receipt) == f"<Receipt 0x{receipt.digest.hex()[:12]} of {signer.address}>"
    assert repr(receipt) in repr(answer) and answer.text not in repr(answer) and str(answer.tokens) not in repr(answer)
    assert all(len(repr(each)) < 160 for each in (model, session, signer, receipt, answer))


def test_unknown_arguments_are_named(session: Session) -> None:
    wrong: Dict[str, Any] = {"top_q": 1}
    with pytest.raises(TypeError, match="top_q"):
        session.generate("x", **wrong)
    with pytest.raises(TypeError, match="max_new_tokens"):
        session.stream("x", max_tokens=1, max_new_tokens=1)
    with pytest.raises(TypeError, match="seed"):
        session.stream(Request("x"), seed=1)
    with pytest.raises(ArgumentError, match="topP"):
        session.stream("x", top_p=7, temperature=1)
    with pytest.raises(ArgumentError, match="temperature"):
        session.stream("x", temperature=float("nan"))


def test_every_field_of_the_documentation_is_an_argument() -> None:
    from attestlm.request import FIELDS

    rows: List[str] = re.findall(r"^\| (`[^|]+) \|", (ROOT / "docs" / "request.md").read_text(), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    schema = set(json.loads((ROOT / "docs" / "schema" / "request.schema.json").read_text())["properties"])
    assert {"temperature", "issuedAt", "grammar"} <= documented
    inputs = {"messages", "prompt", "promptTokens"}
    assert {camel(name) for name in FIELDS} == schema - inputs
    # `seedRule`'s row names its companions in the second column.
    assert documented <= schema


def test_model(model: Model, tmp_path: Path) -> None:
    info = model.info
    assert info.architecture == "llama" and info.attestable == {"exact-1": None, "exact-2": None, "fast": None}
    assert profile_info().known_answer_test is None
    with pytest.raises(IoError, match="missing.gguf") as raised:
        Model.open(tmp_path / "missing.gguf")
    copied: IoError = pickle.loads(pickle.dumps(raised.value))
    assert issubclass(IoError, OSError)
    for error in (raised.value, copied):
        assert error.errno == errno.ENOENT
        assert error.strerror == error.message and error.field.endswith("missing.gguf") and error.field in str(error)
    assert IoError("no randomness", "seed").errno is None


def test_one_step_is_shown_with_its_proof_and_nothing_else(session: Session, signer: Signer) -> None:
    question = (
        "Ruth has 6 boxes. Each one holds 8 balls. Later, she drops 26 balls and cannot find them. She hands 2 balls to Vera. "
        "How many balls are left with Ruth?"
    )
    messages = [{"role": "user", "content": question}]
    receipt = session.generate(messages, signer=signer).receipt
    assert receipt is not None
    redacted = receipt.redacted([1])
    text = redacted.to_json()
    assert "48 - 26 = 22" in text
    assert not any(hidden in text for hidden in ("6 * 8", "22 - 2", "Ruth", "nonce"))
    report = Receipt.parse(text).verify(signature_only=True, expect_signer=signer.address)
    assert report.verdict.name == "verified" and "step 1" in report.compared
    for steps in ([], [4], [-1]):
        with pytest.raises(ArgumentError):
            receipt.redacted(steps)
    with pytest.raises(ReceiptError):
        redacted.redacted([1])
    for given, count in ((False, 1), (["<think>", "</think>"], 4), (("<other>", "</other>"), 1)):
        receipt = session.generate(messages, signer=signer, steps=given).receipt
        assert receipt is not None and len(receipt.to_dict()["disclosure"]["steps"]) == count


def test_receipts_follow_each_other(session: Session, signer: Signer) -> None:
    def ask(context: ContextInputs) -> Receipt:
        receipt = session.generate("Tom", max_tokens=2, ignore_eog=True, context=context, signer=signer).receipt
        assert receipt is not None
        return receipt

    job: ContextInputs = {"chain_id": 5, "job_id": b"\x01" * 32}
    first = ask(job)
    second = ask({**job, "previous_digest": first.digest})
    second.check_follows(first)
    assert second.to_dict()["disclosure"]["contextInputs"]["chainId"] == 5
    for receipt, previous in ((first, second), (second, second), (ask({"previous_digest": first.digest}), first)):
        with pytest.raises(ReceiptError) as raised:
            receipt.check_follows(previous)
        assert raised.value.field == "context"
    with pytest.raises(TypeError, match="receipt: it is of class Receipt"):
        second.check_follows("first")  # type: ignore[arg-type]


def test_a_wallets_signature_is_left_to_its_chain(session: Session, signer: Signer) -> None:
    domain: Domain = {"chain_id": 1, "verifying_contract": "0x" + "11" * 20}
    receipt = session.generate("Tom", max_tokens=2, ignore_eog=True, domain=domain, signer=signer).receipt
    assert receipt is not None
    for signature in (b"", b"two owners", bytes(8192)):
        receipt.sign_as_wallet(signature)
        assert receipt.to_dict()["signature"] == "0x" + signature.hex()
        verdict = Receipt.parse(receipt.to_json()).verify(signature_only=True).verdict
        assert verdict.name == "unverifiable" and (verdict.why or "").startswith("erc1271: ")
    with pytest.raises(ArgumentError):
        receipt.sign_as_wallet(bytes(8193))
    free = session.generate("Tom", max_tokens=1, signer=signer).receipt
    assert free is not None
    with pytest.raises(ArgumentError):
        free.sign_as_wallet("0x1234")
