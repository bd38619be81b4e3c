"""Measure a GGUF through llama.cpp: greedy answers to the held-out problems.

The JAX model is not involved, so the score includes quantization and the
engine's own tokenizer and template rendering.
"""

import argparse
import json
import random
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import xllamacpp

import data
import tokenizer

HERE = Path(__file__).resolve().parent


def serve(path, slots, threads):
    p = xllamacpp.CommonParams()
    p.model.path = str(path)
    p.n_ctx, p.n_parallel = 512 * slots, slots
    p.kv_unified = False  # every slot keeps the model's full 512 positions
    p.n_gpu_layers = 0
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = threads
    p.warmup, p.use_jinja, p.endpoint_slots = False, True, False
    p.port = 0
    p.verbosity = 0
    return xllamacpp.Server(p)


def post(server, route, body):
    req = urllib.request.Request(server.listening_address + route, json.dumps(body).encode(),
                                 {"Content-Type": "application/json"})
    with urllib.request.urlopen(req) as answer:
        return json.load(answer)


def complete(server, messages):
    # What the engine would render must be what training used.
    prompt = tokenizer.render(messages, add_generation_prompt=True)
    return post(server, "/completion", {"prompt": prompt, "temperature": 0, "top_k": 1, "samplers": ["top_k"],
                                        "n_predict": 200, "cache_prompt": False})["content"]


def final_answer(text):
    """The line after </think>, or None when the reply has another shape."""
    if not text.startswith("<think>\n") or text.count("\n</think>\n") != 1:
        return None
    return text.split("\n</think>\n")[1]


def check_tokenizer(server, count):
    """Token ids and template text must agree between training and llama.cpp."""
    tok, rng = tokenizer.load(), random.Random(7)
    for _ in range(count):
        messages = data.conversation(rng)
        text = tokenizer.render(messages)
        theirs = post(server, "/tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"]
        assert theirs == tok.encode(text, add_special_tokens=False).ids, text
        asked = messages[:-1]
        prompt = post(server, "/apply-template", {"messages": asked})["prompt"]
        assert prompt == tokenizer.render(asked, add_generation_prompt=True), prompt
    print(f"tokenizer and template agree on {count} conversations")


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--gguf", type=Path, default=HERE / "abacus-q8_0.gguf")
    ap.add_argument("--heldout", type=Path, default=HERE / "heldout.jsonl")
    ap.add_argument("--limit", type=int, default=1000)
    ap.add_argument("--system", help="add this system message to every problem")
    ap.add_argument("--check-tokenizer", type=int, default=0, metavar="N")
    ap.add_argument("--show-errors", type=int, default=0)
    ap.add_argument("--threads", type=int, default=2)
    args = ap.parse_args()

    server = serve(args.gguf, slots=4, threads=args.threads)
    if args.check_tokenizer:
        check_tokenizer(server, args.check_tokenizer)
    rows = [json.loads(line) for line in args.heldout.read_text(encoding="utf-8").splitlines()][:args.limit]
    start = [{"role": "system", "content": args.system}] if args.system else []
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda r: complete(server, start + [{"role": "user", "content": r["problem"]}]), rows))

    right, total, shown = Counter(), Counter(), 0
    same_steps = 0
    for row, reply in zip(rows, replies):
        n = len(row["steps"])
        ok = final_answer(reply) == row["answer"]
        total[n] += 1
        right[n] += ok
        same_steps += reply == "<think>\n" + "\n".join(row["steps"]) + "\n</think>\n" + row["answer"]
        if not ok and shown < args.show_errors:
            shown += 1
            print(json.dumps({**row, "reply": reply}))
    for n in sorted(total):
        print(f"{n} steps: {right[n]}/{total[n]} = {right[n] / total[n]:.1%}")
    print(f"all: {right.total()}/{total.total()} = {right.total() / total.total():.1%}"
          f" (every step as in the reference: {same_steps})")


if __name__ == "__main__":
    main()
