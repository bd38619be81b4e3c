"""Reads the documents of receipt-1: every member listed, every value in its one form (section 11)."""

import datetime
import re
import unicodedata

from . import json_text
from .json_text import Number, Refused
from .sampling import SamplerError, check_real, check_rising

ZERO_ADDRESS = bytes(20)
FIELDS = [
    ("uint8", "kind"), ("bytes32", "model"), ("bytes32", "adapter"), ("bytes32", "profile"), ("bytes32", "sampler"),
    ("bytes32", "seed"), ("bytes32", "request"), ("bytes32", "prompt"), ("bytes32", "output"), ("bytes32", "trace"),
    ("bytes32", "steps"), ("uint32", "promptCount"), ("uint32", "outputCount"), ("uint8", "finish"),
    ("uint64", "issuedAt"), ("bytes32", "context"), ("address", "signer"),
]
DOMAIN_FIELDS = [("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract")]
SALT_NAMES = ("request", "prompt", "output", "trace", "steps", "seed")
RULE_INPUTS = {1: ("clientEntropy", "providerSecret"), 2: ("context", "beacon")}


def require(condition, field):
    if not condition:
        raise Refused(field)


def members(value, field, needed, optional=()):
    require(isinstance(value, dict), field)
    require(all(name in value for name in needed), field)
    require(all(name in needed or name in optional for name in value), field)
    return value


def read_object(value, field):
    require(isinstance(value, dict), field)
    return value


def array(value, field):
    require(isinstance(value, list), field)
    return value


def string(value, field):
    require(isinstance(value, str), field)
    return value


def boolean(value, field):
    require(isinstance(value, bool), field)
    return value


def hexadecimal(value, field, length=None):
    require(isinstance(value, str) and re.fullmatch(r"0x(?:[0-9a-f]{2})*", value), field)
    data = bytes.fromhex(value[2:])
    require(length is None or len(data) == length, field)
    return data


def bytes32(value, field):
    return hexadecimal(value, field, 32)


def unsigned(value, field, most=2**32 - 1):
    require(isinstance(value, Number) and re.fullmatch(r"[0-9]+", value.text), field)
    number = int(value.text)
    require(number <= most, field)
    return number


def uint64(value, field):
    require(isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,19}", value), field)
    require(int(value) < 2**64, field)
    return int(value)


def real(value, field):
    require(isinstance(value, str), field)
    match = re.fullmatch(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]{0,5}[1-9]))?", value)
    require(match and value != "-0", field)
    millionths = int(match[2]) * 10**6 + int((match[3] or "").ljust(6, "0"))
    require(millionths <= 2**53, field)
    return -millionths if match[1] else millionths


def scalar(kind, value, field):
    if kind == "uint64":
        return uint64(value, field)
    if kind.startswith("uint"):
        return unsigned(value, field, 2**int(kind[4:]) - 1)
    return hexadecimal(value, field, 20 if kind == "address" else 32)


def tokens(value, field):
    return [unsigned(token, field) for token in array(value, field)]


def text_bytes(value, field):
    """`text`, or `textHex` if and only if the bytes are not UTF-8."""
    require(("text" in value) != ("textHex" in value), field)
    if "text" in value:
        return string(value["text"], field).encode("utf-8")
    data = hexadecimal(value["textHex"], field)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    raise Refused(field)


# The receipt document (11.1).

def read_receipt(tree):
    members(tree, "document", ("types", "primaryType", "domain", "message", "signer"), ("signature", "disclosure"))
    require(tree["primaryType"] == "Receipt", "primaryType")
    domain = members(tree["domain"], "domain", ("name", "version"), ("chainId", "verifyingContract"))
    require(domain["name"] == "AttestLM" and domain["version"] == "1", "domain")
    require(("chainId" in domain) == ("verifyingContract" in domain), "domain")
    contract = None
    if "chainId" in domain:
        contract = (unsigned(domain["chainId"], "domain", 2**53 - 1),
                    hexadecimal(domain["verifyingContract"], "domain", 20))
        require(contract[0] > 0 and contract[1] != ZERO_ADDRESS, "domain")
    types = members(tree["types"], "types", ("EIP712Domain", "Receipt"))
    for name, fields in (("EIP712Domain", DOMAIN_FIELDS[:4 if contract else 2]), ("Receipt", FIELDS)):
        require(types[name] == [{"name": field, "type": kind} for kind, field in fields], "types")
    message = members(tree["message"], "message", [name for _, name in FIELDS])
    message = {name: scalar(kind, message[name], name) for kind, name in FIELDS}
    signature = None
    if "signature" in tree:
        signature = hexadecimal(tree["signature"], "signature", None if contract else 65)
        require(len(signature) <= 8192, "signature")
    require(hexadecimal(tree["signer"], "signer", 20) == message["signer"], "signer")
    disclosure = read_disclosure(tree["disclosure"]) if "disclosure" in tree else None
    return contract, message, signature, disclosure


