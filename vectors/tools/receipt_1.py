"""docs/spec/receipt-1.md in pure Python, written from the specification alone; receipt_reference.py makes vectors of it."""

from keccak import keccak256

ZERO = bytes(32)


# ---- §1 notation -------------------------------------------------------------------------------

def uint(value):
    return value.to_bytes(32, "big")


def sint(value):
    return value.to_bytes(32, "big", signed=True)


def addr(value):
    return bytes(12) + value


def H(*words):
    assert all(len(w) == 32 for w in words)
    return keccak256(b"".join(words))


def label(name):
    return keccak256(b"attestlm/receipt-1/" + name.encode())


def hexed(value):
    return "0x" + value.hex()


# ---- RFC 8785, and the document writer ---------------------------------------------------------

def number(value):
    if isinstance(value, int):
        assert abs(value) <= 2**53
        return str(value)
    if value == 0:
        return "0"
    sign, text = ("-", repr(-value)) if value < 0 else ("", repr(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    k = len(digits)
    if k <= point <= 21:
        body = digits + "0" * (point - k)
    elif 0 < point <= 21:
        body = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        body = "0." + "0" * -point + digits
    else:
        e = point - 1
        body = digits[0] + ("." + digits[1:] if k > 1 else "") + "e" + ("-" if e < 0 else "+") + str(abs(e))
    return sign + body


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def string(value):
    return '"' + "".join(SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'


def scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return string(value) if isinstance(value, str) else number(value)


def canonical(value):
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(string(k) + ":" + canonical(value[k]) for k in keys) + "}"
    return scalar(value)


class Sorted(dict):
    """An object written in RFC 8785's order."""


def resort(value):
    if isinstance(value, list):
        return [resort(v) for v in value]
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return Sorted((k, resort(value[k])) for k in keys)
    return value


def pretty(value, level=0):
    inner, outer = "\n" + "  " * (level + 1), "\n" + "  " * level
    if isinstance(value, list):
        if not any(isinstance(v, (list, dict)) for v in value):
            return "[" + ", ".join(map(scalar, value)) + "]"
        return "[" + inner + ("," + inner).join(pretty(v, level + 1) for v in value) + outer + "]"
    if isinstance(value, dict):
        if not value:
            return "{}"
        members = (string(k) + ": " + pretty(v, level + 1) for k, v in value.items())
        return "{" + inner + ("," + inner).join(members) + outer + "}"
    return scalar(value)


def document_text(value):
    return pretty(value) + "\n"


# ---- §4, §5, §6 --------------------------------------------------------------------------------

def stream_key(nonce, stream):
    return H(label("stream"), nonce, uint(stream))


def salts(nonce, stream):
    key = stream_key(nonce, stream)
    return {
        "request": H(label("request-salt"), nonce),
        "prompt": H(label("prompt-salt"), nonce),
        "output": H(label("output-salt"), key),
        "trace": H(label("trace-salt"), key),
        "steps": H(label("steps-salt"), key),
        "seed": H(label("seed-salt"), key),
    }


def item_nonce(nonce, item):
    return H(label("item"), nonce, uint(item))


def context(chain_id, contract, job_id, previous):
    return H(label("context"), uint(chain_id), addr(contract), job_id, previous)


def commit_bytes(name, salt, data):
    return H(label(name), salt, keccak256(data))


def commit_tokens(name, salt, tokens):
    packed = b"".join(t.to_bytes(4, "big") for t in tokens)
    return H(label(name), salt, uint(len(tokens)), keccak256(packed))


def provider_commitment(signer, secret):
    """What is published for rule 1."""
    return H(label("provider"), addr(signer), secret)


def rule_seed(inputs):
    if inputs["rule"] == 1:
        return H(label("seed-rule-1"), inputs["clientEntropy"], inputs["providerSecret"])
    return H(label("seed-rule-2"), inputs["context"], inputs["beacon"])


def inputs_hash(inputs):
    if inputs is None:
        return ZERO
    _, a, b = inputs.values()
    return H(label("seed-inputs"), uint(inputs["rule"]), a, b)


def commit_seed(salt, seed, stream, inputs):
    return H(label("seed"), salt, seed, uint(stream), inputs_hash(inputs))


# ---- §7 ----------------------------------------------------------------------------------------

def micros(text):
    negative = text.startswith("-")
    whole, _, fraction = text.lstrip("-").partition(".")
    value = int(whole) * 10**6 + int((fraction + "000000")[:6])
    return -value if negative else value


def sampler_hash(record):
    real = lambda key: sint(micros(record[key]))
    texts = lambda items: H(*(keccak256(t.encode()) for t in items))
    grammar = record["grammar"]
    if grammar is None:
        kind, text, engine = 0, ZERO, ZERO
    else:
        kind = {"jsonSchema": 1, "gbnf": 2}[grammar["kind"]]
        text, engine = (keccak256(grammar[k].encode()) for k in ("text", "engine"))
    words = [
        label("sampler"),
        uint(record["version"]),
        real("temperature"),
        uint(record["topK"]),
        real("topP"),
        real("minP"),
        real("repeatPenalty"),
        real("presencePenalty"),
        real("frequencyPenalty"),
        uint(record["penaltyWindow"]),
        H(*(w for b in record["logitBias"] for w in (uint(b["token"]), sint(micros(b["bias"]))))),
        H(*map(uint, record["bans"])),
        uint(kind),
        text,
        engine,
        uint(int(record["ignoreEog"])),
        texts(record["stop"]),
        uint(record["maxTokens"]),
        uint(record["contextTokens"]),
        uint(record["choices"]),
        uint(record["seedRule"]),
        uint(record["segmenter"]["id"]),
        texts(record["segmenter"]["markers"]),
    ]
    assert len(words) == 23
    return H(*words)


# ---- §8 ----------------------------------------------------------------------------------------

def levels(leaves):
    size = 1
    while size < len(leaves):
        size *= 2
    level = leaves + [ZERO] * (size - len(leaves))
    result = [level]
    while len(level) > 1:
        level = [keccak256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        result.append(level)
    return result


def root(name, leaves):
    return H(label(name), uint(len(leaves)), levels(leaves)[-1][0])


def siblings(leaves, index):
    return [level[(index >> k) ^ 1] for k, level in enumerate(levels(leaves)[:-1])]


def tree_accepts(name, expected, count, index, leaf, path):
    depth = 0
    while 2**depth < count:
        depth += 1
    if not index < count or len(path) != depth:
        return False
    for k, sibling in enumerate(path):
        leaf = keccak256(sibling + leaf if index >> k & 1 else leaf + sibling)
    return H(label(name), uint(count), leaf) == expected


# ---- §9, §10 -----------------------------------------------------------------------------------

def token_salt(trace_salt, i):
    return H(label("trace-token-salt"), trace_salt, uint(i))


def digest_salt(trace_salt, i):
    return H(label("trace-digest-salt"), trace_salt, uint(i))


def commit_token(salt, token):
    return H(label("trace-token"), salt, uint(token))


def commit_digest(salt, digest):
    return H(label("trace-digest"), salt, digest)


def trace_leaf(i, token_commitment, digest_commitment):
    return keccak256(H(label("trace-leaf"), uint(i), token_commitment, digest_commitment))


def trace_leaves(trace_salt, tokens, digests):
    return [
        trace_leaf(i, commit_token(token_salt(trace_salt, i), t), commit_digest(digest_salt(trace_salt, i), d))
        for i, (t, d) in enumerate(zip(tokens, digests))
    ]


def text_salt(steps_salt, i):
    return H(label("step-text-salt"), steps_salt, uint(i))


def step_leaf(step, salt):
    text = commit_bytes("step-text", salt, step["text"])
    fields = (step["index"], step["kind"], step["firstToken"], step["endToken"])
    return keccak256(H(label("step-leaf"), *map(uint, fields), text))


def step_leaves(steps_salt, steps):
    return [step_leaf(s, text_salt(steps_salt, s["index"])) for s in steps]


def step_json(step):
    members = {k: step[k] for k in ("index", "kind", "firstToken", "endToken")}
    try:
        members["text"] = step["text"].decode()
    except UnicodeDecodeError:
        members["textHex"] = hexed(step["text"])
    return members


def trace_proof_valid(receipt, proof):
    def commitment(opening, commit, value):
        if "commitment" in opening:
            return bytes.fromhex(opening["commitment"][2:])
        return commit(bytes.fromhex(opening["salt"][2:]), value(opening["value"]))

    if "commitment" in proof["token"] and "commitment" in proof["digest"]:
        return False
    word = lambda text: bytes.fromhex(text[2:])
    token = commitment(proof["token"], commit_token, lambda v: v)
    digest = commitment(proof["digest"], commit_digest, word)
    leaf = trace_leaf(proof["index"], token, digest)
    return proof["count"] == receipt["outputCount"] and tree_accepts(
        "trace-root", word(receipt["root"]), proof["count"], proof["index"], leaf, [word(s) for s in proof["siblings"]]
    )


def step_proof_valid(receipt, proof):
    word = lambda text: bytes.fromhex(text[2:])
    text = word(proof["textHex"]) if "textHex" in proof else proof["text"].encode()
    index, count, kind = proof["index"], proof["count"], proof["kind"]
    first, end = proof["firstToken"], proof["endToken"]
    answer = kind == 0
    leaf = step_leaf({**proof, "text": text}, word(proof["salt"]))
    return (
        receipt["kind"] == 0
        and index < count
        and answer == (index == count - 1)
        and (first <= end if answer else first < end)
        and index <= first
        and (first == 0 or index > 0)
        and (end == receipt["outputCount"] if answer else end + count - 2 - index <= receipt["outputCount"])
        and tree_accepts(
            "steps-root", word(receipt["root"]), count, index, leaf, [word(s) for s in proof["siblings"]]
        )
    )


# ---- §2 ----------------------------------------------------------------------------------------

FIELDS = [
    ("uint8", "kind"),
    ("bytes32", "model"),
    ("bytes32", "adapter"),
    ("bytes32", "profile"),
    ("bytes32", "sampler"),
    ("bytes32", "seed"),
    ("bytes32", "request"),
    ("bytes32", "prompt"),
    ("bytes32", "output"),
    ("bytes32", "trace"),
    ("bytes32", "steps"),
    ("uint32", "promptCount"),
    ("uint32", "outputCount"),
    ("uint8", "finish"),
    ("uint64", "issuedAt"),
    ("bytes32", "context"),
    ("address", "signer"),
]
WIDTHS = {"uint8": 1, "uint32": 4, "uint64": 8, "address": 20, "bytes32": 32}
DOMAIN_FIELDS = [
    ("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract"),
]


def type_hash(name, fields):
    return keccak256(f"{name}({','.join(t + ' ' + n for t, n in fields)})".encode())


def words_of(receipt):
    def word(kind, value):
        if kind == "bytes32":
            return value
        return addr(value) if kind == "address" else uint(value)

    return [word(kind, receipt[name]) for kind, name in FIELDS]


def packed(receipt):
    return b"".join(w[32 - WIDTHS[kind]:] for (kind, _), w in zip(FIELDS, words_of(receipt)))


def separator(domain):
    words = [
        type_hash("EIP712Domain", DOMAIN_FIELDS if domain else DOMAIN_FIELDS[:2]), keccak256(b"AttestLM"), keccak256(b"1"),
    ]
    if domain:
        words += [uint(domain[0]), addr(domain[1])]
    return H(*words)


def struct_hash(receipt):
    return H(type_hash("Receipt", FIELDS), *words_of(receipt))


def digest_of(receipt, domain):
    return keccak256(b"\x19\x01" + separator(domain) + struct_hash(receipt))


# ---- §11 ---------------------------------------------------------------------------------------

def document(receipt, domain, signature, disclosure):
    entries = lambda fields: [{"name": n, "type": t} for t, n in fields]
    shown = {"name": "AttestLM", "version": "1"}
    if domain:
        shown |= {"chainId": domain[0], "verifyingContract": hexed(domain[1])}
    message = {}
    for kind, name in FIELDS:
        value = receipt[name]
        message[name] = hexed(value) if isinstance(value, bytes) else str(value) if kind == "uint64" else value
    result = {
        "types": {
            "EIP712Domain": entries(DOMAIN_FIELDS if domain else DOMAIN_FIELDS[:2]),
            "Receipt": entries(FIELDS),
        },
        "primaryType": "Receipt",
        "domain": shown,
        "message": message,
        "signature": hexed(signature),
        "signer": hexed(receipt["signer"]),
    }
    if disclosure is not None:
        result["disclosure"] = disclosure
    return result
