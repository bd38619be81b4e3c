"""ECDSA on secp256k1 for the vectors: deterministic (RFC 6979, SHA-256), low s, with recovery.

Plain and slow, for published test keys only: it leaks a key through its timing.
"""

import hashlib
import hmac

from keccak import keccak256

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def _add(a, b):
    if a is None:
        return b
    if b is None:
        return a
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _multiply(point, scalar):
    result = None
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def address(key: int) -> bytes:
    x, y = _multiply(G, key)
    return keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))[12:]


def _nonces(key, digest):
    mac = lambda k, m: hmac.new(k, m, hashlib.sha256).digest()
    seed = key.to_bytes(32, "big") + (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    k, v = bytes(32), b"\x01" * 32
    for byte in (b"\x00", b"\x01"):
        k = mac(k, v + byte + seed)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        candidate = int.from_bytes(v, "big")
        if 0 < candidate < N:
            yield candidate
        k = mac(k, v + b"\x00")
        v = mac(k, v)


def sign(key: int, digest: bytes) -> bytes:
    """r, s, v: 65 bytes."""
    for nonce in _nonces(key, digest):
        x, y = _multiply(G, nonce)
        r = x % N
        s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * key) % N
        if r == 0 or s == 0 or x >= N:
            continue
        v = y & 1
        if s > N // 2:
            s, v = N - s, v ^ 1
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + v])
