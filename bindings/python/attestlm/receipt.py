"""Receipts: reading, signing, judging them, and proofs of their parts."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Literal, Mapping, Optional, SupportsIndex, Tuple, TypedDict, Union

from ._address import address_text
from ._call import Document as Given, call, document_bytes, fixed, json_bytes, made, text
from ._handle import Owned, borrowed, handle
from ._library import ffi, lib
from ._operation import Progress, awaited, watched
from ._record import camel, of_json
from .model import Adapter, Model
from .request import Bytes32, Domain, Request, Tokens, bytes32, domain, large, named, token_ids, uint32
from .signer import from_hex

if TYPE_CHECKING:
    from typing_extensions import Unpack

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


class Terms(TypedDict, total=False):
    """What is expected of a receipt, and how it is compared. Hashes are bytes or in hex, an address as `Signer.address` or
    in lower case. The times are Unix seconds, both included. None is the same as absent."""

    expect_signer: Union[str, None]
    expect_model: Union[Bytes32, None]
    expect_adapter: Union[Bytes32, None]
    expect_sampler: Union[Bytes32, None]
    expect_profile: Union[str, None]
    expect_finish: Union[str, int, None]
    expect_context: Union[Bytes32, None]
    expect_domain: Union[Domain, Literal["none"], None]
    expect_seed: Union[SupportsIndex, str, None]
    expect_client_entropy: Union[Bytes32, None]
    expect_provider_commitment: Union[Bytes32, None]
    expect_beacon: Union[Bytes32, None]
    expect_nonce: Union[Bytes32, None]
    issued_from: Union[SupportsIndex, str, None]
    issued_until: Union[SupportsIndex, str, None]
    scored: Union[bool, None]
    allow_prefix: Union[bool, None]
    tolerant: Union[bool, None]
    signature_only: Union[bool, None]
    threads: Union[int, None]


_TERMS = set(Terms.__annotations__)

_HASHES = ("model", "adapter", "sampler", "context", "client_entropy", "provider_commitment", "beacon", "nonce")
_CONVERTED: Dict[str, Callable[[Any], Any]] = {
    **{f"expect_{name}": bytes32 for name in _HASHES},
    **dict.fromkeys(("expect_seed", "issued_from", "issued_until"), large),
    "expect_domain": lambda value: value if isinstance(value, str) else domain(value),
}


def _report(document: str) -> Report:
    value = json.loads(document)
    return of_json(
        Report,
        value,
        verdict=of_json(Verdict, value["verdict"]),
        compared=tuple(value["compared"]),
        not_compared=tuple(value["notCompared"]),
        json=document,
    )


class Receipt(Owned):
    """A receipt with its disclosure, or without."""

    @classmethod
    def parse(cls, document: Given) -> Receipt:
        """Reads a document: its text, its object, or, as a `Path`, its file. Form alone is looked at: the rest is `verify`'s."""
        given = document_bytes(document, "document")
        return cls(made("receipt", lib.attestlm_receipt_parse, given, len(given)))

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self).parse, (self.to_json(),)

    def _about(self) -> str:
        return f"0x{self.digest.hex()[:12]} of {self.signer}"

    def to_json(self, disclosure: bool = True, *, compact: bool = False) -> str:
        """The document, the same bytes in every language; without `disclosure`: without prompt, output and seed.
        `compact`: the same document in one line, in ASCII. Before it is signed it has no signature."""
        if compact:
            return json.dumps(self.to_dict(disclosure), separators=(",", ":"))
        with self._handle as receipt:
            return text(lib.attestlm_receipt_to_json, receipt, int(disclosure))

    def to_dict(self, disclosure: bool = True) -> Document:
        """The document as `json` reads it; `Receipt.parse` takes it back."""
        document: Document = json.loads(self.to_json(disclosure))
        return document

    @property
    def is_signed(self) -> bool:
        """Whether there is a signature; whether it is the stated signer's is `verify`'s to say."""
        return "signature" in self.to_dict(disclosure=False)

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
        """The stated signer's address, in the mixed case of EIP-55; whether it signed is `verify`'s to say."""
        with self._handle as receipt:
            return address_text(fixed(20, lib.attestlm_receipt_signer, receipt))

    def sign(self, signature: Union[bytes, str]) -> None:
        """Adds the stated signer's signature over `digest`: r, s and v, 65 bytes, or their hex."""
        given = from_hex(signature, "signature")
        with self._handle as receipt:
            call(lib.attestlm_receipt_sign, receipt, given, len(given))

    def sign_as_wallet(self, signature: Union[bytes, str]) -> None:
        """Adds what a contract wallet, the stated signer, takes for its signature of `digest` (ERC-1271): at most 8,192
        bytes, or their hex, as they are. Only its chain can check them; the receipt has to be for a contract."""
        given = from_hex(signature, "signature")
        with self._handle as receipt:
            call(lib.attestlm_receipt_sign_as_wallet, receipt, given, len(given))

    def verify(
        self,
        model: Optional[Model] = None,
        *,
        adapter: Optional[Adapter] = None,
        request: Optional[Request] = None,
        progress: Optional[Progress] = None,
        **terms: Unpack[Terms],
    ) -> Report:
        """Judges it: by a replay with `model`; without one only signature and commitments (`signature_only`). `request`
        is your own: without it a hidden system prompt does not show. `progress` is told the tokens that are replayed, and
        of how many, ten times a second and at the end; what it raises ends the replay. So does an interrupt."""
        judge = self._judge(model, adapter, request, terms)
        # Without a replay there is nothing to wait for.
        return _report(judge(ffi.NULL) if model is None else watched(judge, progress))

    async def averify(
        self,
        model: Optional[Model] = None,
        *,
        adapter: Optional[Adapter] = None,
        request: Optional[Request] = None,
        **terms: Unpack[Terms],
    ) -> Report:
        """The same, without blocking the event loop. A cancel of the task ends the replay."""
        return _report(await awaited(self._judge(model, adapter, request, terms)))

    def _judge(
        self, model: Optional[Model], adapter: Optional[Adapter], request: Optional[Request], terms: Mapping[str, Any]
    ) -> Callable[[Any], str]:
        """What makes the report, given an operation."""
        for name in terms:
            if name not in _TERMS:
                raise TypeError(f"there is no term {name!r}")
        members = {
            camel(name.replace("expect_", "")): named(name, _CONVERTED.get(name, lambda same: same), value)
            for name, value in terms.items()
            if value is not None
        }
        given = json_bytes(members, "terms")
        if not isinstance(request, (Request, type(None))):
            raise TypeError(f"request: a Request, with every field you set, not a {type(request).__name__}")
        own = b"" if request is None else request.to_json()

        def judge(operation: Any) -> str:
            with self._handle as receipt, borrowed(model, Model) as weights, borrowed(adapter, Adapter) as change:
                arguments = (given, len(given), own, len(own), operation)
                return text(lib.attestlm_receipt_verify, receipt, weights, change, *arguments)

        return judge

    def prove_step(self, index: int) -> Document:
        """A proof that step `index` is part of the output. It is the signer's claim, not a replay."""
        step = named("index", uint32, index)
        with self._handle as receipt:
            proof: Document = json.loads(text(lib.attestlm_receipt_prove_step, receipt, step))
        return proof

    def redacted(self, steps: Tokens) -> Receipt:
        """The receipt with these steps, each with its proof, and nothing else readable, or open to guesses."""
        shown = json.dumps({"steps": named("steps", token_ids, steps)}).encode()
        with self._handle as receipt:
            return Receipt(made("receipt", lib.attestlm_receipt_redact, receipt, shown, len(shown)))

    def check_follows(self, previous: Receipt) -> None:
        """Raises a `ReceiptError` unless this receipt follows the other: its request's `context` names that one's digest.
        Neither signature is looked at."""
        with self._handle as receipt, handle(previous, Receipt) as before:
            call(lib.attestlm_receipt_check_follows, receipt, before)

    def check_proof(self, proof: Given) -> None:
        """Raises a `ReceiptError` unless a proof of a step or token leads to this receipt's roots. Nobody's signature is
        looked at."""
        given = document_bytes(proof, "proof")
        with self._handle as receipt:
            call(lib.attestlm_receipt_check_proof, receipt, given, len(given))
