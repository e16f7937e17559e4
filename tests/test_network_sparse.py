"""A network on sparse rows: whatever it says of X it says of X.toarray(), in every engine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import deltaprop as dp

CLOSE = {"float32": {"rtol": 2e-4, "atol": 2e-5}, "float64": {"rtol": 1e-9, "atol": 1e-11}}


@pytest.fixture
def net(engine, dtype):
    return dp.Network([30, 8, 3], activation="tanh", dtype=dtype, seed=1, engine=engine.name)


@pytest.fixture
def one_hot(rng):
    """(CSR (200, 30) of three categories, class indices): every row has three ones."""
    codes = rng.integers(0, 10, (200, 3)) + np.array([0, 10, 20])
    X = sparse.csr_array((np.ones(600), codes.ravel(), np.arange(0, 601, 3)), (200, 30))
    return X, (codes[:, 0] + codes[:, 1]) % 3


@pytest.fixture
def same(dtype):
    def check(got, want):
        np.testing.assert_allclose(got, want, **CLOSE[dtype.name])

    return check


def test_everything_that_a_network_says(net, one_hot, same):
    X, y = one_hot
    full, weight = X.toarray(), np.linspace(0.5, 2, 200)
    same(net.forward(X), net.forward(full))
    same(net.cost(X, y, weight), net.cost(full, y, weight))
    same(net.backprop(X, y, weight).vector, net.backprop(full, y, weight).vector)
    same(net.input_gradient(X, y), net.input_gradient(full, y))
    same(net.jacobian(X[:4]), net.jacobian(full[:4]))


def test_a_trace_is_written_out(net, one_hot, same):
    X, y = one_hot
    trace = net.trace(X, y)
    np.testing.assert_array_equal(trace.x, X.toarray())
    same(trace.layer(1).dW, net.backprop(X, y).layer(1).dW)
    same(trace.layer(1).delta.T @ trace.layer(1).a_prev, trace.layer(1).dW)


def test_the_gradient_check_takes_sparse_rows(net, one_hot):
    report = dp.check(net, *one_hot)
    assert report.ok, str(report)


@pytest.mark.parametrize("optimizer", [dp.SGD(0.3), dp.Adam(0.01), dp.LBFGS()], ids=lambda rule: rule.name)
@pytest.mark.parametrize("validation", [None, 0.2, "given"])
def test_a_training_takes_the_same_steps(net, one_hot, same, optimizer, validation):
    X, y = one_hot
    twin = net.copy()
    held = {"given": ((X[150:], y[150:]), (X[150:].toarray(), y[150:]))}.get(validation, (validation, validation))
    given = {"epochs": 2, "batch_size": 32, "optimizer": optimizer, "seed": 3}
    first = dp.train(net, X, y, validation=held[0], **given)
    second = dp.train(twin, X.toarray(), y, validation=held[1], **given)
    same(net.theta, twin.theta)
    same(first.cost, second.cost)
    if validation is not None:
        same(first.validation_cost, second.validation_cost)


def test_a_step_can_be_traced(net, one_hot):
    X, y = one_hot
    seen = []
    dp.train(net, X, y, epochs=1, batch_size=50, seed=0, on_step=lambda event: seen.append(event.trace()))
    assert [trace.x.shape for trace in seen] == [(50, 30)] * 4
    assert {float(total) for trace in seen for total in trace.x.sum(axis=1)} == {3.0}


def test_formats_are_turned_once_at_the_border(net, one_hot):
    X, y = one_hot
    want = net.backprop(X, y).vector
    for form in ("csc", "coo", "lil"):
        np.testing.assert_array_equal(net.backprop(X.asformat(form), y).vector, want)


def test_no_rows_and_rows_of_nothing(net, same):
    assert net.forward(sparse.csr_array((0, 30))).shape == (0, 3)
    with pytest.raises(dp.ArgumentError, match=r"`X` must be at least one row\. Got 0 rows"):
        net.cost(sparse.csr_array((0, 30)), [])
    same(net.forward(sparse.csr_array((2, 30))), net.forward(np.zeros((2, 30))))


def test_nan_is_named_before_anything_runs(net, one_hot):
    X, y = one_hot
    X.data[10] = np.nan
    before = net.theta.copy()
    with pytest.raises(dp.ArgumentError, match=rf"Got nan in row 3, column {X.indices[10]}. Fill or drop"):
        dp.train(net, X, y)
    np.testing.assert_array_equal(net.theta, before)


def test_what_overflows_is_named_with_layer_and_equation(engine, dtype, one_hot):
    X, y = one_hot
    net = dp.Network([30, 8, 3], activation="relu", dtype=dtype, seed=1, engine=engine.name)
    net.layer(1).W[...] = np.finfo(net.spec.dtype).max
    with pytest.raises(dp.NonFiniteError, match=r"Inf in layer 1, forward, z\^1 = W\^1 a\^0 \+ b\^1"):
        net.cost(X, y)
    with pytest.raises(dp.NonFiniteError, match=r"Training stopped at step 1 \(epoch 1\): Inf in layer 1, forward"):
        dp.train(net, X, y)
