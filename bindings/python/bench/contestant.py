"""The contestant `Python` of `bench --only bindings`: the stream of ffi/bench/contestant.c through the package. Speaks the
protocol of benches/protocol.rs.

    contestant.py MODEL THREADS CONTEXT_TOKENS REQUEST      an empty MODEL is the bundled one
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any, Dict, List, Tuple

from attestlm import Answer, Model, Request, Session, Signer

SESSIONS = 2


class Contestant:
    def __init__(self, path: str, threads: int, context_tokens: int, request: str) -> None:
        self.request = Request.from_json(request)
        self.signer = Signer.from_key(bytes([0x46]) * 32)
        model = Model.open(path) if path else Model.bundled()
        self.sessions = [Session(model, threads=threads, context_tokens=context_tokens) for _ in range(SESSIONS)]

    def stream(self, session: Session) -> Tuple[List[float], Answer]:
        """The request, from its queueing to its answer and receipt: milliseconds from the beginning to each event and to
        the end, and the answer."""
        begun = time.perf_counter()
        times: List[float] = []
        with session.stream(self.request, signer=self.signer) as stream:
            for _event in stream:
                times.append((time.perf_counter() - begun) * 1e3)
            answer = stream.answer()
        times.append((time.perf_counter() - begun) * 1e3)
        return times, answer

    def answer(self, command: Dict[str, Any]) -> Dict[str, Any]:
        """One stream in this thread, or several in threads of their own."""
        asked = command["sessions"]
        if command["do"] != "stream" or not 1 <= asked <= SESSIONS:
            raise ValueError("no such command")
        if command["forget"]:  # read the prompt anew
            for session in self.sessions[:asked]:
                session.forget()
        outcomes: List[Tuple[List[float], Answer]] = []
        begun = time.perf_counter()
        if asked == 1:
            outcomes.append(self.stream(self.sessions[0]))
        else:
            threads = [
                threading.Thread(target=lambda session=session: outcomes.append(self.stream(session)))
                for session in self.sessions[:asked]
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        took = time.perf_counter() - begun
        receipts = [answer.receipt for _, answer in outcomes]
        return {
            "ms": took * 1e3,
            "times": outcomes[0][0],
            "receipts": [receipt.to_json() for receipt in receipts if receipt is not None],
        }


def main() -> None:
    path, threads, context_tokens, request = sys.argv[1:]
    contestant = Contestant(path, int(threads), int(context_tokens), request)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            break
        try:
            reply = contestant.answer(command)
        except Exception as error:  # whatever it is, the driver must hear of it
            reply = {"error": repr(error)}
        print(json.dumps(reply), flush=True)


main()
