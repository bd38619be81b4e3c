#!/usr/bin/env python3
"""Reference implementation of docs/spec/steps-1.md, and the maker of vectors/steps/.

    python3 vectors/tools/steps_reference.py          writes the vectors
    python3 vectors/tools/steps_reference.py --check  fails if the file differs

Written from the specification alone, over a list of tokens' bytes, with regular expressions.
"""

import json
import pathlib
import random
import re
import sys

FILE = pathlib.Path(__file__).resolve().parent.parent / "steps" / "cases.json"
WHITE = b"\t\n\x0c\r "
PAIRS = [
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
]
ITEM = re.compile(rb"[\t\n\x0c\r ]*(?:[-*+]|\xe2\x80\xa2|[0-9]{1,3}[.)])[ \t]")
NUMBERED = re.compile(rb"[#*_> \t]*[sS][tT][eE][pP][ \t][0-9]")


def of_template(template):
    """Section 1, where a request names no segmenter: the markers."""
    return next((pair for pair in PAIRS if pair[1] in template), PAIRS[0])


def after_prompt(identity, markers, prompt):
    """Section 1: which of 1 and 2."""
    if identity not in (1, 2):
        return identity
    return 2 if prompt.rstrip(WHITE).endswith(markers[0].encode()) else 1


def reasoning(identity, markers, text):
    """Section 2: begin and end of the body, begin of the answer; None without reasoning."""
    if identity == 0:
        return None
    opening, closing = (marker.encode() for marker in markers)
    body = 0
    if identity == 1:
        at = len(text) - len(text.lstrip(WHITE))
        if text[at:at + len(opening)] != opening:
            return None
        body = at + len(opening)
    end = text.find(closing, body)
    if end < 0:
        return body, len(text), len(text)
    behind = text[end + len(closing):]
    return body, end, len(text) - len(behind.lstrip(WHITE))


def begins(text, body, end):
    """Section 3: the offsets at which steps begin, but for the first."""
    lines, at = [], body
    for line in text[body:end].split(b"\n"):
        lines.append((at, line))
        at += len(line) + 1
    blank = [not line.strip(WHITE) for _, line in lines]
    candidates = [n for n in range(len(lines)) if not blank[n]][1:]
    parts = [n for n in candidates if blank[n - 1] or ITEM.match(lines[n][1]) or NUMBERED.match(lines[n][1])]
    return [lines[n][0] for n in (parts or candidates)]


def token_of(offset, pieces):
    """Section 4: how many tokens stand before the boundary."""
    if offset == 0:
        return 0
    total = 0
    for number, piece in enumerate(pieces, 1):
        total += len(piece)
        if total >= offset:
            return number
    raise AssertionError("a boundary beyond the output")


def steps(identity, markers, pieces, text_len):
    text = b"".join(pieces)[:text_len]
    starts = [0]
    found = reasoning(identity, markers, text)
    if found is not None:
        body, end, answer = found
        last = token_of(answer, pieces)
        for offset in begins(text, body, end):
            token = token_of(offset, pieces)
            if starts[-1] < token < last:
                starts.append(token)
        if last > 0:
            starts.append(last)
    offsets = [0]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    made = []
    for index, first in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else len(pieces)
        made.append({
            "kind": 0 if index + 1 == len(starts) else 1,
            "firstToken": first,
            "endToken": end,
            "textHex": "0x" + text[offsets[first]:min(offsets[end], text_len)].hex(),
        })
    return made


def case(note, identity, pieces, cut=0, beyond=(), prompt=b"Q:", markers=PAIRS[0]):
    """A case: the output's pieces, `cut` bytes of which a stop string took from the text, and tokens beyond it."""
    markers = list(markers) if identity else []
    whole = [piece.encode() if isinstance(piece, str) else piece for piece in pieces]
    text_len = sum(map(len, whole)) - cut
    whole += [piece.encode() for piece in beyond]
    return {
        "note": note,
        "id": identity,
        "markers": markers,
        "promptHex": "0x" + prompt.hex(),
        "idAfterPrompt": after_prompt(identity, markers, prompt),
        "piecesHex": ["0x" + piece.hex() for piece in whole],
        "textBytes": text_len,
        "steps": steps(identity, markers, whole, text_len),
    }


