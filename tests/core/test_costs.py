"""Costs against mpmath, each gradient against the derivative of its cost, the canonical forms of z^L."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import deltaprop as dp
from deltaprop.core.activations import OUTPUTS
from deltaprop.core.costs import BINARY, CANONICAL, CATEGORICAL, COSTS, huber, quantile
from deltaprop.core.functions import get_cost

mp.mp.dps = 80


def ylog(y, a):
    return y * mp.log(a) if y else mp.mpf(0)


def h(r, t=1):
    return r * r / 2 if abs(r) <= t else t * (abs(r) - mp.mpf(t) / 2)


# C of one unit, from its definition.
TRUTH = {
    "quadratic": lambda a, y: (a - y) ** 2 / 2,
    "huber": lambda a, y: h(a - y),
    "huber(2.5)": lambda a, y: h(a - y, 2.5),
    "poisson": lambda a, y: a - y + ylog(y, y) - ylog(y, a),
    "absolute": lambda a, y: abs(a - y),
    "quantile": lambda a, y: abs(a - y) / 2,
    "quantile(0.9)": lambda a, y: max(mp.mpf(0.9) * (y - a), (mp.mpf(0.9) - 1) * (y - a)),
    "binary": lambda a, y: -ylog(y, a) - ylog(1 - y, 1 - a),
    "categorical": lambda a, y: -ylog(y, a),
}
TESTED = {**COSTS, "huber(2.5)": huber(2.5), "quantile(0.9)": quantile(0.9)}
TESTED |= {"binary": BINARY, "categorical": CATEGORICAL}
TESTED.pop("cross_entropy")
UNITS = 64.0  # of eps, relative to the largest term of the sum
PROBABILITIES = [1e-30, 1e-6, 0.1, 0.5, 0.875, 1 - 2**-20]
REAL = [-1e4, -80.0, -2.0, -1e-6, 0.0, 0.3, 1.7, 80.0, 1e4]
POSITIVE = [1e-30, 1e-6, 0.4, 1.0, 3.0, 80.0, 1e4]
every = pytest.mark.parametrize("name", sorted(TESTED))


def grid(name, dtype):
    """Columns a and y, (1, m): every pair of values that the cost takes."""
    outputs = {"binary": PROBABILITIES, "categorical": PROBABILITIES, "poisson": POSITIVE}.get(name, REAL)
    targets = {"real": [-3.0, 0.0, 0.25, 5.0], "probability": [0.0, 0.25, 1.0], "count": [0.0, 1.0, 7.0]}
    a, y = np.meshgrid(np.array(outputs), np.array(targets[TESTED[name].targets]))
    return a.reshape(1, -1).astype(dtype), y.reshape(1, -1).astype(dtype)


def pairs(a, y):
    return [(mp.mpf(float(v)), mp.mpf(float(t))) for v, t in zip(a.ravel(), y.ravel(), strict=True)]


def agree(got, want, dtype, scales):
    eps = float(np.finfo(dtype).eps)
    for value, truth, scale in zip(np.ravel(got).tolist(), want, scales, strict=True):
        assert abs(value - truth) <= UNITS * eps * (abs(truth) + scale), f"{value} for {mp.nstr(truth, 20)}"


@every
def test_the_cost_is_what_it_says(name, dtype):
    a, y = grid(name, dtype)
    want = [TRUTH[name](v, t) for v, t in pairs(a, y)]
    cancelling = {"poisson": lambda v, t: abs(v) + abs(t) + abs(ylog(t, t)), "binary": lambda v, t: 1.0}
    scales = [float(cancelling.get(name, lambda v, t: 0.0)(v, t)) for v, t in pairs(a, y)]
    agree(TESTED[name].C(a, y), want, dtype, scales)


@every
def test_its_gradient_is_its_derivative(name, dtype):
    a, y = grid(name, dtype)
    want = [derivative(name, v, t) for v, t in pairs(a, y)]
    agree(TESTED[name].grad_a(a, y), want, dtype, [1.0 if name == "poisson" else 0.0] * a.size)


def derivative(name, a, y):
    if name == "absolute":
        return mp.sign(a - y)
    if name.startswith("quantile") and a == y:
        return mp.mpf(0)
    return mp.diff(lambda v: TRUTH[name](v, y), a, h=mp.mpf(10) ** -50)


@every
def test_units_are_summed_and_examples_are_not(name, dtype):
    a, y = grid(name, dtype)
    a, y = np.vstack([a, a, a]), np.vstack([y, y, y])
    one = TESTED[name].C(a[:1], y[:1])
    np.testing.assert_allclose(TESTED[name].C(a, y), 3 * one, rtol=1e-5)
    assert one.shape == a.shape[1:]
    assert one.dtype == dtype
    assert TESTED[name].grad_a(a, y).shape == a.shape
    assert TESTED[name].grad_a(a, y).dtype == dtype


@pytest.mark.parametrize("cost", [BINARY, CATEGORICAL])
def test_a_certain_and_right_output_costs_nothing_a_wrong_one_everything(cost, dtype):
    a, y = np.array([[1, 0], [0, 1]], dtype), np.array([[1, 1], [0, 0]], dtype)
    np.testing.assert_array_equal(cost.C(a, y), [0, np.inf])


def categorical_of_z(zs, ys):
    total = mp.log(mp.fsum(map(mp.exp, zs)))
    return mp.fsum(y * (total - z) for y, z in zip(ys, zs, strict=True))


def units(one):
    return lambda zs, ys: mp.fsum(one(z, y) for z, y in zip(zs, ys, strict=True))


OF_Z = {
    ("softmax", "cross_entropy"): categorical_of_z,
    ("sigmoid", "cross_entropy"): units(lambda z, y: y * mp.log1p(mp.exp(-z)) + (1 - y) * mp.log1p(mp.exp(z))),
    ("identity", "quadratic"): units(lambda z, y: (z - y) ** 2 / 2),
    ("exp", "poisson"): units(lambda z, y: mp.exp(z) - y + ylog(y, y) - y * z),
}


@pytest.mark.parametrize("pair", sorted(CANONICAL))
def test_canonical_costs_of_z_stand_extreme_inputs(pair, dtype):
    top = 80.0 if pair == ("exp", "poisson") else 1e4
    z = np.array([[0, top, -top, 0.5, 80, -80], [0, -top, top, -3, 2, 1]], dtype)
    y = np.array([[1, 0, 1, 0.25, 1, 0], [0, 1, 0, 0.75, 0, 1]], dtype)
    columns = [([mp.mpf(float(v)) for v in z[:, i]], [mp.mpf(float(v)) for v in y[:, i]]) for i in range(z.shape[1])]
    want = [OF_Z[pair](*column) for column in columns]
    agree(CANONICAL[pair](z, y), want, dtype, [float(max(abs(v) for v in zs)) for zs, _ in columns])


@pytest.mark.parametrize("pair", sorted(CANONICAL))
def test_a_canonical_cost_of_z_is_the_cost_of_sigma_of_z(pair, rng):
    z = rng.standard_normal((3, 20))
    y = rng.dirichlet(np.ones(3), 20).T
    plain = get_cost(pair[1], pair[0]).C(OUTPUTS[pair[0]].sigma(z), y)
    np.testing.assert_allclose(CANONICAL[pair](z, y), plain, rtol=1e-12, atol=1e-13)


def test_cross_entropy_is_categorical_for_softmax_and_binary_for_sigmoid():
    assert get_cost("cross_entropy", "softmax") is CATEGORICAL
    assert get_cost("cross_entropy", "sigmoid") is BINARY


@pytest.mark.parametrize("threshold", [2.5, 0.1, 1e-7, 0.123456789012345, 3, 1e22])
def test_a_huber_cost_is_found_again_by_its_name(threshold):
    cost = huber(threshold)
    again = get_cost(cost.name, "identity")
    assert again.name == cost.name
    assert again.C.keywords == {"t": threshold}


@pytest.mark.parametrize("threshold", [0, -1, np.nan, np.inf, "2.5", None])
def test_a_huber_threshold_must_be_positive(threshold):
    with pytest.raises(dp.ArgumentError, match=r"`threshold` must be a positive number"):
        huber(threshold)


@pytest.mark.parametrize("q", [0.9, 0.1, 1e-7, 0.123456789012345])
def test_a_quantile_cost_is_found_again_by_its_name(q):
    again = get_cost(quantile(q).name, "identity")
    assert again.name == quantile(q).name
    assert again.C.keywords == {"q": q}


@pytest.mark.parametrize("q", [0, 1, -0.5, 1.5, np.nan, np.inf, "0.9", None])
def test_a_quantile_must_be_between_0_and_1(q):
    with pytest.raises(dp.ArgumentError, match=r"`q` must be a number between 0 and 1"):
        quantile(q)


def test_the_a_of_least_cost_is_the_quantile():
    y = np.arange(1.0, 101.0)
    a = np.linspace(0, 101, 1011)
    costs = [quantile(0.9).C(np.full((1, 100), at), y.reshape(1, -1)).sum() for at in a]
    assert 90 <= a[int(np.argmin(costs))] <= 91


@pytest.mark.parametrize("name", ["hubr", "huber(--)", "huber(", "Quadratic", None, 3])
def test_an_unknown_cost_is_refused(name):
    with pytest.raises(dp.ArgumentError, match=r"`cost` must be one of absolute, cross_entropy, huber"):
        get_cost(name, "identity")


def test_a_cost_of_ones_own_may_not_take_a_built_in_name():
    mine = dp.Cost("quadratic", lambda a, y: (a - y).sum(axis=0), lambda a, y: np.ones_like(a))
    with pytest.raises(dp.ArgumentError, match=r"your own under a name of its own. Got 'quadratic'"):
        get_cost(mine, "identity")


def test_a_cost_from_rows_sees_rows(rng):
    a, y = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    mine = dp.Cost.from_rows("mine", lambda A, Y: ((A - Y) ** 4).sum(axis=1), lambda A, Y: 4 * (A - Y) ** 3)
    np.testing.assert_allclose(mine.C(a, y), ((a - y) ** 4).sum(axis=0))
    np.testing.assert_allclose(mine.grad_a(a, y), 4 * (a - y) ** 3)
