"""The one contract that every engine keeps, in every number type; see engine_oracles for what it is held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from engine_oracles import oracle_for, train, wide
from strategies import fitting_pairs

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.core.costs import COSTS
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Data, Steps
from deltaprop.optim.rules import Rules

# Largest difference allowed, as a fraction of the largest number in the array.
TOLERANCE = {"float32": 3e-5, "float64": 1e-11}
TRAINED = {"float32": 3e-4, "float64": 1e-9}  # θ after some steps, where Adam divides by small roots
SIZES = (1, 7, 16, 17, 63, 64, 65, 257)


PAIRS = fitting_pairs(*COSTS, "quantile(0.9)")
HIDDEN = list(ACTIVATIONS)
NETWORKS = [(HIDDEN[i % len(HIDDEN)], output, cost) for i, (output, cost) in enumerate(PAIRS)]
NETWORKS += [(hidden, "softmax", "cross_entropy") for hidden in HIDDEN]
NETWORKS += [(hidden, "identity", "quadratic") for hidden in HIDDEN]
all_networks = pytest.mark.parametrize(("hidden", "output", "cost"), sorted(set(NETWORKS)))


def close(got, want, dtype, table=TOLERANCE):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    scale = max(float(np.abs(want).max(initial=0.0)), 1e-6)
    gap = float(np.abs(got - want).max(initial=0.0)) / scale
    assert gap <= table[np.dtype(dtype).name], f"{gap:.3g} of the largest number"


class Case:
    """A network of some shape, examples for it, and its oracle."""

    def __init__(self, engine, spec, m, rng, batch=64, indices=False, weighted=False):
        unknown = engine.unsupported(spec)
        if unknown:
            pytest.skip(f"the {engine.name} engine does not know {unknown}")
        self.spec, self.plan, self.oracle = spec, engine.plan(spec, batch), oracle_for(engine, spec)
        self.theta = (0.25 * rng.standard_normal(spec.n_parameters)).astype(spec.dtype)
        X = rng.standard_normal((m, spec.sizes[0])).astype(spec.dtype)
        Y = rng.integers(0, spec.sizes[-1], m) if indices else targets(spec, m, rng)
        self.data = Data(X, Y, rng.uniform(0.1, 3, m) if weighted else None)

    @property
    def exact(self):
        """θ and the examples as the oracle wants them: the same numbers in float64."""
        return self.theta.astype(np.float64), wide(self.data)

    def gradients(self, data):
        """(C, ∂C/∂θ) by the engine."""
        return self.plan.gradients(self.theta, data), self.plan.grad.copy()

    def check_gradients(self, dtype):
        for got, want in zip(self.gradients(self.data), self.oracle.gradients(*self.exact), strict=True):
            close(got, want, dtype)

    def check_outputs(self, dtype):
        want_cost, want = self.oracle.evaluate(*self.exact)
        close(self.plan.forward(self.theta, self.data.X), want, dtype)
        got_cost, got = self.plan.evaluate(self.theta, self.data)
        close(got, want, dtype)
        close(got_cost, want_cost, dtype)

    def check_input_gradient(self, dtype):
        close(self.plan.input_gradient(self.theta, self.data), self.oracle.input_gradient(*self.exact), dtype)

    def check_gradient_norms(self, dtype):
        """The norm of each row's own gradient, by the oracle's gradient of that row alone."""
        theta, data = self.exact
        alone = [Data(data.X[i : i + 1], data.Y[i : i + 1], None) for i in range(len(data.X))]
        want = [np.linalg.norm(self.oracle.gradients(theta, row)[1]) for row in alone]
        norms = self.plan.gradient_norms(self.theta, self.data.X, self.data.Y)
        assert norms.dtype == np.float64
        close(norms, want, dtype)

    def train(self, rules, steps, theta=None):
        """(report, θ, slots) after these steps of a training by the engine; `theta` or the case's own is trained."""
        theta = self.theta if theta is None else theta
        slots = tuple(np.zeros_like(theta) for _ in rules.optimizer.slots)
        return train(self.plan, theta, slots, rules, self.data, steps), theta, slots

    def check_training(self, rules, steps, dtype):
        """The training by the oracle's; its report."""
        exact_theta, exact_data = self.exact
        want_theta, want_slots, want_costs = self.oracle.train(exact_theta, rules, exact_data, steps)
        report, theta, slots = self.train(rules, steps)
        assert report.done == len(steps)
        close(theta, want_theta, dtype, TRAINED)
        close(report.costs, want_costs, dtype, TRAINED)
        for got, want in zip(slots, want_slots, strict=True):
            close(got, want, dtype, TRAINED)
        return report


