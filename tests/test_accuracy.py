"""docs/accuracy.md: every σ, cost and number type is in it, and no gradient is less exact than PyTorch's and JAX's."""

from __future__ import annotations

from pathlib import Path

import pytest

from deltaprop.core.activations import OUTPUTS
from deltaprop.core.costs import COSTS

DOCUMENT = Path(__file__).parents[1] / "docs" / "accuracy.md"
ONE_ROUNDING = 0.5


def rows(dtype):
    """{(σ or pair, which gradient): [[worst, median] of ours, of PyTorch's, of JAX's]}"""
    text = DOCUMENT.read_text("utf-8").split(f"## {dtype}")[1].split("## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if " / " in line]
    return {(name, what): [list(map(float, cell.split("/"))) for cell in numbers] for name, what, *numbers, _ in cells}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_and_cost_has_its_three_rows(dtype):
    names = {name for name, _ in rows(dtype)}
    pairs = {tuple(name.split(", ")) for name in names if ", " in name}
    assert set(OUTPUTS) <= names | {output for output, _ in pairs}
    assert set(COSTS) == {cost for _, cost in pairs}
    assert {what for _, what in rows(dtype)} == {"W", "b", "x"}
    assert len(rows(dtype)) == 3 * len(names)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_row_is_worse_than_the_better_of_the_others(dtype):
    for row, (ours, *others) in rows(dtype).items():
        for mine, *theirs in zip(ours, *others, strict=True):
            assert mine <= min(theirs) + ONE_ROUNDING + 0.005, row  # as rounded to two digits
