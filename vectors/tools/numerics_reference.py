#!/usr/bin/env python3
"""Reference implementation of docs/spec/numerics-2.md, and the maker of vectors/numerics/.

    python3 vectors/tools/numerics_reference.py          writes the vectors
    python3 vectors/tools/numerics_reference.py --check  fails if a file differs

Pure Python, written from the specification alone. Every operation of binary32 is computed exactly, as a fraction, and rounded
once; those of binary64 (section 10) are Python's, which rounds each by itself. The functions of binary64 are sampler_reference's.
"""

import json
import math
import pathlib
import random
import struct
import sys
from fractions import Fraction

sys.dont_write_bytecode = True

from sampler_reference import exp as exp64, from_bits64, bits64, ln as ln64  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "numerics"
UNIT = 32


# ---- binary32 (section 1) ----------------------------------------------------------------------

def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def value(b):
    return struct.unpack("<f", struct.pack("<I", b))[0]


def f16(b):
    return struct.unpack("<e", struct.pack("<H", b))[0]


def negative(x):
    return math.copysign(1.0, x) < 0


def nearest(q):
    """The integer nearest to a number, ties to even."""
    q = Fraction(q)
    low = q.numerator // q.denominator
    rest = q - low
    return low + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1))


def rounded(q, is_negative=False):
    """The binary32 nearest to a fraction, ties to even; a zero has the sign given."""
    if q == 0:
        return -0.0 if is_negative else 0.0
    size = abs(q)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > size
    last = Fraction(2) ** (max(exponent, -126) - 23)
    size = nearest(size / last) * last
    size = math.inf if size >= Fraction(2) ** 128 else float(size)
    return -size if q < 0 else size


def finite(*numbers):
    return all(map(math.isfinite, numbers))


def mul(a, b):
    if not finite(a, b):
        return a * b
    return rounded(Fraction(a) * Fraction(b), negative(a) != negative(b))


def add(a, b):
    if not finite(a, b):
        return a + b
    return rounded(Fraction(a) + Fraction(b), negative(a) and negative(b))


def sub(a, b):
    return add(a, -b)


def div(a, b):
    sign = -1.0 if negative(a) != negative(b) else 1.0
    if not finite(a, b):
        return a / b if b else sign * math.inf if a == a else a
    if b == 0:
        return sign * math.inf if a else math.nan
    return rounded(Fraction(a) / Fraction(b), sign < 0)


def fma(a, b, c):
    if not finite(a, b):
        return a * b + c
    if not finite(c):
        return c
    exact = Fraction(a) * Fraction(b)
    return rounded(exact + Fraction(c), exact == 0 and negative(a) != negative(b) and negative(c))


def constant(text):
    return rounded(Fraction(text))


# ---- quantized weights (section 3) -------------------------------------------------------------

BLOCKS = {"Q8_0": (34, 1), "Q4_0": (18, 1), "Q4_1": (20, 1), "Q5_0": (22, 1), "Q5_1": (24, 1), "IQ4_NL": (18, 1),
          "IQ4_XS": (136, 8), "Q3_K": (110, 8), "Q4_K": (144, 8), "Q5_K": (176, 8), "Q6_K": (210, 8)}
