"""The trace: every quantity's shape, and the equations recomputed by hand from what it holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from strategies import network_mn

import deltaprop as dp
from deltaprop.core.dropout import mask
from deltaprop.core.objective import costs, output_error
from deltaprop.trace.record import record

PLAIN = (int, float, str, np.ndarray)


def network(dtype="float64", **options):
    return dp.Network([3, 5, 4, 2], **{"activation": "tanh", "dtype": dtype, "seed": 4, **options})


@pytest.fixture
def net(dtype):
    return network(dtype)


def examples(rng, m):
    return rng.standard_normal((m, 3)), rng.integers(0, 2, m)


@pytest.mark.parametrize("m", [1, 7])
def test_every_field_has_its_shape_and_number_type(net, dtype, rng, m):
    trace = net.trace(*examples(rng, m))
    shapes = {"x": (m, 3), "y": (m, 2), "grad_a": (m, 2)}
    assert {name: getattr(trace, name).shape for name in shapes} == shapes
    for layer, n, n_prev in zip(trace, (5, 4, 2), (3, 5, 4), strict=True):
        square = (m, n, n) if layer.l == 3 else (m, n)
        want = {"W": (n, n_prev), "b": (n,), "z": (m, n), "a": (m, n), "a_prev": (m, n_prev), "sigma_prime": square}
        want |= {"delta": (m, n), "dW": (n, n_prev), "db": (n,)}
        assert {name: getattr(layer, name).shape for name in want} == want
        assert {getattr(layer, name).dtype for name in want} == {dtype}


def test_layers_come_in_the_books_count(net, rng):
    trace = net.trace(*examples(rng, 2))
    assert [layer.l for layer in trace] == [1, 2, 3]
    assert len(trace) == trace.L == 3
    assert trace.layer(1) is trace.layers[0]
    assert trace.version == 1


@pytest.mark.parametrize("l", [0, np.int64(0)])
def test_layer_0_is_an_error_that_says_where_the_input_is(net, rng, l):
    with pytest.raises(dp.ArgumentError, match=r"Layer 0 is the input: it has no W, b or delta; see trace\.x"):
        net.trace(*examples(rng, 2)).layer(l)


@pytest.mark.parametrize("l", [-1, 4, 1.0, "1", True, None])
def test_other_layers_that_are_not_there_are_refused(net, rng, l):
    with pytest.raises(dp.ArgumentError, match="`l` must be a layer from 1 to 3"):
        net.trace(*examples(rng, 2)).layer(l)


@given(network_mn())
def test_the_equations_hold_between_its_numbers(example):
    net, X, Y = example
    trace = net.trace(X, Y)
    before = trace.x
    for layer in trace:
        W, b = W_b(layer)
        assert layer.a_prev is before or np.array_equal(layer.a_prev, before)
        close(layer.z, layer.a_prev @ W.T + b)
        dW = layer.delta.T @ layer.a_prev
        wanted = {"ds": np.diag(dW)} if layer.kind == "scale" else {"dW": dW, "db": layer.delta.sum(axis=0)}
        for name, array in wanted.items():
            close(getattr(layer, name), array)
        before = layer.a
    for lower, upper in zip(trace.layers, trace.layers[1:], strict=False):
        close(lower.delta, (upper.delta @ W_b(upper)[0]) * lower.sigma_prime)
    if np.abs(trace.grad_a).max() < 1e6:  # else σ is saturated: y / a is not finite, or 1 - a has lost its digits
        close(trace.layers[-1].delta, general_bp1(trace))


def W_b(layer):
    """W and b, of a layer of scales the diagonal matrix and 0."""
    return (np.diag(layer.s), 0) if layer.kind == "scale" else (layer.W, layer.b)


def close(got, want):
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10 * scale)


def general_bp1(trace):
    """Σ_k ∂a_k/∂z_j ∂C/∂a_k, whether σ' is elementwise or a Jacobian."""
    dsigma = trace.layers[-1].sigma_prime
    if dsigma.ndim == 2:
        return trace.grad_a * dsigma
    return np.einsum("mkj,mk->mj", dsigma, trace.grad_a)


def test_sigma_prime_of_softmax_is_its_jacobian(rng):
    net = network()
    X, Y = examples(rng, 4)
    last = net.trace(X, Y).layer(3)
    for i in range(4):
        a = last.a[i]
        np.testing.assert_allclose(last.sigma_prime[i], np.diag(a) - np.outer(a, a), atol=1e-15)


