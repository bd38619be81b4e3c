"""From logits to a token: sampler-1, sections 2, 3, 6, 7 and 8."""

import math
import re
from collections import Counter

from . import chacha20
from .floating import exp, ln


class SamplerError(Exception):
    """`args[0]` is the kind that the specification names: "logits" or "argument"."""


MILLION = 10**6
# In millionths: the least value, whether it is itself allowed, and the greatest.
REAL_LIMITS = {
    "temperature": (0, True, 100), "topP": (0, False, 1), "minP": (0, True, 1), "repeatPenalty": (0, False, 100),
    "presencePenalty": (-100, True, 100), "frequencyPenalty": (-100, True, 100), "bias": (-10_000, True, 10_000),
}


def require(condition, kind="argument"):
    if not condition:
        raise SamplerError(kind)


def millionths(text):
    match = re.fullmatch(r"([+-]?)([0-9]+)(?:\.([0-9]{1,6}))?", text)
    require(match)
    value = int(match[2]) * MILLION + int((match[3] or "").ljust(6, "0"))
    require(value <= 2**53)
    return -value if match[1] == "-" else value


def check_real(name, value):
    least, allowed, greatest = REAL_LIMITS[name]
    require(least * MILLION < value <= greatest * MILLION or (allowed and value == least * MILLION))


def check_rising(tokens, most, size):
    require(len(tokens) <= most)
    require(all(a < b for a, b in zip(tokens, tokens[1:])))
    require(all(0 <= token < size for token in tokens))


class Policy:
    def __init__(self, source, size):
        reals = {}
        for name in REAL_LIMITS:
            if name != "bias":
                reals[name] = millionths(source[name])
                check_real(name, reals[name])
        bias = [(token, millionths(text)) for token, text in source["logitBias"]]
        for _, value in bias:
            check_real("bias", value)
        check_rising([token for token, _ in bias], 4096, size)
        check_rising(source["bans"], 65536, size)
        require(0 <= source["topK"] < 2**32 and 0 <= source["penaltyWindow"] <= 2**20)
        require(1 <= source["choices"] <= 64)
        require(reals["temperature"] > 0 or (source["choices"] == 1 and source.get("seedRule", 0) == 0))
        real = {name: value / 1e6 for name, value in reals.items()}
        self.temperature, self.top_p, self.min_p = real["temperature"], real["topP"], real["minP"]
        self.repeat, self.presence = real["repeatPenalty"], real["presencePenalty"]
        self.frequency = real["frequencyPenalty"]
        self.bias = [(token, value / 1e6) for token, value in bias]
        self.bans = set(source["bans"])
        self.top_k, self.window = source["topK"], source["penaltyWindow"]
        self.ignore_eog, self.choices = source["ignoreEog"], source["choices"]


def noise(seed, stream, index, token):
    nonce = index.to_bytes(8, "little") + stream.to_bytes(4, "little")
    start = 8 * (token % 8)
    r = int.from_bytes(chacha20.block(seed, token // 8, nonce)[start:start + 8], "little")
    u = (2 * (r >> 12) + 1) / 2**53
    return -ln(-ln(u))


class Position:
    """One position of one stream: everything up to the answer is computed at once."""

    def __init__(self, policy, seed, stream, index, history, eog, mask, logits):
        size = len(logits)
        require(1 <= size <= 2**24 and len(seed) == 32 and 0 <= index < 2**64 and 0 <= stream < policy.choices)
        penalised = policy.repeat != 1 or policy.presence != 0 or policy.frequency != 0
        recent = history[max(0, len(history) - policy.window):] if penalised else []
        require(all(0 <= token < size for token in [*recent, *eog]))
        require(mask is None or len(mask) == (size + 31) // 32)
        require(all(math.isfinite(logit) for logit in logits), "logits")
        l = list(logits)
        for token, bias in policy.bias:
            l[token] = l[token] + bias
        for token, count in Counter(recent).items():
            l[token] = l[token] / policy.repeat if l[token] > 0 else l[token] * policy.repeat
            l[token] = l[token] - (float(count) * policy.frequency + policy.presence)
        excluded = set(policy.bans)
        if policy.ignore_eog:
            excluded.update(eog)
        if mask is not None:
            excluded.update(v for v in range(size) if not mask[v // 32] >> (v % 32) & 1)
        self.excluded = excluded
        left = [v for v in range(size) if v not in excluded]
        require(left, "logits")
        if policy.temperature == 0:
            self.score = {v: l[v] for v in left}
            self.scaled = self.score
            self.survivors = left
        else:
            self.scaled = {v: l[v] / policy.temperature for v in left}
            self.survivors = self._filtered(policy, left)
            self.score = {v: self.scaled[v] + noise(seed, stream, index, v) for v in left}
        self.token = min(self.survivors, key=lambda v: (-self.score[v], v))

    def _filtered(self, policy, left):
        s = self.scaled
        largest = max(s.values())
        order = sorted(left, key=lambda v: (-s[v], v))
        if policy.top_k > 0:
            order = order[:policy.top_k]
        if policy.top_p < 1:
            weights = [exp(s[v] - largest) for v in order]
            total = 0.0
            for weight in weights:
                total = total + weight
            target = policy.top_p * total
            running = 0.0
            for place, weight in enumerate(weights):
                running = running + weight
                if running >= target:
                    order = order[:place + 1]
                    break
        if policy.min_p > 0:
            order = [v for v in order if exp(s[v] - largest) >= policy.min_p]
        return order

    def judge(self, token):
        """(excluded, survived, margin, cutoff gap) of a claimed token."""
        if token in self.excluded:
            return True, False, math.inf, math.inf
        survived = token in self.survivors
        lowest = min(self.scaled[v] for v in self.survivors)
        gap = 0.0 if survived else max(lowest - self.scaled[token], 2.0**-1022)
        return False, survived, self.score[self.token] - self.score[token], gap


def log_probability(logits, token):
    require(all(math.isfinite(logit) for logit in logits), "logits")
    require(0 <= token < len(logits))
    largest = max(logits)
    total = 0.0
    for logit in logits:
        total = total + exp(logit - largest)
    return logits[token] - largest - ln(total)