def read_disclosure(tree):
    members(tree, "disclosure", ("stream",), (
        "profile", "sampler", "seed", "seedInputs", "nonce", "salts", "request", "promptTokens", "outputTokens",
        "steps", "stepProofs", "contextInputs"))
    result = {"stream": unsigned(tree["stream"], "stream")}
    record = tree.get("sampler")
    if isinstance(record, dict) and isinstance(record.get("version"), Number) and re.fullmatch("[0-9]+", record["version"].text) \
            and 1 < int(record["version"].text) < 2**32:
        # Of a later version: not read, and neither is what its seed rule was fed.
        result["later"] = int(record["version"].text)
        tree = {name: value for name, value in tree.items() if name not in ("sampler", "seedInputs")}
    readers = {
        "profile": string, "seed": bytes32, "nonce": bytes32, "promptTokens": tokens, "outputTokens": tokens,
        "sampler": lambda value, _: read_sampler(value), "seedInputs": lambda value, _: read_seed_inputs(value),
        "request": lambda value, _: read_object(value, "request"), "steps": lambda value, _: read_steps(value),
        "salts": lambda value, _: read_salts(value), "stepProofs": lambda value, _: read_step_proofs(value),
        "contextInputs": lambda value, _: read_context_inputs(value),
    }
    for name, reader in readers.items():
        if name in tree:
            result[name] = reader(tree[name], name)
    require(not ("nonce" in result and "salts" in result), "salts")
    require(result.get("nonce") != bytes(32), "nonce")
    require("seedInputs" not in result or "seed" in result, "seedInputs")
    require(not ("steps" in result and "stepProofs" in result), "stepProofs")
    return result


def read_salts(tree):
    members(tree, "salts", (), SALT_NAMES)
    require(tree, "salts")
    return {name: bytes32(value, "salts") for name, value in tree.items()}


def read_seed_inputs(tree):
    require(isinstance(tree, dict) and "rule" in tree, "seedInputs")
    rule = unsigned(tree["rule"], "seedInputs")
    require(rule in RULE_INPUTS, "seedInputs")
    members(tree, "seedInputs", ("rule", *RULE_INPUTS[rule]))
    return (rule, *(bytes32(tree[name], "seedInputs") for name in RULE_INPUTS[rule]))


def read_context_inputs(tree):
    members(tree, "contextInputs", ("chainId", "contract", "jobId", "previousDigest"))
    require(unsigned(tree["chainId"], "contextInputs", 2**53 - 1) or re.search("[1-9a-f]", "".join(
        string(tree[name], "contextInputs")[2:] for name in ("contract", "jobId", "previousDigest"))), "contextInputs")
    return (unsigned(tree["chainId"], "contextInputs", 2**53 - 1), hexadecimal(tree["contract"], "contextInputs", 20),
            bytes32(tree["jobId"], "contextInputs"), bytes32(tree["previousDigest"], "contextInputs"))


def read_step_proofs(tree):
    proofs = [read_step_proof(proof) for proof in array(tree, "stepProofs")]
    indices = [proof["index"] for proof in proofs]
    require(indices and all(a < b for a, b in zip(indices, indices[1:])), "stepProofs")
    return proofs


def read_step_proof(tree):
    """The members of a step proof (section 11.4) without its type."""
    members(tree, "proof", ("count", "index", "kind", "firstToken", "endToken", "salt", "siblings"), ("text", "textHex"))
    proof = {name: unsigned(tree[name], name) for name in ("count", "index", "kind", "firstToken", "endToken")}
    require(proof["kind"] <= 1, "kind")
    proof["text"] = text_bytes(tree, "text")
    proof["salt"] = bytes32(tree["salt"], "salt")
    proof["siblings"] = [bytes32(sibling, "siblings") for sibling in array(tree["siblings"], "siblings")]
    return proof


def read_steps(tree):
    steps = []
    for step in array(tree, "steps"):
        members(step, "steps", ("index", "kind", "firstToken", "endToken"), ("text", "textHex"))
        numbers = [unsigned(step[name], "steps") for name in ("index", "kind", "firstToken", "endToken")]
        require(numbers[1] <= 1, "steps")
        steps.append((*numbers, text_bytes(step, "steps")))
    return steps