PAIRS = [("softmax", "cross_entropy"), ("sigmoid", "cross_entropy"), ("identity", "quadratic"), ("exp", "poisson")]


@pytest.mark.parametrize(("output", "cost"), PAIRS)
def test_the_canonical_error_is_the_general_one(output, cost, rng):
    spec = network(output=output, cost=cost).spec
    assert spec.canonical
    z, y = rng.standard_normal((2, 6)), rng.dirichlet([1, 1], 6).T
    share = np.full(6, 1 / 6)
    a, dsigma = spec.output.with_slope(z)
    short, long = (output_error(spec, z, a, dsigma, y, share, general) for general in (False, True))
    np.testing.assert_allclose(costs(spec, z, a, y), spec.cost.C(a, y), rtol=1e-12)
    np.testing.assert_allclose(short, long, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(short, (a - y) * share, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("cost", ["quadratic", "huber", "absolute", "quantile(0.9)"])
def test_softmax_with_another_cost_takes_the_jacobian(cost, rng):
    spec = network(output="softmax", cost=cost).spec
    z, y, share = rng.standard_normal((2, 6)), rng.dirichlet([1, 1], 6).T, np.full(6, 1 / 6)
    a = spec.output.sigma(z)
    short, long = (output_error(spec, z, a, None, y, share, general) for general in (False, True))
    np.testing.assert_allclose(short, long, rtol=1e-12, atol=1e-15)


def test_it_agrees_with_backprop_and_cost(net, rng):
    X, Y = examples(rng, 6)
    weight = rng.uniform(0.1, 2, 6)
    trace, gradient = net.trace(X, Y, weight), net.backprop(X, Y, weight)
    rtol = 1e-5 if net.spec.dtype == np.float32 else 1e-12
    assert trace.cost == pytest.approx(gradient.cost, rel=rtol)
    for seen, fast in zip(trace, gradient, strict=True):
        np.testing.assert_allclose(seen.dW, fast.dW, rtol=rtol, atol=rtol * np.abs(seen.dW).max())
        np.testing.assert_allclose(seen.db, fast.db, rtol=rtol, atol=rtol * np.abs(seen.db).max())


def test_the_deltas_carry_each_examples_share(rng):
    net = network()
    X, Y = examples(rng, 2)
    both = net.trace(X, Y, [3.0, 1.0]).layer(3).delta
    np.testing.assert_allclose(both[0], 0.75 * net.trace(X[:1], Y[:1]).layer(3).delta[0], rtol=1e-12)


def test_class_indices_are_written_out(net, rng):
    X, _ = examples(rng, 3)
    np.testing.assert_array_equal(net.trace(X, [1, 0, 1]).y, [[0, 1], [1, 0], [0, 1]])


def test_it_is_plain_data(net, rng):
    trace = net.trace(*examples(rng, 3))
    for part in (trace, *trace.layers):
        fields = {field.name: getattr(part, field.name) for field in dataclasses.fields(part) if field.name != "layers"}
        named = [array for name in ("parameters", "gradients") for array in fields.pop(name, {}).values()]
        assert all(isinstance(value, PLAIN) for value in (*fields.values(), *named)), fields
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.l = 7


def test_a_trace_stays_what_it_was_when_the_network_moves_on(net, rng):
    trace = net.trace(*examples(rng, 3))
    W, dW = trace.layer(2).W.copy(), trace.layer(2).dW.copy()
    net.theta[:] = 0
    np.testing.assert_array_equal(trace.layer(2).W, W)
    np.testing.assert_array_equal(trace.layer(2).dW, dW)


def test_dropout_masks_enter_a_and_sigma_prime(rng):
    net = network()
    X, Y, _ = net.examples(*examples(rng, 5))
    factors = {1: mask(net.spec, (0.5, 0.0), 0, 0, 1, 5)}
    masked, plain = record(net.spec, net.theta, X, Y, None, factors), net.trace(X, Y)
    np.testing.assert_array_equal(masked.layer(1).a, plain.layer(1).a * factors[1].T)
    np.testing.assert_array_equal(masked.layer(1).sigma_prime, plain.layer(1).sigma_prime * factors[1].T)
    assert (masked.layer(1).delta[factors[1].T == 0] == 0).all()
