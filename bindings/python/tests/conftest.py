"""What the tests share: one model and one session; the repository's files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Optional

import pytest

from attestlm import Model, Session, Signer

ROOT = Path(__file__).resolve().parents[3]
QUESTION = [
    {
        "role": "user",
        "content": "Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. How many apples does Tom have now?",
    }
]
# As long as the model's context allows, on every stream.
LONG: Dict[str, object] = {"ignore_eog": True, "temperature": 1, "seed": 1, "max_tokens": 500, "choices": 64}


# What runs in the background of a shell ignores interrupts, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def python(
    program: str, *arguments: str, library: Optional[str] = None, folder: Optional[Path] = None
) -> "subprocess.CompletedProcess[str]":
    """Runs a program in an interpreter of its own."""
    environment = {**os.environ, **({"ATTESTLM_LIBRARY": library} if library else {})}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="session")
def model() -> Iterator[Model]:
    with Model.bundled() as bundled:
        yield bundled


@pytest.fixture(scope="session")
def session(model: Model) -> Iterator[Session]:
    with Session(model, context_tokens=512) as made:
        yield made


@pytest.fixture(scope="session")
def signer() -> Iterator[Signer]:
    with Signer.from_key(b"F" * 32) as made:
        yield made
