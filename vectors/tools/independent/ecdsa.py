"""ECDSA over secp256k1: recovery of the signer, and signing with the nonce of RFC 6979."""

import hashlib
import hmac

from .keccak256 import keccak256

PRIME = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def _add(first, second):
    if first is None or second is None:
        return second if first is None else first
    (x1, y1), (x2, y2) = first, second
    if x1 == x2:
        if (y1 + y2) % PRIME == 0:
            return None
        slope = 3 * x1 * x1 * pow(2 * y1, -1, PRIME) % PRIME
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, PRIME) % PRIME
    x3 = (slope * slope - x1 - x2) % PRIME
    return x3, (slope * (x1 - x3) - y1) % PRIME


def _multiply(point, scalar):
    total = None
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _address(point):
    return keccak256(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:]


def address_of_key(key):
    return _address(_multiply(BASE, int.from_bytes(key, "big")))


def recover(digest, signature):
    """The address that signed, or None for what receipt-1 does not accept as a signature."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not 0 < r < ORDER or not 0 < s <= ORDER // 2:
        return None
    square = (r * r * r + 7) % PRIME
    y = pow(square, (PRIME + 1) // 4, PRIME)
    if y * y % PRIME != square:
        return None
    if y & 1 != signature[64] - 27:
        y = PRIME - y
    inverse = pow(r, -1, ORDER)
    number = int.from_bytes(digest, "big")
    point = _add(_multiply((r, y), s * inverse % ORDER), _multiply(BASE, -number * inverse % ORDER))
    return None if point is None else _address(point)


def sign(digest, key):
    secret = int.from_bytes(key, "big")
    number = int.from_bytes(digest, "big") % ORDER
    material = key + number.to_bytes(32, "big")
    chain, state = b"\x01" * 32, bytes(32)
    for separator in (b"\x00", b"\x01"):
        state = hmac.digest(state, chain + separator + material, hashlib.sha256)
        chain = hmac.digest(state, chain, hashlib.sha256)
    while True:
        chain = hmac.digest(state, chain, hashlib.sha256)
        nonce = int.from_bytes(chain, "big")
        if 0 < nonce < ORDER:
            x, y = _multiply(BASE, nonce)
            r, odd = x % ORDER, y & 1
            s = pow(nonce, -1, ORDER) * (number + r * secret) % ORDER
            # x >= ORDER would need a v that a receipt does not allow; its probability is 2^-127.
            if r and s and x < ORDER:
                if s > ORDER // 2:
                    s, odd = ORDER - s, odd ^ 1
                return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
        state = hmac.digest(state, chain + b"\x00", hashlib.sha256)
        chain = hmac.digest(state, chain, hashlib.sha256)
