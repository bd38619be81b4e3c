"""keccak256 as Ethereum uses it: Keccak[512] with the padding byte 0x01."""

RATE = 136
MASK = (1 << 64) - 1


def _round_constants():
    """The constants of the iota step, from the linear feedback register of the Keccak reference."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return constants


def _rotations():
    """For each step of the rho and pi walk: the lane (x + 5 y) written next, and the bits it turns by."""
    steps, x, y = [], 1, 0
    for t in range(24):
        x, y = y, (2 * x + 3 * y) % 5
        steps.append((x + 5 * y, ((t + 1) * (t + 2) // 2) % 64))
    return steps


ROUND_CONSTANTS = _round_constants()
ROTATIONS = _rotations()


def _permute(lanes):
    for constant in ROUND_CONSTANTS:
        column = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        for x in range(5):
            right = column[(x + 1) % 5]
            change = column[(x + 4) % 5] ^ ((right << 1 | right >> 63) & MASK)
            for y in range(0, 25, 5):
                lanes[x + y] ^= change
        carried = lanes[1]
        for place, bits in ROTATIONS:
            lanes[place], carried = ((carried << bits) | (carried >> (64 - bits))) & MASK, lanes[place]
        for y in range(0, 25, 5):
            row = lanes[y:y + 5]
            for x in range(5):
                lanes[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        lanes[0] ^= constant


def keccak256(data):
    padded = bytearray(data)
    padded.append(1)
    padded.extend(bytes(-len(padded) % RATE))
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            at = start + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[at:at + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
