"""Oracles from statistics: a network with no hidden layer is a generalised linear model with a known gradient."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp


def with_ones(X):
    return np.column_stack([X, np.ones(len(X))])


def gradient_of(net, X, Y, weight=None):
    """[dW | db], (n_L, n_0 + 1)."""
    layer = net.backprop(X, Y, weight).layer(1)
    return np.column_stack([layer.dW, layer.db])


def mean_of_inputs(net, X):
    return with_ones(X) @ np.column_stack([net.layer(1).W, net.layer(1).b]).T


LINKS = {
    ("identity", "quadratic"): lambda z: z,
    ("sigmoid", "cross_entropy"): lambda z: 1 / (1 + np.exp(-z)),
    ("exp", "poisson"): np.exp,
    ("softmax", "cross_entropy"): lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", LINKS, ids="-".join)
def test_the_gradient_is_that_of_the_linear_model(model, weighted, rng):
    net = dp.Network([4, 3], output=model[0], cost=model[1], dtype="float64", seed=1)
    X, Y = rng.standard_normal((20, 4)), rng.dirichlet(np.ones(3), 20)
    weight = rng.uniform(0.2, 2, 20) if weighted else np.ones(20)
    mu = LINKS[model](mean_of_inputs(net, X))
    want = ((mu - Y) * weight[:, None]).T @ with_ones(X) / weight.sum()
    np.testing.assert_allclose(gradient_of(net, X, Y, weight if weighted else None), want, rtol=1e-12, atol=1e-14)


def test_at_the_least_squares_solution_the_gradient_vanishes(rng):
    net = dp.Network([4, 2], output="identity", cost="quadratic", dtype="float64", seed=1)
    X, Y = rng.standard_normal((30, 4)), rng.standard_normal((30, 2))
    best = np.linalg.lstsq(with_ones(X), Y, rcond=None)[0].T
    net.layer(1).W[...], net.layer(1).b[...] = best[:, :-1], best[:, -1]
    np.testing.assert_allclose(gradient_of(net, X, Y), 0, atol=1e-14)


def test_newtons_method_on_our_gradient_solves_logistic_regression(rng):
    net = dp.Network([2, 1], output="sigmoid", cost="cross_entropy", dtype="float64", seed=1)
    X = rng.standard_normal((60, 2))
    Y = (rng.uniform(size=60) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)[:, None]
    for _ in range(12):
        p = net.forward(X)
        hessian = (with_ones(X) * p * (1 - p)).T @ with_ones(X) / 60
        step = np.linalg.solve(hessian, gradient_of(net, X, Y)[0])
        net.layer(1).W[0] -= step[:2]
        net.layer(1).b[0] -= step[2]
    assert abs(float(net.forward(X).mean() - Y.mean())) < 1e-12  # the score equation of the intercept
    np.testing.assert_allclose(X.T @ (net.forward(X) - Y), 0, atol=1e-10)


def test_a_deep_linear_network_is_a_linear_one(rng):
    deep = dp.Network([3, 4, 5, 2], activation="identity", output="identity", cost="quadratic", dtype="float64", seed=1)
    X, Y = rng.standard_normal((9, 3)), rng.standard_normal((9, 2))
    W1, W2, W3 = (layer.W for layer in deep)
    residual = deep.forward(X) - Y
    np.testing.assert_allclose(deep.forward(X), X @ (W3 @ W2 @ W1).T, atol=1e-13)
    np.testing.assert_allclose(deep.backprop(X, Y).layer(2).dW, W3.T @ residual.T @ X @ W1.T / 9, atol=1e-13)
