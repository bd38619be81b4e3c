#!/usr/bin/env python3
"""Checks every vector of the sampler and the receipt against an implementation of its own.

    python3 vectors/tools/check.py [VECTORS]

It reads vectors and writes none. Each file is one check. The last line is `N passed, M failed`; the exit
status is 0 only if nothing failed and no area is empty.
"""

import math
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from independent import commitments as c  # noqa: E402
from independent import documents, ecdsa, json_text, receipts  # noqa: E402
from independent.blake3 import blake3  # noqa: E402
from independent.floating import exp, f32_from_bits, from_bits, ln, to_bits  # noqa: E402
from independent.json_text import Number, Refused  # noqa: E402
from independent.keccak256 import keccak256  # noqa: E402
from independent.sampling import Policy, Position, SamplerError, log_probability  # noqa: E402


class Wrong(Exception):
    pass


def expect(name, actual, expected):
    if actual != expected:
        raise Wrong(f"{name}: computed {actual!r}, expected {expected!r}")


def plain(tree):
    """The tree with its numbers, all of them integers, as int."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return int(tree.text) if isinstance(tree, Number) else tree


def unhex(text):
    return documents.hexadecimal(text, "vector")


def hexed(data):
    return "0x" + data.hex()


def known(vector, *needed):
    """A member that nobody reads is a value that nobody checks."""
    expect("members", sorted(vector), sorted(needed))


# Sampler

def same_number(name, actual, bits):
    expected = from_bits(int(bits, 16))
    # Zeros are equal, whatever their signs, and so are NaNs, whatever their bits.
    if actual != expected and not (math.isnan(actual) and math.isnan(expected)):
        raise Wrong(f"{name}: computed {to_bits(actual):#018x}, expected {bits}")


def check_function(function):
    def check(vector):
        known(vector, "kind", "note", "pairs")
        if not vector["pairs"]:
            raise Wrong("no pairs")
        for x, result in plain(vector["pairs"]):
            same_number(f"of {x}", function(from_bits(int(x, 16))), result)
    return check


def read_logits(vector):
    return [f32_from_bits(int(bits, 16)) for bits in vector["logits"]]


def check_sample(vector):
    known(vector, "kind", "note", "policy", "seed", "stream", "index", "history", "eog", "mask", "logits", "expect")
    vector = plain(vector)
    logits, wanted = read_logits(vector), vector["expect"]
    mask = vector["mask"] and [int(word, 16) for word in vector["mask"]]
    try:
        policy = Policy(vector["policy"], len(logits))
        position = Position(policy, unhex(vector["seed"]), vector["stream"], int(vector["index"]),
                            vector["history"], vector["eog"], mask, logits)
    except SamplerError as error:
        expect("error", error.args[0], wanted.get("error"))
        known(wanted, "error")
        return
    known(wanted, "token", "judgements")
    expect("token", position.token, wanted["token"])
    for judgement in wanted["judgements"]:
        excluded, survived, margin, gap = position.judge(judgement["token"])
        expect("excluded", excluded, judgement["excluded"])
        optional = () if excluded else ("survived", "margin", "cutoffGap")
        known(judgement, "token", "excluded", *optional)
        if not excluded:
            expect("survived", survived, judgement["survived"])
            same_number("margin", margin, judgement["margin"])
            same_number("cutoffGap", gap, judgement["cutoffGap"])


def check_log_probability(vector):
    known(vector, "kind", "note", "logits", "expect")
    vector = plain(vector)
    logits, wanted = read_logits(vector), vector["expect"]
    try:
        log_probability(logits, 0)
    except SamplerError as error:
        expect("error", error.args[0], wanted.get("error"))
        known(wanted, "error")
        return
    known(wanted, "pairs")
    for token, bits in wanted["pairs"]:
        same_number(f"token {token}", log_probability(logits, token), bits)


# Commitments

def check_logits(vector):
    known(vector, "kind", "logits", "expect")
    data = b"".join(int(bits, 16).to_bytes(4, "little") for bits in vector["logits"])
    expect("digest", hexed(blake3(data)), vector["expect"])


def check_salts(vector):
    known(vector, "kind", "nonce", "stream", "expect")
    salts = c.salts(unhex(vector["nonce"]), plain(vector["stream"]))
    expect("salts", {name: hexed(salt) for name, salt in salts.items()}, vector["expect"])


def check_tokens(vector):
    known(vector, "kind", "salt", "tokens", "expect")
    tokens = documents.tokens(vector["tokens"], "tokens")
    for name in ("prompt", "output"):
        expect(name, hexed(c.tokens_commitment(name, unhex(vector["salt"]), tokens)), vector["expect"][name])
    known(vector["expect"], "prompt", "output")


def check_bytes(vector):
    known(vector, "kind", "salt", "bytes", "expect")
    value = c.bytes_commitment("request", unhex(vector["salt"]), unhex(vector["bytes"]))
    expect("bytes", {"request": hexed(value)}, vector["expect"])


def check_seed(vector):
    known(vector, "kind", "salt", "seed", "stream", "inputs", "signer", "expect")
    seed, inputs_hash, result = unhex(vector["seed"]), c.ZERO, {}
    if vector["inputs"] is not None:
        inputs = documents.read_seed_inputs(vector["inputs"])
        seed, inputs_hash = c.seed_from_inputs(*inputs), c.seed_inputs_hash(*inputs)
        expect("seed", hexed(seed), vector["seed"])
        if inputs[0] == 1:
            result["providerCommitment"] = hexed(c.provider_commitment(unhex(vector["signer"]), inputs[2]))
    commitment = c.seed_commitment(unhex(vector["salt"]), seed, plain(vector["stream"]), inputs_hash)
    result.update(seed=hexed(seed), inputsHash=hexed(inputs_hash), commitment=hexed(commitment))
    expect("seed", result, vector["expect"])


def check_context(vector):
    known(vector, "kind", "chainId", "contract", "jobId", "previousDigest", "expect")
    value = c.context(int(vector["chainId"]), *(unhex(vector[n]) for n in ("contract", "jobId", "previousDigest")))
    expect("context", hexed(value), vector["expect"])


def check_item(vector):
    known(vector, "kind", "nonce", "item", "expect")
    expect("item", hexed(c.item_nonce(unhex(vector["nonce"]), plain(vector["item"]))), vector["expect"])


def check_sampler(vector):
    known(vector, "kind", "record", "expect")
    expect("sampler", hexed(c.sampler_hash(documents.read_sampler(vector["record"]))), vector["expect"])


def check_canonical(vector):
    known(vector, "kind", "value", "expect")
    text = documents.request_bytes(vector["value"])
    expect("canonical", {"text": text.decode("utf-8"), "keccak": hexed(keccak256(text))}, vector["expect"])


def check_steps(vector):
    known(vector, "kind", "salt", "steps", "expect")
    steps = documents.read_steps(vector["steps"])
    receipts.check_tiling(steps, steps[-1][3])
    expect("steps", hexed(c.steps_root(unhex(vector["salt"]), steps)), vector["expect"])


def check_trace(vector):
    known(vector, "kind", "salt", "tokens", "digests", "expect")
    tokens, digests = documents.tokens(vector["tokens"], "tokens"), list(map(unhex, vector["digests"]))
    expect("digests", len(digests), len(tokens))
    expect("trace", hexed(c.trace_root(unhex(vector["salt"]), tokens, digests)), vector["expect"])


# Proofs and receipts

def check_proof(vector):
    known(vector, "tree", "receipt", "proof", "valid", "note")
    receipt = plain(vector["receipt"])
    known(receipt, "kind", "outputCount", "root")
    root, count = unhex(receipt["root"]), receipt["outputCount"]
    try:
        proof = json_text.parse(json_text.canonical(vector["proof"]).encode("utf-8"), 4, 256)
        if vector["tree"] == "trace":
            receipts.check_trace_proof(proof, count, root)
        else:
            expect("tree", vector["tree"], "steps")
            receipts.check_step_proof(proof, receipt["kind"], count, root)
        valid = True
    except Refused:
        valid = False
    expect("valid", valid, vector["valid"])


ORDERED = {"document": ("types", "primaryType", "domain", "message", "signature", "signer", "disclosure"),
           "disclosure": ("profile", "sampler", "seed", "seedInputs", "stream", "nonce", "salts", "request",
                          "promptTokens", "outputTokens", "steps", "stepProofs", "contextInputs"),
           "contextInputs": ("chainId", "contract", "jobId", "previousDigest"),
           "seedInputs": ("rule", "clientEntropy", "providerSecret", "context", "beacon"),
           "salts": documents.SALT_NAMES,
           "sampler": documents.RECORD,
           "grammar": ("kind", "text", "engine"),
           "segmenter": ("id", "markers"),
           "message": [name for _, name in documents.FIELDS],
           "domain": [name for _, name in documents.DOMAIN_FIELDS],
           "types": ("EIP712Domain", "Receipt")}
ITEMS = {"EIP712Domain": ("name", "type"), "Receipt": ("name", "type"), "logitBias": ("token", "bias"),
         "steps": ("index", "kind", "firstToken", "endToken", "text", "textHex"),
         "stepProofs": ("count", "index", "kind", "firstToken", "endToken", "text", "textHex", "salt", "siblings")}


def written(tree, name="document"):
    """The tree with its members in the order of a writer."""
    if name == "request":
        return requested(tree)
    if isinstance(tree, dict):
        return {key: written(tree[key], key) for key in ORDERED[name] if key in tree}
    if isinstance(tree, list) and name in ITEMS:
        return [{key: item[key] for key in ITEMS[name] if key in item} for item in tree]
    return tree


def requested(tree):
    if isinstance(tree, dict):
        return {key: requested(value) for key, value in json_text.sorted_members(tree)}
    return [requested(value) for value in tree] if isinstance(tree, list) else tree


def document_bytes(tree):
    return (json_text.pretty(written(tree)) + "\n").encode("utf-8")


def check_receipt(vector):
    known(vector, "document", "expect")
    document, wanted = vector["document"], vector["expect"]
    written_bytes = document_bytes(document)
    expect("refused", receipts.check(written_bytes), None)
    contract, message, _, _ = documents.read_receipt(json_text.parse(written_bytes))
    key, digest = unhex(wanted["key"]), receipts.digest(contract, message)
    expect("expect", {
        "domainSeparator": hexed(receipts.domain_separator(contract)),
        "structHash": hexed(receipts.struct_hash(message)),
        "digest": hexed(digest),
        "abi": hexed(receipts.abi(message)),
        "packed": hexed(receipts.packed(message)),
        "documentKeccak": hexed(keccak256(written_bytes)),
        "signer": hexed(message["signer"]),
        "key": hexed(key),
    }, wanted)
    expect("address of the key", hexed(ecdsa.address_of_key(key)), wanted["signer"])
    expect("signature", hexed(ecdsa.sign(digest, key)), document["signature"])


def check_refusal(vector):
    known(vector, "step", "text", *(["field"] if vector["step"] in ("commitments", "unverifiable") else []))
    step, field = receipts.check(vector["text"].encode("utf-8")) or (None, None)
    expect("step", step, vector["step"])
    if "field" in vector:
        expect("field", field, vector["field"])


KINDS = {
    "sampler": {"sample": check_sample, "logProbability": check_log_probability, "exp": check_function(exp),
                "ln": check_function(ln)},
    "commitments": {"salts": check_salts, "tokens": check_tokens, "bytes": check_bytes, "seed": check_seed,
                    "context": check_context, "item": check_item, "sampler": check_sampler,
                    "canonical": check_canonical, "logits": check_logits, "steps": check_steps, "trace": check_trace},
    "merkle": check_proof,
    "receipts": check_receipt,
    "refused": check_refusal,
}


def check_file(area, path):
    vector = json_text.parse(path.read_bytes())
    checks = KINDS[area]
    if isinstance(checks, dict):
        if vector.get("kind") not in checks:
            raise Wrong(f"unknown kind {vector.get('kind')!r}")
        checks = checks[vector["kind"]]
    checks(vector)
    return vector


def main(arguments):
    here = Path(__file__).resolve().parent.parent
    vectors = Path(arguments[0]) if arguments else here
    passed, failures = 0, []
    for area in KINDS:
        paths = sorted((vectors / area).glob("*.json"))
        if not paths:
            failures.append(f"{area}: no files")
        for path in paths:
            try:
                check_file(area, path)
                passed += 1
            except Exception as error:  # An error of any kind fails this file, not the run.
                failures.append(f"{area}/{path.name}: {type(error).__name__}: {error}")
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
