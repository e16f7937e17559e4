"""The contract for a training in parts: runs one after another, sums of a batch's parts, steps from sums, shares."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest
from test_contract import BATCHES, OPTIMIZERS, TRAINED, VARIANTS, Case, close, part_of, small, steps_of
from test_contract_sparse import SparseCase

import deltaprop as dp
from deltaprop.engines.protocol import Data, Steps, Sums
from deltaprop.optim.rules import Rules


def begun(case, rules, theta=None):
    """(training, θ, slots) of a copy of the case's θ."""
    theta = case.theta.copy() if theta is None else theta
    slots = tuple(np.zeros_like(theta) for _ in rules.optimizer.slots)
    return case.plan.begin(theta, slots, rules, case.data), theta, slots


@pytest.fixture
def parts_engine(engine):
    """An engine whose trainings give the sums of a part; skips, visibly, one that does not yet."""
    plan = engine.plan(small("float32"), 2)
    data = Data(np.ones((1, 4), "f4"), np.zeros(1, np.intp), None)
    training = plan.begin(np.zeros(plan.spec.n_parameters, "f4"), (), Rules(dp.SGD(0.1)), data)
    try:
        training.gradient(Steps(np.arange(1), np.array([0, 1]), np.ones(1)))
    except NotImplementedError:
        pytest.skip(f"the {engine.name} engine does not give the sums of a part")
    return engine


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_runs_are_one(engine, dtype, rng, optimizer):
    """Of one training, bit for bit: costs, θ and the optimiser's vectors; dropout goes on."""
    case = Case(engine, small(dtype), 17, rng, weighted=True)
    rules = Rules(OPTIMIZERS[optimizer], l2=0.1, dropout=(0.3, 0.2), seed=4, by_weight=True)
    steps = steps_of(case, BATCHES, rng, rules.optimizer.learning_rate, first=6)
    (whole, theta, slots), (halves, again, again_slots) = begun(case, rules), begun(case, rules)
    want = whole.run(steps)
    found = [halves.run(part_of(steps, s, stop)) for s, stop in ((0, 1), (1, 1), (1, 4))]
    assert [report.done for report in found] == [1, 0, 3]
    for name in ("costs", "penalties"):
        np.testing.assert_array_equal(np.concatenate([getattr(r, name) for r in found]), getattr(want, name))
    np.testing.assert_array_equal(again, theta)
    np.testing.assert_array_equal(again_slots, slots)
    for training in (whole, halves):
        training.close()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("batch", [4, 64])