UNEVEN = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]
# Where the scales of a block are, and those of its minima.
SCALES = {"Q4_1": [0, 2], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q3_K": [108], "Q6_K": [208]}


def i8(byte):
    return byte - 256 if byte > 127 else byte


def fields(block, *sizes):
    at = 0
    for size in sizes:
        yield block[at:at + size]
        at += size
    assert at == len(block)


def little(some):
    return int.from_bytes(some, "little")


def half(some):
    return f16(little(some))


def nibble(q, i):
    return q[i % 16] >> 4 * (i // 16) & 15


def six_bits(s, u):
    """sc(u) and mn(u) of Q4_K and Q5_K."""
    if u < 4:
        return s[u] & 63, s[u + 4] & 63
    return s[u + 4] & 15 | (s[u - 4] >> 6) << 4, s[u + 4] >> 4 | (s[u] >> 6) << 4


def units(name, block):
    """The integers, the scales of both halves and the minimum (None: the format has none) of each unit of a block."""
    each = range(UNIT)
    if name == "Q8_0":
        d, q = fields(block, 2, 32)
        yield [i8(byte) for byte in q], [half(d)] * 2, None
    elif name == "Q4_0":
        d, q = fields(block, 2, 16)
        yield [nibble(q, i) - 8 for i in each], [half(d)] * 2, None
    elif name == "Q4_1":
        d, m, q = fields(block, 2, 2, 16)
        yield [nibble(q, i) for i in each], [half(d)] * 2, -half(m)
    elif name == "Q5_0":
        d, h, q = fields(block, 2, 4, 16)
        yield [nibble(q, i) + 16 * (little(h) >> i & 1) - 16 for i in each], [half(d)] * 2, None
    elif name == "Q5_1":
        d, m, h, q = fields(block, 2, 2, 4, 16)
        yield [nibble(q, i) + 16 * (little(h) >> i & 1) for i in each], [half(d)] * 2, -half(m)
    elif name == "IQ4_NL":
        d, q = fields(block, 2, 16)
        yield [UNEVEN[nibble(q, i)] for i in each], [half(d)] * 2, None
    elif name == "IQ4_XS":
        d, h, s, q = fields(block, 2, 2, 4, 128)
        for u in range(8):
            sc = little(s) >> 4 * u & 15 | (little(h) >> 2 * u & 3) << 4
            scale = mul(half(d), float(sc - 32))
            yield [UNEVEN[nibble(q[16 * u:16 * u + 16], i)] for i in each], [scale] * 2, None
    elif name == "Q3_K":
        h, q, s, d = fields(block, 32, 64, 12, 2)
        for u in range(8):
            w = [(q[32 * (u // 4) + i] >> 2 * (u % 4) & 3 | (h[i] >> u & 1) << 2) - 4 for i in each]
            sc = [s[j % 8] >> 4 * (j // 8) & 15 | (s[8 + j % 4] >> 2 * (j // 4) & 3) << 4 for j in (2 * u, 2 * u + 1)]
            yield w, [mul(half(d), float(of - 32)) for of in sc], None
    elif name == "Q4_K":
        d, dmin, s, q = fields(block, 2, 2, 12, 128)
        for u in range(8):
            sc, mn = six_bits(s, u)
            w = [q[32 * (u // 2) + i] >> 4 * (u % 2) & 15 for i in each]
            yield w, [mul(half(d), float(sc))] * 2, mul(half(dmin), float(mn))
    elif name == "Q5_K":
        d, dmin, s, h, q = fields(block, 2, 2, 12, 32, 128)
        for u in range(8):
            sc, mn = six_bits(s, u)
            w = [(q[32 * (u // 2) + i] >> 4 * (u % 2) & 15) + 16 * (h[i] >> u & 1) for i in each]
            yield w, [mul(half(d), float(sc))] * 2, mul(half(dmin), float(mn))
    elif name == "Q6_K":
        q, h, s, d = fields(block, 128, 64, 16, 2)
        for u in range(8):
            p, r = u // 4, u % 4
            w = [(q[64 * p + 32 * (r % 2) + i] >> 4 * (r // 2) & 15 | (h[32 * p + i] >> 2 * r & 3) << 4) - 32 for i in each]
            yield w, [mul(half(d), float(i8(s[2 * u + k]))) for k in (0, 1)], None


def row_units(name, row):
    size = BLOCKS[name][0]
    for at in range(0, len(row), size):
        yield from units(name, row[at:at + size])


# ---- activations and products (sections 4, 5, 7 and 12) ----------------------------------------

def quantize(x):
    """The integers of a unit, its scale, and the scaled sum."""
    largest = math.nan if any(v != v for v in x) else max(abs(v) for v in x)
    if not finite(largest):
        q, d = [0] * UNIT, math.nan
    elif largest < 2.0 ** -119:
        q, d = [0] * UNIT, 0.0
    else:
        d, r = div(largest, 127.0), div(127.0, largest)
        q = [nearest(mul(v, r)) for v in x]
    return q, d, mul(float(sum(q)), d)


def product(name, row, x):
    total = 0.0
    for at, (w, scale, least) in enumerate(row_units(name, row)):
        q, d, t = quantize(x[UNIT * at:UNIT * at + UNIT])
        parts = [(0, 16), (16, 32)] if name in ("Q3_K", "Q6_K") else [(0, 32)]
        for k, (begin, end) in enumerate(parts):
            n = sum(w[i] * q[i] for i in range(begin, end))
            total = fma(float(n), mul(scale[k], d), total)
        if least is not None:
            total = fma(-least, t, total)
    return total


def dequantize(name, row):
    return [fma(scale[i // 16], float(w[i]), -(least or 0.0)) for w, scale, least in row_units(name, row) for i in range(UNIT)]


def tree(p):
    p = list(p)
    for h in (8, 4, 2, 1):
        for l in range(h):
            p[l] = add(p[l], p[l + h])
    return p[0]


def summed(numbers, first=0):
    p = [0.0] * 16
    for i, number in enumerate(numbers, first):
        p[i % 16] = add(p[i % 16], number)
    return tree(p)


def dot(a, b):
    p = [0.0] * 16
    filled = [0.0] * (-len(a) % 16)
    for i, (x, y) in enumerate(zip(a + filled, b + filled)):
        p[i % 16] = fma(x, y, p[i % 16])
    return tree(p)


# ---- functions (section 6) ---------------------------------------------------------------------

def exp(x):
    x = 89.0 if 89 < x else x
    x = -105.0 if x < -105 else x
    if x != x:
        return x
    n = float(nearest(mul(x, value(0x3FB8AA3B))))
    r = fma(-n, value(0x3F317200), x)
    r = fma(-n, value(0x35BFBE8E), r)
    p = value(0x3AB688BE)
    for c in (0x3C0905F1, 0x3D2AAA8C, 0x3E2AAA6E, 0x3F000000):
        p = fma(p, r, value(c))
    y = add(fma(mul(r, r), p, r), 1.0)
    h = nearest(mul(n, 0.5))
    return mul(mul(y, 2.0 ** h), 2.0 ** (int(n) - h))


def silu(x):
    return div(x, add(1.0, exp(-x)))


def tanh(x):
    s = mul(x, x)
    if abs(x) < 0.25:
        q = constant("62/2835")
        for c in ("-17/315", "2/15", "-1/3"):
            q = fma(q, s, constant(c))
        return fma(mul(x, s), q, x)
    return sub(1.0, div(2.0, add(1.0, exp(mul(2.0, x)))))


def gelu(x):
    inner = fma(mul(mul(constant("0.044715"), x), x), x, x)
    return mul(mul(0.5, x), add(1.0, tanh(mul(value(0x3F4C422A), inner))))


# ---- rows (section 9) --------------------------------------------------------------------------

def root(x):
    """The square root, rounded once: binary64's has more than twice the bits."""
    return rounded(Fraction(math.sqrt(x)))


def rms_norm(x, epsilon):
    m = div(dot(x, x), float(len(x)))
    c = div(1.0, root(add(m, epsilon)))
    return [mul(v, c) for v in x]


def softmax(x, scale):
    y = [mul(v, scale) for v in x]
    m = max([v for v in y if v == v], default=-math.inf)
    e = [exp(sub(v, m)) for v in y]
    s = summed(e)
    return [div(v, s) for v in e]


# ---- rotary positions (section 10), in binary64 up to the rounding ------------------------------

S = [from_bits64(b) for b in (0xBFC5555555555549, 0x3F8111111110F8A6, 0xBF2A01A019C161D5, 0x3EC71DE357B1FE7D,
                              0xBE5AE5E68A2B9CEB, 0x3DE5D93A5ACFD57C)]
C = [from_bits64(b) for b in (0x3FA555555555554C, 0xBF56C16C16C15177, 0x3EFA01A019CB1590, 0xBE927E4F809C52AD,
                              0x3E21EE9EBDB4B1C4, 0xBDA8FAE9BE8838D4)]
TWO_OVER_PI = from_bits64(0x3FE45F306DC9C883)
A = [from_bits64(b) for b in (0x3FF921FB54400000, 0x3DD0B4611A600000, 0x3BA3198A2E000000)]
B = [from_bits64(b) for b in (0x3DD0B4611A626331, 0x3BA3198A2E037073, 0x397B839A252049C1)]
PI = from_bits64(0x400921FB54442D18)


def high(x):
    return bits64(x) >> 32 & 0x7FFFFFFF


def ks(x, y=None):
    z = x * x
    w, v = z * z, z * x
    r = S[1] + z * (S[2] + z * S[3]) + z * w * (S[4] + z * S[5])
    if y is None:
        return x + v * (S[0] + z * r)
    return x - ((z * (0.5 * y - v * r) - y) - v * S[0])


def kc(x, y):
    z = x * x
    w = z * z
    r = z * (C[0] + z * (C[1] + z * C[2])) + w * w * (C[3] + z * (C[4] + z * C[5]))
    q = 0.5 * z
    h = 1 - q
    return h + (((1 - h) - q) + (z * r - x * y))


def sin_cos(x):
    top = high(x)
    assert top < 0x413921FB, "what comes then is not in the specification's text"
    if top <= 0x3FE921FB:
        return x if top < 0x3E500000 else ks(x), 1.0 if top < 0x3E46A09E else kc(x, 0.0)
    by_rounds = top in (0x3FF921FB, 0x400921FB, 0x4012D97C, 0x401921FB) or top > 0x401C463B
    if by_rounds:
        n = float(nearest(x * TWO_OVER_PI))
    else:
        n = math.copysign(1 if top <= 0x4002D97C else 2 if top <= 0x400F6A7A else 3 if top <= 0x4015FDBC else 4, x)
    r, t = x - n * A[0], n * B[0]
    y0 = r - t
    for step, below in ((1, 16), (2, 49)):
        if not by_rounds or (top >> 20) - (high(y0) >> 20) <= below:
            break
        o, t = r, n * A[step]
        r = o - t
        t = n * B[step] - ((o - r) - t)
        y0 = r - t
    y1 = (r - y0) - t
    s, c = ks(y0, y1), kc(y0, y1)
    return [(s, c), (c, -s), (-s, -c), (-c, s)][int(n) % 4]


def f32(x):
    return rounded(Fraction(x), negative(x))


def rotate(case, head):
    dims, scale, ext = case["dims"], case["scale"], case["ext"]
    b = ln64(case["base"])
    magnitude = case["attn"]
    if ext != 0:
        def c(t):
            return dims * ln64(case["orig"] / ((t * 2) * PI)) / (2 * b)
        low = max(float(math.floor(c(case["fast"]))), 0.0)
        top = min(float(math.ceil(c(case["slow"]))), dims - 1.0)
        magnitude = case["attn"] * (1 + 0.1 * ln64(1 / scale))
    out = list(head)
    for i in range(dims // 2):
        x = exp64(((-2 * i) / dims) * b) / (case["factors"][i] if case["factors"] else 1.0)
        w = y = scale * x
        if ext != 0:
            ramp = min(max((i - low) / max(top - low, 0.001), 0.0), 1.0)
            mix = (1 - ramp) * ext
            w = y * (1 - mix) + x * mix
        sine, cosine = sin_cos(case["position"] * w)
        co, si = f32(cosine * magnitude), f32(sine * magnitude)
        first, second = (2 * i, 2 * i + 1) if case["mode"] == 0 else (i, i + dims // 2)
        p, q = head[first], head[second]
        out[first], out[second] = fma(p, co, mul(q, -si)), fma(q, co, mul(p, si))
    return out


# ---- attention (section 11) --------------------------------------------------------------------

def attend(query, keys, values, first, end, scale, cap):
    scores = []
    for key in keys[first:end]:
        s = 0.0
        for a, k in zip(query, key):
            s = fma(a, k, s)
        scores.append(mul(s, scale) if cap == 0 else mul(cap, tanh(mul(s, div(scale, cap)))))
    m = max([score for score in scores if score == score], default=-math.inf)
    e = [exp(sub(score, m)) for score in scores]
    d = summed(e, first)
    out = []
    for i in range(len(values[0])):
        r = 0.0
        for weight, v in zip(e, values[first:end]):
            r = fma(weight, v[i], r)
        out.append(div(r, d))
    return out


# ---- the vectors -------------------------------------------------------------------------------

def h32(x):
    return f"0x{bits(x):08x}" if x == x else "nan"


def hexes(numbers):
    return [h32(x) for x in numbers]


def h16(x):
    return struct.pack("<e", x).hex()


class Numbers:
    """The same numbers on every host: whole random bits alone."""

    def __init__(self, name):
        self.random = random.Random(name)

    def flat(self, size):
        return value(bits((self.random.getrandbits(24) / 2 ** 23 - 1) * size))

    def many(self, count, size):
        return [self.flat(size) for _ in range(count)]

    def halves(self, count, size):
        return [f16(struct.unpack("<H", struct.pack("<e", x))[0]) for x in self.many(count, size)]

    def byte(self):
        return self.random.getrandbits(8)


SIZES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 0.25, -0.25, 0.24999999, -0.24999999, 88.7, 88.8, 89.0, 89.1, 100.0, -87.3, -87.4,
           -103.9, -104.0, -105.0, -105.1, -200.0, 1e-30, -1e-30, 1e-45, 3e38, -3e38, math.inf, -math.inf, math.nan]


def function_cases():
    numbers = Numbers("functions")
    arguments = [value(bits(x)) for x in SPECIAL] + numbers.many(60, 110.0) + numbers.many(60, 3.0) + numbers.many(30, 0.3)
    for name, function in (("exp", exp), ("silu", silu), ("tanh", tanh), ("gelu", gelu)):
        pairs = [[h32(x), h32(function(x))] for x in arguments]
        yield name, {"kind": "function", "note": "of every kind of argument", "function": name, "pairs": pairs}


def quantize_cases():
    numbers = Numbers("quantize")
    tiny = [value(1 + numbers.byte()) for _ in range(UNIT)]
    for name, note, x in (
        ("ordinary", "of one size", numbers.many(UNIT, 3.0)),
        ("spread", "of many sizes", [a * SIZES[i % 9] for i, a in enumerate(numbers.many(UNIT, 1.0))]),
        ("ties", "halfway between two integers", [float(i) + 0.5 for i in range(31)] + [127.0]),
        ("zeros", "zeros of both signs", [0.0, -0.0] * 16),
        ("subnormal", "below 2^-119", tiny),
        ("least", "from 2^-119 on", [2.0 ** -119] + tiny[1:]),
        ("large", "near the largest number", [3e38, -3.4e38] + numbers.many(30, 1e38)),
        ("infinite", "an infinity", [math.inf] + numbers.many(31, 1.0)),
        ("nan", "a NaN, which is larger than an infinity", [math.inf, math.nan] + numbers.many(30, 1.0)),
    ):
        x = [value(bits(v)) for v in x]
        q, d, t = quantize(x)
        yield name, {"kind": "quantize", "note": note, "values": hexes(x),
                     "expect": {"integers": q, "scale": h32(d), "scaledSum": h32(t)}}


def weights(numbers, name, blocks):
    """Random bytes with scales of some size."""
    size = BLOCKS[name][0]
    row = bytearray(numbers.byte() for _ in range(size * blocks))
    for at in range(0, len(row), size):
        for scale in SCALES.get(name, [0]):
            row[at + scale:at + scale + 2] = struct.pack("<e", numbers.flat(2.0) * SIZES[4 - numbers.byte() % 4])
    return bytes(row)


def product_cases():
    for name, (_, each) in BLOCKS.items():
        numbers = Numbers(name)
        rows = []
        for blocks in (1, 2) if each == 8 else (1, 2, 5):
            row = weights(numbers, name, blocks)
            x = numbers.many(blocks * each * UNIT, 3.0 * SIZES[4 + blocks % 3])
            if blocks == 2:
                x[:UNIT] = [0.0] * UNIT
            rows.append({"row": row.hex(), "column": hexes(x), "expect": h32(product(name, row, x))})
        last = bytes.fromhex(rows[-1]["row"])
        yield name.lower(), {"kind": "product", "note": "rows by columns; the last row's weights as numbers", "format": name,
                             "products": rows, "dequantized": hexes(dequantize(name, last))}


def float_cases():
    for element in ("F32", "F16", "BF16"):
        numbers = Numbers(element)
        rows = []
        for count in (1, 5, 16, 17, 77):
            x = numbers.many(count, 2.0)
            if element == "F32":
                row = numbers.many(count, 1.0)
                stored = b"".join(struct.pack("<f", v) for v in row)
            elif element == "F16":
                row = numbers.halves(count, 1.0)
                stored = b"".join(struct.pack("<e", v) for v in row)
            else:
                row = [value(bits(v) & 0xFFFF0000) for v in numbers.many(count, 1.0)]
                stored = b"".join(struct.pack("<I", bits(v))[2:] for v in row)
            rows.append({"row": stored.hex(), "column": hexes(x), "expect": h32(dot(row, x))})
        yield element.lower(), {"kind": "floats", "note": "sums in 16 parts", "element": element, "products": rows}


def row_cases():
    numbers = Numbers("rows")
    for count in (1, 5, 16, 17, 131):
        x = numbers.many(count, 4.0)
        epsilon, scale = value(bits(1e-6)), numbers.flat(2.0)
        yield str(count), {
            "kind": "row", "note": f"{count} elements", "values": hexes(x), "sum": h32(summed(x)), "epsilon": h32(epsilon),
            "rmsNorm": hexes(rms_norm(x, epsilon)), "scale": h32(scale), "softmax": hexes(softmax(x, scale))}


def rotation_cases():
    numbers = Numbers("rotations")
    for name, dims, base, scale, attn, ext, fast, slow, orig, with_factors in (
        ("plain", 64, 10000.0, 1.0, 1.0, 0.0, 32.0, 1.0, 4096, False),
        ("yarn", 96, 500000.0, 0.5, 1.0, 1.0, 32.0, 1.0, 8192, True),
        ("yarn-attn", 128, 1e6, 0.25, 1.25, 1.0, 32.0, 1.0, 32768, False),
        ("factors", 64, 10000.0, 0.1, 1.19, 0.0, 32.0, 1.0, 4096, True),
        ("few", 4, 10000.0, 0.25, 1.0, 1.0, 1.0, 1.0, 4, False),
    ):
        for mode in (0, 2):
            case = {"kind": "rotation", "note": "parameters as they are in the file", "mode": mode, "dims": dims, "orig": orig}
            real = {"base": base, "scale": scale, "attn": attn, "ext": ext, "fast": fast, "slow": slow}
            real = {key: value(bits(number)) for key, number in real.items()}
            factors = [abs(v) + 0.5 for v in numbers.many(dims // 2, 1.0)] if with_factors else []
            factors = [value(bits(v)) for v in factors]
            turns = []
            for position in (0, 1, 77, 4096, 65537, 131071):
                head = numbers.many(dims + 16, 2.0)
                turned = rotate({**case, **real, "factors": factors, "position": position}, head)
                turns.append({"position": position, "head": hexes(head), "expect": hexes(turned)})
            shown = {key: h32(number) for key, number in real.items()}
            yield f"{name}-{mode}", {**case, **shown, "factors": hexes(factors), "turns": turns}


def attention_cases():
    numbers = Numbers("attention")
    for name, key, wide, cells, first, end, cap in (
        ("whole", 64, 64, 37, 0, 37, 0.0), ("capped", 48, 32, 40, 13, 35, 30.0), ("few", 16, 16, 5, 2, 3, 50.0),
        ("long", 16, 16, 150, 7, 150, 0.0),
    ):
        keys = [numbers.halves(key, 1.0) for _ in range(cells)]
        values = [numbers.halves(wide, 1.0) for _ in range(cells)]
        query, scale = numbers.many(key, 4.0), 0.125
        yield name, {
            "kind": "attention", "note": f"cells {first} to {end - 1} of {cells}", "first": first, "end": end,
            "scale": h32(scale), "cap": h32(cap), "query": hexes(query),
            "keys": ["".join(map(h16, row)) for row in keys], "values": ["".join(map(h16, row)) for row in values],
            "expect": hexes(attend(query, keys, values, first, end, scale, cap))}


def files():
    out = {}
    for area, cases in (("function", function_cases), ("quantize", quantize_cases), ("product", product_cases),
                        ("floats", float_cases), ("row", row_cases), ("rotation", rotation_cases),
                        ("attention", attention_cases)):
        for name, content in cases():
            lines = [f"  {json.dumps(key)}: {json.dumps(field)}" for key, field in content.items()]
            out[f"{area}-{name}.json"] = "{\n" + ",\n".join(lines) + "\n}\n"
    return out


def self_test():
    """The operations of binary32, against those of binary64 where these are exact, and the functions against the host's."""
    numbers = Numbers("self")
    for _ in range(2000):
        a, b, c = numbers.flat(1e3), numbers.flat(1e-3), numbers.flat(1.0)
        assert bits(mul(a, b)) == bits(a * b) and bits(rounded(Fraction(a))) == bits(a)
        assert abs(fma(a, b, c) - (a * b + c)) <= math.ulp(a * b + c) * 2 ** 30
        x = numbers.flat(80.0)
        assert abs(exp(x) / math.exp(x) - 1) < 2e-7 and abs(tanh(x) - math.tanh(x)) < 1e-6
        y = abs(numbers.flat(1e5))
        assert abs(sin_cos(y)[0] - math.sin(y)) <= 2e-16 and abs(sin_cos(y)[1] - math.cos(y)) <= 2e-16
    assert all(bits(mul(value(b), 1.0)) == b for b in (1, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x80000000))
    assert mul(3e38, 10.0) == math.inf and bits(mul(1e-30, -1e-30)) == 0x80000000


def main():
    self_test()
    wanted = files()
    if sys.argv[1:] == ["--check"]:
        found = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        if wrong:
            sys.exit(f"vectors/numerics differs from the reference: {', '.join(wrong)}")
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
