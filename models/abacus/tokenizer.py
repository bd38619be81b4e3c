"""Byte-level BPE tokenizer of abacus and its chat template.

The pre-tokenizer expression is the one llama.cpp calls "qwen2": it keeps every
digit alone, which is what lets a tiny model learn column arithmetic.
"""

import argparse
import random
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import data

HERE = Path(__file__).resolve().parent
TOKENIZER_JSON = HERE / "tokenizer.json"
VOCAB_SIZE = 768  # multiple of 256, so the embedding also fits every K-quant

BOS, END, PAD = "<|bos|>", "<|end|>", "<|pad|>"
CONTROL = [PAD, BOS, END, "<|system|>", "<|user|>", "<|assistant|>"]
# Ordinary visible text to the reader, but one token each to the model.
VISIBLE = ["<think>", "</think>"]

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
           r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}"
    "{% if not loop.first %}{{ raise_exception('the system message must come first') }}{% endif %}"
    "{{ '<|system|>' + message['content'] + '<|end|>' }}"
    "{% elif message['role'] == 'user' %}{{ '<|user|>' + message['content'] + '<|end|>' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ raise_exception('unknown role: ' + message['role']) }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def render(messages, add_generation_prompt=False):
    def fail(text):
        raise ValueError(text)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    env.globals["raise_exception"] = fail
    return env.from_string(CHAT_TEMPLATE).render(
        messages=messages, bos_token=BOS, add_generation_prompt=add_generation_prompt)


def render_fast(messages):
    """The same text as `render(messages)`, without Jinja's cost per example."""
    return BOS + "".join(f"<|{m['role']}|>{m['content']}{END}" for m in messages)


def train(examples=20_000, seed=data.TRAIN_SEED):
    rng = random.Random(seed)
    texts = []
    for _ in range(examples):
        for m in data.conversation(rng, "wide"):
            # The two visible tokens are split off before BPE, as at run time.
            texts += [part for part in m["content"].replace("</think>", "<think>").split("<think>") if part]
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE, special_tokens=CONTROL + VISIBLE, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    if tok.get_vocab_size() != VOCAB_SIZE:
        raise SystemExit(f"vocabulary has {tok.get_vocab_size()} entries, expected {VOCAB_SIZE}")
    return tok


def load(path=TOKENIZER_JSON):
    return Tokenizer.from_file(str(path))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--out", type=Path, default=TOKENIZER_JSON)
    args = ap.parse_args()
    train().save(str(args.out))


if __name__ == "__main__":
    main()
