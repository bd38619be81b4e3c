"""What receipt-1 says of a receipt as a whole: form, digest, signature, disclosure and proofs.

Refused names the member or field at which a check fails, in the order of section 12.
"""

from . import commitments as c
from . import ecdsa
from .documents import (
    DOMAIN_FIELDS, FIELDS, array, bytes32, check_sampler_limits, members, read_receipt, read_step_proof, request_bytes, require,
    text_bytes, unsigned)
from .json_text import Refused, canonical, number_text, parse
from .keccak256 import keccak256

ZERO = c.ZERO
WIDTHS = {"uint8": 1, "uint32": 4, "uint64": 8, "address": 20, "bytes32": 32}
RECEIPT_TYPE_HASH = c.text_hash("Receipt(" + ",".join(f"{kind} {name}" for kind, name in FIELDS) + ")")


def check_form(message):
    require(message["kind"] in (0, 1), "kind")
    for name in ("model", "profile", "request", "prompt", "output", "trace", "signer"):
        require(any(message[name]), name)
    require(message["promptCount"] > 0, "promptCount")
    require(message["promptCount"] + message["outputCount"] < 2**32, "outputCount")
    if message["kind"] == 0:
        for name in ("sampler", "steps"):
            require(message[name] != ZERO, name)
        require(message["finish"] <= 5, "finish")
        require(message["outputCount"] > 0 or message["finish"] == 5, "outputCount")
    else:
        for name in ("sampler", "seed", "steps"):
            require(message[name] == ZERO, name)
        require(message["finish"] == 255, "finish")
        require(message["outputCount"] > 0, "outputCount")


def domain_separator(contract):
    fields = DOMAIN_FIELDS[:4 if contract else 2]
    type_hash = c.text_hash("EIP712Domain(" + ",".join(f"{kind} {name}" for kind, name in fields) + ")")
    return c.H(type_hash, c.text_hash("AttestLM"), c.text_hash("1"), *(contract or ()))


def abi(message):
    return b"".join(c.word(message[name]) for _, name in FIELDS)


def packed(message):
    return b"".join(
        value if isinstance(value, bytes) else value.to_bytes(WIDTHS[kind], "big")
        for kind, value in ((kind, message[name]) for kind, name in FIELDS))


def struct_hash(message):
    return keccak256(RECEIPT_TYPE_HASH + abi(message))


def digest(contract, message):
    return keccak256(b"\x19\x01" + domain_separator(contract) + struct_hash(message))


def check_signature(contract, message, signature):
    require(signature is not None and len(signature) == 65, "signature")
    require(ecdsa.recover(digest(contract, message), signature) == message["signer"], "signature")


def check_disclosure(message, disclosure):
    """Step 5 of section 12: every commitment that the disclosure opens."""
    if disclosure is None:
        return
    unknown = []
    generated = message["kind"] == 0
    stream = disclosure["stream"]
    salts = disclosure.get("salts") or (c.salts(disclosure["nonce"], stream) if "nonce" in disclosure else {})
    if not generated:
        for name in ("sampler", "seed", "steps"):
            require(name not in disclosure, name)
        require("later" not in disclosure, "sampler")
        require("stepProofs" not in disclosure, "steps")
        require(stream == 0, "seed")
    if "profile" in disclosure:
        require(c.text_hash(disclosure["profile"]) == message["profile"], "profile")
    record = disclosure.get("sampler")
    if disclosure.get("later"):
        unknown.append("sampler")
    if record:
        require(c.sampler_hash(record) == message["sampler"], "sampler")
        check_sampler_limits(record)
        require(stream < record["choices"], "seed")
        require((record["temperature"] == 0) == (message["seed"] == ZERO), "seed")
    for member, name in (("seed", "seed"), ("request", "request"), ("promptTokens", "prompt"),
                         ("outputTokens", "output"), ("steps", "steps")):
        require(member not in disclosure or name in salts, name)
    if not disclosure.get("later"):
        check_seed(message, disclosure, record, salts)
    if "request" in disclosure:
        data = canonical(disclosure["request"]).encode("utf-8")
        require(c.bytes_commitment("request", salts["request"], data) == message["request"], "request")
        try:
            request_bytes(disclosure["request"])
        except Refused:
            unknown.append("request")
        asked = None if "request" in unknown else disclosure["request"].get("promptTokens")
        if asked is not None and "promptTokens" in disclosure:
            require([int(number_text(token)) for token in asked] == disclosure["promptTokens"], "prompt")
    for member, count, name in (("promptTokens", "promptCount", "prompt"),
                                ("outputTokens", "outputCount", "output")):
        if member in disclosure:
            require(len(disclosure[member]) == message[count], count)
            require(c.tokens_commitment(name, salts[name], disclosure[member]) == message[name], name)
    if "steps" in disclosure:
        check_tiling(disclosure["steps"], message["outputCount"])
        if record and record["segmenter"]["id"] == 0:
            require(len(disclosure["steps"]) == 1, "steps")
        require(c.steps_root(salts["steps"], disclosure["steps"]) == message["steps"], "steps")
    proofs = disclosure.get("stepProofs", ())
    for proof in proofs:
        try:
            check_step(proof, message["kind"], message["outputCount"], message["steps"])
        except Refused as error:
            raise Refused("steps") from error
    for before, after in zip(proofs, proofs[1:]):
        between = after["index"] - before["index"] - 1
        gap = after["firstToken"] - before["endToken"]
        require(gap == 0 if between == 0 else gap >= between, "steps")
    if record and generated:
        check_end(message, record, disclosure.get("outputTokens", ()))
    if "contextInputs" in disclosure:
        require(c.context(*disclosure["contextInputs"]) == message["context"], "context")
    if unknown:
        raise Unknown(unknown[0])


