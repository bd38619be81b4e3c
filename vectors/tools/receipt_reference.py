#!/usr/bin/env python3
"""Makes the vectors of docs/spec/receipt-1.md, by the reference implementation in receipt_1.py.

    python3 vectors/tools/receipt_reference.py                writes the vectors
    python3 vectors/tools/receipt_reference.py --check        fails if a file differs
    python3 vectors/tools/receipt_reference.py --eth-account  lets eth_account hash and sign every
                                                              document, and fails if it disagrees

Pure Python, written from the specification alone.
"""

import json
import pathlib
import sys

import secp256k1
from blake3 import blake3
from keccak import keccak256
from receipt_1 import (
    canonical, commit_bytes, commit_digest, commit_seed, commit_token, commit_tokens, context, digest_of, digest_salt,
    document, document_text, hexed, inputs_hash, item_nonce, packed, provider_commitment, resort, root, rule_seed, salts, sampler_hash,
    separator, siblings, step_json, step_leaves, step_proof_valid, struct_hash, text_salt, token_salt, trace_leaves,
    trace_proof_valid, uint, words_of, ZERO,
)

VECTORS = pathlib.Path(__file__).resolve().parent.parent

KEYS = {
    "keccak256 of \"cow\", the key of EIP-712's example": int.from_bytes(keccak256(b"cow"), "big"),
    "the first account of Hardhat and Anvil": 0xAC0974BEC39A17E36BA4A6B4D238FF944BACB478CBED5EFCAE784D7BF4F2FF80,
    "one": 1,
}


def pseudo(text):
    """A word that looks random."""
    return keccak256(("vector " + text).encode())


PROFILE = "ggml-0123456789ab/x86-64-v3/exact-1/3fa94c02"
POLICY = {
    "version": 1, "temperature": "0.7", "topK": 40, "topP": "0.95", "minP": "0.05", "repeatPenalty": "1.1",
    "presencePenalty": "0", "frequencyPenalty": "0", "penaltyWindow": 64, "logitBias": [], "bans": [],
    "grammar": None, "ignoreEog": False, "stop": [], "maxTokens": 256, "contextTokens": 2048, "choices": 1,
    "seedRule": 0, "segmenter": {"id": 0, "markers": []},
}
GREEDY = {**POLICY, "temperature": "0", "topK": 0, "topP": "1", "minP": "0", "repeatPenalty": "1"}
CHAT = {
    "messages": [{"role": "user", "content": "What is 4 + 38?"}], "tools": None,
    "templateDigest": hexed(pseudo("template")), "renderer": "renderer/1", "tokenizer": "tokenizer/1", "date": None,
    "parseSpecial": False,
}
RAW = {
    "prompt": "4 + 38 =", "tools": None, "templateDigest": None, "renderer": None, "tokenizer": "tokenizer/1", "date": None,
    "parseSpecial": True,
}
TOKENS = {
    "promptTokens": [0, 4294967295, 7], "tools": None, "templateDigest": None, "renderer": None, "tokenizer": None, "date": None,
    "parseSpecial": False,
}
TOOLS = {
    **CHAT, "date": "2026-02-03",
    "tools": [{
        "name": "météo", "\U0001f600": 1, "\ufb33": 2, "limits": [1e30, 4.5, 0.002, 1e-27, 1e21, 333333333.33333329, -0.0, 100.0],
        "quote": "\u0000\u001f\"\\/\u007f\u2028",
    }],
}
CONTRACT = (11155111, bytes.fromhex("cccccccccccccccccccccccccccccccccccccccc"))


def one_step(count, text):
    return [{"index": 0, "kind": 0, "firstToken": 0, "endToken": count, "text": text}]


def step_proof(steps_salt, steps, index):
    return {
        "count": len(steps),
        **step_json(steps[index]),
        "salt": hexed(text_salt(steps_salt, index)),
        "siblings": [hexed(s) for s in siblings(step_leaves(steps_salt, steps), index)],
    }


