#!/usr/bin/env python3
"""Makes vectors/refused/: receipt documents that docs/spec/receipt-1.md refuses, each for one reason.

    python3 vectors/tools/refusals_reference.py            writes the vectors
    python3 vectors/tools/refusals_reference.py --check    fails if a file differs

Each begins as a good document and is signed again after its edit, so that only the edit is at fault.
"""

import copy
import json
import pathlib
import sys

import receipt_1
import receipt_reference as reference
import secp256k1
from receipt_1 import H, ZERO, canonical, hexed, sampler_hash
from receipt_reference import pseudo

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "refused"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
GOOD = {name: case["document"] for name, case in reference.receipts().items()}
KEYS = {hexed(secp256k1.address(key)): key for key in reference.KEYS.values()}


def receipt_of(document):
    bytes_of = lambda kind, value: int(value) if kind.startswith("uint") else bytes.fromhex(value[2:])
    return {name: bytes_of(kind, document["message"][name]) for kind, name in receipt_1.FIELDS}


def digest_of(document):
    domain = document["domain"]
    pair = (domain["chainId"], bytes.fromhex(domain["verifyingContract"][2:])) if "chainId" in domain else None
    return receipt_1.digest_of(receipt_of(document), pair)


def edited(name, edit):
    document = copy.deepcopy(GOOD[name])
    edit(document, document["message"], document.get("disclosure"))
    return document


def signed(name, edit):
    document = edited(name, edit)
    signer = document["message"]["signer"]
    if signer in KEYS:
        document["signature"] = hexed(secp256k1.sign(KEYS[signer], digest_of(document)))
    return receipt_1.document_text(document)


def message(name, **fields):
    return signed(name, lambda document, message, disclosure: message.update(fields))


def disclosed(name, **members):
    """`None` leaves a member out."""
    def edit(document, message, disclosure):
        for key, value in members.items():
            disclosure.pop(key, None) if value is None else disclosure.update({key: value})
    return signed(name, edit)


def record(name, fields=None, **values):
    """A sampler record with other values, its hash in the receipt; `fields` are other fields of the receipt."""
    def edit(document, message, disclosure):
        message.update(fields or {})
        disclosure["sampler"].update(values)
        message["sampler"] = hexed(sampler_hash(disclosure["sampler"]))
    return signed(name, edit)


def salts_of(disclosure):
    return receipt_1.salts(bytes.fromhex(disclosure["nonce"][2:]), disclosure["stream"])


def request(name, **members):
    """A request with other members, its commitment in the receipt."""
    def edit(document, message, disclosure):
        changed = receipt_1.resort({**disclosure["request"], **members})
        disclosure["request"] = changed
        salt = salts_of(disclosure)["request"]
        message["request"] = hexed(receipt_1.commit_bytes("request", salt, canonical(changed).encode()))
    return signed(name, edit)


def steps(name, *cuts):
    """The output in steps (kind, first, end), their root in the receipt."""
    def edit(document, message, disclosure):
        made = [{"index": i, "kind": kind, "firstToken": first, "endToken": end, "text": b"x"}
                for i, (kind, first, end) in enumerate(cuts)]
        disclosure["steps"] = [receipt_1.step_json(step) for step in made]
        leaves = receipt_1.step_leaves(salts_of(disclosure)["steps"], made)
        message["steps"] = hexed(receipt_1.root("steps-root", leaves))
    return signed(name, edit)


def shown(name, *cuts, count=4):
    """Some steps (index, first, end) of so many, each with its proof, under a root that has them."""
    def edit(document, message, disclosure):
        salt, made = pseudo("steps salt"), {i: {"index": i, "kind": 1, "firstToken": 0, "endToken": 1, "text": b"x"} for i in range(count)}
        for index, first, end in cuts:
            made[index].update(kind=int(index < count - 1), firstToken=first, endToken=end)
        made = list(made.values())
        disclosure["stepProofs"] = [reference.step_proof(salt, made, index) for index, _, _ in cuts]
        message["steps"] = hexed(receipt_1.root("steps-root", receipt_1.step_leaves(salt, made)))
    return signed(name, edit)


