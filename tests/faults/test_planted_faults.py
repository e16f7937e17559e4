"""Every planted fault is caught, nearly all are named with equation, layer, mistake; docs/faults.md has the score."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from score import STYLES, WANTED, all_planted, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
PLANTED = all_planted()


@pytest.fixture(scope="module")
def results(known):
    return [(planted, planted.check(known)) for planted in PLANTED]


def test_there_are_many_and_each_mistake_is_among_them():
    assert len({planted.code for planted in PLANTED}) >= 60
    names = {planted.label.mistake for planted in PLANTED}
    assert names == set().union(*WANTED.values())


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_the_mistakes_that_it_can_make(style):
    names = {planted.label.mistake for planted in PLANTED if planted.style == style}
    missing = [what for what, known in WANTED.items() if not known & names]
    batches = {"the sum or mean of the batch", "the mean taken twice", "summed before the product"}
    allowed = batches if style == "nielsen" else set()
    rare = {"σ' of another activation", "σ' where it cancels", "z for a", "gradients never set to 0",
            "stale activations", "σ' at the wrong layer", "summed before the product"}  # fmt: skip
    assert set(missing) <= allowed | rare


def test_all_are_caught(results):
    assert [planted.name for planted, report in results if report.ok] == []


def test_nearly_all_are_named_with_equation_and_layer(results):
    placed = sum(planted.placed(report) for planted, report in results)
    named = sum(planted.named(report) for planted, report in results)
    print(
        f"{len(results)} planted: {placed} with the right equation and layer, {named} with the mistake", file=sys.stderr
    )
    assert placed >= 0.95 * len(results)
    assert named >= 0.95 * len(results)


def test_the_table_in_the_document_is_this_one(results):
    assert table(results) in DOCUMENT.read_text("utf-8"), "run: python tests/faults/score.py"
