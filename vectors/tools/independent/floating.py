"""exp and ln of sampler-1 (sections 4 and 5), one f64 operation at a time."""

import math
import struct


def to_bits(value):
    return struct.unpack(">Q", struct.pack(">d", value))[0]


def from_bits(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def f32_from_bits(bits):
    return struct.unpack(">f", struct.pack(">I", bits))[0]


def _constants(*words):
    return [from_bits(int(word, 16)) for word in words]


LN2HI, LN2LO, INVLN2 = _constants("3fe62e42fee00000", "3dea39ef35793c76", "3ff71547652b82fe")
P1, P2, P3, P4, P5 = _constants("3fc555555555553e", "bf66c16c16bebd93", "3f11566aaf25de2c",
                                "bebbbd41c5d26bf1", "3e66376972bea4d0")
L1, L2, L3, L4, L5, L6, L7 = _constants("3fe5555555555593", "3fd999999997fa04", "3fd2492494229359",
                                        "3fcc71c51d8e78af", "3fc7466496cb03de", "3fc39a09d078c69f",
                                        "3fc2f112df3e5244")
EXP_MAX, EXP_MIN = _constants("40862e42fefa39ef", "c0874910d52d3051")


def exp(x):
    if x != x:
        return x
    if x > EXP_MAX:
        return math.inf
    if x < EXP_MIN:
        return 0.0
    high = to_bits(x) >> 32 & 0x7FFFFFFF
    if high <= 0x3E300000:
        return 1.0 + x
    if high <= 0x3FD62E42:
        k, hi, lo, r = 0, x, 0.0, x
    else:
        if high < 0x3FF0A2B2:
            k = -1 if x < 0 else 1
        else:
            k = int(INVLN2 * x + (-0.5 if x < 0 else 0.5))
        hi = x - k * LN2HI
        lo = k * LN2LO
        r = hi - lo
    z = r * r
    c = r - z * (P1 + z * (P2 + z * (P3 + z * (P4 + z * P5))))
    y = 1.0 + (r * c / (2.0 - c) - lo + hi)
    if k == 0:
        return y
    if k > 1023:
        return y * 2.0**1023 * 2.0**(k - 1023)
    if k < -1022:
        return y * 2.0**-969 * 2.0**(k + 969)
    return y * 2.0**k


def ln(x):
    if x == 0:
        return -math.inf
    if x < 0:
        return math.nan
    if x != x or x == math.inf:
        return x
    if x == 1:
        return 0.0
    k = 0
    if x < 2.0**-1022:
        x, k = x * 2.0**54, -54
    bits = to_bits(x)
    h, m = bits >> 32, bits & 0xFFFFFFFF
    h += 0x3FF00000 - 0x3FE6A09E
    k += (h >> 20) - 1023
    h = (h & 0xFFFFF) + 0x3FE6A09E
    x = from_bits(h << 32 | m)
    f = x - 1.0
    q = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (L2 + w * (L4 + w * L6))
    t2 = z * (L1 + w * (L3 + w * (L5 + w * L7)))
    big_r = t2 + t1
    return s * (q + big_r) + k * LN2LO - q + f + k * LN2HI
