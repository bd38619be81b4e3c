"""Account addresses as people write them."""

from __future__ import annotations

from typing import Union

from ._call import fixed, text
from ._library import lib
from .errors import utf8

Address = Union[str, bytes]


def address_bytes(address: Address) -> bytes:
    """The 20 bytes of a text, all in lower case or with the checksum of EIP-55; bytes as they are."""
    if isinstance(address, (bytes, bytearray, memoryview)):
        return bytes(address)
    if not isinstance(address, str):
        raise TypeError(f"address: a text or 20 bytes, not a {type(address).__name__}")
    given = utf8(address, "address")
    return fixed(20, lib.attestlm_address_parse, given, len(given))


def address_text(address: bytes) -> str:
    """As wallets show it: in the mixed case of EIP-55."""
    return text(lib.attestlm_address_text, address, len(address))