def case(name, *, key=0, domain=None, kind=0, policy=POLICY, request=CHAT, prompt=(1, 5, 9, 2), output=(42, 17, 2),
         text=b" 42", finish=0, stream=0, adapter=False, issued_at=1767225600, job=None, seed=None, inputs=None,
         show=None, disclose=True, parts=None, proven=None):
    """`show`: the salts given instead of the nonce; the members they do not open are withheld. `parts`: the steps as kind,
    first and end token, and text; `proven`: those that are shown alone, each with its proof, and nothing else. `job`: the
    inputs of the context, or the context itself, whose inputs nobody discloses."""
    signer_key = list(KEYS.values())[key]
    nonce = pseudo(name + " nonce")
    salt = salts(nonce, stream)
    prompt, output = list(prompt), list(output)
    scored = kind == 1
    drawn = not scored and policy["temperature"] != "0"
    if inputs is not None:
        seed = rule_seed(inputs)
    elif drawn and seed is None:
        seed = pseudo(name + " seed")
    digests = [pseudo(f"{name} logits {i}") for i in range(len(output))]
    steps = one_step(len(output), text)
    if parts is not None:
        steps = [{"index": i, "kind": k, "firstToken": f, "endToken": e, "text": t} for i, (k, f, e, t) in enumerate(parts)]
    receipt = {
        "kind": kind,
        "model": pseudo("model"),
        "adapter": pseudo("adapter") if adapter else ZERO,
        "profile": keccak256(PROFILE.encode()),
        "sampler": ZERO if scored else sampler_hash(policy),
        "seed": commit_seed(salt["seed"], seed, stream, inputs) if drawn else ZERO,
        "request": commit_bytes("request", salt["request"], canonical(request).encode()),
        "prompt": commit_tokens("prompt", salt["prompt"], prompt),
        "output": commit_tokens("output", salt["output"], output),
        "trace": root("trace-root", trace_leaves(salt["trace"], output, digests)),
        "steps": ZERO if scored else root("steps-root", step_leaves(salt["steps"], steps)),
        "promptCount": len(prompt),
        "outputCount": len(output),
        "finish": 255 if scored else finish,
        "issuedAt": issued_at,
        "context": context(*job) if isinstance(job, tuple) else job or ZERO,
        "signer": secp256k1.address(signer_key),
    }
    digest = digest_of(receipt, domain)
    signature = secp256k1.sign(signer_key, digest)
    disclosure = None
    if disclose:
        shown = lambda part: show is None or part in show
        disclosure = {"profile": PROFILE}
        if not scored and proven is None:
            disclosure["sampler"] = policy
        if drawn and shown("seed"):
            disclosure["seed"] = hexed(seed)
            if inputs is not None:
                disclosure["seedInputs"] = {k: hexed(v) if isinstance(v, bytes) else v for k, v in inputs.items()}
        disclosure["stream"] = stream
        if show is None:
            disclosure["nonce"] = hexed(nonce)
        elif show:
            disclosure["salts"] = {part: hexed(salt[part]) for part in salt if part in show}
        if shown("request"):
            disclosure["request"] = resort(request)
        if shown("prompt"):
            disclosure["promptTokens"] = prompt
        if shown("output"):
            disclosure["outputTokens"] = output
        if not scored and shown("steps"):
            disclosure["steps"] = [step_json(s) for s in steps]
        if proven is not None:
            disclosure["stepProofs"] = [step_proof(salt["steps"], steps, index) for index in proven]
        if isinstance(job, tuple):
            disclosure["contextInputs"] = {
                "chainId": job[0], "contract": hexed(job[1]), "jobId": hexed(job[2]), "previousDigest": hexed(job[3])}
    doc = document(receipt, domain, signature, disclosure)
    return {
        "document": doc,
        "expect": {
            "domainSeparator": hexed(separator(domain)),
            "structHash": hexed(struct_hash(receipt)),
            "digest": hexed(digest),
            "abi": hexed(b"".join(words_of(receipt))),
            "packed": hexed(packed(receipt)),
            "documentKeccak": hexed(keccak256(document_text(doc).encode())),
            "signer": hexed(receipt["signer"]),
            "key": hexed(uint(signer_key)),
        },
    }


