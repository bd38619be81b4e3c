"""Interrupts at any moment, and the end of an interpreter whose threads do not end."""

from __future__ import annotations

import importlib
import time
from typing import Any, Callable, List

import pytest
from conftest import python

from attestlm import Session, Signer

BEGIN = """
import os, signal, sys, threading, time
from attestlm import *

model = Model.bundled()
session = Session(model, context_tokens=512)
own = Signer.random()
fired = 0

def fire(*_):
    global fired
    fired += 1
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, fire)
"""

SIGNED = """
signer = Signer.callback(own.address, lambda digest: bytes(65))
others = []
for index in range(400):
    fired = 0
    try:
        try:
            stream = session.stream("2 + 3 =", max_tokens=12, ignore_eog=True, signer=signer)
            for position, event in enumerate(stream):
                if isinstance(event, Text) and position == 8:
                    signal.setitimer(signal.ITIMER_REAL, (20 + index % 40 * 15) * 1e-6)
            stream.answer()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        continue
    except SignerError as error:
        if fired:
            others.append(str(error))
assert not others, others
assert session.generate("Tom", max_tokens=1).tokens
print("done")
"""


def test_an_interrupt_beside_a_signers_function_comes_out() -> None:
    """Whenever it comes: before the function, in it, behind it. Nothing stays locked, and nothing is written."""
    done = python(BEGIN + SIGNED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_an_interrupt_on_the_way_to_a_signers_function(
    session: Session, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything of ours runs."""
    module: Any = importlib.import_module("attestlm.signer")
    callback = Signer.callback(signer.address, lambda digest: bytes(65))

    def interrupt(env: Any) -> Any:
        raise KeyboardInterrupt

    real = module.ffi

    class Fake:
        def __getattr__(self, name: str) -> Any:
            return interrupt if name == "from_handle" else getattr(real, name)

    monkeypatch.setattr(module, "ffi", Fake())
    works: List[Callable[[], Any]] = [
        lambda: session.generate("Tom", max_tokens=2, signer=callback),
        lambda: session.score("Tom", " has", signer=callback),
    ]
    for work in works:
        with pytest.raises(KeyboardInterrupt):
            work()
    monkeypatch.undo()
    assert session.generate("Tom", max_tokens=1, signer=signer).receipt


MADE = """
from attestlm import _call

made, freed = [], []
for type_, free in list(_call._FREE.items()):
    def count(pointer, type_=type_, free=free):
        freed.append(type_)
        free(pointer)
    _call._FREE[type_] = count

def interrupt_after(function):
    def called(*arguments):
        status = function(*arguments)
        made.append(function)
        raise KeyboardInterrupt
    return called

class Library:
    def __getattr__(self, name):
        value = getattr(real, name)
        return interrupt_after(value) if name == wanted else value

real = _call.lib
import attestlm.model, attestlm.session, attestlm.signer, attestlm.receipt
modules = attestlm.model, attestlm.session, attestlm.signer, attestlm.receipt
receipt = session.generate("Tom", max_tokens=2, signer=own).receipt
document, address = receipt.to_json(), own.address
works = {
    "attestlm_session_new": lambda: Session(model),
    "attestlm_model_bundled": lambda: Model.bundled(),
    "attestlm_signer_random": lambda: Signer.random(),
    "attestlm_signer_callback": lambda: Signer.callback(address, print),
    "attestlm_session_generate": lambda: session.stream("Tom"),
    "attestlm_receipt_parse": lambda: Receipt.parse(document),
    "attestlm_receipt_to_json": lambda: receipt.to_json(),
}
for wanted, work in works.items():
    for module in modules:
        module.lib = Library()
    made.clear(), freed.clear()
    try:
        work()
    except KeyboardInterrupt:
        pass
    for module in modules:
        module.lib = real
    assert len(made) == 1 and len(freed) == 1, (wanted, made, freed)
assert len(attestlm.signer._Callback.live) == 0
print("done")
"""


def test_what_was_made_before_an_interrupt_is_freed() -> None:
    done = python(BEGIN + MADE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


CLOSED = """
session.close()
for index in range(40):
    fired = seen = 0
    try:
        made = Session(model, context_tokens=64)
        signal.setitimer(signal.ITIMER_REAL, (1 + index % 10 * 20) * 1e-6)
        try:
            made.close()
            while not fired:
                pass
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        seen = 1
    assert fired == seen == 1, (fired, seen)
    made.close()
print("done")
"""


def test_an_interrupt_of_a_close_comes_out() -> None:
    done = python(BEGIN + CLOSED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


STUCK = (
    BEGIN
    + """
from attestlm import _exit
_exit._SECONDS = 0.5
begun = threading.Event()

def sign(digest):
    begun.set()
    while True:
        time.sleep(0.001)

signer = Signer.callback(own.address, sign)
"""
)
ABANDONED = "attestlm: a signer's function did not return: the process ends without it\n"


def test_the_exit_does_not_wait_for_ever_for_a_signers_function() -> None:
    done = python(
        STUCK
        + """
threading.Thread(target=lambda: session.generate("Tom", max_tokens=2, signer=signer), daemon=True).start()
begun.wait()
sys.stdout.write("out")
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "out", ABANDONED)


def test_an_interrupt_ends_the_wait_of_the_exit() -> None:
    began = time.monotonic()
    done = python(
        STUCK
        + """
_exit._SECONDS = 60
threading.Thread(target=lambda: session.generate("Tom", max_tokens=2, signer=signer), daemon=True).start()
begun.wait()
signal.setitimer(signal.ITIMER_REAL, 0.5)
"""
    )
    assert (done.returncode, done.stderr) == (130, ABANDONED)
    assert time.monotonic() - began < 30


def test_a_call_that_was_interrupted_does_not_hold_up_the_exit() -> None:
    done = python(
        STUCK
        + """
threading.Thread(target=lambda: (begun.wait(), os.kill(os.getpid(), signal.SIGINT))).start()
try:
    session.score("Tom", " has", signer=signer)
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "interrupted\n", ABANDONED)


def test_a_call_after_the_end_is_refused() -> None:
    """An exit handler that was registered before the package's."""
    done = python(
        """
import atexit

@atexit.register
def late():
    for work in (Model.bundled, Signer.random, lambda: Model.open("x"), lambda: Model.check("x"), lambda: next(stream),
                 lambda: session.score("a", "b"), lambda: session.generate("Tom", max_tokens=1), lambda: Session(model)):
        try:
            work()
        except ClosedError as error:
            print(error)
        else:
            print("nothing")

from attestlm import *
model = Model.bundled()
session = Session(model, context_tokens=64)
stream = session.stream("Tom", max_tokens=2)
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 8 and all("exits" in line or "closed" in line for line in lines), lines


def test_a_fork_in_a_signers_function_ends_at_once() -> None:
    done = python(
        BEGIN
        + """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
here, children = os.getpid(), []

def sign(digest):
    child = os.fork()
    if child:
        children.append(child)
    return bytes(65)

def work():
    try:
        session.generate("2 + 3 =", max_tokens=3, signer=Signer.callback(own.address, sign))
    except AttestLMError:
        pass

work()
if os.getpid() == here:
    began = time.monotonic()
    os.waitpid(children[0], 0)
    print(time.monotonic() - began < 5)
"""
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
