"""The contract on what θ may be made of, and on steps in two halves: layers of scales, rates, sums of gradients."""

from __future__ import annotations

import numpy as np
import pytest
from test_contract import BATCHES, TRAINED, Case, close, part_of, steps_of

import deltaprop as dp
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Steps
from deltaprop.optim.rules import Rules

SIZES = (4, 4, 3, 3)
NETWORKS = {
    "scales first and last": {"kinds": ("scale", "dense", "scale")},
    "scales inside": {"kinds": ("dense", "dense", "scale")},
    "scales alone": {"sizes": (3, 3, 3), "kinds": "scale"},
    "rates": {"rates": {(1, "W"): 0.5, (2, "b"): 0.0, (3, "W"): 2.0}},
    "scales with rates": {"kinds": ("scale", "dense", "dense"), "rates": {(1, "s"): 3.0, (2, "W"): 0.1}},
}


@pytest.fixture(params=NETWORKS)
def case(request, engine, dtype, rng):
    """Skips, visibly, an engine that says that it does not know this network."""
    given = {"sizes": SIZES, **NETWORKS[request.param]}
    spec = make_spec(given.pop("sizes"), "tanh", "softmax", "cross_entropy", dtype, **given)
    unknown = engine.unsupported(spec)
    if unknown:
        pytest.skip(f"engine {engine.name}: does not know {unknown}")
    return Case(engine, spec, 17, rng, weighted=True)


def test_passes(case, dtype):
    case.check_outputs(dtype)
    case.check_gradients(dtype)
    case.check_input_gradient(dtype)
    case.check_gradient_norms(dtype)


@pytest.mark.parametrize("optimizer", [dp.SGD(0.1, momentum=0.9), dp.AdamW(0.02, weight_decay=0.1)], ids=repr)
def test_trainings(case, dtype, rng, optimizer):
    rules = Rules(optimizer, l1=0.01, l2=0.02, clip_norm=0.2, dropout=(0.2, 0.1)[: case.spec.L - 1], seed=5)
    case.check_training(rules, steps_of(case, BATCHES, rng, optimizer.learning_rate), dtype)


@pytest.fixture
def begun(engine, dtype, rng):
    """(case, a training of it by momentum, four steps): one whose steps can be taken in two halves."""
    case = Case(engine, make_spec(SIZES, "tanh", "softmax", "cross_entropy", dtype), 17, rng, weighted=True)
    rules = Rules(dp.SGD(0.1, momentum=0.9), l2=0.1, clip_norm=0.3)
    training = case.plan.begin(case.theta, (np.zeros_like(case.theta),), rules, case.data)
    steps = steps_of(case, BATCHES, rng, 0.1)
    try:
        training.gradient(steps)
    except NotImplementedError:
        pytest.skip(f"engine {engine.name}: gives no sums yet")
    return case, training, rules, steps


def test_sums_are_the_mean_times_what_the_examples_weigh(begun, dtype):
    case, training, _, steps = begun
    for s in range(len(steps)):
        data, sums = case.data.take(steps.rows(s)), training.gradient(part_of(steps, s, s + 1))
        cost, gradient = case.gradients(data)
        close([sums.cost, sums.weight], [cost * data.total, data.total], dtype)
        close(sums.gradient, gradient * data.total, dtype)


def test_the_sums_of_parts_add_up(begun, dtype):
    _, training, _, steps = begun
    parts = [training.gradient(part_of(steps, s, s + 1)) for s in (0, 1)]
    both = training.gradient(Steps(steps.order, steps.bounds[[0, 2]], steps.rates[:1], steps.first))
    found = parts[0] + parts[1]
    close([found.cost, found.weight], [both.cost, both.weight], dtype)
    close(found.gradient, both.gradient, dtype)


def test_shares_take_the_place_of_the_weights(begun, dtype, rng):
    case, training, _, steps = begun
    shares = rng.uniform(0, 1, len(steps.order))
    sums = training.gradient(Steps(steps.order, steps.bounds[:2], steps.rates[:1], shares=shares))
    rows, own = steps.rows(0), shares[steps.places(0)]
    alone = [case.gradients(case.data.take(rows[i : i + 1])) for i in range(len(rows))]
    close(sums.cost, sum(share * cost for share, (cost, _) in zip(own, alone, strict=True)), dtype)
    close(sums.gradient, sum(share * g for share, (_, g) in zip(own, alone, strict=True)), dtype)
    assert sums.weight == pytest.approx(own.sum())


def test_a_gradient_and_its_step_are_a_step(begun, dtype):
    case, training, rules, steps = begun
    _, want, _ = case.train(rules, steps, case.theta.copy())
    for s, rate in enumerate(steps.rates.tolist()):
        assert training.apply(training.gradient(part_of(steps, s, s + 1)), rate, s)
    close(case.theta, want, dtype, TRAINED)


def test_a_step_from_a_gradient_that_is_not_finite_is_not_taken(begun):
    case, training, _, steps = begun
    before, sums = case.theta.copy(), training.gradient(part_of(steps, 0, 1))
    sums.gradient[3] = np.nan
    assert not training.apply(sums, 0.1, 0)
    np.testing.assert_array_equal(case.theta, before)