def test_the_gradient_of_a_step_is_a_sum(parts_engine, dtype, rng, weighted, dropped, batch):
    """Σ w C, Σ w and Σ w ∂C/∂θ of its examples, with the masks of its number; θ and slots stay."""
    case = Case(parts_engine, small(dtype), 17, rng, batch=batch, weighted=weighted)
    rules = Rules(dp.Adam(0.1), l2=1.0, clip_norm=1e-3, dropout=(0.5, 0.2) if dropped else (), seed=3)
    steps, (training, theta, slots) = steps_of(case, (11,), rng, 0.1, first=5), begun(case, rules)
    sums = training.gradient(steps)
    rows = case.data.take(steps.rows(0))
    assert sums.weight == pytest.approx(rows.weight.sum() if weighted else 11, rel=1e-6)
    plain = replace(rules, optimizer=dp.SGD(1.0), l2=0.0, clip_norm=None)  # its step is the mean gradient
    step = replace(steps, rates=np.ones(1))
    moved, _, costs = case.oracle.train(*case.exact[:1], plain, case.exact[1], step)
    close(sums.gradient / sums.weight, case.exact[0] - moved, dtype)
    close(sums.cost / sums.weight, costs[0], dtype)
    np.testing.assert_array_equal(theta, case.theta)
    assert not np.any(slots)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_sums_of_parts_add_up(parts_engine, dtype, rng, weighted, sparse):
    """Of 0, 1, 7 and 9 examples, in any order."""
    spec = small(dtype, "gelu")
    case = SparseCase(parts_engine, spec, 17, 0.4, rng) if sparse else Case(parts_engine, spec, 17, rng)
    case.data = replace(case.data, weight=rng.uniform(0, 3, 17) if weighted else None)
    training, _, _ = begun(case, Rules(dp.SGD(0.1)))
    steps = steps_of(case, (0, 1, 7, 9), rng, 0.1)
    parts = [training.gradient(part_of(steps, s, s + 1)) for s in range(4)]
    whole = training.gradient(Steps(np.arange(17), np.array([0, 17]), np.ones(1)))
    for total in (reduce(add, parts), reduce(add, parts[::-1])):
        assert total.weight == pytest.approx(whole.weight, rel=1e-12)
        close(total.cost, whole.cost, dtype)
        close(total.gradient, whole.gradient, dtype)
    assert (parts[0].weight, parts[0].cost) == (0, 0)
    assert not parts[0].gradient.any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("variant", ["plain", "l1", "l2", "clip", "by_weight"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_from_the_sums_of_parts_are_the_steps_of_a_run(parts_engine, dtype, rng, optimizer, variant, weighted):
    case = Case(parts_engine, small(dtype), 17, rng, weighted=weighted)
    given = {"l1": 0.3, "l2": 0.7, "by_weight": True, "clip_norm": 0.5} if variant == "by_weight" else VARIANTS[variant]
    rules = Rules(OPTIMIZERS[optimizer], **given)
    steps = steps_of(case, BATCHES, rng, rules.optimizer.learning_rate, first=2)
    (run, want, want_slots), (training, theta, slots) = begun(case, rules), begun(case, rules)
    report = run.run(steps)
    for s, rate in enumerate(steps.rates.tolist()):
        start, stop = steps.bounds[s : s + 2]
        halves = [np.array([start, start + (stop - start) // 3]), np.array([start + (stop - start) // 3, stop])]
        sums = reduce(add, (training.gradient(Steps(steps.order, part, np.ones(1), 2 + s)) for part in halves))
        close(sums.cost / sums.weight, report.costs[s], dtype, TRAINED)
        assert training.apply(sums, rate, 2 + s) is True
    close(theta, want, dtype, TRAINED)
    for got, expected in zip(slots, want_slots, strict=True):
        close(got, expected, dtype, TRAINED)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, "overflow"])
def test_a_step_that_is_not_finite_is_refused_and_changes_nothing(parts_engine, rng, optimizer, bad):
    case = Case(parts_engine, small("float32"), 6, rng)
    training, theta, slots = begun(case, Rules(OPTIMIZERS[optimizer], l2=0.1))
    good = training.gradient(steps_of(case, (6,), rng, 0.1))
    assert training.apply(good, 0.1, 0)
    before = [v.copy() for v in (theta, *slots)]
    gradient = good.gradient.copy()
    gradient[3] = np.finfo("f4").max if bad == "overflow" else bad
    rate = 1e30 if bad == "overflow" else 0.1
    assert training.apply(Sums(good.cost, good.weight, gradient), rate, 1) is False
    for now, then in zip((theta, *slots), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert training.apply(good, 0.1, 1)


def test_sums_that_weigh_nothing_move_nothing_by_themselves(parts_engine, dtype, rng):
    case = Case(parts_engine, small(dtype), 3, rng)
    training, theta, _ = begun(case, Rules(dp.SGD(0.1), l2=0.5, by_weight=True))
    assert training.apply(Sums(0.0, 0.0, np.zeros_like(theta)), 0.1, 0)
    np.testing.assert_array_equal(theta, case.theta)


# Shares

VARIED = {"l1": 0.01, "l2": 0.02, "clip_norm": 0.2}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_shares_that_are_the_weights_own_change_nothing(parts_engine, dtype, rng, optimizer):
    case = Case(parts_engine, small(dtype), 17, rng, weighted=True)
    rules = Rules(OPTIMIZERS[optimizer], **VARIED)
    steps = steps_of(case, BATCHES, rng, rules.optimizer.learning_rate)
    weights = [case.data.weight[steps.rows(s)] for s in range(len(steps))]
    shares = np.concatenate([w / w.sum() for w in weights])
    (run, want, _), (shared, theta, _) = begun(case, rules), begun(case, rules)
    close(shared.run(replace(steps, shares=shares)).costs, run.run(steps).costs, dtype, TRAINED)
    close(theta, want, dtype, TRAINED)


def test_shares_weigh_the_examples_of_a_step_as_they_are(parts_engine, dtype, rng):
    """One step of plain SGD moves θ by η Σ share ∂C, whatever the shares sum to and the examples weigh."""
    case = Case(parts_engine, small(dtype), 6, rng, weighted=True)
    shares = np.array([0.0, 0.2, 0.1, 0.4, 0.05, 0.5])
    training, theta, _ = begun(case, Rules(dp.SGD(0.5)))
    steps = replace(steps_of(case, (6,), rng, 0.5), shares=shares)
    sums = training.gradient(steps)
    as_weights = replace(case.data.take(steps.rows(0)), weight=shares)
    cost, gradient = case.gradients(as_weights)
    close(sums.gradient, gradient * 1.25, dtype)
    close(sums.cost, cost * 1.25, dtype)
    assert sums.weight == pytest.approx(1.25, rel=1e-6)
    close(training.run(steps).costs[0], cost * 1.25, dtype)
    close(theta - case.theta, -0.5 * 1.25 * gradient, dtype, TRAINED)


def test_equal_shares_of_two_steps_follow_the_places_in_the_order(parts_engine, dtype, rng):
    case = Case(parts_engine, small(dtype), 8, rng)
    steps = steps_of(case, (3, 5), rng, 0.3)
    shares = np.repeat([1 / 3, 1 / 5], [3, 5])
    (run, want, _), (shared, theta, _) = begun(case, Rules(dp.SGD(0.3))), begun(case, Rules(dp.SGD(0.3)))
    run.run(steps)
    shared.run(replace(steps, shares=shares))
    close(theta, want, dtype, TRAINED)