REASONED = [
    (1, 0, 3, "<think>\n4 + 30 = 34 ✓\n".encode()),
    (1, 3, 4, b"34 + 8 = 42 \xe2\x9c"),
    (1, 4, 6, b"\x93\n</think>\n"),
    (0, 6, 8, b"42"),
]


def receipts():
    job = (*CONTRACT, pseudo("job"), pseudo("previous"))
    hidden = context(*job)
    constrained = {
        **POLICY, "temperature": "1.000001", "logitBias": [{"token": 3, "bias": "-10000"}, {"token": 9, "bias": "0.000001"}],
        "bans": [0, 7, 31999], "ignoreEog": True, "stop": ["\n\n", "Q:"], "presencePenalty": "-0.5", "frequencyPenalty": "0.25",
        "grammar": {"kind": "jsonSchema", "text": '{"type":"object"}', "engine": "engine/1.2"},
    }
    gbnf = {**GREEDY, "grammar": {"kind": "gbnf", "text": 'root ::= "é" [0-9]+\n', "engine": "engine/1.2"}}
    rule1 = {"rule": 1, "clientEntropy": pseudo("entropy"), "providerSecret": pseudo("secret")}
    rule2 = {"rule": 2, "context": hidden, "beacon": pseudo("beacon")}
    marked = {**POLICY, "segmenter": {"id": 1, "markers": ["<think>", "</think>"]}}
    opened_by_prompt = {**POLICY, "segmenter": {"id": 2, "markers": ["<think>", "</think>"]}}
    reasoned = {"policy": marked, "output": (9, 8, 7, 6, 5, 4, 3, 2), "parts": REASONED}
    return {
        "greedy": case("greedy", policy=GREEDY),
        "drawn": case("drawn", key=1),
        "contract-domain": case("contract-domain", domain=CONTRACT, key=2, job=hidden),
        "largest-chain-id": case("largest-chain-id", domain=(2**53 - 1, b"\xff" * 20), policy=GREEDY, issued_at=2**64 - 1),
        "scored": case("scored", kind=1, request=RAW, key=1, output=(5, 6, 7, 8)),
        "scored-adapter": case("scored-adapter", kind=1, request=TOKENS, prompt=(0, 4294967295, 7), adapter=True, domain=CONTRACT),
        "constrained": case("constrained", policy=constrained, finish=1, text=b"{}", request=TOOLS),
        "grammar-end": case("grammar-end", policy=gbnf, finish=3, text="é1".encode(), request=RAW, key=2),
        "third-choice": case("third-choice", policy={**POLICY, "choices": 3, "maxTokens": 3}, stream=2, finish=2, adapter=True),
        "seed-rule-1": case("seed-rule-1", policy={**POLICY, "seedRule": 1}, inputs=rule1, key=1),
        "seed-rule-2": case("seed-rule-2", policy={**POLICY, "seedRule": 2}, inputs=rule2, job=hidden, domain=CONTRACT),
        "of-a-job": case("of-a-job", job=job, domain=CONTRACT, key=1),
        "first-of-a-history": case("first-of-a-history", job=(0, bytes(20), pseudo("job"), ZERO), policy=GREEDY),
        "scored-of-a-job": case("scored-of-a-job", kind=1, request=RAW, job=(2**53 - 1, *job[1:])),
        "half-a-character": case("half-a-character", policy={**GREEDY, "maxTokens": 3}, finish=2, text=b"4 \xe2\x82"),
        "context-full": case("context-full", policy={**POLICY, "contextTokens": 7}, finish=4),
        "cancelled-at-once": case("cancelled-at-once", output=(), text=b"", finish=5, issued_at=0),
        "redacted": case("redacted", show=("output", "steps")),
        "redacted-to-nothing": case("redacted-to-nothing", show=()),
        "reasoned": case("reasoned", **reasoned),
        "reasoned-opened": case("reasoned-opened", **{**reasoned, "policy": opened_by_prompt, "parts": [(1, 0, 3, b"4 + 30 = 34\n"), (1, 3, 8, b"34 + 8 = 42"), (0, 8, 8, b"")]}),
        "redacted-to-one-step": case("redacted-to-one-step", **reasoned, show=(), proven=(1,)),
        "redacted-to-two-steps": case("redacted-to-two-steps", **reasoned, show=(), proven=(0, 3), domain=CONTRACT, job=job),
        "undisclosed": case("undisclosed", disclose=False, domain=CONTRACT),
        "long": case("long", prompt=range(300), output=range(1000, 1257), text=b"a" * 700, finish=2, policy={**POLICY, "maxTokens": 257}),
    }


