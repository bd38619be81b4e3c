#!/usr/bin/env python3
"""Reference implementation of docs/spec/sampler-1.md, and the maker of vectors/sampler/.

    python3 vectors/tools/sampler_reference.py          writes the vectors
    python3 vectors/tools/sampler_reference.py --check  fails if a file differs

Pure Python, written from the specification alone: no library's exp, ln, ChaCha20 or random
numbers. A Python float is an IEEE binary64, and CPython rounds every operation by itself, to
nearest even; `struct` converts f32 exactly.
"""

import json
import math
import pathlib
import struct
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "sampler"
M32 = 0xFFFFFFFF


class Refused(Exception):
    """An error the specification demands: kind `logits` or `argument`."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


# ---- numbers -----------------------------------------------------------------------------------

def bits64(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def from_bits64(b):
    return struct.unpack("<d", struct.pack("<Q", b))[0]


def from_bits32(b):
    return struct.unpack("<f", struct.pack("<I", b))[0]


def bits32(x):
    """The f32 nearest to x."""
    return struct.unpack("<I", struct.pack("<f", x))[0]


def h32(b):
    return f"0x{b:08x}"


def h64(x):
    return f"0x{bits64(x):016x}"


# ---- exp and ln (sections 4 and 5 of the specification) ----------------------------------------

LN2_HI = from_bits64(0x3FE62E42FEE00000)
LN2_LO = from_bits64(0x3DEA39EF35793C76)
INV_LN2 = from_bits64(0x3FF71547652B82FE)
P = [from_bits64(b) for b in (
    0x3FC555555555553E, 0xBF66C16C16BEBD93, 0x3F11566AAF25DE2C, 0xBEBBBD41C5D26BF1, 0x3E66376972BEA4D0)]
L = [from_bits64(b) for b in (
    0x3FE5555555555593, 0x3FD999999997FA04, 0x3FD2492494229359, 0x3FCC71C51D8E78AF, 0x3FC7466496CB03DE,
    0x3FC39A09D078C69F, 0x3FC2F112DF3E5244)]


def scale(y, k):
    """y * 2^k, rounded once."""
    if k > 1023:
        return y * from_bits64(0x7FE0000000000000) * from_bits64((k - 1023 + 1023) << 52)
    if k < -1022:
        return y * from_bits64((1023 - 969) << 52) * from_bits64((k + 969 + 1023) << 52)
    return y * from_bits64((k + 1023) << 52)


def exp(x):
    if x != x:
        return x
    if x > from_bits64(0x40862E42FEFA39EF):
        return math.inf
    if x < from_bits64(0xC0874910D52D3051):
        return 0.0
    h = bits64(x) >> 32 & 0x7FFFFFFF
    if h > 0x3FD62E42:
        if h >= 0x3FF0A2B2:
            k = int(INV_LN2 * x + (-0.5 if x < 0 else 0.5))
        else:
            k = -1 if x < 0 else 1
        hi = x - k * LN2_HI
        lo = k * LN2_LO
        r = hi - lo
    elif h > 0x3E300000:
        k, hi, lo, r = 0, x, 0.0, x
    else:
        return 1.0 + x
    z = r * r
    c = r - z * (P[0] + z * (P[1] + z * (P[2] + z * (P[3] + z * P[4]))))
    y = 1.0 + (r * c / (2.0 - c) - lo + hi)
    return y if k == 0 else scale(y, k)


def ln(x):
    b = bits64(x)
    h = b >> 32
    k = 0
    if h < 0x00100000 or h >> 31:
        if b << 1 & 0xFFFFFFFFFFFFFFFF == 0:
            return -math.inf
        if h >> 31:
            return math.nan
        k = -54
        b = bits64(x * from_bits64(0x4350000000000000))
        h = b >> 32
    elif h >= 0x7FF00000:
        return x
    elif b == 0x3FF0000000000000:
        return 0.0
    h += 0x3FF00000 - 0x3FE6A09E
    k += (h >> 20) - 0x3FF
    h = (h & 0x000FFFFF) + 0x3FE6A09E
    f = from_bits64(h << 32 | b & M32) - 1.0
    q = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (L[1] + w * (L[3] + w * L[5]))
    t2 = z * (L[0] + w * (L[2] + w * (L[4] + w * L[6])))
    r = t2 + t1
    return s * (q + r) + k * LN2_LO - q + f + k * LN2_HI


# ---- ChaCha20 (RFC 8439) and the noise ---------------------------------------------------------

def chacha20_block(key, counter, nonce):
    start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
    start += [counter] + list(struct.unpack("<3I", nonce))
    s = start[:]

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & M32
            t = s[z] ^ s[x]
            s[z] = (t << n | t >> 32 - n) & M32

    for _ in range(10):
        quarter(0, 4, 8, 12), quarter(1, 5, 9, 13), quarter(2, 6, 10, 14), quarter(3, 7, 11, 15)
        quarter(0, 5, 10, 15), quarter(1, 6, 11, 12), quarter(2, 7, 8, 13), quarter(3, 4, 9, 14)
    return struct.pack("<16I", *(a + b & M32 for a, b in zip(s, start)))


def gumbel(seed, stream, index, token):
    block = chacha20_block(seed, token // 8, struct.pack("<QI", index, stream))
    x = struct.unpack_from("<Q", block, token % 8 * 8)[0] >> 12
    return -ln(-ln((2 * x + 1) / 2.0**53))


# ---- the sampler -------------------------------------------------------------------------------

POLICY = {
    "temperature": "1", "topK": 0, "topP": "1", "minP": "0", "repeatPenalty": "1", "presencePenalty": "0",
    "frequencyPenalty": "0", "penaltyWindow": 64, "logitBias": [], "bans": [], "ignoreEog": False, "choices": 1,
}


def millionths(text):
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text)
    whole, _, fraction = digits.partition(".")
    assert len(fraction) <= 6
    value = sign * int(whole + fraction.ljust(6, "0"))
    assert abs(value) <= 2**53
    return value / 1e6


def check_logits(logits):
    if not logits:
        raise Refused("argument")
    if not all(math.isfinite(l) for l in logits):
        raise Refused("logits")


def best_of(scored):
    """The token with the largest score, the smallest token of those."""
    best = None
    for token, score in scored:
        if best is None or score > best[1] or score == best[1] and token < best[0]:
            best = token, score
    return best


def run(case):
    """The drawn token, and for every token its judgement: (margin, cutoff gap), or None if excluded."""
    p = case["policy"]
    logits = [from_bits32(int(b, 16)) for b in case["logits"]]
    n = len(logits)
    off = [millionths(p[name]) for name in ("repeatPenalty", "presencePenalty", "frequencyPenalty")] == [1, 0, 0]
    history = case["history"]
    window = [] if off else history[max(0, len(history) - p["penaltyWindow"]):]
    if any(token >= n for token in window):
        raise Refused("argument")
    check_logits(logits)

    for token, bias in p["logitBias"]:
        logits[token] = logits[token] + millionths(bias)

    for token in set(window):
        count = window.count(token)
        l, r = logits[token], millionths(p["repeatPenalty"])
        l = l / r if l > 0 else l * r
        logits[token] = l - (count * millionths(p["frequencyPenalty"]) + millionths(p["presencePenalty"]))

    excluded = set(p["bans"])
    if p["ignoreEog"]:
        excluded |= set(case["eog"])
    if case["mask"] is not None:
        words = [int(w, 16) for w in case["mask"]]
        excluded |= {v for v in range(n) if not words[v // 32] >> v % 32 & 1}
    allowed = [v for v in range(n) if v not in excluded]
    if not allowed:
        raise Refused("logits")

    t = millionths(p["temperature"])
    if t == 0:
        token, top = best_of((v, logits[v]) for v in allowed)
        return token, [(top - logits[v], 0.0) if v not in excluded else None for v in range(n)]

    scaled = {v: logits[v] / t for v in allowed}
    left = sorted(allowed, key=lambda v: (-scaled[v], v))
    if p["topK"] > 0:
        left = left[:p["topK"]]
    top = scaled[left[0]]
    weight = {v: exp(scaled[v] - top) for v in left}
    top_p, min_p = millionths(p["topP"]), millionths(p["minP"])
    if top_p < 1:
        total = 0.0
        for v in left:
            total += weight[v]
        target, running = top_p * total, 0.0
        for i, v in enumerate(left):
            running += weight[v]
            if running >= target:
                left = left[:i + 1]
                break
    if min_p > 0:
        left = [v for v in left if weight[v] >= min_p]

    seed = bytes.fromhex(case["seed"][2:])
    score = {v: scaled[v] + gumbel(seed, case["stream"], int(case["index"]), v) for v in allowed}
    token, winning = best_of((v, score[v]) for v in left)
    kept = set(left)
    lowest = min(scaled[v] for v in left)

    def cutoff_gap(v):
        # A gap of 0 says that the token survived: a tie at the cut counts as the smallest normal number.
        return 0.0 if v in kept else max(lowest - scaled[v], 2.0**-1022)

    return token, [(winning - score[v], cutoff_gap(v)) if v not in excluded else None for v in range(n)]


def log_probability(logits, token):
    check_logits(logits)
    top = max(logits)
    total = 0.0
    for l in logits:
        total += exp(l - top)
    return logits[token] - top - ln(total)


# ---- the cases ---------------------------------------------------------------------------------

def noise_numbers(label):
    """Test data: the words of a ChaCha20 stream keyed by a label."""
    key = label.encode().ljust(32, b".")[:32]
    counter = 0
    while True:
        yield from struct.unpack("<8Q", chacha20_block(key, counter, bytes(12)))
        counter += 1


def spread(label, n, low, high):
    """n f32 bit patterns between low and high."""
    numbers = noise_numbers(label)
    return [h32(bits32(low + (high - low) * (next(numbers) >> 11) / 2.0**53)) for _ in range(n)]


def f32s(*values):
    return [h32(bits32(v)) for v in values]


def mask_of(n, tokens):
    return [f"0x{sum(1 << v % 32 for v in tokens if v // 32 == w):08x}" for w in range((n + 31) // 32)]


SEED_ONE = "0x" + "00" * 31 + "01"
SEED_RAMP = "0x" + bytes(range(32)).hex()

CASES = []


def sample(name, note, logits, seed=SEED_RAMP, stream=0, index=0, history=(), eog=(), mask=None, **policy):
    CASES.append((name, {
        "kind": "sample", "note": note, "policy": {**POLICY, **policy}, "seed": seed, "stream": stream,
        "index": str(index), "history": list(history), "eog": list(eog), "mask": mask, "logits": list(logits),
    }))


def cases():
    inf, nan = math.inf, math.nan
    five = f32s(0.5, 2.25, -1.0, 2.0, 0.0)
    flat = f32s(*[1.0] * 24)
    soft = spread("soft", 40, -4, 4)
    real = spread("real", 300, -12, 8)

    # Temperature 0.
    sample("greedy", "the largest logit", five, temperature="0")
    sample("greedy-tie", "equal logits: the smallest token", f32s(1, 3, 2, 3, 3), temperature="0")
    sample("greedy-zero-signs", "zeros of both signs are equal", f32s(-1, -0.0, 0.0), temperature="0")
    sample("greedy-ignores-filters", "filters and seed are of no account at temperature 0", soft,
           temperature="0", topK=3, topP="0.1", minP="0.9", seed=SEED_ONE)
    sample("greedy-bias-tie", "a bias makes a tie with a smaller token", f32s(1, 2, 0), temperature="0",
           logitBias=[[0, "1"]])
    sample("greedy-bias-f64", "a bias too small for f32 breaks a tie in f64", f32s(16384, 16384), temperature="0",
           logitBias=[[1, "0.000001"]])
    sample("greedy-penalties", "penalties at temperature 0", f32s(4, 3.5, 3, -1), temperature="0",
           history=[0, 1, 0], repeatPenalty="1.25", presencePenalty="0.3", frequencyPenalty="0.2")

    # The draw.
    sample("draw", "temperature alone", five)
    sample("draw-flat", "equal logits: the noise decides", flat)
    sample("draw-flat-next-index", "the same at the next position", flat, index=1)
    sample("draw-flat-stream", "the same in another stream", flat, stream=2, choices=3)
    sample("draw-flat-seed", "the same with seed 1", flat, seed=SEED_ONE)
    sample("draw-large-index", "an index beyond 32 bits", flat, index=2**64 - 2**33 + 5)
    sample("draw-one-token", "a vocabulary of one token", f32s(-7))
    sample("draw-300", "several ChaCha blocks and a part of one", real, temperature="0.7")
    sample("draw-flat-1003", "a flat vocabulary that fills no whole block", [h32(bits32(-2.5))] * 1003, index=4)
    sample("temperature-high", "temperature 100 flattens", real, temperature="100")
    sample("temperature-low", "temperature 0.000001 is nearly greedy", soft, temperature="0.000001")
    sample("temperature-thirds", "a division that rounds", soft, temperature="0.333333", index=9)

    # Filters.
    sample("top-k-1", "top-k 1 leaves the largest", soft, topK=1, temperature="5")
    sample("top-k", "top-k 5 of 40", soft, topK=5, temperature="3", index=2)
    sample("top-k-tie", "of equal logits top-k keeps the smaller tokens", f32s(2, 5, 5, 5, 5, 1, 5), topK=3, index=1)
    sample("top-k-beyond", "top-k above the vocabulary is off", flat, topK=1000)
    sample("top-k-300", "top-k 40 of 300", real, topK=40, temperature="2", index=5)
    sample("top-p", "top-p 0.9", soft, topP="0.9", temperature="1.5", index=3)
    sample("top-p-tiny", "top-p 0.000001 leaves the largest", soft, topP="0.000001", temperature="5")
    sample("top-p-exact", "a sum that equals the target ends there: 2 of 4 equal weights", f32s(3, 3, 3, 3), topP="0.5",
           index=6)
    sample("top-p-high", "top-p 0.999999", real, topP="0.999999", temperature="4", index=7)
    sample("top-p-300", "top-p over a full vocabulary", real, topP="0.8", temperature="2", index=8)
    sample("min-p", "min-p 0.3", soft, minP="0.3", temperature="2", index=1)
    sample("min-p-one", "min-p 1 keeps only what equals the largest", f32s(4, 1, 4, 3.9999, 4), minP="1", index=2)
    sample("min-p-300", "min-p over a full vocabulary", real, minP="0.02", temperature="2", index=11)
    sample("all-filters", "top-k, then top-p, then min-p", real, topK=30, topP="0.95", minP="0.1", temperature="1.3",
           index=12)

    # Bias, penalties, exclusions.
    sample("bias", "bias up and down", soft, logitBias=[[3, "2.5"], [7, "-100"], [39, "0.000001"]], index=4)
    sample("bias-filters", "top-k sees biased logits", soft, logitBias=[[0, "9.5"], [2, "9.5"]], topK=2, index=3)
    sample("repeat-penalty", "positive logits are divided, others multiplied", soft, repeatPenalty="1.7",
           history=[0, 1, 2, 3, 4, 5, 5], index=7)
    sample("repeat-penalty-below-one", "a penalty below 1 favours repetition", flat, repeatPenalty="0.5",
           history=[20, 21], index=2)
    sample("presence-penalty", "once per token", flat, presencePenalty="1.5", history=[1, 1, 1, 2], index=3)
    sample("frequency-penalty", "per occurrence", flat, frequencyPenalty="0.4", history=[1, 1, 1, 2], index=3)
    sample("negative-penalties", "negative penalties reward", flat, presencePenalty="-2", frequencyPenalty="-0.5",
           history=[5, 5, 6], index=3)
    sample("window", "only the last 2 tokens count", f32s(5, 4.75, 4.5), temperature="0", presencePenalty="1",
           penaltyWindow=2, history=[0, 0, 1, 2])
    sample("window-zero", "a window of 0 tokens penalises nothing", f32s(5, 4.75, 4.5), temperature="0",
           presencePenalty="1", penaltyWindow=0, history=[0, 0, 1, 2])
    sample("bias-then-penalty", "bias comes before penalties: its sign decides", f32s(-1, 0.25, -9), temperature="0",
           logitBias=[[0, "2"]], repeatPenalty="2", history=[0])
    sample("bans", "banned tokens", five, temperature="0", bans=[1, 3])
    sample("bans-draw", "banned tokens in a draw", flat, bans=[0, 7, 8, 9, 23])
    sample("ignore-eog", "end-of-generation tokens are excluded", five, temperature="0", eog=[1, 3], ignoreEog=True)
    sample("eog-kept", "and otherwise are not", five, temperature="0", eog=[1, 3])
    sample("mask", "a grammar's mask", soft, mask=mask_of(40, [4, 9, 30, 31, 32, 39]), index=2)
    sample("mask-one", "a mask with one token", real, mask=mask_of(300, [299]), topP="0.5")
    sample("mask-and-ban", "mask, ban, bias and penalty meet", soft, mask=mask_of(40, range(0, 40, 2)), bans=[2, 4],
           logitBias=[[6, "1"], [7, "50"]], presencePenalty="0.5", history=[6, 8], topK=6, index=5)

    # Magnitudes.
    sample("tiny-logits", "f32 subnormals are told apart", ["0x00000001", "0x00000003", "0x80000001", "0x00000002"],
           temperature="0")
    sample("tiny-logits-draw", "subnormals divided by a small temperature", ["0x00000001", "0x007fffff", "0x80000001"],
           temperature="0.000001", index=1)
    sample("huge-logits", "the largest f32, with a small temperature", f32s(-3.4e38, 3.4e38, 3.3e38),
           temperature="0.000001", topP="0.9")
    sample("huge-logits-tie", "noise vanishes beside huge logits: the smaller token", f32s(1e30, -1e30, 1e30))
    sample("huge-bias", "the largest bias", f32s(9000, 0, -9000), logitBias=[[2, "10000"]], temperature="0")

    sample("history-outside", "without penalties, and outside the window, the history is not looked at", flat,
           history=[24, 2**32 - 1], index=1)
    sample("history-before-window", "tokens before the window may be any", flat, history=[2**32 - 1, 5],
           penaltyWindow=1, presencePenalty="9", index=1)

    # Errors.
    sample("error-history", "a token of the window is outside the vocabulary", flat, history=[5, 24],
           presencePenalty="1")
    sample("error-history-first", "an argument's error goes before one of the logits", f32s(0, nan), history=[2],
           repeatPenalty="2")
    for name, value in (("nan", nan), ("infinity", inf), ("minus-infinity", -inf)):
        sample(f"error-{name}", "not a finite number", f32s(0, 1, value, 2), temperature="0")
        sample(f"error-{name}-draw", "the same in a draw, though the token is banned", f32s(0, 1, value, 2), bans=[2])
    sample("error-all-banned", "nothing is left", f32s(0, 1), bans=[0, 1])
    sample("error-all-masked", "nothing is left", five, mask=mask_of(5, []), temperature="0")
    sample("error-mask-and-ban", "what the mask allows is banned", five, mask=mask_of(5, [2]), bans=[2])


def finish(case):
    try:
        token, judged = run(case)
    except Refused as refused:
        return {**case, "expect": {"error": refused.kind}}
    tokens = sorted({token, 0, len(judged) - 1, len(judged) // 2} | set(case["policy"]["bans"][:1]))
    judgements = [
        {"token": v, "excluded": True} if judged[v] is None
        else {"token": v, "excluded": False, "margin": h64(judged[v][0]), "survived": judged[v][1] == 0,
              "cutoffGap": h64(judged[v][1])}
        for v in tokens
    ]
    return {**case, "expect": {"token": token, "judgements": judgements}}


def around(b):
    return [b - 1, b, b + 1]


def exp_inputs():
    """Both sides of every branch, both signs, results that are subnormal or overflow."""
    patterns = [0x0000000000000000, 0x0000000000000001, 0x3CA0000000000000, 0x3FF0000000000000, 0x4000000000000000]
    for b in (0x3E300000FFFFFFFF, 0x3FD62E42FEFA39EF, 0x3FD62E42FFFFFFFF, 0x3FF0A2B1FFFFFFFF, 0x3FF0A2B23F73B2F5,
              0x40862E42FEFA39EF, 0x4086232BDD7ABCD2, 0x40874910D52D3051, 0x4059000000000000, 0x4037000000000000):
        patterns += around(b)
    # Halfway between two multiples of ln 2, where k is decided.
    patterns += [bits64((k + 0.5) * math.log(2)) + d for k in (2, 7, 53, 500, 1000) for d in (-1, 0, 1)]
    numbers = noise_numbers("exp")
    patterns += [bits64((next(numbers) >> 11) / 2.0**53 * 40) for _ in range(24)]
    patterns += [bits64((next(numbers) >> 11) / 2.0**53) for _ in range(12)]
    both = [b for p in patterns for b in (p, p | 1 << 63)]
    return sorted(set(both)) + [0x7FF0000000000000, 0xFFF0000000000000]


def ln_inputs():
    patterns = [1, 2, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x0010000000000001, 0x7FEFFFFFFFFFFFFF,
                0x7FF0000000000000, 0, 1 << 63]
    for b in (0x3FF0000000000000, 0x3FE6A09E00000000, 0x3FE6A09E667F3BCD, 0x3FF6A09E00000000, 0x3FF6A09E667F3BCD,
              0x3FE0000000000000, 0x4005BF0A8B145769):
        patterns += around(b)
    # The u of the draw at both ends and in the middle, and -ln u of those.
    for x in (0, 1, 2, 2**51 - 1, 2**51, 2**52 - 3, 2**52 - 2, 2**52 - 1):
        u = (2 * x + 1) / 2.0**53
        patterns += [bits64(u), bits64(-ln(u))]
    numbers = noise_numbers("ln")
    patterns += [bits64(((next(numbers) >> 12) * 2 + 1) / 2.0**53) for _ in range(24)]
    patterns += [bits64((next(numbers) >> 11) / 2.0**53 * 150000) for _ in range(12)]
    return sorted(set(patterns))


def files():
    cases()
    out = {f"{name}.json": finish(case) for name, case in CASES}
    assert len(out) == len(CASES), "two cases have the same name"
    out["exp.json"] = {"kind": "exp", "note": "f64 bits of x and of exp(x)", "pairs": [
        [f"0x{b:016x}", h64(exp(from_bits64(b)))] for b in exp_inputs()]}
    out["ln.json"] = {"kind": "ln", "note": "f64 bits of x and of ln(x)", "pairs": [
        [f"0x{b:016x}", h64(ln(from_bits64(b)))] for b in ln_inputs()]}
    for name, note, logits in (
        ("log-probability", "300 logits", spread("real", 300, -12, 8)),
        ("log-probability-flat", "equal logits", f32s(*[-3.25] * 7)),
        ("log-probability-huge", "differences beyond the range of exp", f32s(1e30, -1e30, 0, 1e30)),
        ("log-probability-error", "not a finite number", f32s(0, math.nan)),
    ):
        values = [from_bits32(int(b, 16)) for b in logits]
        tokens = sorted({0, 1, len(values) // 2, len(values) - 1})
        try:
            expect = {"pairs": [[v, h64(log_probability(values, v))] for v in tokens]}
        except Refused as refused:
            expect = {"error": refused.kind}
        out[f"{name}.json"] = {"kind": "logProbability", "note": note, "logits": logits, "expect": expect}
    return {name: text(content) for name, content in sorted(out.items())}


def text(value):
    """JSON with one line per field, and one for each entry of long lists of lists."""
    lines = []
    for key, field in value.items():
        if key == "pairs":
            shown = "[\n    " + ",\n    ".join(json.dumps(pair) for pair in field) + "\n  ]"
        else:
            shown = json.dumps(field)
        lines.append(f"  {json.dumps(key)}: {shown}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def self_test():
    """Against published values and the host's own library, which may differ in the last place."""
    block = chacha20_block(bytes(range(32)), 1, bytes.fromhex("000000090000004a00000000"))
    assert block.hex().startswith("10f1e7e4d13b5915500fdd1fa32071c4"), "RFC 8439, section 2.3.2"
    numbers = noise_numbers("self")
    for _ in range(20000):
        x = ((next(numbers) >> 11) / 2.0**53 - 0.5) * 1400
        assert abs(exp(x) - math.exp(x)) <= math.ulp(math.exp(x))
        y = (next(numbers) >> 11) / 2.0**53 * 10.0 ** (next(numbers) % 40 - 20.0) + 5e-324
        assert abs(ln(y) - math.log(y)) <= math.ulp(math.log(y))


def main():
    self_test()
    wanted = files()
    if sys.argv[1:] == ["--check"]:
        found = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        if wrong:
            sys.exit(f"vectors/sampler differs from the reference: {', '.join(wrong)}")
        print(f"{len(wanted)} files agree with the reference")
    elif not sys.argv[1:]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in FOLDER.glob("*.json"):
            path.unlink()
        for name, content in wanted.items():
            (FOLDER / name).write_text(content)
        print(f"{len(wanted)} files written to {FOLDER.name}/")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
