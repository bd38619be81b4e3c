"""Wrong arguments: one error that names what is wrong, tells no secret, and comes soon."""

from __future__ import annotations

import time
import traceback
from decimal import Decimal
from typing import Any, Callable, List, Tuple

import pytest

from attestlm import ArgumentError, Model, Receipt, Request, Session, Signer

HALF = "\ud800"
TEXT = {"role": "user"}


def test_no_error_holds_a_secret(session: Session, signer: Signer) -> None:
    secret = "hunter2" + HALF
    works: List[Tuple[str, Callable[[], Any]]] = [
        ("password", lambda: Signer.from_keystore("{}", secret)),
        ("password", lambda: signer.to_keystore(secret)),
        ("keystore", lambda: Signer.from_keystore("{" + secret, "x")),
        ("keystore", lambda: Signer.from_keystore({"crypto": secret}, "x")),
        ("address", lambda: Signer.external(secret)),
        ("prompt", lambda: session.generate(secret)),
        ("messages", lambda: session.generate([{**TEXT, "content": secret}])),
        ("stop", lambda: session.generate("x", stop=secret)),
        ("request", lambda: Request.from_json(secret)),
        ("continuation", lambda: session.score("x", secret)),
        ("document", lambda: Receipt.parse(secret)),
        ("path", lambda: Model.open(secret)),
        ("options", lambda: Session(Model.bundled(), profile=secret)),
    ]
    for field, work in works:
        with pytest.raises(ArgumentError) as raised:
            work()
        assert raised.value.field == field
        error: Any = raised.value
        while error is not None:
            assert "hunter2" not in repr(error) + repr(vars(error)) + str(error), field
            assert not isinstance(error, UnicodeError), field
            error = error.__cause__ or error.__context__
        shown = "".join(traceback.format_exception_only(raised.type, raised.value))
        assert "hunter2" not in shown


def test_an_endless_number_is_refused_at_once(session: Session) -> None:
    for value in (Decimal("1e1000000000"), Decimal("1e-1000000000"), Decimal("-1e99999")):
        every: Any = ({"temperature": value}, {"logit_bias": {1: value}})
        for fields in every:
            began = time.monotonic()
            with pytest.raises(ArgumentError, match="exponent") as raised:
                Request("x", **fields)
            assert raised.value.field == next(iter(fields))
            assert time.monotonic() - began < 1
    assert b'"temperature":"0.7"' in Request("x", temperature=Decimal("7e-1")).to_json()


def test_a_wrong_type_names_its_field(session: Session, signer: Signer) -> None:
    receipt = session.generate("Tom", signer=signer, max_tokens=2).receipt
    assert receipt is not None
    made: Any = session
    any_signer: Any = Signer
    any_receipt: Any = receipt
    any_session: Any = Session
    works: List[Tuple[str, Callable[[], Any]]] = [
        ("model", lambda: any_session(None)),
        ("options", lambda: any_session(Model.bundled(), threads=object())),
        ("address", lambda: any_signer.callback(None, print)),
        ("address", lambda: any_signer.external(5)),
        ("sign", lambda: any_signer.callback(signer.address, None)),
        ("key", lambda: any_signer.from_key(5)),
        ("password", lambda: any_signer.from_keystore("{}", None)),
        ("password", lambda: made and any_signer.random().to_keystore(5)),
        ("path", lambda: Model.open(None)),  # type: ignore[arg-type]
        ("response_format", lambda: made.create_completion("x", response_format="text")),
        ("response_format", lambda: made.create_completion("x", response_format={"type": "json_schema"})),
        ("response_format", lambda: made.create_completion("x", response_format={"type": "json_schema", "json_schema": 5})),
        ("stream_options", lambda: made.create_completion("x", stream_options=5)),
        ("input", lambda: made.create_chat_completion([{**TEXT, "content": [{"type": "text"}]}])),
        ("input", lambda: made.create_chat_completion([{**TEXT, "content": ["x"]}])),
        ("index", lambda: any_receipt.prove_step(-1)),
        ("index", lambda: any_receipt.prove_step("a")),
    ]
    for field, work in works:
        with pytest.raises((TypeError, ArgumentError)) as raised:
            work()
        assert str(raised.value).startswith(f"{field}: "), (field, str(raised.value))


def test_whatever_holds_bytes_is_taken(signer: Signer) -> None:
    made: Any = Signer
    for kind in (bytearray, memoryview):
        assert made.from_key(kind(b"F" * 32)).address == signer.address
        address = bytes.fromhex(signer.address[2:])
        assert made.external(kind(address)).address == signer.address
