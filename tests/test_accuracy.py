"""docs/accuracy.md: every σ, cost and number type; no gradient is less exact than PyTorch's and JAX's."""

from __future__ import annotations

from pathlib import Path

import pytest

from deltaprop.core.activations import OUTPUTS
from deltaprop.core.costs import COSTS

TEXT = (Path(__file__).parents[1] / "docs" / "accuracy.md").read_text("utf-8")
COLUMNS = ("native", "reference", "PyTorch", "JAX")
ENGINES = COLUMNS[:2]
WORSE = {("native", "float32", "softmax, quadratic", "x")}  # a sum that cancels almost completely in every column
ONE_ROUNDING = 0.5


def rows(dtype):
    """{(σ or pair, gradient): {engine or library: [worst, median]}}"""
    text = TEXT.split(f"## {dtype}")[1].split("## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if " / " in line]
    return {
        (name, what): {who: list(map(float, cell.split("/"))) for who, cell in zip(COLUMNS, numbers, strict=True)}
        for name, what, *numbers, _ in cells
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_and_cost_has_its_three_rows(dtype):
    found = rows(dtype)
    names = {name for name, _ in found}
    pairs = {tuple(name.split(", ")) for name in names if ", " in name}
    assert set(OUTPUTS) <= names | {output for output, _ in pairs}
    assert set(COSTS) == {cost for _, cost in pairs}
    assert {what for _, what in found} == {"W", "b", "x"}
    assert len(found) == 3 * len(names)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_row_except_the_named_one_is_worse_than_the_better_library(engine, dtype):
    for row, errors in rows(dtype).items():
        if (engine, dtype, *row) in WORSE:
            continue
        for own, *libraries in zip(errors[engine], errors["PyTorch"], errors["JAX"], strict=True):
            assert own <= min(libraries) + ONE_ROUNDING + 0.005, row  # as rounded to two digits
