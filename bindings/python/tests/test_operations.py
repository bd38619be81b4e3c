"""Calls that take long: how they are seen, and how they end before their time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from conftest import QUESTION, ROOT

from attestlm import CancelledError, Done, Model, ModelInfo, Receipt, Session, Signer
from attestlm import _operation

ABACUS = ROOT / "models" / "abacus" / "abacus-q8_0.gguf"
GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model that takes seconds to open: zeros follow it, which take no room on the disk."""
    path = tmp_path_factory.mktemp("large") / "large.gguf"
    path.write_bytes(ABACUS.read_bytes())
    os.truncate(path, GIGABYTE)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def session(model: Model) -> Iterator[Session]:
    """Of the slower exact profile: its calls, and replays of its receipts, take their time."""
    with Session(model, profile="exact-1", context_tokens=512) as made:
        yield made


@pytest.fixture(scope="module")
def receipt(session: Session, signer: Signer) -> Receipt:
    made = session.generate("Tom", signer=signer, ignore_eog=True, max_tokens=500).receipt
    assert made is not None
    return made


PROGRAM = """
import _thread, sys, threading, time
from attestlm import *

model = Model.bundled()
session = Session(model, context_tokens=512, streams=2)
receipt = session.generate("Tom", signer=Signer.random(), ignore_eog=True, max_tokens=500).receipt
finishes = []

def generate():
    finishes.append(session.generate("Tom", ignore_eog=True, max_tokens=500).finish)

beside = threading.Thread(target=generate)
{before}
print("ready", flush=True)
try:
    while True:
        {work}
except KeyboardInterrupt:
    raised = time.monotonic()
while _thread._count():
    time.sleep(0.001)
print(raised, time.monotonic(), flush=True)
{after}
"""


def interrupted(work: str, path: Path, before: str = "", after: str = "") -> Tuple[float, float]:
    """How long after Ctrl-C the call ended, and the thread that it was made in."""
    program = PROGRAM.format(work=work, before=before, after=after)
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert (child.returncode, err) == (0, "")
    raised, ended = map(float, out.split())
    return raised - sent, ended - sent


@pytest.mark.parametrize(
    "work",
    [
        "Model.open(sys.argv[1])",
        "Model.open(sys.argv[1], progress=lambda done, total: None)",
        "Model.check(sys.argv[1])",
        "session.score('Tom', [70] * 500)",
        "receipt.verify(model)",
        "receipt.verify(model, threads=1)",
        "session.generate('Tom', ignore_eog=True, max_tokens=500)",
    ],
)
def test_an_interrupt_ends(work: str, large: Path) -> None:
    # The best of three: the machine may be busy.
    times = [interrupted(work, large) for _ in range(3)]
    assert min(raised for raised, _ in times) < 0.1, times
    # Nothing is left to its thread.
    assert min(ended for _, ended in times) < 0.2, times


def test_an_interrupt_of_a_score_ends_nothing_else(large: Path) -> None:
    after = "beside.join(); assert finishes == ['max tokens'], finishes"
    raised, _ = interrupted("session.score('Tom', [70] * 500)", large, "beside.start()", after)
    assert raised < 1


def test_progress_of_a_model(large: Path) -> None:
    opened: List[Any] = []
    for work in (Model.open, Model.check):
        calls: List[Tuple[int, int]] = []
        times: List[float] = []

        def tell(done: int, total: int) -> None:
            assert threading.current_thread() is threading.main_thread()
            calls.append((done, total))
            times.append(time.monotonic())

        opened.append(work(large, progress=tell))
        assert len(calls) > 5 and {total for _, total in calls} == {GIGABYTE}
        dones = [done for done, _ in calls]
        assert dones == sorted(dones) and dones[0] < dones[-1] == GIGABYTE
        # Ten times a second, but for the last.
        assert min(later - earlier for earlier, later in zip(times, times[1:-1])) > 0.05
    model, info = opened
    with model:
        assert isinstance(info, ModelInfo) and info.sha256 == model.info.sha256


