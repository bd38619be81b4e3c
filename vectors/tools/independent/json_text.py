"""JSON as receipt-1 reads and writes it (sections 5 and 11), and RFC 8785.

A tree is made of dict, list, str, bool, None and Number, which keeps the text that a number was written with.
"""

import re

MAX_BYTES = 64 * 2**20
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SPACE = re.compile(r"[ \t\n\r]*")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
HEX4 = re.compile(r"[0-9a-fA-F]{4}")


class Refused(Exception):
    """`args[0]` is the member or the part of the receipt that is wrong."""


class Number:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Number) and self.text == other.text

    def __repr__(self):
        return f"Number({self.text})"


def parse(data, max_depth=128, max_values=2**22, max_bytes=MAX_BYTES):
    if len(data) > max_bytes:
        raise Refused("json")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("json") from None
    parser = _Parser(text, max_depth, max_values)
    value = parser.value(0)
    parser.space()
    if parser.at != len(text):
        raise Refused("json")
    return value


class _Parser:
    def __init__(self, text, max_depth, max_values):
        self.text, self.at = text, 0
        self.max_depth, self.values_left = max_depth, max_values

    def space(self):
        self.at = SPACE.match(self.text, self.at).end()

    def peek(self):
        return self.text[self.at:self.at + 1]

    def take(self, token):
        if not self.text.startswith(token, self.at):
            raise Refused("json")
        self.at += len(token)

    def value(self, depth):
        self.values_left -= 1
        if self.values_left < 0:
            raise Refused("json")
        self.space()
        first = self.peek()
        if first and first in "{[":
            if depth == self.max_depth:
                raise Refused("json")
            return self.object(depth + 1) if first == "{" else self.array(depth + 1)
        if first == '"':
            return self.string()
        for word, meaning in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return meaning
        match = NUMBER.match(self.text, self.at)
        if not match:
            raise Refused("json")
        self.at = match.end()
        number_text(Number(match[0]))
        return Number(match[0])

    def members(self, end):
        """Yields before each member of an object or array; the caller reads it."""
        self.at += 1
        self.space()
        if self.peek() == end:
            self.at += 1
            return
        while True:
            yield
            self.space()
            if self.peek() == end:
                self.at += 1
                return
            self.take(",")
            self.space()

    def array(self, depth):
        return [self.value(depth) for _ in self.members("]")]

    def object(self, depth):
        result = {}
        for _ in self.members("}"):
            if self.peek() != '"':
                raise Refused("json")
            key = self.string()
            if key in result:
                raise Refused("json")
            self.space()
            self.take(":")
            result[key] = self.value(depth)
        return result

    def unit(self):
        match = HEX4.match(self.text, self.at)
        if not match:
            raise Refused("json")
        self.at += 4
        return int(match[0], 16)

    def string(self):
        self.at += 1
        parts = []
        while True:
            match = PLAIN.match(self.text, self.at)
            parts.append(match[0])
            self.at = match.end()
            if self.peek() == '"':
                self.at += 1
                return "".join(parts)
            self.take("\\")
            letter = self.peek()
            self.at += 1
            if letter and letter in ESCAPES:
                parts.append(ESCAPES[letter])
            elif letter == "u":
                code = self.unit()
                if 0xD800 <= code < 0xDC00:
                    self.take("\\u")
                    low = self.unit()
                    if not 0xDC00 <= low < 0xE000:
                        raise Refused("json")
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                elif 0xDC00 <= code < 0xE000:
                    raise Refused("json")
                parts.append(chr(code))
            else:
                raise Refused("json")


def number_text(number):
    """The number as ECMAScript writes it, or Refused if readers could differ on it."""
    value = float(number.text)
    if value in (float("inf"), float("-inf")):
        raise Refused("json")
    text = _ecmascript(value)
    integer = not set(number.text) & set(".eE")
    # An integer of more than 17 characters is beyond 2^53, and perhaps longer than int() reads.
    if integer and (len(number.text) > 17 or abs(int(number.text)) > 2**53) and number.text != text:
        raise Refused("json")
    return text


def _ecmascript(value):
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).rstrip("0")
    leading = len(digits) - len(digits.lstrip("0"))
    digits, point = digits[leading:], point - leading
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = point - 1
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if power > 0 else '-'}{abs(power)}"


def string_text(value):
    return '"' + "".join(
        SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'


def scalar_text(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, Number) else string_text(value)


def sorted_members(value):
    """By UTF-16 code units, as RFC 8785 sorts."""
    return sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))


def canonical(value):
    if isinstance(value, dict):
        return "{" + ",".join(string_text(k) + ":" + canonical(v) for k, v in sorted_members(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return scalar_text(value)


def pretty(value, level=0):
    """The writer's layout; members in the order they have in the tree."""
    inner = "  " * (level + 1)
    if isinstance(value, dict) and value:
        lines = [f"{inner}{string_text(k)}: {pretty(v, level + 1)}" for k, v in value.items()]
    elif isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        lines = [inner + pretty(v, level + 1) for v in value]
    elif isinstance(value, list):
        return "[" + ", ".join(map(scalar_text, value)) + "]"
    else:
        return "{}" if isinstance(value, dict) else scalar_text(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(lines) + "\n" + "  " * level + closing