def proofs():
    cases = {}

    def add(name, tree, receipt, proof, valid, note):
        check = trace_proof_valid if tree == "trace" else step_proof_valid
        assert check(receipt, proof) == valid, name
        assert name not in cases
        cases[name] = {"tree": tree, "receipt": receipt, "proof": proof, "valid": valid, "note": note}

    salt = pseudo("trace salt")

    def trace(count, index, show_digest=False, show_token=True):
        tokens = [100 + 7 * i for i in range(count)]
        digests = [pseudo(f"digest {i}") for i in range(count)]
        leaves = trace_leaves(salt, tokens, digests)
        ts, ds = token_salt(salt, index), digest_salt(salt, index)
        opened = lambda value, s: {"value": value, "salt": hexed(s)}
        closed = lambda commitment: {"commitment": hexed(commitment)}
        proof = {
            "type": "attestlm/trace-proof-1",
            "index": index,
            "count": count,
            "token": opened(tokens[index], ts) if show_token else closed(commit_token(ts, tokens[index])),
            "digest": opened(hexed(digests[index]), ds) if show_digest else closed(commit_digest(ds, digests[index])),
            "siblings": [hexed(s) for s in siblings(leaves, index)],
        }
        return {"kind": 0, "outputCount": count, "root": hexed(root("trace-root", leaves))}, proof

    for count, index in [(1, 0), (2, 0), (2, 1), (3, 2), (4, 1), (5, 4), (8, 6), (9, 8), (257, 255), (257, 256)]:
        receipt, proof = trace(count, index, show_digest=index % 2 == 0)
        add(f"trace-{count}-{index}", "trace", receipt, proof, True, "a token, for even indices with its digest")
    receipt, proof = trace(6, 3, show_digest=True, show_token=False)
    add("trace-digest-only", "trace", receipt, proof, True, "the digest without the token")
    closed = {**proof, "digest": {"commitment": hexed(commit_digest(digest_salt(salt, 3), pseudo("digest 3")))}}
    add("trace-invalid-nothing-shown", "trace", receipt, closed, False, "neither the token nor the digest")
    add("trace-scored", "trace", {**receipt, "kind": 1}, proof, True, "a scored receipt has a trace too")

    receipt, proof = trace(6, 3, show_digest=True)
    path = proof["siblings"]
    flip = lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")
    opening = lambda o, **changes: {**o, **changes}
    for name, changes, note in [
        ("index", {"index": 2}, "another index"),
        ("index-beyond", {"index": 6}, "the index is the count"),
        ("index-wraps", {"index": 3 + 8}, "the index of the same turns, beyond the tree"),
        ("token", {"token": opening(proof["token"], value=122)}, "another token"),
        ("token-salt", {"token": opening(proof["token"], salt=hexed(ZERO))}, "another salt"),
        ("digest", {"digest": opening(proof["digest"], value=flip(proof["digest"]["value"]))}, "another digest"),
        ("sibling", {"siblings": [path[0], flip(path[1]), path[2]]}, "another sibling"),
        ("short", {"siblings": path[:2]}, "a sibling too few"),
        ("long", {"siblings": path + [hexed(ZERO)]}, "a sibling too many"),
        ("order", {"siblings": path[::-1]}, "siblings from the top down"),
        ("count", {"count": 7}, "another count, of the same depth"),
    ]:
        add("trace-invalid-" + name, "trace", receipt, {**proof, **changes}, False, note)
    add("trace-invalid-count-both", "trace", {**receipt, "outputCount": 7}, {**proof, "count": 7}, False,
        "another count in receipt and proof: the root binds it")
    add("trace-invalid-root", "trace", {**receipt, "root": flip(receipt["root"])}, proof, False, "another root")

    # A padding leaf has no opening, but a forger may try the index.
    receipt, proof = trace(5, 4)
    add("trace-invalid-padding", "trace", receipt, {**proof, "index": 5}, False, "the place of a padding leaf")
    # Sorted pairs would accept a leaf at both places of a pair.
    receipt, proof = trace(2, 1)
    add("trace-invalid-pair", "trace", receipt, {**proof, "index": 0}, False, "the right leaf claimed at the left place")

    salt_s = pseudo("steps salt")
    texts = ["4 + 38 means adding 38 to 4.\n".encode(), "40 + 2 = 42 ✓\n".encode(), b"", b"The answer is \xe2\x82"]
    bounds = [0, 9, 14, 15, 20]
    four = [
        {"index": i, "kind": int(i < 3), "firstToken": bounds[i], "endToken": bounds[i + 1], "text": t}
        for i, t in enumerate(texts)
    ]

    def step(steps, index, output_count):
        proof = {"type": "attestlm/step-proof-1", **step_proof(salt_s, steps, index)}
        top = root("steps-root", step_leaves(salt_s, steps))
        return {"kind": 0, "outputCount": output_count, "root": hexed(top)}, proof

    for index in range(4):
        receipt, proof = step(four, index, 20)
        add(f"step-4-{index}", "steps", receipt, proof, True, "step of four")
    receipt, proof = step(one_step(20, b"42"), 0, 20)
    add("step-whole", "steps", receipt, proof, True, "segmenter 0")
    receipt, proof = step(one_step(0, b""), 0, 0)
    add("step-empty", "steps", receipt, proof, True, "segmenter 0, no tokens")
    empty_answer = [{**four[0], "endToken": 9}, {"index": 1, "kind": 0, "firstToken": 9, "endToken": 9, "text": b""}]
    receipt, proof = step(empty_answer, 1, 9)
    add("step-empty-answer", "steps", receipt, proof, True, "an answer without tokens after a reasoning step")

    receipt, proof = step(four, 1, 20)
    for name, changes, note in [
        ("text", {"text": "40 + 2 = 43 ✓\n"}, "another text"),
        ("salt", {"salt": flip(proof["salt"])}, "another salt"),
        ("kind", {"kind": 0}, "a reasoning step as the answer"),
        ("index", {"index": 0}, "another index"),
        ("first", {"firstToken": 10}, "another first token"),
        ("end", {"endToken": 15}, "another end"),
        ("count", {"count": 3}, "another count"),
        ("sibling", {"siblings": [flip(proof["siblings"][0]), proof["siblings"][1]]}, "another sibling"),
    ]:
        add("step-invalid-" + name, "steps", receipt, {**proof, **changes}, False, note)
    add("step-invalid-scored", "steps", {**receipt, "kind": 1}, proof, False, "a scored receipt has no steps")
    # Trees that hold what no tiling has: the path is right, the rules are not kept.
    many = [{"index": i, "kind": int(i < 8), "firstToken": i, "endToken": i + 1, "text": b"x"} for i in range(9)]
    for name, index, changes, note in [
        ("crowded", 3, {"firstToken": 2}, "three steps before it have two tokens"),
        ("crowding", 3, {"endToken": 7}, "four reasoning steps behind it have three tokens"),
    ]:
        crowd = [{**s, **changes} if s["index"] == index else s for s in many]
        receipt, proof = step(crowd, index, 10)
        add("step-invalid-" + name, "steps", receipt, proof, False, note)
    receipt, proof = step([{**many[3], "endToken": 6} if s["index"] == 3 else s for s in many], 3, 10)
    add("step-packed", "steps", receipt, proof, True, "each step before and behind it has one token, the answer none")
    receipt, proof = step(four, 3, 21)
    add("step-invalid-answer-early", "steps", receipt, proof, False, "the answer ends before outputCount")
    receipt, proof = step(four, 1, 13)
    add("step-invalid-beyond", "steps", receipt, proof, False, "a step ends after outputCount")
    for name, step_at, note in [
        ("last-reasoning", [{**four[0]}, {**four[1], "endToken": 20}], "the last step is no answer"),
        ("begins-late", [{**four[0], "firstToken": 1}, {**four[1], "kind": 0, "endToken": 20}], "the first step begins at 1"),
        ("empty-reasoning", [{**four[0]}, {**four[1], "endToken": 9}, {**four[3], "index": 2, "firstToken": 9}],
         "a reasoning step without tokens"),
    ]:
        index = 0 if name == "begins-late" else 1
        receipt, proof = step(step_at, index, 20)
        add("step-invalid-" + name, "steps", receipt, proof, False, note)
    return cases