def test_progress_of_a_replay(model: Model, receipt: Receipt) -> None:
    calls: List[Tuple[int, int]] = []
    threads: List[threading.Thread] = []

    def tell(done: int, total: int) -> None:
        calls.append((done, total))
        threads.append(threading.current_thread())

    def judge() -> None:
        assert receipt.verify(model, progress=tell).verdict.name == "verified"

    judge()
    done, total = calls[-1]
    assert done == total >= 500 and set(threads) == {threading.main_thread()}
    other = threading.Thread(target=judge)
    other.start()
    other.join()
    assert threads[-1] is other
    # Nothing to tell without a replay.
    before = len(calls)
    assert receipt.verify(signature_only=True, progress=tell).verdict.name == "verified"
    assert receipt.verify(model, signature_only=True, progress=tell).verdict.name == "verified"
    assert len(calls) == before


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> List[Any]:
    """How the library's calls ended."""
    found: List[Any] = []
    run = _operation._Operation.run

    def watched(operation: Any, work: Any) -> Any:
        try:
            result = run(operation, work)
        except BaseException as error:
            found.append(type(error))
            raise
        found.append(type(result))
        return result

    monkeypatch.setattr(_operation._Operation, "run", watched)
    return found


def wait_for(outcomes: List[Any]) -> float:
    """How long the call went on."""
    began = time.monotonic()
    while not outcomes and time.monotonic() - began < 30:
        time.sleep(0.001)
    return time.monotonic() - began


def test_what_progress_raises_ends_the_call(large: Path, outcomes: List[Any]) -> None:
    for work in (Model.open, Model.check):
        refusal = LookupError("enough")

        def refuse(done: int, total: int) -> None:
            raise refusal

        with pytest.raises(LookupError) as raised:
            work(large, progress=refuse)
        assert raised.value is refusal
        assert wait_for(outcomes) < 0.2
        assert outcomes.pop() is CancelledError


def test_async_score_and_verify(model: Model, session: Session, receipt: Receipt) -> None:
    async def run() -> None:
        score, report = await asyncio.gather(session.ascore("Tom", " has"), receipt.averify(model, scored=False))
        assert score == session.score("Tom", " has")
        assert report == receipt.verify(model)

    asyncio.run(run())


def test_a_cancelled_task_ends_its_call(
    model: Model, session: Session, receipt: Receipt, outcomes: List[Any]
) -> None:
    works: List[Callable[[], Any]] = [
        lambda: receipt.averify(model, threads=1),
        lambda: session.ascore("Tom", [70] * 500),
    ]

    async def run(work: Callable[[], Any]) -> float:
        session.forget()
        task = asyncio.ensure_future(work())
        await asyncio.sleep(0.01)
        task.cancel()
        before = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - before

    for work in works:
        assert asyncio.run(run(work)) < 0.1
        wait_for(outcomes)
        assert outcomes.pop() is CancelledError and not outcomes
    assert session.generate("Tom", max_tokens=1).tokens


def test_a_score_waits_for_a_stream_and_can_still_be_cancelled(session: Session, outcomes: List[Any]) -> None:
    """The session's one stream is taken: the score decodes for the other until it is cancelled, and the other goes on."""
    with session.stream(QUESTION, ignore_eog=True, max_tokens=400) as stream:
        next(stream)

        async def run() -> None:
            task = asyncio.ensure_future(session.ascore("Tom", " has"))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(run())
        wait_for(outcomes)
        assert outcomes == [CancelledError]
        assert [event.finish for event in stream if isinstance(event, Done)] == ["max tokens"]


def test_a_score_of_a_daemon_thread_at_the_exit() -> None:
    for work in ("session.score('Tom', [70] * 500)", "receipt.verify(model)", "Model.check(sys.argv[1])"):
        program = PROGRAM.split("print(")[0].format(before="") + f"""
def work():
    while True:
        {work}

threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
        done = subprocess.run([sys.executable, "-c", program, str(ABACUS)], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), work