def targets(spec, m, rng):
    shape = (m, spec.sizes[-1])
    if spec.cost.targets == "count":
        return rng.poisson(2.0, shape).astype(spec.dtype)
    if spec.cost.targets == "real":
        return rng.standard_normal(shape).astype(spec.dtype)
    Y = rng.uniform(0.05, 1, shape)
    return (Y / Y.sum(axis=1, keepdims=True) if spec.output.name == "softmax" else Y).astype(spec.dtype)


def small(dtype, hidden="tanh", output="softmax", cost="cross_entropy", sizes=(4, 5, 3, 3)):
    return make_spec(sizes, hidden, output, cost, dtype)


@all_networks
def test_forward_and_cost_of_every_kind_of_network(engine, dtype, rng, hidden, output, cost):
    Case(engine, small(dtype, hidden, output, cost), 7, rng, weighted=True).check_outputs(dtype)


@all_networks
def test_gradients_of_every_kind_of_network(engine, dtype, rng, hidden, output, cost):
    Case(engine, small(dtype, hidden, output, cost), 7, rng).check_gradients(dtype)


@all_networks
def test_input_gradient_of_every_kind_of_network(engine, dtype, rng, hidden, output, cost):
    Case(engine, small(dtype, hidden, output, cost), 7, rng).check_input_gradient(dtype)


@pytest.mark.parametrize(("output", "cost"), [("softmax", "cross_entropy"), ("sigmoid", "quadratic")])
@pytest.mark.parametrize("m", [1, 7, 300])
def test_gradient_norms(engine, dtype, rng, m, output, cost):
    Case(engine, small(dtype, "tanh", output, cost, (9, 17, 3, 3)), m, rng).check_gradient_norms(dtype)


@pytest.mark.parametrize("batch", [16, 64, 300])
@pytest.mark.parametrize("m", SIZES)
def test_any_number_of_rows_in_one_part_or_many(engine, dtype, rng, m, batch):
    case = Case(engine, small(dtype, "sigmoid", sizes=(3, 5, 3)), m, rng, batch=batch, weighted=True)
    case.check_gradients(dtype)
    case.check_outputs(dtype)
    case.check_input_gradient(dtype)


@pytest.mark.parametrize(
    "sizes", [(1, 2), (3, 2), (4, 1, 2), (2, 17, 2), (65, 16, 3), (7, 33, 65, 9), (2, 3, 3, 3, 3, 2)]
)
def test_any_widths_and_depths(engine, dtype, rng, sizes):
    Case(engine, small(dtype, "gelu", sizes=sizes), 5, rng).check_gradients(dtype)


def test_one_activation_per_hidden_layer(engine, dtype, rng):
    spec = make_spec((3, 4, 5, 6, 2), ["relu", "tanh", "softplus"], "sigmoid", "cross_entropy", dtype)
    Case(engine, spec, 9, rng).check_gradients(dtype)


def test_forward_of_no_rows_is_an_empty_array(engine, dtype, rng):
    case = Case(engine, small(dtype), 0, rng)
    outputs = case.plan.forward(case.theta, case.data.X)
    assert outputs.shape == (0, 3)
    assert outputs.dtype == dtype


