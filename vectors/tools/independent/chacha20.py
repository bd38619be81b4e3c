"""The ChaCha20 block function of RFC 8439, section 2.3."""

import struct

MASK = (1 << 32) - 1
CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def block(key, counter, nonce):
    start = [*CONSTANTS, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    state = list(start)
    for _ in range(10):
        for a, b, c, d in QUARTERS:
            for left, right in ((16, 12), (8, 7)):
                state[a] = (state[a] + state[b]) & MASK
                state[d] ^= state[a]
                state[d] = (state[d] << left | state[d] >> (32 - left)) & MASK
                state[c] = (state[c] + state[d]) & MASK
                state[b] ^= state[c]
                state[b] = (state[b] << right | state[b] >> (32 - right)) & MASK
    return struct.pack("<16I", *((word + first) & MASK for word, first in zip(state, start)))
