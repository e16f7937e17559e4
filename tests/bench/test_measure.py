"""The contenders do the same work, by an oracle in plain loops, and one that does not is refused by name."""

from __future__ import annotations

from dataclasses import replace

import naive
import numpy as np
import pytest

from deltaprop.bench import measure as module
from deltaprop.bench.cases import RATE, Case, Job
from deltaprop.bench.contenders import our_prediction, ours, scikit_learn, scikit_learn_prediction
from deltaprop.bench.measure import check_same, measure
from deltaprop.engines.registry import probes
from deltaprop.errors import EngineError

SMALL = Case("small", (4, 3, 3), 2, 3)
HERE = [name for name, here in probes().items() if here.available]


def costs_by_loops(job):
    """The cost of each step, by the loops of tests/naive.py, in Python's own numbers."""
    W, b, costs = job.W(), job.b(), []
    for rows in job.batches:
        sigmas = ("sigmoid", "softmax")
        layers = [naive.NaiveLayer(w.tolist(), v.tolist(), s) for w, v, s in zip(W, b, sigmas, strict=True)]
        found = naive.backprop(layers, job.X[rows].tolist(), np.eye(3)[job.y[rows]].tolist(), "cross_entropy")
        costs.append(found.cost)
        W = [w - RATE * np.array(d) for w, d in zip(W, found.dW, strict=True)]
        b = [v - RATE * np.array(d) for v, d in zip(b, found.db, strict=True)]
    return costs


@pytest.fixture
def job():
    return Job(SMALL)


@pytest.mark.parametrize("by_step", [False, True])
@pytest.mark.parametrize("engine", HERE)
def test_our_costs_are_those_of_plain_loops(job, engine, by_step):
    contender = ours(job, engine, 1, by_step=by_step)
    expected = costs_by_loops(job)
    for _ in range(2):  # from the beginning each time
        np.testing.assert_allclose(contender.outcome(), expected, rtol=1e-5)


def test_scikit_learns_costs_are_those_of_plain_loops(job):
    expected = costs_by_loops(job)
    for _ in range(2):
        np.testing.assert_allclose(scikit_learn(job, by_step=True).outcome(), expected, rtol=1e-5)
        np.testing.assert_allclose(scikit_learn(job).outcome(), [np.mean(expected)], rtol=1e-5)


def test_predictions_agree(job):
    contenders = [*(our_prediction(job, name, 1) for name in HERE), scikit_learn_prediction(job)]
    assert check_same(contenders, SMALL) < 1e-5
    assert contenders[0].outcome().shape == (SMALL.rows, 3)


def test_every_contender_has_a_result(monkeypatch):
    monkeypatch.setattr(module, "LEAST", 0.0)
    results = measure(SMALL, 1, limit=0.0)
    assert [result.by for result in results] == [*HERE, "scikit-learn"]
    for result in results:
        assert (result.net, result.batch, result.threads) == ("4-3-3", 2, 1)
        assert result.gflops == pytest.approx(SMALL.flop / result.us_per_step / 1e3)
        assert result.rows_per_second > 0


def test_one_that_computes_something_else_is_named(job):
    right = ours(job, "reference")
    wrong = replace(right, name="quick", run=lambda: right.run() * 1.01)
    with pytest.raises(EngineError, match=r"quick and reference do not compute the same on 4-3-3: 1\.0e-02 apart\."):
        check_same([right, wrong], SMALL)


def test_nan_is_not_the_same(job):
    right = ours(job, "reference")
    with pytest.raises(EngineError, match=r"do not compute the same on 4-3-3: nan apart"):
        check_same([right, replace(right, run=lambda: np.full(3, np.nan))], SMALL)


def test_a_cost_that_is_not_finite_is_said(job):
    job.X[...] = np.inf
    with pytest.raises(EngineError, match=r"A cost of the engine 'reference' is not finite on 4-3-3\."):
        ours(job, "reference").outcome()
