"""docs/accuracy-ENGINE.md: every σ, cost and number type; no gradient is less exact than PyTorch's and JAX's."""

from __future__ import annotations

from pathlib import Path

import pytest

from deltaprop.core.activations import OUTPUTS
from deltaprop.core.costs import COSTS

DOCS = Path(__file__).parents[1] / "docs"
ENGINES = ("reference", "native")
WORSE = {("native", "float32", "softmax, quadratic", "x")}  # a sum that cancels nearly wholly, for all three
ONE_ROUNDING = 0.5


def rows(engine, dtype):
    """{(σ or pair, which gradient): [[worst, median] of ours, of PyTorch's, of JAX's]}"""
    text = (DOCS / f"accuracy-{engine}.md").read_text("utf-8").split(f"## {dtype}")[1].split("## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if " / " in line]
    return {(name, what): [list(map(float, cell.split("/"))) for cell in numbers] for name, what, *numbers, _ in cells}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_and_cost_has_its_three_rows(engine, dtype):
    found = rows(engine, dtype)
    names = {name for name, _ in found}
    pairs = {tuple(name.split(", ")) for name in names if ", " in name}
    assert set(OUTPUTS) <= names | {output for output, _ in pairs}
    assert set(COSTS) == {cost for _, cost in pairs}
    assert {what for _, what in found} == {"W", "b", "x"}
    assert len(found) == 3 * len(names)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_row_but_the_one_that_is_named_is_worse_than_the_better_of_the_others(engine, dtype):
    for row, (ours, *others) in rows(engine, dtype).items():
        if (engine, dtype, *row) in WORSE:
            continue
        for mine, *theirs in zip(ours, *others, strict=True):
            assert mine <= min(theirs) + ONE_ROUNDING + 0.005, row  # as rounded to two digits
