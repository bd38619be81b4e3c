"""The hashes of receipt-1: labels, salts, commitments, trees and the sampler record (sections 3 to 10)."""

from .json_text import Refused
from .keccak256 import keccak256

ZERO = bytes(32)
MILLION = 10**6


def word(value):
    """One word of abi.encode; 20 bytes are an address, a negative number is in two's complement."""
    if isinstance(value, bytes):
        return value.rjust(32, b"\0")
    return (value % 2**256).to_bytes(32, "big")


def H(*values):
    return keccak256(b"".join(map(word, values)))


_labels = {}


def label(name):
    if name not in _labels:
        _labels[name] = keccak256(b"attestlm/receipt-1/" + name.encode())
    return _labels[name]


def labelled(name, *values):
    return H(label(name), *values)


def text_hash(text):
    return keccak256(text.encode("utf-8"))


def item_nonce(nonce, item):
    return labelled("item", nonce, item)


def salts(nonce, stream):
    key = labelled("stream", nonce, stream)
    return {name: labelled(f"{name}-salt", nonce if name in ("request", "prompt") else key)
            for name in ("request", "prompt", "output", "trace", "steps", "seed")}


def bytes_commitment(name, salt, data):
    return labelled(name, salt, keccak256(data))


def tokens_commitment(name, salt, tokens):
    packed = b"".join(token.to_bytes(4, "big") for token in tokens)
    return labelled(name, salt, len(tokens), keccak256(packed))


def context(chain, contract, job, previous):
    return labelled("context", chain, contract, job, previous)


def seed_from_inputs(rule, first, second):
    return labelled(f"seed-rule-{rule}", first, second)


def provider_commitment(signer, secret):
    return labelled("provider", bytes(12) + signer, secret)


def seed_inputs_hash(rule, first, second):
    return labelled("seed-inputs", rule, first, second)


def seed_commitment(salt, seed, stream, inputs_hash):
    return labelled("seed", salt, seed, stream, inputs_hash)


# Trees (section 8).

def depth(count):
    return (count - 1).bit_length() if count else 0


def root(name, leaves):
    level = list(leaves) or [ZERO]
    level += [ZERO] * (2**depth(len(leaves)) - len(level))
    while len(level) > 1:
        level = [keccak256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return labelled(f"{name}-root", len(leaves), level[0])


def root_from_proof(name, leaf, index, count, siblings):
    if not index < count or len(siblings) != depth(count):
        raise Refused("siblings")
    node = leaf
    for level, sibling in enumerate(siblings):
        node = keccak256(sibling + node) if index >> level & 1 else keccak256(node + sibling)
    return labelled(f"{name}-root", count, node)


def trace_salts(salt, index):
    return labelled("trace-token-salt", salt, index), labelled("trace-digest-salt", salt, index)


def trace_leaf(index, token_commitment, digest_commitment):
    return keccak256(labelled("trace-leaf", index, token_commitment, digest_commitment))


def trace_root(salt, tokens, digests):
    leaves = []
    for index, (token, digest) in enumerate(zip(tokens, digests)):
        token_salt, digest_salt = trace_salts(salt, index)
        leaves.append(trace_leaf(index, labelled("trace-token", token_salt, token),
                                 labelled("trace-digest", digest_salt, digest)))
    return root("trace", leaves)


def step_leaf(index, kind, first, end, text_commitment):
    return keccak256(labelled("step-leaf", index, kind, first, end, text_commitment))


def steps_root(salt, steps):
    """Of steps as (index, kind, firstToken, endToken, text bytes)."""
    return root("steps", [
        step_leaf(index, kind, first, end,
                  bytes_commitment("step-text", labelled("step-text-salt", salt, index), text))
        for index, kind, first, end, text in steps])


# The sampler record (section 7).

GRAMMAR_KINDS = {"jsonSchema": 1, "gbnf": 2}


def sampler_hash(record):
    grammar = record["grammar"]
    words = [
        label("sampler"), record["version"], record["temperature"], record["topK"], record["topP"], record["minP"],
        record["repeatPenalty"], record["presencePenalty"], record["frequencyPenalty"], record["penaltyWindow"],
        keccak256(b"".join(word(token) + word(bias) for token, bias in record["logitBias"])),
        keccak256(b"".join(map(word, record["bans"]))),
        GRAMMAR_KINDS[grammar["kind"]] if grammar else 0,
        text_hash(grammar["text"]) if grammar else ZERO,
        text_hash(grammar["engine"]) if grammar else ZERO,
        int(record["ignoreEog"]),
        keccak256(b"".join(map(text_hash, record["stop"]))),
        record["maxTokens"], record["contextTokens"], record["choices"], record["seedRule"], record["segmenter"]["id"],
        keccak256(b"".join(map(text_hash, record["segmenter"]["markers"]))),
    ]
    return H(*words)