def by_hand():
    sum_ = ["<think>", "\n", "12 + 7 = 19", "\n", "19 - 5 = 14", "\n", "</think>", "\n", "14", "\n"]
    yield case("lines, the answer, an end-of-generation token", 1, sum_, beyond=["<|end|>"])
    yield case("the prompt opened it", 2, sum_[2:], prompt=b"<|assistant|><think>\n")
    yield case("opened and closed by the prompt", 1, ["14"], prompt=b"<think>\n\n</think>\n\n")
    yield case("whole", 0, sum_)
    yield case("nothing", 0, [])
    yield case("nothing, marked", 1, [])
    yield case("nothing, opened", 2, [], prompt=b"<think>")
    yield case("no reasoning", 1, ["I see: <think>", "\n1\n2</think>", "3"])
    yield case("white space before it", 1, [" \t\r\n\f", "<think>", "a\n", "b"])
    yield case("never closed", 1, ["<think>", "a\n", "b\n", "c"])
    yield case("closed twice", 1, ["<think>", "a", "</think>", "b</think>", "c"])
    yield case("markers inside tokens", 1, ["<th", "ink>a\nb", "\nc</th", "ink>\n", "\nd"])
    yield case("boundaries inside one token", 1, ["<think>a\nb\nc\nd</think>", "e"])
    yield case("the answer inside the only token", 1, ["<think>a</think>b"])
    yield case("paragraphs", 1, ["<think>", "First\nof two.\n\n", "Then\n", "\n \t\n", "more.\n\n", "</think>", "\n\n", "Done."])
    yield case("items", 2, ["Plan:\n", "1. add\n", "  rest\n", "22) take\n", " - sub\n", "* a\n", "+ b\n", "• c\n", "1234. no\n", "-5\n"],
               prompt=b"<think>")
    yield case("numbered steps", 2, ["Step 1: a\n", "b\n", "**sTeP\t2** c\n", "### STEP 3\n", "> _step 4\n", "step x\n", "stepwise 1\n"],
               prompt=b"<think> ")
    yield case("an item at the first line alone", 2, ["- a\n", "b\n", "c\n"], prompt=b"<think>")
    yield case("carriage returns", 1, ["<think>\r\n", "a\r\n", "\r\n", "b\r\n", "</think>\r\n", "c"])
    yield case("a stop string takes the end", 1, ["<think>", "a\n", "b\n", "</think>", "\n1", "4\n\nQ:"], cut=4)
    yield case("a stop string takes the closing marker", 1, ["<think>", "a\n", "b", "</think>"], cut=4)
    yield case("tokens without bytes", 1, ["", "<think>", "", "a\n", "", "", "b\n", "", "</think>", "", "c", ""])
    yield case("bytes that are no text", 1, [b"<think>\xff\n", b"\xe2\x80", b"\xa2 a\n", b"\xe2\x80\xa2", b" b\n", b"\xf0\x9f"])
    yield case("markers of one's own", 1, ["<<", "a\n", "b>>", "c"], markers=("<<", ">>"))
    yield case("the same marker twice", 1, ["|a\n", "b|", "c"], markers=("|", "|"))
    yield case("one closing in the other", 1, ["<<a", "\nb<", "<c"], markers=("<<", "<"))
    yield case("an unknown segmenter keeps its id", 7, [], markers=("<think>", "</think>")) | {"steps": None}


def at_random(count):
    chance = random.Random(1)
    words = ["<think>", "</think>", "\n", "\n\n", " ", "\t", "Step 1", "step 2:", "- ", "* x", "• ", "1. ", "12) y", "a", "bc", "", "<", "think>",
             "/think>", "\r\n", "**", "#", "_"]
    for number in range(count):
        identity = chance.choice([0, 1, 1, 2])
        pieces = ["".join(chance.choices(words, k=chance.randrange(4))) for _ in range(chance.randrange(24))]
        if identity == 1 and chance.random() < 0.8:
            pieces = ["<think>"] + pieces
        length = len("".join(pieces).encode())
        yield case(f"random {number}", identity, pieces, cut=min(chance.choice([0, 0, 1, 5]), length),
                   beyond=["<|end|>"] * chance.randrange(2), prompt=b"<think>\n" if identity == 2 else b"Q:")


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    cases = [*by_hand(), *at_random(400)]
    templates = [
        {"template": text, "markers": list(of_template(text))}
        for text in ["", "{{ messages }}", "</think>", "[THINK] [/THINK]", "<thinking></thinking>", "<reasoning></reasoning>",
                     "</seed:think>", "[/THINK] </think>", "<think>"]
    ]
    text = json.dumps({"count": len(cases), "templates": templates, "cases": cases}, indent=1, ensure_ascii=False) + "\n"
    if arguments:
        same = FILE.exists() and FILE.read_text(encoding="utf-8") == text
        print(f"{len(cases)} vectors, {'as they are here' if same else 'the file differs'}")
        return int(not same)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text, encoding="utf-8")
    print(f"{len(cases)} vectors")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