def nesting(tree):
    """How many arrays and objects are inside each other; the reader has bounded it."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    return 0 if inner is None else 1 + max(map(nesting, inner), default=0)


def check_date(text):
    require(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text), "request")
    try:
        datetime.date(*map(int, text.split("-")))
    except ValueError:
        raise Refused("request") from None


def request_bytes(tree):
    """The canonical bytes of a request that has exactly the members of section 5."""
    data = json_text.canonical(tree).encode("utf-8")
    tree = json_text.parse(data)
    forms = [name for name in ("messages", "prompt", "promptTokens") if name in tree] if isinstance(tree, dict) else []
    require(len(forms) == 1, "request")
    form = forms[0]
    members(tree, "request", (form, "tools", "templateDigest", "renderer", "tokenizer", "date", "parseSpecial"))
    if form == "messages":
        require(1 <= len(array(tree["messages"], "request")) <= 1024, "request")
        content_bytes = 0
        for message in tree["messages"]:
            members(message, "request", ("role", "content"))
            role = string(message["role"], "request")
            require(1 <= len(role.encode("utf-8")) <= 64, "request")
            require(all(unicodedata.category(c) != "Cc" for c in role), "request")
            content_bytes += len(string(message["content"], "request").encode("utf-8"))
        require(content_bytes <= 2**22, "request")
        bytes32(tree["templateDigest"], "request")
        string(tree["renderer"], "request")
        if tree["date"] is not None:
            check_date(string(tree["date"], "request"))
        if tree["tools"] is not None:
            require(nesting(tree["tools"]) <= 48, "request")
            require(len(json_text.canonical(tree["tools"]).encode("utf-8")) <= 2**18, "request")
    else:
        require(all(tree[name] is None for name in ("tools", "templateDigest", "renderer", "date")), "request")
    if form == "prompt":
        require(1 <= len(string(tree["prompt"], "request").encode("utf-8")) <= 2**22, "request")
    if form == "promptTokens":
        require(1 <= len(tokens(tree["promptTokens"], "request")) <= 2**20, "request")
        require(tree["tokenizer"] is None and tree["parseSpecial"] is False, "request")
    else:
        string(tree["tokenizer"], "request")
    boolean(tree["parseSpecial"], "request")
    return data


REALS = ("temperature", "topP", "minP", "repeatPenalty", "presencePenalty", "frequencyPenalty")
UINTS = ("version", "topK", "penaltyWindow", "maxTokens", "contextTokens", "choices", "seedRule")
RECORD = ("version", "temperature", "topK", "topP", "minP", "repeatPenalty", "presencePenalty", "frequencyPenalty",
          "penaltyWindow", "logitBias", "bans", "grammar", "ignoreEog", "stop", "maxTokens", "contextTokens",
          "choices", "seedRule", "segmenter")


def read_sampler(tree):
    """The record of 11.3. Its values are limited by `check_sampler_limits`."""
    members(tree, "sampler", RECORD)
    record = {name: real(tree[name], "sampler") for name in REALS}
    record.update((name, unsigned(tree[name], "sampler")) for name in UINTS)
    record["logitBias"] = []
    for entry in array(tree["logitBias"], "sampler"):
        members(entry, "sampler", ("token", "bias"))
        record["logitBias"].append((unsigned(entry["token"], "sampler"), real(entry["bias"], "sampler")))
    record["bans"] = tokens(tree["bans"], "sampler")
    for listed in ([token for token, _ in record["logitBias"]], record["bans"]):
        require(all(a < b for a, b in zip(listed, listed[1:])), "sampler")
    require(record["version"] == 1 and record["seedRule"] <= 2, "sampler")
    record["ignoreEog"] = boolean(tree["ignoreEog"], "sampler")
    record["stop"] = [string(text, "sampler") for text in array(tree["stop"], "sampler")]
    grammar = tree["grammar"]
    if grammar is not None:
        members(grammar, "sampler", ("kind", "text", "engine"))
        require(grammar["kind"] in ("jsonSchema", "gbnf"), "sampler")
        string(grammar["text"], "sampler")
        string(grammar["engine"], "sampler")
    record["grammar"] = grammar
    segmenter = members(tree["segmenter"], "sampler", ("id", "markers"))
    record["segmenter"] = {"id": unsigned(segmenter["id"], "sampler"),
                           "markers": [string(text, "sampler") for text in array(segmenter["markers"], "sampler")]}
    return record


def check_sampler_limits(record):
    try:
        for name in REALS:
            check_real(name, record[name])
        for _, bias in record["logitBias"]:
            check_real("bias", bias)
        # The vocabulary's size is the model's; without it only the order of the tokens is known.
        check_rising([token for token, _ in record["logitBias"]], 4096, 2**32)
        check_rising(record["bans"], 65536, 2**32)
    except SamplerError:
        raise Refused("sampler") from None
    require(record["penaltyWindow"] <= 2**20, "sampler")
    require(1 <= record["maxTokens"] <= 2**24 and 1 <= record["contextTokens"] <= 2**24, "sampler")
    require(1 <= record["choices"] <= 64, "sampler")
    require(record["temperature"] > 0 or (record["choices"] == 1 and record["seedRule"] == 0), "sampler")
    for texts in (record["stop"], record["segmenter"]["markers"]):
        require(len(texts) <= 16 and all(1 <= len(text.encode("utf-8")) <= 256 for text in texts), "sampler")
    markers = {0: 0, 1: 2, 2: 2}.get(record["segmenter"]["id"])
    require(markers in (None, len(record["segmenter"]["markers"])), "sampler")
    if record["grammar"]:
        require(1 <= len(record["grammar"]["text"].encode("utf-8")) <= 2**20, "sampler")
        require(1 <= len(record["grammar"]["engine"].encode("utf-8")) <= 128, "sampler")
