"""What is measured: the counts of operations against the design's, and work that is the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from deltaprop.bench.cases import CASES, Case, Job

# The design's table of measured nets, in millions of floating-point operations per step.
MFLOP = {"tiny": 1.0, "tab": 131, "mnist": 129, "deep": 373, "wide": 5400}


@pytest.mark.parametrize("name", MFLOP)
def test_the_operations_of_a_step_are_those_of_the_design(name):
    assert CASES[name].flop / 1e6 == pytest.approx(MFLOP[name], rel=0.05 if name == "tiny" else 0.005)


def test_the_operations_counted_product_by_product():
    case = Case("small", (5, 4, 3), 2, 1)
    forward = 2 * 2 * 5 * 4 + 2 * 2 * 4 * 3  # 2 m n k: W^1 a^0, W^2 a^1
    back = 2 * 2 * 4 * 3  # (W^2)ᵀ δ^2; there is no BP2 below layer 1
    assert case.flop == forward + back + forward  # BP4's products are as large as forward's
    assert case.flop_per_row == forward / 2


@pytest.mark.parametrize("case", CASES.values(), ids=str)
def test_an_epoch_takes_every_row_once(case):
    job = Job(Case(case.name, (3, 2), case.batch, case.steps))
    assert sorted(np.concatenate(job.batches)) == list(range(len(job.X)))
    assert [len(rows) for rows in job.batches] == [case.batch] * case.steps


def test_a_job_is_the_same_every_time():
    first, second = Job(Case("small", (5, 4, 3), 2, 3)), Job(Case("small", (5, 4, 3), 2, 3))
    for name in ("X", "y", "order", "unseen"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    np.testing.assert_array_equal(first.net.theta, second.net.theta)


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((1, 1), "1-1"),
        ((784, 30, 10), "784-30-10"),
        ((64, *[64] * 15, 10), "64-15x64-10"),
        ((9, 8, 7, 6, 5, 4, 3), "9-8-...-4-3"),
    ],
)
def test_a_net_is_named_in_a_few_characters(sizes, text):
    assert str(Case("some", sizes, 1, 1)) == text
