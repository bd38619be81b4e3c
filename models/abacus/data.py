"""Deterministic generator of the abacus training and held-out problems.

A problem's identity is its chain of operations with their numbers, never its
wording; an identity is held out when its hash falls in one of twenty bins, so
no rewording of a held-out problem can enter the training stream.
"""

import argparse
import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path

import stories as S
from shapes import LEVELS, SHAPES, Reject, Story, linear_story

HELDOUT_BINS = 20
HELDOUT_SEED = 20_000_003
TRAIN_SEED = 1


@dataclass
class Problem:
    text: str
    steps: list
    answer: int

    @property
    def identity(self):
        return ";".join(s.replace(" ", "") for s in self.steps)

    @property
    def heldout(self):
        digest = hashlib.sha256(self.identity.encode()).digest()
        return int.from_bytes(digest[:8], "big") % HELDOUT_BINS == 0

    @property
    def solution(self):
        return "<think>\n" + "\n".join(self.steps) + "\n</think>\n" + str(self.answer)


def problem(rng, n_steps, level):
    """One in-range problem with exactly `n_steps` operations."""
    while True:
        shape = linear_story if n_steps == 1 else rng.choices(*zip(*SHAPES))[0]
        story = Story(rng, level)
        try:
            shape(story, n_steps)
        except Reject:
            continue
        if level.distinct and (story.ambiguous or max(story.given) > level.max_result):
            continue
        if len(story.steps) == n_steps:
            return Problem(story.text, story.steps, story.answer)


def train_problem(rng, level):
    while True:
        p = problem(rng, rng.choices([1, 2, 3, 4], level.steps)[0], level)
        if not p.heldout:
            return p


def conversation(rng, level="final"):
    """A training conversation: a list of {"role", "content"} messages."""
    messages = []
    if rng.random() < 0.15:
        messages.append({"role": "system", "content": rng.choice(S.SYSTEM)})
    turns = 2 if rng.random() < 0.05 else 1
    for _ in range(turns):
        if rng.random() < 0.025 * (3 if turns == 2 else 1):
            asks, answer = rng.choice(S.OFF_TOPIC)
            messages += [{"role": "user", "content": rng.choice(asks)}, {"role": "assistant", "content": answer}]
        else:
            p = train_problem(rng, LEVELS[level])
            messages += [{"role": "user", "content": p.text}, {"role": "assistant", "content": p.solution}]
    return messages


def heldout(count=1000, seed=HELDOUT_SEED):
    """`count` distinct held-out problems, cycling through 2, 3 and 4 steps."""
    rng, seen, out = random.Random(seed), set(), []
    while len(out) < count:
        p = problem(rng, 2 + len(out) % 3, LEVELS["final"])
        if p.heldout and p.identity not in seen:
            seen.add(p.identity)
            out.append(p)
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--heldout", type=Path, help="write the held-out problems to this JSONL file")
    ap.add_argument("--show", type=int, default=0, help="print this many training conversations")
    args = ap.parse_args()
    if args.heldout:
        rows = [json.dumps({"problem": p.text, "answer": str(p.answer), "steps": p.steps}) for p in heldout()]
        args.heldout.write_text("\n".join(rows) + "\n", encoding="utf-8")
    rng = random.Random(TRAIN_SEED)
    for _ in range(args.show):
        print(json.dumps(conversation(rng), indent=1))


if __name__ == "__main__":
    main()
