"""docs/file-format.md: its examples run, and its lists are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deltaprop.core.activations import OUTPUTS
from deltaprop.core.costs import COSTS
from deltaprop.files.format import FORMAT, NEEDED, OPTIONAL

DOCUMENT = Path(__file__).parents[2] / "docs" / "file-format.md"


@pytest.fixture(scope="module")
def text():
    return DOCUMENT.read_text(encoding="utf-8")


def test_its_examples_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    exec(compile("\n".join(blocks), str(DOCUMENT), "exec"), {})


def row(text, key):
    return re.search(rf"^\| `{key}`.*$", text, re.MULTILINE)[0]


def test_it_describes_every_key(text):
    for key in ("format", *NEEDED, *OPTIONAL):
        assert row(text, key)
    assert f", or {FORMAT} if " in row(text, "format")


def test_it_lists_every_activation_and_cost(text):
    for name in OUTPUTS:
        assert f"`{name}`" in row(text, "activations")
    for name in COSTS:
        assert f"`{name}`" in row(text, "cost")
