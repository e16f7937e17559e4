"""Norms and input gradients of single examples, against the gradient of each example computed alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import deltaprop as dp
from deltaprop.core import norms as core_norms
from deltaprop.factors import norms

HEADS = [("softmax", "cross_entropy"), ("sigmoid", "cross_entropy"), ("identity", "quadratic"), ("tanh", "quadratic")]
CLOSE = {"float32": 2e-5, "float64": 1e-12}


def problem(rng, m, output="softmax", cost="cross_entropy", dtype="float64", hidden=(7, 5)):
    net = dp.Network([4, *hidden, 3], activation="tanh", output=output, cost=cost, dtype=dtype, seed=1)
    X, Y = rng.standard_normal((m, 4)), rng.random((m, 3))
    return net, X, Y / Y.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize(("output", "cost"), HEADS)
@pytest.mark.parametrize("m", [1, 9])
def test_a_norm_is_that_of_the_example_alone(rng, m, output, cost, dtype):
    net, X, Y = problem(rng, m, output, cost, dtype)
    alone = [np.linalg.norm(net.backprop(X[i : i + 1], Y[i : i + 1]).vector.astype(np.float64)) for i in range(m)]
    found = norms.gradient_norms(net, X, Y)
    assert found.shape == (m,)
    np.testing.assert_allclose(found, alone, rtol=CLOSE[dtype])


def test_blocks_of_rows_change_nothing(rng, monkeypatch):
    net, X, Y = problem(rng, 23)
    whole = norms.gradient_norms(net, X, Y)
    monkeypatch.setattr(core_norms, "ROWS", 5)
    np.testing.assert_allclose(norms.gradient_norms(net, X, Y), whole, rtol=1e-14)


def test_class_indices_and_sparse_rows(rng):
    net, X, _ = problem(rng, 12)
    y = np.arange(12) % 3
    X[X < 0.5] = 0
    want = norms.gradient_norms(net, X, np.eye(3)[y])
    np.testing.assert_allclose(norms.gradient_norms(net, sp.csr_matrix(X), y), want, rtol=1e-14)


def test_without_a_hidden_layer(rng):
    net, X, Y = problem(rng, 6, "identity", "quadratic", hidden=())
    error = net.forward(X) - Y
    want = np.linalg.norm(error, axis=1) * np.sqrt((X**2).sum(axis=1) + 1)
    np.testing.assert_allclose(norms.gradient_norms(net, X, Y), want, rtol=1e-12)


def test_an_input_gradient_is_that_of_the_example_alone(rng):
    net, X, Y = problem(rng, 9)
    alone = [net.input_gradient(X[i : i + 1], Y[i : i + 1])[0] for i in range(9)]
    np.testing.assert_allclose(norms.input_gradients(net, X, Y), alone, rtol=1e-12)


@pytest.mark.parametrize("dtype", CLOSE)
def test_input_gradients_of_sparse_rows(rng, dtype):
    net, X, Y = problem(rng, 9, dtype=dtype)
    X[X < 0.5] = 0
    want = norms.input_gradients(net, X, Y)
    assert want.dtype == dtype
    np.testing.assert_allclose(norms.input_gradients(net, sp.csr_matrix(X), Y), want, rtol=CLOSE[dtype])


@pytest.mark.parametrize("function", [norms.gradient_norms, norms.input_gradients])
def test_no_rows_are_refused(rng, function):
    net, X, Y = problem(rng, 0)
    with pytest.raises(dp.ArgumentError, match="`X` must be at least one row"):
        function(net, X, Y)


@pytest.mark.parametrize("size", [1e160, 3.0, 1e-170])
def test_a_norm_whose_square_is_no_number_is_right(size):
    net = dp.Network([2, 2], output="identity", cost="absolute", dtype="float64", seed=0)
    net.theta[...] = 0
    net.layer(1).b[...] = 1
    found = norms.gradient_norms(net, [[3 * size, 4 * size], [0, 0]], np.zeros((2, 2)))
    np.testing.assert_allclose(found, [np.sqrt(2) * np.hypot(5 * size, 1), np.sqrt(2)], rtol=1e-14)


def test_a_tiny_error_has_a_tiny_norm():
    net = dp.Network([1, 1], output="identity", cost="quadratic", dtype="float64", seed=0)
    net.theta[...] = 0
    np.testing.assert_allclose(norms.gradient_norms(net, [[1.0]], [[1e-170]]), [np.sqrt(2) * 1e-170], rtol=1e-14)


def test_an_input_gradient_that_its_share_hides_is_named():
    """A third of it is a number, and it is none."""
    net = dp.Network([1, 1], output="identity", cost="absolute", dtype="float64", seed=0)
    net.layer(1).W[...], net.layer(1).b[...] = 1e308, 0
    inner = dp.Network([1, 1, 1], activation="identity", output="identity", cost="absolute", dtype="float64", seed=0)
    inner.layer(1).W[...], inner.layer(2).W[...] = 1e200, 2e108
    X, Y = np.zeros((3, 1)), np.full((3, 1), -1.0)
    np.testing.assert_allclose(norms.input_gradients(net, X, Y), 1e308, rtol=1e-15)
    with pytest.raises(dp.NonFiniteError, match="Inf in layer 0, BP2 towards x"):
        norms.input_gradients(inner, X, Y)


def test_a_network_that_overflows_is_named(rng):
    net, X, Y = problem(rng, 3, "identity", "quadratic")
    net.layer(3).W[...] = 1e308
    with pytest.raises(dp.NonFiniteError, match="layer 3"):
        norms.gradient_norms(net, X, Y)
