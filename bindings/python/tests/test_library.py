"""That the package is of this header and this library, and that the library's faults arrive as exceptions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import QUESTION, ROOT, python

import attestlm
from attestlm import errors, has_feature

PACKAGE = ROOT / "bindings" / "python"


def test_the_declarations_are_the_headers() -> None:
    subprocess.run([sys.executable, str(PACKAGE / "tools" / "cdef.py"), "--check"], check=True)


def test_every_symbol_is_used_or_listed_with_a_reason() -> None:
    symbols = set()
    for line in (ROOT / "ffi" / "abi" / "symbols.txt").read_text().splitlines():
        if not line.startswith("# "):
            found = re.search(r"\b(attestlm_\w+)\(|\(\*(attestlm_\w+)\)|#define (ATTESTLM_\w+)", line)
            assert found, line
            symbols.add(next(name for name in found.groups() if name))
    assert len([name for name in symbols if name.startswith("attestlm_")]) > 50
    sources = [path for path in (PACKAGE / "attestlm").glob("*.py") if path.name != "_cdef.py"]
    used = {name for path in sources for name in re.findall(r"(?i)\battestlm_\w+", path.read_text())}
    unbound = dict(
        line.split(" ", 1) for line in (PACKAGE / "unbound.txt").read_text().splitlines() if not line.startswith("#")
    )
    assert all(unbound.values())
    assert symbols - used == set(unbound) & symbols
    assert not used & set(unbound)


def test_every_status_has_a_class() -> None:
    header = (ROOT / "include" / "attestlm.h").read_text()
    codes = {int(code): name for name, code in re.findall(r"#define ATTESTLM_ERR_(\w+) (-\d+)", header)}
    assert set(errors._BY_CODE) == set(codes)
    for code, name in codes.items():
        error = errors.of_status(code, "what", "field")
        assert error.code == code and error.kind == name.lower()
        assert type(error).__name__.lower() == name.lower() + "error"
        assert (error.message, error.field, str(error)) == ("what", "field", "field: what")
        assert getattr(attestlm, type(error).__name__) is type(error)


def test_features() -> None:
    assert has_feature("engine") and has_feature("bundled") and not has_feature("wings")


LOAD = "import attestlm"
# The package itself is not loaded yet: its declarations are changed first.
CHANGED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("attestlm._cdef", {path!r})
_cdef = importlib.util.module_from_spec(spec)
spec.loader.exec_module(_cdef)
{change}
sys.modules["attestlm._cdef"] = _cdef
import attestlm
"""


def test_a_library_that_is_missing_or_another_is_an_import_error(tmp_path: Path) -> None:
    if attestlm._library._PACKAGED.exists():
        pytest.fail("the package under test brings a library of its own: uninstall it")
    environment = {name: value for name, value in os.environ.items() if name != "ATTESTLM_LIBRARY"}
    done = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "ImportError: attestlm: no library" in done.stderr
    for path in (str(tmp_path / "missing.so"), "libc.so.6"):
        done = python(LOAD, library=path)
        assert done.returncode == 1 and f"ImportError: attestlm: {path} is not the library" in done.stderr


