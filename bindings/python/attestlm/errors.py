"""One exception for each status of the library, all of them an `AttestLMError`."""

from __future__ import annotations

import contextlib
import re
from typing import Any, ClassVar, Mapping

from ._library import lib


class AttestLMError(Exception):
    """`field` is the argument, field or file it is about, `message` one sentence; no prompt, output or secret is in it."""

    code: ClassVar[int] = 0
    kind: ClassVar[str] = ""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message, field)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ArgumentError(AttestLMError, ValueError):
    """A value is wrong: a range, a form, an unknown field."""

    code = lib.ATTESTLM_ERR_ARGUMENT
    kind = "argument"


class ClosedError(ArgumentError):
    """The object was closed."""


class IoError(AttestLMError, OSError):
    """The operating system refused: a file is missing, unreadable, unwritable. `errno` says why, where it said so."""

    code = lib.ATTESTLM_ERR_IO
    kind = "io"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message, field)
        number = re.search(r"\(os error (\d+)\)$", message)
        self.errno = int(number.group(1)) if number else None
        self.strerror = message


class ModelError(AttestLMError):
    """A model or adapter file is malformed, unsupported, or was changed while in use."""

    code = lib.ATTESTLM_ERR_MODEL
    kind = "model"


class TemplateError(AttestLMError):
    """The chat template is missing or failed."""

    code = lib.ATTESTLM_ERR_TEMPLATE
    kind = "template"


class GrammarError(AttestLMError):
    """A grammar or JSON schema is malformed, or cannot be continued."""

    code = lib.ATTESTLM_ERR_GRAMMAR
    kind = "grammar"


class LogitsError(AttestLMError):
    """The logits cannot be sampled from: NaN, infinite, or every token masked."""

    code = lib.ATTESTLM_ERR_LOGITS
    kind = "logits"


class ReceiptError(AttestLMError):
    """A receipt, disclosure or proof is malformed or contradicts itself."""

    code = lib.ATTESTLM_ERR_RECEIPT
    kind = "receipt"


class SignerError(AttestLMError):
    """A key, keystore, password or signature callback failed."""

    code = lib.ATTESTLM_ERR_SIGNER
    kind = "signer"


class EngineError(AttestLMError):
    """The engine refused or failed: out of memory, a graph outside the profile."""

    code = lib.ATTESTLM_ERR_ENGINE
    kind = "engine"


class UnsupportedError(AttestLMError):
    """This build, machine or model cannot do what was asked for."""

    code = lib.ATTESTLM_ERR_UNSUPPORTED
    kind = "unsupported"


class CancelledError(AttestLMError):
    """The operation was cancelled."""

    code = lib.ATTESTLM_ERR_CANCELLED
    kind = "cancelled"


class InternalError(AttestLMError):
    """A fault of the library."""

    code = lib.ATTESTLM_ERR_INTERNAL
    kind = "internal"


class BusyError(AttestLMError):
    """The object is in use by another call, and one of the two needs it alone. Nothing happened."""

    code = lib.ATTESTLM_ERR_BUSY
    kind = "busy"


class PanicError(AttestLMError):
    """A panic was caught, now or in an earlier call on this object, which can only be closed."""

    code = lib.ATTESTLM_ERR_PANIC
    kind = "panic"


class ForkedError(AttestLMError):
    """This process is a fork of one that used the library. Nothing works here."""

    code = lib.ATTESTLM_ERR_FORKED
    kind = "forked"


def utf8(text: str, field: str) -> bytes:
    """A text as the library takes it. Python's own error would hold the text, which may be a password."""
    with contextlib.suppress(UnicodeEncodeError):
        return text.encode()
    # Out here, for it not to be the context either.
    raise ArgumentError("it holds half of a surrogate pair, which is no character", field)


_CLASSES = AttestLMError.__subclasses__()
_BY_CODE = {cls.code: cls for cls in _CLASSES}
_BY_KIND = {cls.kind: cls for cls in _CLASSES}


def of_status(code: int, message: str, field: str) -> AttestLMError:
    return _BY_CODE.get(code, InternalError)(message, field)


def of_json(value: Mapping[str, Any]) -> AttestLMError:
    """What `docs/schema/error.schema.json` describes."""
    return _BY_KIND.get(value["kind"], InternalError)(value["message"], value["field"])
