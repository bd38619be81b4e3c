"""Models, adapters, and the profiles they run under."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Dict, Optional, Tuple, Union

from ._call import fixed, made, path_bytes, text
from ._handle import Owned, handle
from ._library import lib
from ._operation import Progress, watched
from ._record import of_json
from .errors import AttestLMError, of_json as error_of_json

Path = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a model file says. `sha256` is in hex; `attestable`, only of an open model: by profile None, or why not."""

    sha256: str
    name: Optional[str]
    architecture: str
    parameters: int
    layers: int
    embedding: int
    heads: int
    heads_kv: int
    feed_forward: int
    context_tokens: int
    vocabulary: int
    tensor_types: Dict[str, int]
    chat_template: bool
    experts: Optional[int] = None
    experts_used: Optional[int] = None
    sliding_window: Optional[int] = None
    attestable: Optional[Dict[str, Optional[AttestLMError]]] = None


def _info(document: str) -> ModelInfo:
    value = json.loads(document)
    attestable = value.get("attestable")
    if attestable is not None:
        attestable = {profile: why and error_of_json(why) for profile, why in attestable.items()}
    return of_json(ModelInfo, value, attestable=attestable)


class Model(Owned):
    """A model's weights and vocabulary, read-only. Sessions keep what they need: it may be closed before them."""

    @classmethod
    def open(cls, path: Path, *, progress: Optional[Progress] = None) -> Model:
        """Hashes, validates and maps a GGUF file, which takes about a second a gigabyte. `progress` is told the bytes that
        are read, and of how many, ten times a second and at the end; what it raises ends the call. So does an interrupt."""
        name = path_bytes(path)

        def opened(operation: Any) -> Model:
            return cls(made("model", lib.attestlm_model_open, name, len(name), operation))

        return watched(opened, progress)

    def _about(self) -> str:
        return self.info.sha256[:14]

    @classmethod
    def bundled(cls) -> Model:
        """Abacus, a small model that is part of the library. It does grade school arithmetic."""
        return cls(made("model", lib.attestlm_model_bundled))

    @staticmethod
    def check(path: Path, *, progress: Optional[Progress] = None) -> ModelInfo:
        """Whether a file is a model that can be opened, without loading it. Every byte is read. `progress`: as of `open`."""
        name = path_bytes(path)
        return _info(watched(lambda operation: text(lib.attestlm_model_check, name, len(name), operation), progress))

    @property
    def info(self) -> ModelInfo:
        """The first call in a process may run the known-answer test, a few hundred milliseconds."""
        with self._handle as model:
            return _info(text(lib.attestlm_model_info, model))


class Adapter(Owned):
    """A LoRA adapter for one model, read-only. Sessions keep what they need."""

    @classmethod
    def open(cls, model: Model, path: Path) -> Adapter:
        name = path_bytes(path)
        with handle(model, Model) as pointer:
            adapter = made("adapter", lib.attestlm_adapter_open, pointer, name, len(name))
        return cls(adapter)

    def _about(self) -> str:
        return f"0x{self.sha256.hex()[:12]}"

    @property
    def sha256(self) -> bytes:
        with self._handle as adapter:
            return fixed(32, lib.attestlm_adapter_sha256, adapter)


@dataclasses.dataclass(frozen=True)
class Profile:
    """An execution profile; `hash` is a receipt's `profile`, in hex."""

    name: str
    id: str
    hash: str


@dataclasses.dataclass(frozen=True)
class ProfileInfo:
    """`known_answer_test` is None if this machine computes what every exact profile promises, else why not."""

    profiles: Tuple[Profile, ...]
    known_answer_test: Optional[AttestLMError]


def profile_info() -> ProfileInfo:
    """The first call in a process runs the known-answer test, a few hundred milliseconds."""
    value = json.loads(text(lib.attestlm_profile_info))
    failed = value["knownAnswerTest"]
    return ProfileInfo(
        profiles=tuple(of_json(Profile, profile) for profile in value["profiles"]),
        known_answer_test=failed and error_of_json(failed),
    )