def check_end(message, record, output):
    """What the record alone says of how the output can have ended."""
    count, context, most = message["outputCount"], record["contextTokens"], record["maxTokens"]
    total = message["promptCount"] + count
    require(message["promptCount"] < context, "promptCount")
    require(count <= most and total <= context, "outputCount")
    can = {0: not record["ignoreEog"], 1: bool(record["stop"]), 2: count == most and total < context,
           3: record["grammar"] is not None, 4: total == context, 5: count < most and total < context}
    require(can[message["finish"]], "finish")
    require(not set(record["bans"]) & set(output), "output")


def check_seed(message, disclosure, record, salts):
    inputs = disclosure.get("seedInputs")
    require(message["kind"] != 0 or message["seed"] != ZERO or disclosure["stream"] == 0, "seed")
    job = disclosure.get("contextInputs")
    if (record and record["seedRule"] == 2) or (inputs and inputs[0] == 2):
        require(message["context"] != ZERO and (not job or job[3] == ZERO), "seed")
    if "seed" not in disclosure:
        return
    require(message["seed"] != ZERO, "seed")
    if record:
        require((inputs[0] if inputs else 0) == record["seedRule"], "seed")
    inputs_hash = ZERO
    if inputs:
        require(c.seed_from_inputs(*inputs) == disclosure["seed"], "seed")
        require(inputs[0] != 2 or inputs[1] == message["context"], "seed")
        inputs_hash = c.seed_inputs_hash(*inputs)
    commitment = c.seed_commitment(salts["seed"], disclosure["seed"], disclosure["stream"], inputs_hash)
    require(commitment == message["seed"], "seed")


def check_tiling(steps, output_count):
    require(steps, "steps")
    begin = 0
    for place, (index, kind, first, end, _) in enumerate(steps):
        last = place == len(steps) - 1
        require(index == place and first == begin, "steps")
        require(kind == (0 if last else 1), "steps")
        require(first <= end if last else first < end, "steps")
        begin = end
    require(begin == output_count, "steps")


class Unknown(Exception):
    """What is committed to, but in a form that is not known here."""


def check(data):
    """Steps 1, 2, 3 and 5 of section 12: (step, field) of what is refused, or None."""
    step = "read"
    try:
        contract, message, signature, disclosure = read_receipt(parse(data))
        check_form(message)
        step = "signature"
        check_signature(contract, message, signature)
        step = "commitments"
        check_disclosure(message, disclosure)
    except Refused as error:
        return step, error.args[0]
    except Unknown as error:
        return "unverifiable", error.args[0]
    return None


# Proofs (section 11.4), against `kind`, `outputCount` and the root of the receipt.

def opened(tree, field, read_value):
    if isinstance(tree, dict) and "commitment" in tree:
        return bytes32(members(tree, field, ("commitment",))["commitment"], field)
    members(tree, field, ("value", "salt"))
    return c.labelled(f"trace-{field}", bytes32(tree["salt"], field), read_value(tree["value"], field))


def siblings(tree):
    return [bytes32(sibling, "siblings") for sibling in array(tree["siblings"], "siblings")]


def check_trace_proof(tree, output_count, root):
    members(tree, "proof", ("type", "index", "count", "token", "digest", "siblings"))
    require(tree["type"] == "attestlm/trace-proof-1", "type")
    index, count = unsigned(tree["index"], "index"), unsigned(tree["count"], "count")
    require(any("value" in tree[name] for name in ("token", "digest") if isinstance(tree[name], dict)), "token")
    leaf = c.trace_leaf(index, opened(tree["token"], "token", unsigned), opened(tree["digest"], "digest", bytes32))
    path = siblings(tree)
    require(count == output_count, "count")
    require(c.root_from_proof("trace", leaf, index, count, path) == root, "root")


def check_step_proof(tree, receipt_kind, output_count, root):
    require(isinstance(tree, dict) and tree.get("type") == "attestlm/step-proof-1", "type")
    proof = read_step_proof({name: value for name, value in tree.items() if name != "type"})
    check_step(proof, receipt_kind, output_count, root)


def check_step(proof, receipt_kind, output_count, root):
    count, index, kind, first, end = (proof[name] for name in ("count", "index", "kind", "firstToken", "endToken"))
    commitment = c.bytes_commitment("step-text", proof["salt"], proof["text"])
    require(receipt_kind == 0, "receipt")
    require(index < count, "index")
    require(kind == (0 if index == count - 1 else 1), "kind")
    require(first <= end if kind == 0 else first < end, "endToken")
    require(first >= index and (first == 0 or index > 0), "firstToken")
    behind = 0 if kind == 0 else count - 2 - index
    require(end == output_count if kind == 0 else output_count - end >= behind, "endToken")
    leaf = c.step_leaf(index, kind, first, end, commitment)
    require(c.root_from_proof("steps", leaf, index, count, proof["siblings"]) == root, "root")
