"""Pairs of one's own are tried when they are given: what is wrong is refused with its place, what is right never is."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import special

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.core.costs import BINARY, CATEGORICAL, COSTS, huber, quantile
from deltaprop.core.pairs import check_activation, check_cost


def sig(z):
    return 1 / (1 + np.exp(-z))


WRONG = {
    "the factor": (lambda z: z**3, lambda z: 2.001 * z**2),
    "a little off": (np.sin, lambda z: 1.002 * np.cos(z)),
    "the sign": (np.tanh, lambda z: np.tanh(z) ** 2 - 1),
    "of a for z": (sig, lambda a: a * (1 - a)),
    "sigma itself": (np.arctan, np.arctan),
    "forgotten": (np.sin, np.ones_like),
    "zero": (np.tanh, np.zeros_like),
    "one side": (lambda z: np.where(z > 0, z, 0.2 * z), lambda z: np.where(z > 0, 1.0, 0.3)),
    "a step": (np.sign, np.ones_like),
    "inside its domain": (np.sqrt, lambda z: 1 / np.sqrt(z)),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_sigma_prime_is_refused_with_its_place(kind):
    own = dp.Activation("own", *WRONG[kind])
    message = (
        r"`sigma_prime` must be the derivative of sigma in 'own'\. Got \S+ at z = \S+, where the slope of sigma is"
    )
    with pytest.raises(dp.ArgumentError, match=message):
        dp.Network([2, 3, 2], activation=own)
    with pytest.raises(dp.ArgumentError, match=message):
        dp.Network([2, 3, 2], output=own, cost="quadratic")


def test_the_place_is_where_it_is_wrong():
    bent = dp.Activation("bent", np.sin, lambda z: np.where(np.abs(z - 3.1) < 0.1, 0.5, np.cos(z)))
    with pytest.raises(dp.ArgumentError, match=r"Got 0\.5 at z = 3\.1, where the slope of sigma is -0\.99913515"):
        dp.Network([2, 3, 2], activation=bent)


RIGHT = {
    "cube": (lambda z: z**3, lambda z: 3 * z**2),
    "a kink at a point that is tried": (lambda z: np.abs(z - 0.37), lambda z: np.sign(z - 0.37)),
    "a kink beside one": (lambda z: np.abs(z - 0.3701), lambda z: np.sign(z - 0.3701)),
    "another convention at 0": (lambda z: np.maximum(z, 0), lambda z: (z >= 0).astype(z.dtype)),
    "capped": (lambda z: np.clip(z, 0, 6), lambda z: ((z > 0) & (z < 6)).astype(z.dtype)),
    "no negative numbers": (np.sqrt, lambda z: 0.5 / np.sqrt(z)),
    "the logarithm": (np.log, lambda z: 1 / z),
    "the arc sine": (np.arcsin, lambda z: 1 / np.sqrt(1 - z * z)),
    "raises outside its domain": (lambda z: special.logit(_within(z)), lambda z: 1 / (z * (1 - z))),
    "very steep": (lambda z: np.exp(100 * z), lambda z: 100 * np.exp(100 * z)),
    "quick": (lambda z: np.sin(1e3 * z), lambda z: 1e3 * np.cos(1e3 * z)),
    "very quick": (lambda z: np.sin(1e9 * z), lambda z: 1e9 * np.cos(1e9 * z)),
    "saturated": (lambda z: np.tanh(30 * z), lambda z: 30 / np.cosh(30 * z) ** 2),
    "of single precision": (
        lambda z: np.tanh(z.astype("float32")).astype(z.dtype),
        lambda z: 1 - np.tanh(z) ** 2,
    ),
    "of half precision": (lambda z: np.tanh(z.astype("float16")).astype(z.dtype), lambda z: 1 - np.tanh(z) ** 2),
    "flat": (np.zeros_like, np.zeros_like),
    "large": (lambda z: 1e200 * z, lambda z: np.full_like(z, 1e200)),
    "not finite, which is named where it is used": (np.tanh, lambda z: np.full_like(z, np.nan)),
    "on a pedestal": (lambda z: 1e9 + np.sin(z), np.cos),
}


def _within(z):
    if ((z <= 0) | (z >= 1)).any():
        raise ValueError("z must lie between 0 and 1")
    return z


@pytest.mark.parametrize("kind", RIGHT)
def test_a_right_pair_is_never_refused(kind):
    own = dp.Activation("own", *RIGHT[kind])
    assert dp.Network([2, 3, 2], activation=own).spec.activations[0] is own


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_the_built_in_pairs_pass(name):
    check_activation(ACTIVATIONS[name])


@pytest.mark.parametrize("n", [1, 3, 100])
@pytest.mark.parametrize(
    "cost", [*COSTS.values(), BINARY, CATEGORICAL, huber(0.01), quantile(0.9)], ids=lambda cost: cost.name
)
def test_the_built_in_costs_pass(cost, n):
    check_cost(cost, n)


def rows(C, grad_a):
    return dp.Cost.from_rows("own", C, grad_a)


def network_with(cost, n=3):
    return dp.Network([2, n], output="identity", cost=cost)


WRONG_COSTS = {
    "factor 2": (lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1), lambda a, y: 2 * (a - y)),
    "sign": (lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1), lambda a, y: y - a),
    "the mean over the outputs forgotten": (lambda a, y: ((a - y) ** 2).mean(axis=1), lambda a, y: 2 * (a - y)),
    "the mean over the examples": (lambda a, y: ((a - y) ** 2).sum(axis=1), lambda a, y: 2 * (a - y) / len(a)),
    "a logarithm": (lambda a, y: -(y * np.log(a)).sum(axis=1), lambda a, y: y / a),
    "one output only": (lambda a, y: (a**2).sum(axis=1), lambda a, y: 2 * a * [1, 1, 0]),
}


@pytest.mark.parametrize("kind", WRONG_COSTS)
def test_a_wrong_gradient_of_a_cost_is_refused_with_its_place(kind):
    message = (
        r"`grad_a` must be the gradient of C in 'own'\. Got \S+ at a = \S+, y = \S+ \(output [0-2]\), "
        r"where the slope of C is"
    )
    with pytest.raises(dp.ArgumentError, match=message):
        network_with(rows(*WRONG_COSTS[kind]))


RIGHT_COSTS = {
    "fourth power": (lambda a, y: ((a - y) ** 4).sum(axis=1), lambda a, y: 4 * (a - y) ** 3),
    "kinks": (lambda a, y: np.abs(a - y).sum(axis=1), lambda a, y: np.sign(a - y)),
    "hinge": (
        lambda a, y: np.maximum(0, 1 - a * y).sum(axis=1),
        lambda a, y: np.where(a * y < 1, -y, 0.0),
    ),
    "domain": (lambda a, y: (a - y * np.log(a)).sum(axis=1), lambda a, y: 1 - y / a),
    "coupled": (
        lambda a, y: (a.sum(axis=1) - y.sum(axis=1)) ** 2,
        lambda a, y: 2 * (a - y).sum(axis=1, keepdims=True) + 0 * a,
    ),
    "worst output": (lambda a, y: np.abs(a - y).max(axis=1), lambda a, y: _of_the_largest(a - y)),
    "raises": (lambda a, y: _sum_of(_within(a)), lambda a, y: np.ones_like(a)),
}


def _sum_of(a):
    return a.sum(axis=1)


def _of_the_largest(r):
    return np.sign(r) * (np.arange(r.shape[1]) == np.abs(r).argmax(axis=1)[:, None])


@pytest.mark.parametrize("n", [1, 3, 40])
@pytest.mark.parametrize("kind", RIGHT_COSTS)
def test_a_right_cost_is_never_refused(kind, n):
    assert network_with(rows(*RIGHT_COSTS[kind]), n).spec.cost.name == "own"


def test_a_fused_pair_is_what_is_tried():
    own = dp.Activation("own", np.tanh, lambda z: 1 - np.tanh(z) ** 2, fused=lambda z: (np.tanh(z), np.ones_like(z)))
    with pytest.raises(dp.ArgumentError, match=r"`sigma_prime` must be the derivative of sigma"):
        dp.Network([2, 3, 2], activation=own)


def test_a_model_file_brings_its_pairs_past_the_same_check(tmp_path):
    right = dp.Activation("own", np.sin, np.cos)
    dp.Network([2, 3, 2], activation=right).save(tmp_path / "net.safetensors")
    with pytest.raises(dp.ArgumentError, match=r"`sigma_prime` must be the derivative of sigma in 'own'"):
        dp.load(tmp_path / "net.safetensors", custom=[dp.Activation("own", np.sin, np.sin)])


def test_trying_takes_little(rng):
    own = dp.Activation("own", np.sin, np.cos)
    cost = rows(*RIGHT_COSTS["fourth power"])
    taken = []
    for _ in range(5):
        start = time.process_time()
        check_activation(own)
        check_cost(cost, 10)
        taken.append(time.process_time() - start)
    assert min(taken) < 5e-3
