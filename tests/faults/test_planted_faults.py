"""Every planted fault is caught, nearly all are named with equation, layer, mistake; docs/faults.md has the score."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path

import numpy as np
import pytest
import right_codes
from edited import text_of
from kinds import KINDS
from planted import STYLES, crossed
from score import WANTED, Case, all_cases, table

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
CASES = all_cases()
FAULTS = [fault for faults in STYLES.values() for fault in faults]


@pytest.fixture(scope="module")
def results():
    return [(case, case.check()) for case in CASES]


def names_of(style):
    return {fault.mistake for fault in STYLES[style]}


def test_there_are_many_and_each_mistake_is_among_them():
    assert len(FAULTS) >= 76
    assert len(CASES) >= 216
    assert set().union(*map(names_of, STYLES)) == set().union(*WANTED.values())


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_the_mistakes_that_it_can_make(style):
    missing = [what for what, names in WANTED.items() if not names & names_of(style)]
    batches = {"the sum or mean of the batch", "the mean taken twice", "summed before the product"}
    allowed = batches if style == "nielsen" else set()
    rare = {"σ' of another activation", "σ' where it cancels", "z for a", "gradients never set to 0",
            "stale activations", "σ' at the wrong layer", "summed before the product"}  # fmt: skip
    assert set(missing) <= allowed | rare


def test_every_edit_changes_the_text_in_one_place():
    for fault in FAULTS:
        text = text_of(fault.code)
        for old, new in fault.edits.items():
            assert (text.count(old), old != new) == (1, True), (fault.name, old)
            text = text.replace(old, new)
        assert inspect.getsource(getattr(inspect.getmodule(fault.wrong), fault.code)) == text != text_of(fault.code)


def test_before_the_edits_no_code_is_accused():
    assert [case.name for case in CASES if not case.check(getattr(right_codes, case.fault.by)).ok] == []


def test_a_traceback_shows_the_edited_line():
    wrong = next(fault.wrong for fault in FAULTS if fault.name == "weights_not_transposed")
    params = [(np.zeros((4, 5)), np.zeros(5)), (np.zeros((5, 3)), np.zeros(3))]
    with pytest.raises(ValueError, match="matmul") as raised:
        wrong(KINDS["book"], params, np.zeros((6, 4)), np.zeros((6, 3)))
    last = traceback.extract_tb(raised.tb)[-1]
    assert last.filename == "<weights_not_transposed in pairs_and_mean>"
    assert last.line == "D = D @ Ws[i] * F[kind.activation][1](Zs[i - 1])"


def test_all_are_caught(results):
    assert [case.name for case, report in results if report.ok] == []


def test_nearly_all_are_named_with_equation_and_layer(results):
    assert sum(case.placed(report) for case, report in results) >= 0.95 * len(results)
    assert sum(case.named(report) for case, report in results) >= 0.95 * len(results)


def test_they_are_named_in_every_other_right_code_that_can_have_them():
    cases = [Case(fault, KINDS["squares" if "squares" in fault.kinds else fault.kinds[0]]) for fault in crossed()]
    assert len(cases) >= 190
    assert [case.name for case in cases if not case.named(case.check())] == []


def test_the_table_in_the_document_is_this_one(results):
    assert table(results) in DOCUMENT.read_text("utf-8"), "run: python tests/faults/score.py"
