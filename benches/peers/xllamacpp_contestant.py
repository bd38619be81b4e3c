"""The contestant `xllamacpp`: its in-process server with defaults. Speaks the protocol of benches/protocol.rs."""

import json
import os
import sys
import time

COLD_TAIL = 8  # as in protocol.rs
DECODE_PROMPT = 32  # as in protocol.rs

# The library prints to standard output, which belongs to the protocol.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import xllamacpp  # noqa: E402


def prompt(count):
    return [(i * 37 + 11) % 256 for i in range(count)]


class Contestant:
    def __init__(self):
        self.server = None

    def load(self, command):
        params = xllamacpp.CommonParams()
        params.model.path = command["model"]
        params.n_ctx = command["context"]
        params.n_parallel = 1
        params.cpuparams.n_threads = command["threads"]
        params.cpuparams_batch.n_threads = command["threads"]
        params.n_gpu_layers = 0
        self.server = xllamacpp.Server(params)

    def complete(self, tokens, count, cached):
        """Milliseconds of the prompt, milliseconds of the tokens after the first, and how many those are."""
        answer = self.server.handle_completions(
            {
                "prompt": tokens,
                "n_predict": count,
                "temperature": 0.0,
                "samplers": ["top_k"],
                "top_k": 1,
                "ignore_eos": True,
                "cache_prompt": cached,
            }
        )
        if isinstance(answer, (str, bytes)):
            answer = json.loads(answer)
        if "timings" not in answer:
            raise RuntimeError(f"no timings in {str(answer)[:300]}")
        timings = answer["timings"]
        return timings["prompt_ms"], timings["predicted_ms"], timings["predicted_n"]

    def answer(self, command):
        what = command["do"]
        if what == "load":
            begun = time.perf_counter()
            self.load(command)
            return (time.perf_counter() - begun) * 1e3
        count = command["tokens"]
        if what in ("prefill", "first"):
            warm = command.get("warm", False)
            if warm:
                self.complete(prompt(count - COLD_TAIL), 1, True)
            return self.complete(prompt(count), 1, warm)[0]
        if what == "decode":
            # The first token belongs to the prompt; the server's clock starts after it.
            took, predicted = self.complete(prompt(DECODE_PROMPT), count + 1, False)[1:]
            if predicted != count + 1:
                raise RuntimeError(f"{predicted} tokens instead of {count + 1}")
            return took
        raise RuntimeError(f"no command `{what}`")


def main():
    contestant = Contestant()
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            break
        try:
            reply = {"ms": contestant.answer(command)}
        except Exception as error:  # whatever it is, the driver must hear of it
            reply = {"error": repr(error)}
        print(json.dumps(reply), file=answers, flush=True)
    # The server's threads would keep the process alive.
    os._exit(0)


main()