def text(name, old, new):
    """A document whose text is not as a writer prints it."""
    printed = receipt_1.document_text(GOOD[name])
    assert printed.count(old) >= 1, (name, old)
    return printed.replace(old, new, 1)


def signature(name, change):
    def edit(document, message, disclosure):
        raw = bytes.fromhex(document["signature"][2:])
        document["signature"] = hexed(change(raw[:32], raw[32:64], raw[64]))
    return receipt_1.document_text(edited(name, edit))


def high_s(r, s, v):
    return r + (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big") + bytes([55 - v])


def unreadable():
    nested = lambda depth: "[" * depth + "]" * depth
    tools = lambda value: text("drawn", '"tools": null', f'"tools": {value}')
    zero, job = '"0x' + "0" * 64 + '"', GOOD["of-a-job"]["disclosure"]["contextInputs"]
    return {
        "duplicate-member": text("drawn", '"primaryType"', '"primaryType": "Receipt",\n  "primaryType"'),
        "duplicate-member-escaped": text("drawn", '"primaryType"', '"primary\\u0054ype": "Receipt",\n  "primaryType"'),
        "unknown-member": text("drawn", '"primaryType"', '"note": "",\n  "primaryType"'),
        "missing-member": text("drawn", '  "primaryType": "Receipt",\n', ""),
        "disclosure-null": text("undisclosed", '"primaryType"', '"disclosure": null,\n  "primaryType"'),
        "byte-order-mark": text("drawn", "{", "\ufeff{"),
        "text-after": text("drawn", "{", "{") + "{}",
        "trailing-comma": text("drawn", "[42, 17, 2]", "[42, 17, 2,]"),
        "lone-surrogate": text("drawn", '"profile": "ggml', '"profile": "\\ud800ggml'),
        "hex-upper-case": text("drawn", '"adapter": "0x0', '"adapter": "0X0'),
        "hex-upper-digits": text("contract-domain", "0x" + "c" * 40, "0x" + "C" * 40),
        "hex-short": text("drawn", '"adapter": "0x00', '"adapter": "0x'),
        "uint-as-text": text("drawn", '"promptCount": 4', '"promptCount": "4"'),
        "uint-exponent": text("drawn", '"promptCount": 4', '"promptCount": 4e0'),
        "uint-point": text("drawn", '"promptCount": 4', '"promptCount": 4.0'),
        "uint-minus-zero": text("drawn", '"kind": 0', '"kind": -0'),
        "uint-leading-zero": text("drawn", '"promptCount": 4', '"promptCount": 04'),
        "uint32-beyond": text("drawn", '"stream": 0', '"stream": 4294967296'),
        "uint64-number": text("drawn", '"issuedAt": "1767225600"', '"issuedAt": 1767225600'),
        "uint64-leading-zero": text("drawn", '"1767225600"', '"01767225600"'),
        "uint64-beyond": text("drawn", '"1767225600"', '"18446744073709551616"'),
        "real-number": text("drawn", '"temperature": "0.7"', '"temperature": 0.7'),
        "real-superfluous-zero": text("drawn", '"0.7"', '"0.70"'),
        "real-plus": text("drawn", '"0.7"', '"+0.7"'),
        "real-minus-zero": text("drawn", '"presencePenalty": "0"', '"presencePenalty": "-0"'),
        "real-no-whole": text("drawn", '"0.7"', '".7"'),
        "real-exponent": text("drawn", '"0.7"', '"7e-1"'),
        "real-seven-places": text("drawn", '"0.7"', '"0.7000001"'),
        "integer-beyond": tools("[9007199254740993]"),
        "number-too-large": tools("[1e400]"),
        "nested-too-deeply": tools(nested(127)),
        "chain-id-0": text("contract-domain", '"chainId": 11155111', '"chainId": 0'),
        "chain-id-beyond": text("contract-domain", '"chainId": 11155111', '"chainId": 9007199254740992'),
        "chain-id-alone": text("contract-domain", '"chainId": 11155111,\n    "verifyingContract": "0x' + "c" * 40 + '"',
                               '"chainId": 11155111'),
        "contract-zero": text("contract-domain", "0x" + "c" * 40, "0x" + "0" * 40),
        "domain-name": text("drawn", '"name": "AttestLM"', '"name": "attestlm"'),
        "domain-version": text("drawn", '"version": "1"', '"version": "2"'),
        "domain-types": text("drawn", '"name": "version",\n        "type": "string"',
                             '"name": "version",\n        "type": "bytes32"'),
        "receipt-types": text("drawn", '"name": "kind",\n        "type": "uint8"', '"name": "kind",\n        "type": "uint16"'),
        "primary-type": text("drawn", '"primaryType": "Receipt"', '"primaryType": "receipt"'),
        "two-signers": signed("drawn", lambda d, m, o: d.update(signer="0x" + "11" * 20)),
        "nonce-zero": text("greedy", '"nonce": "' + GOOD["greedy"]["disclosure"]["nonce"] + '"', f'"nonce": {zero}'),
        "nonce-and-salts": disclosed("redacted", nonce=hexed(pseudo("redacted nonce"))),
        "salts-empty": disclosed("redacted-to-nothing", salts={}),
        "stream-missing": disclosed("greedy", stream=None),
        "inputs-without-seed": disclosed("seed-rule-1", seed=None),
        "inputs-of-rule-0": disclosed("drawn", seedInputs={"rule": 0}),
        "context-chain-id-beyond": text("scored-of-a-job", '"chainId": 9007199254740991', '"chainId": 9007199254740992'),
        "context-chain-id-text": text("scored-of-a-job", '"chainId": 9007199254740991', '"chainId": "9007199254740991"'),
        "context-contract-upper-case": text("scored-of-a-job", "0x" + "c" * 40, "0x" + "C" * 40),
        "context-inputs-missing": disclosed("of-a-job", contextInputs={k: v for k, v in job.items() if k != "contract"}),
        "context-inputs-unknown": disclosed("of-a-job", contextInputs={**job, "nonce": hexed(ZERO)}),
        "context-inputs-zero": disclosed("of-a-job", contextInputs={"chainId": 0, "contract": "0x" + "0" * 40, "jobId": zero[1:-1],
                                                                      "previousDigest": zero[1:-1]}),
        "signature-64-bytes": text("drawn", GOOD["drawn"]["signature"], GOOD["drawn"]["signature"][:-2]),
        "signature-130-bytes": text("drawn", GOOD["drawn"]["signature"], GOOD["drawn"]["signature"] + "00" * 65),
        "signature-8193-bytes": text("contract-domain", GOOD["contract-domain"]["signature"], "0x" + "00" * 8193),
        "signature-null": text("drawn", f'"{GOOD["drawn"]["signature"]}"', "null"),
        "record-version-0": record("drawn", version=0),
        "record-version-beyond": disclosed("drawn", sampler={"version": 2**32}),
        "text-hex-of-utf8": text("drawn", '"text": " 42"', '"textHex": "0x203432"'),
        "text-twice": text("half-a-character", '"textHex"', '"text": "",\n          "textHex"'),
        "bans-not-rising": record("drawn", bans=[2, 1]),
        "bias-twice": record("drawn", logitBias=[{"token": 1, "bias": "1"}, {"token": 1, "bias": "2"}]),
    }


def malformed():
    return {
        "kind-2": message("drawn", kind=2),
        "kind-1-generated": message("drawn", kind=1),
        "kind-0-scored": message("scored", kind=0),
        **{f"{field}-zero": message("drawn", **{field: hexed(ZERO)})
           for field in ("model", "profile", "sampler", "request", "prompt", "output", "trace", "steps")},
        "signer-zero": signed("drawn", lambda d, m, o: (m.update(signer="0x" + "0" * 40), d.update(signer=m["signer"]))),
        "prompt-count-0": message("drawn", promptCount=0),
        "output-count-0": message("drawn", outputCount=0),
        "counts-beyond": message("undisclosed", promptCount=2**32 - 3),
        "finish-6": message("drawn", finish=6),
        "finish-255": message("drawn", finish=255),
        "scored-finish-0": message("scored", finish=0),
        "scored-seed": message("scored", seed=hexed(pseudo("seed"))),
        "scored-steps": message("scored", steps=hexed(pseudo("steps"))),
        "scored-output-count-0": message("scored", outputCount=0),
    }


def forged():
    fields = {"issuedAt": "1767225601", "outputCount": 4, "finish": 1, "context": hexed(pseudo("context")),
              "adapter": hexed(pseudo("adapter")), "trace": hexed(pseudo("trace"))}
    cases = {f"signature-{field}": receipt_1.document_text(edited("drawn", lambda d, m, o: m.update({field: value})))
             for field, value in fields.items()}
    return cases | {
        "signature-missing": text("drawn", f'"signature": "{GOOD["drawn"]["signature"]}",\n  ', ""),
        "signature-empty": text("contract-domain", GOOD["contract-domain"]["signature"], "0x"),
        "signature-of-a-wallet": text("contract-domain", GOOD["contract-domain"]["signature"], "0x" + "5a" * 8192),
        "signature-of-zeros": text("contract-domain", GOOD["contract-domain"]["signature"], "0x" + "00" * 65),
        "signature-high-s": signature("drawn", high_s),
        "signature-v-0": signature("drawn", lambda r, s, v: r + s + bytes([v - 27])),
        "signature-v-other": signature("drawn", lambda r, s, v: r + s + bytes([55 - v])),
        "signature-r-0": signature("drawn", lambda r, s, v: ZERO + s + bytes([v])),
        "signature-s-0": signature("drawn", lambda r, s, v: r + ZERO + bytes([v])),
        "signature-r-beyond": signature("drawn", lambda r, s, v: ORDER.to_bytes(32, "big") + s + bytes([v])),
        "signature-other-domain": text("drawn", hexed(bytes.fromhex(GOOD["drawn"]["signature"][2:])), hexed(
            secp256k1.sign(KEYS[GOOD["drawn"]["signer"]], receipt_1.digest_of(receipt_of(GOOD["drawn"]), reference.CONTRACT)))),
    }


def contradicted():
    """By the field that does not match."""
    one = hexed(H(ZERO))
    unsalted = lambda **members: disclosed("redacted", **members)
    drawn, job = GOOD["drawn"]["disclosure"], GOOD["of-a-job"]["disclosure"]["contextInputs"]
    withheld = dict.fromkeys(("sampler", "nonce", "request", "promptTokens", "outputTokens", "steps"))
    return {
        "profile": {"profile-other": disclosed("drawn", profile="another")},
        "sampler": {
            "sampler-other": disclosed("drawn", sampler={**drawn["sampler"], "topK": 41}),
            "sampler-scored": disclosed("scored", sampler=drawn["sampler"]),
            "temperature-beyond": record("drawn", temperature="100.000001"),
            "top-p-0": record("drawn", topP="0"),
            "choices-65": record("drawn", choices=65),
            "choices-greedy": record("greedy", choices=2),
            "seed-rule-greedy": record("greedy", seedRule=1),
            "max-tokens-0": record("drawn", maxTokens=0),
            "context-tokens-beyond": record("drawn", contextTokens=2**24 + 1),
            "stop-empty": record("drawn", stop=[""]),
            "stop-17": record("drawn", stop=["x"] * 17),
            "markers-segmenter-0": record("drawn", segmenter={"id": 0, "markers": ["<"]}),
            "markers-segmenter-1": record("drawn", segmenter={"id": 1, "markers": ["<"]}),
            "markers-segmenter-2": record("drawn", segmenter={"id": 2, "markers": ["<", "=", ">"]}),
            "grammar-empty": record("drawn", grammar={"kind": "gbnf", "text": "", "engine": "engine/1"}),
            "bias-beyond": record("drawn", logitBias=[{"token": 0, "bias": "10000.000001"}]),
        },
        "seed": {
            "seed-other": disclosed("drawn", seed=one),
            "seed-greedy": disclosed("greedy", seed=one),
            "seed-scored": disclosed("scored", seed=one),
            "seed-zero": message("drawn", seed=hexed(ZERO)),
            "seed-without-salt": unsalted(seed=one),
            "seed-rule-unlike-inputs": record("seed-rule-1", seedRule=2),
            "seed-inputs-missing": disclosed("seed-rule-1", seedInputs=None),
            "seed-not-of-inputs": disclosed("seed-rule-1", seed=one),
            "seed-rule-2-context": message("seed-rule-2", context=one),
            "stream-not-below-choices": disclosed("third-choice", stream=3),
            "stream-scored": disclosed("scored", stream=1),
            "stream-greedy": disclosed("greedy", stream=1, **withheld),
            "seed-rule-2-no-context": signed("seed-rule-2", lambda document, message, disclosure: (
                message.update(context=hexed(ZERO)), disclosure.pop("seed"), disclosure.pop("seedInputs"))),
            "seed-rule-2-after-another-withheld": disclosed("seed-rule-2", seed=None, seedInputs=None, contextInputs=job),
            "seed-of-a-later-record-without-salt": disclosed("redacted", sampler={"version": 2}, seed=one),
            "seed-rule-2-after-another": disclosed("seed-rule-2", contextInputs=job),
        },
        "request": {
            "request-other": disclosed("drawn", request=receipt_1.resort({**drawn["request"], "date": "2026-02-03"})),
            "request-without-salt": unsalted(request=drawn["request"]),
        },
        "promptCount": {
            "prompt-shorter": disclosed("drawn", promptTokens=[1, 5, 9]),
            "prompt-fills-context": record("drawn", contextTokens=4),
        },
        "outputCount": {
            "output-longer": disclosed("drawn", outputTokens=[42, 17, 2, 2]),
            "output-beyond-max-tokens": record("drawn", maxTokens=2),
            "output-beyond-context": record("drawn", contextTokens=6),
        },
        "finish": {
            "finish-0-ignored": record("drawn", ignoreEog=True),
            "finish-1-no-stop": message("drawn", finish=1),
            "finish-2-early": message("drawn", finish=2),
            "finish-2-full": record("context-full", {"finish": 2}, maxTokens=3),
            "finish-3-no-grammar": message("drawn", finish=3),
            "finish-4-room": message("drawn", finish=4),
            "finish-5-most": record("drawn", {"finish": 5}, maxTokens=3),
            "finish-5-full": message("context-full", finish=5),
        },
        "prompt": {
            "prompt-other": disclosed("drawn", promptTokens=[1, 5, 9, 3]),
            "prompt-not-of-request": request("scored-adapter", promptTokens=[0, 4294967295, 8]),
            "prompt-without-salt": unsalted(promptTokens=[1, 5, 9, 2]),
        },
        "output": {
            "output-other": disclosed("drawn", outputTokens=[42, 17, 3]),
            "output-banned": record("drawn", bans=[17]),
        },
        "steps": {
            "steps-scored": disclosed("scored", steps=drawn["steps"]),
            "steps-none": disclosed("drawn", steps=[]),
            "steps-two": steps("drawn", (1, 0, 1), (0, 1, 3)),
            "steps-late": steps("drawn", (0, 1, 3)),
            "steps-short": steps("drawn", (0, 0, 2)),
            "steps-reasoning": steps("drawn", (1, 0, 3)),
            "step-proofs-scored": disclosed("scored", nonce=None, stepProofs=GOOD["redacted-to-one-step"]["disclosure"]["stepProofs"], request=None,
                                            promptTokens=None, outputTokens=None),
            "step-proof-other": disclosed("redacted-to-two-steps", stepProofs=GOOD["redacted-to-one-step"]["disclosure"]["stepProofs"]),
            "step-proof-text": disclosed("redacted-to-one-step", stepProofs=[{**GOOD["redacted-to-one-step"]["disclosure"]["stepProofs"][0], "textHex": "0xff"}]),
            "step-proofs-overlap": shown("redacted-to-two-steps", (0, 0, 6), (3, 5, 8)),
            "step-proofs-crowded": shown("redacted-to-two-steps", (0, 0, 4), (3, 5, 8)),
            "step-proofs-apart": shown("redacted-to-two-steps", (0, 0, 3), (1, 4, 6)),
            "step-proof-count": disclosed("redacted-to-one-step", stepProofs=[{**GOOD["redacted-to-one-step"]["disclosure"]["stepProofs"][0], "count": 3}]),
            "steps-text": disclosed("drawn", steps=[{**drawn["steps"][0], "text": " 43"}]),
        },
        "context": {
            "context-other-job": disclosed("of-a-job", contextInputs={**job, "jobId": one}),
            "context-other-previous": disclosed("redacted-to-two-steps", contextInputs={**job, "previousDigest": one}),
            "context-other-chain": disclosed("of-a-job", contextInputs={**job, "chainId": 1}),
            "context-none": disclosed("drawn", contextInputs=job),
            "context-scored": disclosed("scored-of-a-job", contextInputs=job),
        },
    }


def unknown():
    """By the field of which nothing can be said: its form belongs to a later version."""
    drawn = GOOD["drawn"]["disclosure"]
    later = {"version": 2, "temperature": {"mean": "0.7"}, "seedRule": 3}
    return {
        "request": {
            "request-unknown-member": request("drawn", seed=1),
            "request-two-inputs": request("drawn", prompt="x"),
            "request-no-message": request("drawn", messages=[]),
            "request-renderer-null": request("drawn", renderer=None),
            "request-date": request("drawn", date="2026-02-30"),
            "request-tokens-special": request("scored-adapter", parseSpecial=True),
            "request-role-control": request("drawn", messages=[{"role": "user\n", "content": ""}]),
            "request-1025-messages": request("drawn", messages=[{"role": "user", "content": ""}] * 1025),
            "request-message-member": request("drawn", messages=[{"role": "user", "content": "x", "name": "y"}]),
        },
        "sampler": {
            "record-version": record("drawn", version=2),
            "record-of-later-members": disclosed("drawn", sampler=later),
            "record-and-inputs-of-later-members": disclosed("drawn", sampler=later, seedInputs={"rule": 3, "beacons": []}),
            "record-version-uint32": disclosed("greedy", sampler={"version": 2**32 - 1}),
        },
    }


def vectors():
    made = {}
    for step, cases in (("read", unreadable()), ("read", malformed()), ("signature", forged())):
        made.update((name, {"step": step, "text": document}) for name, document in cases.items())
    for step, fields in (("commitments", contradicted()), ("unverifiable", unknown())):
        for field, cases in fields.items():
            made.update((name, {"step": step, "field": field, "text": document}) for name, document in cases.items())
    return {f"{name}.json": receipt_1.document_text(vector) for name, vector in made.items()}


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    files, wrong = vectors(), 0
    FOLDER.mkdir(exist_ok=True)
    for name, content in files.items():
        path = FOLDER / name
        assert json.loads(content) is not None
        if not arguments:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"differs: {name}")
            wrong += 1
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            print(f"not made by this program: {path.name}")
            wrong += 1
    print(f"{len(files)} vectors, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