def commitments():
    nonce, salt = pseudo("nonce"), pseudo("salt")
    cases = {}
    for name, n, stream in [("salts", nonce, 0), ("salts-stream-1", nonce, 1), ("salts-last-stream", nonce, 2**32 - 1)]:
        cases[name] = {
            "kind": "salts", "nonce": hexed(n), "stream": stream,
            "expect": {part: hexed(s) for part, s in salts(n, stream).items()},
        }
    for name, tokens in [("empty", []), ("one", [0]), ("two", [1, 2]), ("swapped", [2, 1]), ("wide", [2**32 - 1, 256, 65536])]:
        cases["tokens-" + name] = {
            "kind": "tokens", "salt": hexed(salt), "tokens": tokens,
            "expect": {p: hexed(commit_tokens(p, salt, tokens)) for p in ("prompt", "output")},
        }
    for name, data in [("empty", b""), ("text", "né".encode()), ("block", bytes(range(136)))]:
        cases["bytes-" + name] = {
            "kind": "bytes", "salt": hexed(salt), "bytes": hexed(data),
            "expect": {"request": hexed(commit_bytes("request", salt, data))},
        }
    rules = {
        "given": (pseudo("seed"), None),
        "rule-1": (None, {"rule": 1, "clientEntropy": pseudo("entropy"), "providerSecret": pseudo("secret")}),
        "rule-2": (None, {"rule": 2, "context": pseudo("context"), "beacon": pseudo("beacon")}),
    }
    signer = secp256k1.address(KEYS["one"])
    for name, (seed, inputs) in rules.items():
        seed = seed or rule_seed(inputs)
        shown = inputs and {k: hexed(v) if isinstance(v, bytes) else v for k, v in inputs.items()}
        expect = {"seed": hexed(seed), "inputsHash": hexed(inputs_hash(inputs)), "commitment": hexed(commit_seed(salt, seed, 3, inputs))}
        if name == "rule-1":
            expect["providerCommitment"] = hexed(provider_commitment(signer, inputs["providerSecret"]))
        cases["seed-" + name] = {
            "kind": "seed", "salt": hexed(salt), "seed": hexed(seed), "stream": 3, "inputs": shown, "signer": hexed(signer),
            "expect": expect,
        }
    for name, args in [("zeros", (0, bytes(20), ZERO, ZERO)), ("job", (2**53 - 1, b"\xaa" * 20, pseudo("job"), pseudo("previous")))]:
        cases["context-" + name] = {
            "kind": "context", "chainId": str(args[0]), "contract": hexed(args[1]), "jobId": hexed(args[2]),
            "previousDigest": hexed(args[3]), "expect": hexed(context(*args)),
        }
    for item in (0, 1, 2**32):
        cases[f"item-{item}"] = {"kind": "item", "nonce": hexed(nonce), "item": item, "expect": hexed(item_nonce(nonce, item))}
    records = {
        "defaults": GREEDY,
        "drawn": POLICY,
        "bias": {**POLICY, "logitBias": [{"token": 0, "bias": "-0.000001"}, {"token": 2**32 - 1, "bias": "9007199254.740992"}]},
        "bans": {**POLICY, "bans": [0, 1, 2**32 - 1], "ignoreEog": True},
        "stop": {**POLICY, "stop": ["ab", "c"]},
        "stop-cut-elsewhere": {**POLICY, "stop": ["a", "bc"]},
        "grammar": {**POLICY, "grammar": {"kind": "gbnf", "text": "root ::= \"x\"", "engine": "engine/1"}},
        "schema": {**POLICY, "grammar": {"kind": "jsonSchema", "text": "{}", "engine": "engine/1"}},
        "segmenter": {**POLICY, "segmenter": {"id": 1, "markers": ["<think>", "</think>"]}, "seedRule": 2, "choices": 64},
    }
    for name, record in records.items():
        cases["sampler-" + name] = {"kind": "sampler", "record": record, "expect": hexed(sampler_hash(record))}
    for name, request in [("chat", CHAT), ("raw", RAW), ("tokens", TOKENS), ("tools", TOOLS)]:
        text = canonical(request)
        cases["canonical-" + name] = {
            "kind": "canonical", "value": resort(request), "expect": {"text": text, "keccak": hexed(keccak256(text.encode()))},
        }
    for count in (0, 1, 2, 3, 7):
        tokens = [5 * i for i in range(count)]
        digests = [pseudo(f"digest {i}") for i in range(count)]
        leaves = trace_leaves(salt, tokens, digests)
        cases[f"trace-{count}"] = {
            "kind": "trace", "salt": hexed(salt), "tokens": tokens, "digests": [hexed(d) for d in digests],
            "expect": hexed(root("trace-root", leaves)),
        }
    for count in (1, 16, 17, 256, 257, 1300):
        # Bit 30 cleared: below 2, and finite. Zeros of both signs, a subnormal and the largest f32 among them.
        bits = [0x80000000, 0, 1, 0x7F7FFFFF] + [int.from_bytes(pseudo(f"logit {i}")[:4], "big") & ~(1 << 30) for i in range(4, count)]
        logits = b"".join(b.to_bytes(4, "little") for b in bits[:count])
        cases[f"logits-{count}"] = {
            "kind": "logits", "logits": [f"0x{b:08x}" for b in bits[:count]], "expect": hexed(blake3(logits)),
        }
    for name, steps in [
        ("whole", one_step(3, "42 ✓".encode())), ("empty", one_step(0, b"")), ("half", one_step(3, b"\xff")),
        ("two", [{"index": 0, "kind": 1, "firstToken": 0, "endToken": 2, "text": b"x"}, {**one_step(3, b"y")[0], "index": 1, "firstToken": 2}]),
    ]:
        cases["steps-" + name] = {
            "kind": "steps", "salt": hexed(salt), "steps": [step_json(s) for s in steps],
            "expect": hexed(root("steps-root", step_leaves(salt, steps))),
        }
    return cases


