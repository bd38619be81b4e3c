"""What signs receipts."""

from __future__ import annotations

import contextlib
import re
import threading
import weakref
from typing import Any, Callable, Dict, Iterator, Optional, Union

from ._address import Address, address_bytes, address_text
from ._call import Document, document_bytes, fixed, made, secret_bytes, text
from ._exit import inside
from ._handle import Owned
from ._library import ffi, lib
from .errors import ArgumentError, SignerError

# Takes a digest of 32 bytes, gives r, s and v, 65 bytes.
Sign = Callable[[bytes], bytes]


def from_hex(value: Union[str, bytes], field: str) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if not isinstance(value, str):
        raise TypeError(f"{field}: bytes or their hex, not a {type(value).__name__}")
    try:
        return bytes.fromhex(value[2:] if value.startswith("0x") else value)
    except ValueError:
        raise ArgumentError("it is not hex", field) from None


# How many failures nobody has asked for yet are remembered.
_REMEMBERED = 256
_CODES = 2**31 - 1


class _Failures:
    """What a signer's function raised. Each failure has a code of its own, which the library's error tells: the thread
    that the function is called in may be that of another answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._raised: Dict[int, BaseException] = {}

    def add(self, error: BaseException) -> int:
        """Its code."""
        with self._lock:
            code = self._count % _CODES + 1
            self._count += 1
            self._raised[code] = error
            if len(self._raised) > _REMEMBERED:
                del self._raised[next(iter(self._raised))]
        return code

    def take(self, error: SignerError) -> Optional[BaseException]:
        """What led to an error of the library, once."""
        code = re.fullmatch(r"it answered (\d+)", error.message)
        if code is None or error.field != "signer callback":
            return None
        with self._lock:
            return self._raised.pop(int(code.group(1)), None)


class _Callback:
    """A function that the library calls until it says it will no more."""

    live: Dict[Any, "_Callback"] = {}

    def __init__(self, sign: Sign, failures: _Failures) -> None:
        self.sign = sign
        # An exception holds the frames it came through, and the signer in them, which must not keep itself alive.
        self.failures = weakref.ref(failures)
        self.env = ffi.new_handle(self)


# What a signer's function raised that is no `Exception`, an interrupt, say: by the thread it was called in.
_interrupts: Dict[int, BaseException] = {}


def _interrupted(kind: Any, error: BaseException, trace: Any) -> None:
    """An interrupt that came before the function was called, or after: `signing` raises it."""
    _interrupts[threading.get_ident()] = error


@ffi.callback("attestlm_sign_fn", error=-1, onerror=_interrupted)  # type: ignore[untyped-decorator, unused-ignore]
def _sign(env: Any, digest: Any, signature: Any) -> int:
    callback: _Callback = ffi.from_handle(env)
    try:
        signed = bytes(callback.sign(bytes(ffi.buffer(digest, 32))))
        if len(signed) != 65:
            raise ValueError(f"a signature has 65 bytes, not {len(signed)}")
        ffi.buffer(signature, 65)[:] = signed
        return 0
    except BaseException as error:
        if not isinstance(error, Exception):
            _interrupts[threading.get_ident()] = error
        failures = callback.failures()
        # Without this frame, whose digest and signature are borrowed for the call.
        trace = error.__traceback__
        error = error.with_traceback(trace and trace.tb_next)
        return failures.add(error) if failures else -1


@ffi.callback("attestlm_finalizer_fn")  # type: ignore[untyped-decorator, unused-ignore]
def _finalize(env: Any) -> None:
    _Callback.live.pop(env, None)


class Signer(Owned):
    """Something that signs in the name of one address. Generations keep what they need."""

    def __init__(self, place: Any, failures: Optional[_Failures] = None) -> None:
        super().__init__(place)
        self._failures = failures

    @classmethod
    def random(cls) -> Signer:
        """With a fresh key."""
        return cls(made("signer", lib.attestlm_signer_random))

    @classmethod
    def from_key(cls, key: Union[bytes, str]) -> Signer:
        """With a secp256k1 key: 32 bytes, or their hex."""
        given = from_hex(key, "key")
        return cls(made("signer", lib.attestlm_signer_from_key, given, len(given)))

    @classmethod
    def from_keystore(
        cls, keystore: Document, password: Union[str, bytes]
    ) -> Signer:
        """With the key of a keystore V3: its text, its object, or, as a `Path`, its file. May take seconds."""
        if isinstance(keystore, str) and not keystore.lstrip().startswith("{"):
            raise SignerError("it is no JSON object; the name of its file is given as a Path", "keystore")
        document = document_bytes(keystore, "keystore")
        secret = secret_bytes(password, "password")
        return cls(
            made("signer", lib.attestlm_signer_from_keystore, document, len(document), secret, len(secret))
        )

    @classmethod
    def callback(cls, address: Address, sign: Sign) -> Signer:
        """Calls a function, in the thread that generates: a wallet, an HSM, a KMS. It must not use the session it signs
        for. What it raises is the cause of the `SignerError` that follows."""
        given = address_bytes(address)
        if not callable(sign):
            raise TypeError(f"sign: a function, not a {type(sign).__name__}")
        failures = _Failures()
        callback = _Callback(sign, failures)
        _Callback.live[callback.env] = callback
        try:
            signer = made(
                "signer", lib.attestlm_signer_callback, given, len(given), _sign, callback.env, _finalize
            )
        except BaseException:
            _finalize(callback.env)
            raise
        return cls(signer, failures)

    @classmethod
    def external(cls, address: Address) -> Signer:
        """Signs nothing: have `receipt.digest` signed wherever you like and call `receipt.sign`."""
        given = address_bytes(address)
        return cls(made("signer", lib.attestlm_signer_external, given, len(given)))

    def _about(self) -> str:
        return self.address

    @property
    def address(self) -> str:
        """In the mixed case of EIP-55."""
        with self._handle as signer:
            return address_text(fixed(20, lib.attestlm_signer_address, signer))

    def to_keystore(self, password: Union[str, bytes]) -> str:
        """The key as the text of a keystore V3, which takes about a second. Write it where nobody else may read."""
        secret = secret_bytes(password, "password")
        with self._handle as signer:
            return text(lib.attestlm_signer_to_keystore, signer, secret, len(secret))


def cause(signer: Optional[Signer], error: SignerError) -> Optional[BaseException]:
    """What the signer's function raised. It is told once."""
    failures = signer and signer._failures
    return failures.take(error) if failures else None


def explained(error: SignerError, cause: Optional[BaseException]) -> SignerError:
    """With its cause, which alone says why: a reason may hold a secret."""
    if cause is not None:
        error = SignerError(f"it raised {type(cause).__name__}", error.field)
    error.__cause__ = cause
    return error


@contextlib.contextmanager
def signing() -> Iterator[None]:
    """Around every call in which a signer's function may be called, whosever it is. An interrupt of it comes out here."""
    # One that came while another was raised here.
    _interrupts.pop(threading.get_ident(), None)
    try:
        with inside():
            yield
    finally:
        raised = _interrupts.pop(threading.get_ident(), None)
        if raised is not None:
            raise raised