def test_class_indices_are_rows_of_zeros_and_ones(engine, dtype, rng):
    case = Case(engine, small(dtype), 17, rng, indices=True, weighted=True)
    from_indices = case.gradients(case.data)
    from_rows = case.gradients(replace(case.data, Y=np.eye(3, dtype=dtype)[case.data.Y]))
    assert from_indices[0] == from_rows[0]
    np.testing.assert_array_equal(from_indices[1], from_rows[1])
    case.check_gradients(dtype)


def test_a_weight_of_two_counts_an_example_twice(engine, dtype, rng):
    case = Case(engine, small(dtype), 6, rng)
    _, want = case.gradients(case.data.take(np.r_[0:6, 2]))
    _, got = case.gradients(replace(case.data, weight=np.array([1.0, 1, 2, 1, 1, 1])))
    close(got, want, dtype)


def test_an_example_of_weight_zero_counts_for_nothing(engine, dtype, rng):
    case = Case(engine, small(dtype), 6, rng)
    weighted = case.gradients(replace(case.data, weight=np.array([1.0, 1, 0, 1, 1, 1])))
    for got, want in zip(weighted, case.gradients(case.data.take(np.r_[0:2, 3:6])), strict=True):
        close(got, want, dtype)


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[::2], np.s_[1::3]])
def test_rows_may_lie_in_memory_in_any_way(engine, dtype, rng, view):
    case = Case(engine, small(dtype), 12, rng)
    part = case.data.take(view)
    plain = Data(np.ascontiguousarray(part.X), np.ascontiguousarray(part.Y), None)
    close(case.gradients(part)[1], case.gradients(plain)[1], dtype)
    turned = np.asfortranarray(part.X)
    close(case.plan.forward(case.theta, turned), case.plan.forward(case.theta, part.X), dtype)


def test_nothing_that_is_given_is_changed(engine, dtype, rng):
    case = Case(engine, small(dtype), 9, rng, batch=4, weighted=True)
    for array in (case.theta, *vars(case.data).values()):
        array.setflags(write=False)
    case.plan.forward(case.theta, case.data.X)
    for method in (case.plan.evaluate, case.plan.gradients, case.plan.input_gradient):
        method(case.theta, case.data)


def test_a_plan_keeps_nothing_from_one_call_to_the_next(engine, dtype, rng):
    case = Case(engine, small(dtype), 9, rng)
    first = case.gradients(case.data)
    case.plan.gradients(case.theta, Data(case.data.X[:2] * 3, case.data.Y[:2], None))
    case.plan.forward(case.theta, case.data.X[:5])
    again = case.gradients(case.data)
    assert again[0] == first[0]
    np.testing.assert_array_equal(again[1], first[1])


OPTIMIZERS = {
    "sgd": dp.SGD(0.3),
    "momentum": dp.SGD(0.1, momentum=0.9),
    "nesterov": dp.SGD(0.1, momentum=0.8, nesterov=True),
    "rmsprop": dp.RMSprop(0.01),
    "adam": dp.Adam(0.02),
    "adamw": dp.AdamW(0.02, weight_decay=0.1),
}
VARIANTS = {
    "plain": {},
    "l1": {"l1": 0.02},
    "l2": {"l2": 0.05},
    "clip": {"clip_norm": 0.05},
    "clip_not_reached": {"clip_norm": 1e6},
    "dropout": {"dropout": (0.5, 0.25), "seed": 2**62 + 11},
    "dropout_in_one_layer": {"dropout": (0.0, 0.4), "seed": 3},
    "everything": {"l1": 0.01, "l2": 0.02, "clip_norm": 0.2, "dropout": (0.2, 0.1), "seed": 5},
}
BATCHES = (5, 1, 7, 4)


def steps_of(case, batches, rng, rate, first=0):
    order = rng.permutation(len(case.data)).astype(np.intp)
    bounds = np.cumsum([0, *batches]).astype(np.intp)
    rates = rate * np.linspace(1, 0.5, len(batches))
    return Steps(order, bounds, rates, first)