def agree_with_eth_account(cases):
    from eth_account import Account
    from eth_account.messages import encode_typed_data, _hash_eip191_message

    for name, one in cases.items():
        doc, expect = one["document"], one["expect"]
        full = {k: doc[k] for k in ("types", "primaryType", "domain", "message")}
        signable = encode_typed_data(full_message=full)
        assert "0x" + _hash_eip191_message(signable).hex().removeprefix("0x") == expect["digest"], name
        signed = Account.sign_message(signable, expect["key"])
        assert "0x" + signed.signature.hex().removeprefix("0x") == doc["signature"], name
        assert Account.recover_message(signable, signature=doc["signature"]).lower() == expect["signer"], name
    print(f"eth_account agrees on {len(cases)} digests and signatures")


def main(arguments):
    files = {
        f"{folder}/{name}.json": document_text(content)
        for folder, cases in [("receipts", receipts()), ("merkle", proofs()), ("commitments", commitments())]
        for name, content in cases.items()
    }
    if arguments == ["--eth-account"]:
        agree_with_eth_account(receipts())
        return 0
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    wrong = 0
    for name, text in files.items():
        path = VECTORS / name
        assert json.loads(text) is not None
        if arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"differs: {name}")
                wrong += 1
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for folder in ("receipts", "merkle", "commitments"):
        for path in (VECTORS / folder).glob("*.json"):
            if f"{folder}/{path.name}" not in files:
                print(f"not made by this program: {folder}/{path.name}")
                wrong += 1
    print(f"{len(files)} vectors, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
