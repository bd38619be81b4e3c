"""Receipts: reading, signing, judging them, and proofs of their parts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Dict, Mapping, Optional, Tuple, Union

from ._call import call, fixed, interruptible, json_bytes, made, text
from ._handle import Owned, borrowed
from ._library import lib
from ._record import camel, of_json
from .model import Adapter, Model
from .request import Request
from .signer import from_hex, to_hex

Document = Dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`name`: verified, diverged, invalid, unverifiable, consistent or inconsistent, and what belongs to it."""

    name: str
    position: Optional[int] = None
    what: Optional[str] = None
    why: Optional[str] = None
    score: Optional[float] = None
    prefix_only: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """What was found (`docs/verify.md`), and in `not_compared` what was not looked at. `json` is its text."""

    verdict: Verdict
    kind: Optional[int]
    signer: Optional[str]
    digest: Optional[str]
    compared: Tuple[str, ...]
    not_compared: Tuple[str, ...]
    json: str = dataclasses.field(repr=False)

    def __bool__(self) -> bool:
        raise TypeError("a report is not a yes or a no: compare report.verdict.name")


class Receipt(Owned):
    """A receipt with its disclosure, or without."""

    def __init__(self, pointer: Any) -> None:
        super().__init__(pointer, lib.attestlm_receipt_free)

    @classmethod
    def parse(cls, document: Union[str, bytes, Mapping[str, Any]]) -> Receipt:
        """Reads a document: its text, or its object. Form alone is looked at: the rest is `verify`'s."""
        given = json_bytes(document)
        return cls(made("receipt", lib.attestlm_receipt_parse, given, len(given)))

    def to_json(self, disclosure: bool = True) -> str:
        """The document, the same bytes in every language; without `disclosure`: without prompt, output and seed."""
        with self._handle as receipt:
            return text(lib.attestlm_receipt_to_json, receipt, int(disclosure))

    def to_dict(self, disclosure: bool = True) -> Document:
        document: Document = json.loads(self.to_json(disclosure))
        return document

    @property
    def typed_data(self) -> Document:
        """What a wallet's `eth_signTypedData_v4` takes, before it is signed or after."""
        with self._handle as receipt:
            data: Document = json.loads(text(lib.attestlm_receipt_typed_data, receipt))
        return data

    @property
    def digest(self) -> bytes:
        """The EIP-712 digest that is signed, 32 bytes."""
        with self._handle as receipt:
            return fixed(32, lib.attestlm_receipt_digest, receipt)

    @property
    def signer(self) -> str:
        """The stated signer's address, in lower-case hex; whether it signed is `verify`'s to say."""
        with self._handle as receipt:
            return to_hex(fixed(20, lib.attestlm_receipt_signer, receipt))

    def sign(self, signature: Union[bytes, str]) -> None:
        """Adds the stated signer's signature over `digest`: r, s and v, 65 bytes, or their hex."""
        given = from_hex(signature, "signature")
        with self._handle as receipt:
            call(lib.attestlm_receipt_sign, receipt, given, len(given))

    def verify(
        self,
        model: Optional[Model] = None,
        *,
        adapter: Optional[Adapter] = None,
        request: Optional[Request] = None,
        expect_signer: Optional[str] = None,
        expect_model: Optional[str] = None,
        expect_adapter: Optional[str] = None,
        expect_sampler: Optional[str] = None,
        expect_profile: Optional[str] = None,
        expect_finish: Union[str, int, None] = None,
        expect_context: Optional[str] = None,
        scored: Optional[bool] = None,
        allow_prefix: Optional[bool] = None,
        tolerant: Optional[bool] = None,
        signature_only: Optional[bool] = None,
        threads: Optional[int] = None,
    ) -> Report:
        """Judges it: by a replay with `model`; without one only signature and commitments (`signature_only`). `request`
        is your own: without it a hidden system prompt does not show. Hashes are in hex."""
        terms = {
            "adapter": expect_adapter,
            "allow_prefix": allow_prefix,
            "context": expect_context,
            "finish": expect_finish,
            "model": expect_model,
            "profile": expect_profile,
            "sampler": expect_sampler,
            "scored": scored,
            "signature_only": signature_only,
            "signer": expect_signer,
            "threads": threads,
            "tolerant": tolerant,
        }
        given = json_bytes({camel(name): value for name, value in terms.items() if value is not None})
        own = b"" if request is None else request.to_json()

        def judge() -> str:
            with self._handle as receipt, borrowed(model) as weights, borrowed(adapter) as change:
                arguments = (given, len(given), own, len(own))
                return text(lib.attestlm_receipt_verify, receipt, weights, change, *arguments)

        # The library cannot cancel a replay.
        found = judge() if model is None else interruptible(judge, None)
        value = json.loads(found)
        return of_json(
            Report,
            value,
            verdict=of_json(Verdict, value["verdict"]),
            compared=tuple(value["compared"]),
            not_compared=tuple(value["notCompared"]),
            json=found,
        )

    def prove_step(self, index: int) -> Document:
        """A proof that step `index` is part of the output. It is the signer's claim, not a replay."""
        with self._handle as receipt:
            proof: Document = json.loads(text(lib.attestlm_receipt_prove_step, receipt, index))
        return proof

    def check_proof(self, proof: Union[str, bytes, Mapping[str, Any]]) -> None:
        """Raises a `ReceiptError` unless a proof of a step or token leads to this receipt's roots. Nobody's signature is
        looked at."""
        given = json_bytes(proof)
        with self._handle as receipt:
            call(lib.attestlm_receipt_check_proof, receipt, given, len(given))
