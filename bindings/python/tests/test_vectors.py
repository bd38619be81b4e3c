"""The vectors of every implementation (`vectors/README.md`), as far as whole requests and receipts reach."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from conftest import ROOT

from attestlm import ArgumentError, AttestLMError, Model, Receipt, ReceiptError, Report, Request, Session, Signer
from attestlm import SignerError

FOLDER = ROOT / "vectors"
MANIFEST: Dict[str, Any] = json.loads((FOLDER / "manifest.json").read_text())
LEFT_OUT = {
    "commitments": "hashes of parts, which only whole receipts show (receipts, refused)",
    "numerics": "operations inside a model, which only whole answers show (generations)",
    "sampler": "draws from given logits, which only whole answers show (generations)",
    "steps": "outputs of no model; a model's own are cut in its answers (generations)",
    "template": "templates of no model; a model's own shows in its answers (generations)",
}
Case = Dict[str, Any]
_sessions: Dict[str, Session] = {}


def cases(area: str) -> List[Any]:
    """Every case of an area, named by its file, or by its own name in a file of many."""
    found = []
    for file in sorted(MANIFEST[area]["sha256"]):
        document = json.loads((FOLDER / area / file).read_text())
        if "cases" not in document:
            found.append(pytest.param(document, id=file))
            continue
        assert len(document["cases"]) == document["count"]
        found.extend(pytest.param(case, id=case["name"]) for case in document["cases"])
    return found


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def snake(names: Dict[str, Any]) -> Dict[str, Any]:
    return {re.sub(r"[A-Z]", lambda match: "_" + match.group().lower(), name): value for name, value in names.items()}


def session_of(model: Model, case: Case) -> Session:
    key = compact(case["options"])
    if key not in _sessions:
        _sessions[key] = Session(model, **snake(case["options"]))
    return _sessions[key]


def report_of(receipt: Receipt) -> Report:
    """A check without a model, which expects of the receipt what it is."""
    report = receipt.verify(signature_only=True, allow_prefix=True)
    return receipt.verify(signature_only=True, scored=True) if report.kind == 1 else report


def is_refused(report: Report) -> bool:
    """Of a receipt for a contract its chain decides: the signer may be a contract."""
    return report.verdict.name == "invalid" or (report.verdict.why or "").startswith("erc1271: ")


def is_answer(case: Case, ask: Callable[[], Any]) -> None:
    if case["code"] == 0:
        ask()
        return
    with pytest.raises(AttestLMError) as raised:
        ask()
    error = raised.value
    assert (error.code, error.kind, error.field) == (case["code"], case["name"], case["field"])
    assert error.message and case.get("says", "") in error.message


@pytest.mark.parametrize("area", MANIFEST)
def test_every_area_is_known_and_whole(area: str) -> None:
    listed = MANIFEST[area]
    files = {path.name for path in (FOLDER / area).iterdir() if path.suffix == ".json"}
    assert len(listed["sha256"]) == listed["count"] > 0
    assert files == set(listed["sha256"])
    for file, digest in listed["sha256"].items():
        assert hashlib.sha256((FOLDER / area / file).read_bytes()).hexdigest() == digest.replace("0x", "")
    assert (area in LEFT_OUT) != (f"test_{area}" in globals())


def test_accepts_and_refuses() -> None:
    for area in ("gguf", "requests"):
        assert {case.values[0]["code"] == 0 for case in cases(area)} == {True, False}


@pytest.mark.parametrize("case", cases("receipts"))
def test_receipts(case: Case) -> None:
    receipt = Receipt.parse(compact(case["document"]))
    assert "0x" + receipt.digest.hex() == case["expect"]["digest"]
    assert receipt.signer.lower() == case["expect"]["signer"].lower()
    assert report_of(receipt).verdict.name == "verified"
    assert receipt.to_dict() == case["document"]
    Receipt.parse(receipt.to_json()).close()
    # Signed at another time it was not.
    changed = {**case["document"], "message": {**case["document"]["message"], "issuedAt": "1"}}
    assert is_refused(report_of(Receipt.parse(changed)))


@pytest.mark.parametrize("case", cases("refused"))
def test_refused(case: Case) -> None:
    step = case["step"]
    try:
        receipt = Receipt.parse(case["text"])
    except ReceiptError:
        assert step == "read"
        return
    report = report_of(receipt)
    if step == "unverifiable":
        assert report.verdict.name == step and (report.verdict.why or "").startswith(case["field"])
        return
    assert is_refused(report)
    if step == "commitments":
        assert (report.verdict.what or "").startswith(case["field"] + ":")
    else:
        assert bool(report.compared) == (step == "signature") and "signature" not in report.compared


@pytest.mark.parametrize("case", cases("merkle"))
def test_merkle(case: Case) -> None:
    claimed = case["receipt"]
    document = json.loads((FOLDER / "receipts" / "undisclosed.json").read_text())["document"]
    document["message"].update(
        kind=claimed["kind"], outputCount=claimed["outputCount"], trace=claimed["root"], steps=claimed["root"]
    )
    receipt = Receipt.parse(document)
    if case["valid"]:
        receipt.check_proof(case["proof"])
    else:
        with pytest.raises(ReceiptError):
            receipt.check_proof(case["proof"])


@pytest.mark.parametrize("case", cases("keystore"))
def test_keystore(case: Case) -> None:
    given = case["keystore"] if isinstance(case["keystore"], str) else compact(case["keystore"])
    if case.get("error") is None:
        assert Signer.from_keystore(given, case["password"]).address.lower() == case["address"].lower()
        return
    with pytest.raises(SignerError) as raised:
        Signer.from_keystore(given, case["password"])
    assert raised.value.field == case["error"]


def receipts_of(session: Session, case: Case, input: Any, fields: Dict[str, Any]) -> Tuple[str, ...]:
    signer = Signer.from_key(case["key"])
    if "continuation" in case:
        follows = case["continuation"].get("text", case["continuation"].get("tokens"))
        receipts = [session.score(input, follows, signer=signer, **fields).receipt]
    else:
        with session.stream(input, signer=signer, **fields) as stream:
            for _ in stream:
                pass
            receipts = [stream.receipt(choice) for choice in range(len(case["receipts"]))]
            with pytest.raises(ArgumentError, match="choice"):
                stream.receipt(len(receipts))
    return tuple(receipt.to_json() for receipt in receipts if receipt is not None)


@pytest.mark.parametrize("case", cases("generations"))
def test_generations(model: Model, case: Case) -> None:
    request = Request.from_json(compact(case["request"]))
    assert receipts_of(session_of(model, case), case, request, {}) == tuple(case["receipts"])


@pytest.mark.parametrize("case", cases("generations"))
def test_generations_by_keywords(model: Model, case: Case) -> None:
    fields = dict(case["request"])
    input = next(fields.pop(name) for name in ("messages", "prompt", "promptTokens") if name in fields)
    for name in ("temperature", "topP", "minP", "repeatPenalty", "presencePenalty", "frequencyPenalty"):
        if name in fields:
            fields[name] = float(fields[name])
    assert receipts_of(session_of(model, case), case, input, snake(fields)) == tuple(case["receipts"])


@pytest.mark.parametrize("case", cases("requests"))
def test_requests(model: Model, case: Case) -> None:
    # What is accepted is queued, and dropped before anything is computed.
    session = session_of(model, case)
    is_answer(case, lambda: session.stream(Request.from_json(case["request"])).close())


@pytest.mark.parametrize("case", cases("gguf"))
def test_gguf(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(bytes.fromhex(case["hex"].replace("0x", "")))
    is_answer(case, lambda: Model.check(path))
    is_answer(case, lambda: Model.open(path).close())