def test_a_library_without_a_function_is_an_import_error() -> None:
    done = python(
        CHANGED.format(
            path=str(PACKAGE / "attestlm" / "_cdef.py"),
            change="_cdef.CDEF += 'void attestlm_model_fly(attestlm_model_t *model);'",
        )
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("is not the library of this package: it has no attestlm_model_fly")


def test_a_path_that_is_not_utf8_is_an_import_error() -> None:
    done = python(LOAD, library="/lib\udcff/libattestlm.so")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(r"the library's path is not UTF-8: b'/lib\xff/libattestlm.so'")


def test_another_version_is_an_import_error() -> None:
    for change in ("_cdef.VERSION = '9.9.9'", "_cdef.CDEF = _cdef.CDEF.replace('ABI_VERSION 0', 'ABI_VERSION 99')"):
        done = python(CHANGED.format(path=str(PACKAGE / "attestlm" / "_cdef.py"), change=change))
        assert done.returncode == 1 and "this package needs" in done.stderr, done.stderr


FAULTS = r"""
import attestlm
from attestlm import ArgumentError, BusyError, PanicError, has_feature
from attestlm._call import _FREE, call, free, made
from attestlm._library import ffi, lib
import threading, time, logging

assert has_feature("testing")
ffi.cdef('''
typedef struct attestlm_testing_object_t attestlm_testing_object_t;
attestlm_status_t attestlm_testing_panic(attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_new(attestlm_testing_object_t **object, attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_hold(const attestlm_testing_object_t *object, uint32_t ms,
                                               attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_add(attestlm_testing_object_t *object, uint64_t number, uint64_t *sum,
                                              attestlm_error_t **err);
attestlm_status_t attestlm_testing_object_panic(attestlm_testing_object_t *object, attestlm_error_t **err);
void attestlm_testing_object_free(attestlm_testing_object_t *object);
''')

_FREE[ffi.typeof('attestlm_testing_object_t **')] = lib.attestlm_testing_object_free

def fails(error, function, *arguments):
    try:
        call(function, *arguments)
    except error as raised:
        assert raised.code == error.code and raised.message
        return
    raise SystemExit(f"{error} was not raised")

lines = []
class Handler(logging.Handler):
    def emit(self, record):
        lines.append((record.levelname, record.getMessage()))
logging.getLogger("attestlm").addHandler(Handler())
logging.getLogger("attestlm").propagate = False
fails(ArgumentError, lib.attestlm_log_set, ffi.NULL, ffi.NULL, 0)
attestlm.set_log(1)

# A panic is an exception, and breaks its object and no other.
fails(PanicError, lib.attestlm_testing_panic)
assert len(lines) == 1 and lines[0][0] == "ERROR" and lines[0][1], lines
places = [made("testing_object", lib.attestlm_testing_object_new) for _ in range(2)]
thing, other = places[0][0], places[1][0]
place = ffi.new("uint64_t *")

# The GIL is released in calls: another thread shares the object meanwhile; who wants it alone is told at once.
holding = [threading.Thread(target=call, args=(lib.attestlm_testing_object_hold, thing, 400)) for _ in range(2)]
began = time.monotonic()
for thread in holding:
    thread.start()
time.sleep(0.1)
fails(BusyError, lib.attestlm_testing_object_add, thing, 5, place)
assert time.monotonic() - began < 0.35
for thread in holding:
    thread.join()
assert time.monotonic() - began < 0.75
call(lib.attestlm_testing_object_add, thing, 5, place)
assert place[0] == 5

fails(PanicError, lib.attestlm_testing_object_panic, thing)
fails(PanicError, lib.attestlm_testing_object_add, thing, 5, place)
fails(PanicError, lib.attestlm_testing_object_hold, thing, 0)
call(lib.attestlm_testing_object_add, other, 1, place)
assert len(lines) == 2
attestlm.set_log(0)
fails(PanicError, lib.attestlm_testing_panic)
assert len(lines) == 2
for place in places:
    free(place)
print("faults: ok")
"""


def test_faults_on_purpose() -> None:
    testing = os.environ.get("ATTESTLM_TESTING_LIBRARY")
    if not testing:
        pytest.skip("ATTESTLM_TESTING_LIBRARY names no library with the feature `testing`: faults were not tried")
    done = python(FAULTS, library=testing)
    assert (done.returncode, done.stdout, done.stderr) == (0, "faults: ok\n", "")


def test_the_log_is_pythons() -> None:
    done = python(
        """
import logging, attestlm
logging.basicConfig(level=1, format="%(name)s %(levelname)s")
attestlm.set_log(5)
session = attestlm.Session(attestlm.Model.bundled())
session.generate("Tom", max_tokens=2)
"""
    )
    assert done.returncode == 0 and not done.stdout
    assert set(done.stderr.splitlines()) >= {"attestlm DEBUG", "attestlm Level 5"}


def test_quickstart(tmp_path: Path) -> None:
    """The same program as examples/quickstart.c: the receipt on standard output, events and report on standard error."""
    key = tmp_path / "key.json"
    key.write_text(attestlm.Signer.from_key(b"F" * 32).to_keystore("quickstart"))
    own = attestlm.Request(
        QUESTION, temperature=0.7, seed=7, max_tokens=40, nonce=b"Z" * 32, issued_at=1_700_000_000, context_tokens=256
    )
    request = tmp_path / "request.json"
    request.write_bytes(own.to_json())
    program = [sys.executable, str(ROOT / "examples" / "quickstart.py")]
    environment = {**os.environ, "ATTESTLM_PASSWORD": "quickstart"}
    done = subprocess.run([*program, str(request), str(key)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with attestlm.Model.bundled() as model, attestlm.Session(model) as session:
        receipt = session.generate(own, signer=attestlm.Signer.from_key(b"F" * 32)).receipt
    assert receipt is not None and done.stdout == receipt.to_json()
    assert '"event":"done"' in done.stderr and '"name":"verified"' in done.stderr
    assert subprocess.run(program, capture_output=True, check=True).stdout
    request.write_text("{}")
    done = subprocess.run([*program, str(request)], env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("quickstart: ") and not done.stdout