def part_of(steps, s, stop):
    """Steps s..stop of these."""
    return Steps(steps.order, steps.bounds[s : stop + 1], steps.rates[s:stop], steps.first + s)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_by_every_rule(engine, dtype, rng, optimizer, variant):
    case = Case(engine, small(dtype), 17, rng, indices=True)
    rule = OPTIMIZERS[optimizer]
    case.check_training(Rules(rule, **VARIANTS[variant]), steps_of(case, BATCHES, rng, rule.learning_rate), dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("indices", [False, True])
def test_training_on_rows_or_indices_weighted_or_not(engine, dtype, rng, indices, weighted):
    case = Case(engine, small(dtype, "relu"), 17, rng, indices=indices, weighted=weighted)
    case.check_training(Rules(dp.Adam(0.01, weight_decay=0.2)), steps_of(case, BATCHES, rng, 0.01), dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("variant", [{}, {"clip_norm": 0.05}, {"l1": 0.3}])
def test_penalties_divided_by_what_a_batch_weighs(engine, dtype, rng, variant, weighted):
    case = Case(engine, small(dtype), 17, rng, weighted=weighted)
    rules, steps = Rules(dp.Adam(0.02), l2=0.7, by_weight=True, **variant), steps_of(case, BATCHES, rng, 0.02)
    W = np.concatenate([case.spec.arrays(case.theta, l)["W"].ravel() for l in (1, 2, 3)]).astype(np.float64)
    heavy = case.data.weight[steps.rows(0)].sum() if weighted else BATCHES[0]
    first = (0.35 * (W**2).sum() + rules.l1 * np.abs(W).sum()) / heavy
    penalties = case.check_training(rules, steps, dtype).penalties
    assert penalties[0] == pytest.approx(first, rel=1e-5)
    assert len(set(penalties)) == len(BATCHES)


def test_a_batch_that_weighs_nothing_has_no_penalty(engine, dtype, rng):
    case = Case(engine, small(dtype), 17, rng)
    case.data, before = replace(case.data, weight=np.zeros(17)), case.theta.copy()
    report, theta, _ = case.train(Rules(dp.SGD(0.1), l2=1.0, by_weight=True), steps_of(case, (17,), rng, 0.1))
    np.testing.assert_array_equal(theta, before)
    assert (report.done, report.penalties[0]) == (1, 0)


@pytest.mark.parametrize("rule", [dp.SGD(0.1, weight_decay=0.3), dp.RMSprop(0.01, weight_decay=0.3)])
def test_decoupled_decay_acts_on_the_weights_alone(engine, dtype, rng, rule):
    case = Case(engine, small(dtype, "relu", "identity", "quadratic"), 17, rng)
    case.check_training(Rules(rule), steps_of(case, BATCHES, rng, rule.learning_rate), dtype)


@pytest.mark.parametrize("batch", [16, 65])
def test_training_in_odd_batches_and_longer_ones_than_planned(engine, dtype, rng, batch):
    case = Case(engine, small(dtype, "sigmoid", sizes=(3, 5, 4, 3)), 233, rng, batch=batch, weighted=True)
    rules = Rules(dp.SGD(0.2, momentum=0.5), dropout=(0.3, 0.2), seed=7)
    case.check_training(rules, steps_of(case, (1, 7, 16, 17, 63, 64, 65), rng, 0.2), dtype)


def test_training_without_hidden_layers(engine, dtype, rng):
    case = Case(engine, small(dtype, sizes=(4, 3)), 17, rng, indices=True)
    case.check_training(Rules(dp.SGD(0.5), l2=0.1), steps_of(case, BATCHES, rng, 0.5), dtype)


def test_step_numbers_go_on_where_the_last_run_ended(engine, dtype, rng):
    case = Case(engine, small(dtype), 17, rng)
    rules = Rules(dp.Adam(0.02), dropout=(0.5, 0.5), seed=1)
    whole = steps_of(case, BATCHES, rng, 0.02)
    _, theta, slots = case.train(rules, whole, case.theta.copy())
    part_slots = tuple(np.zeros_like(theta) for _ in slots)
    for s, stop in ((0, 1), (1, 4)):
        report = train(case.plan, case.theta, part_slots, rules, case.data, part_of(whole, s, stop))
        assert report.done == stop - s
    np.testing.assert_array_equal(case.theta, theta)
    np.testing.assert_array_equal(part_slots, slots)


def test_no_steps_change_nothing(engine, dtype, rng):
    case = Case(engine, small(dtype), 5, rng)
    before = case.theta.copy()
    report, theta, _ = case.train(Rules(dp.SGD(1.0)), steps_of(case, (), rng, 1.0))
    assert report.done == len(report.costs) == 0
    np.testing.assert_array_equal(theta, before)


def check_stops(case, rules, steps, taken):
    """The training of these steps is bit for bit that of the first `taken`, and tells NaN of the others."""
    want_report, want, want_slots = case.train(rules, part_of(steps, 0, taken), case.theta.copy())
    report, theta, slots = case.train(rules, steps)
    assert want_report.done == report.done == taken
    np.testing.assert_array_equal(theta, want)
    np.testing.assert_array_equal(slots, want_slots)
    np.testing.assert_array_equal(report.costs[:taken], want_report.costs)
    assert np.isnan(report.costs[taken:]).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("poison", [np.nan, np.inf, "overflow"])
def test_training_stops_before_the_step_that_is_not_finite(engine, dtype, rng, optimizer, poison):
    case = Case(engine, small(dtype, "identity", "identity", "quadratic"), 17, rng)
    rules = Rules(OPTIMIZERS[optimizer], l2=0.1)
    steps = steps_of(case, BATCHES, rng, rules.optimizer.learning_rate)
    case.data.X[steps.rows(2)[0]] = np.finfo(dtype).max if poison == "overflow" else poison
    check_stops(case, rules, steps, 2)


OVERFLOWING = {  # rules, the rates of two steps, and what the gradient is made larger by
    "sgd": (Rules(dp.SGD(1.0)), (0.1, 1e38), 1e3),
    "momentum": (Rules(dp.SGD(1.0, momentum=0.9)), (0.1, 1e38), 1e3),
    "adam, v": (Rules(dp.Adam(1.0)), (0.1, 0.1), 1e22),
    "rmsprop, v": (Rules(dp.RMSprop(1.0)), (0.1, 0.1), 1e22),
    "decay": (Rules(dp.SGD(1.0, weight_decay=1e30)), (1e-31, 1e9), 1.0),
    "clipped": (Rules(dp.SGD(1.0), clip_norm=1e30), (1e-30, 1e10), 1e31),
}


@pytest.mark.parametrize("name", OVERFLOWING)
def test_training_stops_before_the_step_whose_update_overflows(engine, rng, name):
    rules, rates, factor = OVERFLOWING[name]
    case = Case(engine, small("float32", "identity", sizes=(3, 2), output="identity", cost="quadratic"), 4, rng)
    case.data.Y[2:] *= np.float32(factor)
    check_stops(case, rules, Steps(np.arange(4), np.array([0, 2, 4]), np.array(rates)), 1)


def test_a_gradient_whose_square_overflows_is_clipped_to_its_length(engine, dtype, rng):
    case = Case(engine, small(dtype, sizes=(2, 1), output="identity", cost="quadratic"), 1, rng)
    r, x = (1e15, 1e10) if dtype == np.float32 else (1e150, 1e20)
    case.theta[:], case.data.X[:], case.data.Y[:] = 0, x, r  # C = r²/2 and dC/dW = -r x are finite, its square is not
    report, theta, _ = case.train(Rules(dp.SGD(1.0), clip_norm=0.5), steps_of(case, (1,), rng, 1.0))
    assert report.done == 1
    close(theta, [0.5 / 2**0.5, 0.5 / 2**0.5, 0], dtype)


def test_the_gradient_is_one_vector_of_the_networks_type(engine, dtype):
    spec = small(dtype)
    plan = engine.plan(spec, 8)
    assert plan.grad.shape == (spec.n_parameters,)
    assert plan.grad.dtype == dtype
    assert plan.spec == spec
    assert plan.batch >= 1
