"""The examples of README.md, one after the other, as a reader would try them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT, python

README = ROOT / "bindings" / "python" / "README.md"


def test_examples(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) >= 5
    done = python("\n".join(blocks), folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "verified" in done.stdout


def test_headings() -> None:
    headings = re.findall(r"^## (.*)$", README.read_text(), re.MULTILINE)
    assert headings == ["Installation", "Usage", "Development", "Testing"]


@pytest.mark.parametrize("page", [README, ROOT / "docs" / "adr" / "0012-python.md"])
def test_links(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
