"""A LoRA adapter, written here."""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from attestlm import Adapter, ClosedError, Model, ModelError, Session, Signer

TEXT, REAL, UINT32 = 8, 6, 4


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def lora(rows: int, columns: int) -> bytes:
    """A GGUF file: an update of rank 2 of the first layer's query matrix."""
    members: List[Tuple[str, int, bytes]] = [
        ("general.type", TEXT, _text("adapter")),
        ("general.architecture", TEXT, _text("llama")),
        ("adapter.type", TEXT, _text("lora")),
        ("adapter.lora.alpha", REAL, struct.pack("<f", 8)),
    ]
    draw = random.Random(1)
    shapes = {"lora_a": (columns, 2), "lora_b": (2, rows)}
    header, data = b"", b""
    for name, shape in shapes.items():
        header += _text(f"blk.0.attn_q.weight.{name}") + struct.pack("<IQQIQ", 2, *shape, 0, len(data))
        data += struct.pack(f"<{shape[0] * shape[1]}f", *(draw.uniform(-1, 1) for _ in range(shape[0] * shape[1])))
        data += b"\0" * (-len(data) % 32)
    file = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(members))
    for key, kind, value in members:
        file += _text(key) + struct.pack("<I", kind) + value
    file += header
    return file + b"\0" * (-len(file) % 32) + data


@pytest.fixture
def adapter(model: Model, tmp_path: Path) -> Any:
    path = tmp_path / "lora.gguf"
    path.write_bytes(lora(model.info.embedding, model.info.embedding))
    with Adapter.open(model, path) as opened:
        assert opened.sha256 == hashlib.sha256(path.read_bytes()).digest()
        yield opened
    with pytest.raises(ClosedError):
        opened.sha256


def test_an_answer_with_an_adapter(model: Model, session: Session, signer: Signer, adapter: Adapter) -> None:
    fields: Any = {"max_tokens": 8, "ignore_eog": True, "signer": signer}
    with Session(model, adapter, context_tokens=512) as changed:
        assert changed.info.adapter == "0x" + adapter.sha256.hex()
        receipt = changed.generate("Tom has", **fields).receipt
        assert receipt is not None
        assert changed.score("Tom", " has").logprob != session.score("Tom", " has").logprob
    assert receipt.verify(model, adapter=adapter, expect_adapter="0x" + adapter.sha256.hex()).verdict.name == "verified"
    assert receipt.verify(model).verdict.name == "unverifiable"
    plain = session.generate("Tom has", **fields).receipt
    assert plain is not None
    assert plain.verify(model, expect_adapter="0x" + adapter.sha256.hex()).verdict.name == "invalid"


def test_another_models_adapter_is_refused(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "lora.gguf"
    path.write_bytes(lora(model.info.embedding, 32))
    with pytest.raises(ModelError):
        Adapter.open(model, path)
