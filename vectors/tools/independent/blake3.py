"""BLAKE3's unkeyed hash with 32 bytes of output, chunk by chunk with a stack of finished subtrees."""

MASK = (1 << 32) - 1
START = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
COLUMNS_AND_DIAGONALS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
FIRST_BLOCK, LAST_BLOCK, OF_TWO, OF_ALL = 1, 2, 4, 8


def _schedules():
    """The order in which each of the seven rounds takes the words of the message."""
    order = list(range(16))
    for _ in range(7):
        yield tuple(order)
        order = [order[i] for i in (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)]


SCHEDULES = tuple(_schedules())


def _compressed(value, words, counter, length, flags):
    state = value + START[:4] + [counter & MASK, counter >> 32, length, flags]
    for schedule in SCHEDULES:
        for place, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            for half, (right_d, right_b) in enumerate(((16, 12), (8, 7))):
                state[a] = (state[a] + state[b] + words[schedule[2 * place + half]]) & MASK
                mixed = state[d] ^ state[a]
                state[d] = (mixed >> right_d | mixed << (32 - right_d)) & MASK
                state[c] = (state[c] + state[d]) & MASK
                mixed = state[b] ^ state[c]
                state[b] = (mixed >> right_b | mixed << (32 - right_b)) & MASK
    return [low ^ high for low, high in zip(state[:8], state[8:])]


def _chunk_value(data, counter, extra):
    value = START
    for at in range(0, max(len(data), 1), 64):
        block = data[at:at + 64]
        words = [int.from_bytes(block[i:i + 4], "little") for i in range(0, 64, 4)]
        flags = (FIRST_BLOCK if at == 0 else 0) | (LAST_BLOCK | extra if at + 64 >= len(data) else 0)
        value = _compressed(value, words, counter, len(block), flags)
    return value


def blake3(data):
    chunks = [data[at:at + 1024] for at in range(0, max(len(data), 1), 1024)]
    if len(chunks) == 1:
        value = _chunk_value(chunks[0], 0, OF_ALL)
    else:
        stack = []
        for counter, chunk in enumerate(chunks[:-1]):
            value, finished = _chunk_value(chunk, counter, 0), counter + 1
            while finished % 2 == 0:
                value, finished = _compressed(START, stack.pop() + value, 0, 64, OF_TWO), finished // 2
            stack.append(value)
        value = _chunk_value(chunks[-1], len(chunks) - 1, 0)
        while stack:
            value = _compressed(START, stack.pop() + value, 0, 64, OF_TWO | (0 if stack else OF_ALL))
    return b"".join(word.to_bytes(4, "little") for word in value)
