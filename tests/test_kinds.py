"""Layers of scales and rates of single parameters as people use them: layers, traces, training, norms, copies."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.factors.norms import delta_norms, gradient_norms, input_gradients
from deltaprop.trace.nonfinite import first_nonfinite

KINDS = [("scale", "dense", "dense"), ("dense", "scale", "dense"), ("dense", "dense", "scale"), ("scale",) * 3]
kinds_of_all_places = pytest.mark.parametrize("kinds", KINDS, ids=["first", "middle", "last", "all"])
TWINS = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda one: pickle.loads(pickle.dumps(one))}


def network(kinds=KINDS[1], rng=None, **given):
    given = {"activation": "tanh", "dtype": "float64", "seed": 0, "kinds": kinds, **given}
    net = dp.Network([3, 3, 3, 3], **given)
    if rng is not None:
        net.theta[...] = rng.standard_normal(net.theta.size)
    return net


def examples(rng, m=7):
    return rng.standard_normal((m, 3)), rng.dirichlet(np.ones(3), m)


# Layers


@kinds_of_all_places
def test_a_layer_has_the_arrays_of_its_kind(kinds, rng):
    net = network(kinds, rng)
    X, Y = examples(rng)
    trace, gradient = net.trace(X, Y), net.backprop(X, Y)
    for l, kind in enumerate(kinds, 1):
        want = {"s"} if kind == "scale" else {"W", "b"}
        layer, traced, slope = net.layer(l), trace.layer(l), gradient.layer(l)
        assert (layer.kind, traced.kind, slope.kind) == (kind,) * 3
        assert set(layer.parameters) == set(traced.parameters) == set(slope.gradients) == want
        for name in want:
            assert np.shares_memory(getattr(layer, name), net.theta)
            np.testing.assert_array_equal(getattr(traced, name), getattr(layer, name))
            np.testing.assert_allclose(getattr(traced, f"d{name}"), getattr(slope, f"d{name}"), rtol=1e-12, atol=1e-15)
            assert {name, f"d{name}"} <= set(dir(traced))


def test_an_array_that_a_layer_has_not_is_an_error_that_says_what_it_has(rng):
    net = network(rng=rng)
    trace, gradient = net.trace(*examples(rng)), net.backprop(*examples(rng))
    for layer, name, have in (
        (net.layer(2), "W", "s"),
        (net.layer(1), "s", "W, b"),
        (net.layer(1), "dW", "W, b"),
        (trace.layer(2), "db", "s, ds"),
        (trace.layer(3), "ds", "W, b, dW, db"),
        (gradient.layer(2), "dW", "ds"),
        (gradient.layer(1), "w", "dW, db"),
    ):
        kind = "scale" if layer.l == 2 else "dense"
        with pytest.raises(
            AttributeError, match=rf"^Layer {layer.l}, of kind {kind}, has no '{name}'; it has {have}\.$"
        ):
            getattr(layer, name)
        assert not hasattr(layer, name)
        assert getattr(layer, name, None) is None


@pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
def test_layers_and_traces_are_copied_and_pickled(twin, rng):
    net = network(rng=rng)
    X, Y = examples(rng)
    trace, gradient = net.trace(X, Y), net.backprop(X, Y)
    again = twin(trace)
    for layer, other in zip(trace, again, strict=True):
        for name in ("z", "a", "delta", *layer.parameters, *(f"d{name}" for name in layer.gradients)):
            np.testing.assert_array_equal(getattr(other, name), getattr(layer, name))
    np.testing.assert_array_equal(twin(gradient).layer(2).ds, gradient.layer(2).ds)
    np.testing.assert_array_equal(twin(net.layer(2)).s, net.layer(2).s)
    np.testing.assert_array_equal(twin(net).backprop(X, Y).vector, gradient.vector)


def test_writing_to_the_scales_changes_the_network(rng):
    net = network(rng=rng)
    X, _ = examples(rng)
    net.layer(2).s[...] = 0
    hidden = np.tanh(np.zeros((1, 3)))  # of layer 2, whatever X is
    want = network(rng=None).layer(3)
    net.layer(3).W[...], net.layer(3).b[...] = want.W, want.b
    z = hidden @ want.W.T + want.b
    np.testing.assert_allclose(net.forward(X), np.tile(np.exp(z) / np.exp(z).sum(), (7, 1)), rtol=1e-12)


@kinds_of_all_places
def test_gradients_and_jacobian_are_the_differences(kinds, rng):
    net, h = network(kinds, rng), 1e-6
    X, Y = examples(rng, 3)
    gradient, theta = net.backprop(X, Y).vector, net.theta.copy()
    for direction in np.eye(len(theta)):
        net.theta[...] = theta + h * direction
        above = net.cost(X, Y)
        net.theta[...] = theta - h * direction
        assert (above - net.cost(X, Y)) / (2 * h) == pytest.approx(gradient @ direction, rel=1e-6, abs=1e-8)
    net.theta[...] = theta
    jacobian = net.jacobian(X)
    for k in range(3):
        step = h * np.eye(3)[k]
        np.testing.assert_allclose(
            jacobian[:, :, k], (net.forward(X + step) - net.forward(X - step)) / (2 * h), atol=1e-8
        )


def test_where_a_layer_of_scales_is_not_finite_is_said_in_its_words():
    net = network(("scale", "scale", "scale"), activation="identity", output="identity", cost="quadratic")
    X, Y = np.ones((1, 3)), np.zeros((1, 3))
    net.layer(2).s[1] = np.inf
    assert first_nonfinite(net.trace(X, Y)) == "Inf in layer 2, the parameters s"
    net.layer(2).s[1] = 1e200
    net.layer(1).s[1] = 1e200
    assert first_nonfinite(net.trace(X, Y)) == "Inf in layer 2, forward, z^2 = s^2 ⊙ a^1"
    net.layer(1).s[1], net.layer(2).s[1], net.layer(3).s[1] = 1e-200, 1e200, 1e150
    assert first_nonfinite(net.trace(X, Y)) == "Inf in layer 1, BP2, δ^1 = (s^2 ⊙ δ^2) ⊙ σ'(z^1)"
    net.theta[...] = 1
    X[0, 1], net.layer(1).s[1], net.layer(2).s[1] = 1e200, 1e-200, 1e150
    assert first_nonfinite(net.trace(X, Y)) == "Inf in layer 1, BP4, ∂C/∂s^1"


# Training


def test_a_scale_in_front_undoes_the_units_of_the_inputs(rng):
    """It learns what a dense layer behind it would need large weights for."""
    X = rng.standard_normal((200, 3)) * [1e-2, 1, 1]
    y = X @ [100.0, 1, -1]
    net = dp.Network([3, 3, 1], kinds=["scale", "dense"], activation="identity", output="identity", cost="quadratic")
    history = dp.train(net, X, y[:, None], epochs=150, optimizer=dp.Adam(0.1), seed=0)
    assert history.cost[-1] < 1e-2 * history.cost[0]
    assert abs(net.layer(1).s[0]) > 3


def test_rates_reach_every_step_of_train(rng):
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    nets = [dp.Network([3, 4, 2], seed=0, rates=rates, dtype="float64") for rates in (None, {(1, "W"): 0, (2, "b"): 0})]
    before = nets[0].theta.copy()
    for net in nets:
        dp.train(net, X, y, epochs=3, seed=0, l2=0.1, optimizer=dp.AdamW(0.05))
    for block in nets[0].spec.blocks:
        frozen = (block.layer, block.name) in {(1, "W"), (2, "b")}
        assert (block.of(nets[0].theta) != block.of(before)).all()
        assert (block.of(nets[1].theta) == block.of(before)).all() == frozen


def test_rates_are_refused_with_l_bfgs_and_scales_are_not(rng):
    X, y = rng.standard_normal((20, 3)), rng.integers(0, 3, 20)
    with pytest.raises(dp.ArgumentError, match=r"`rates` must be left out with L-BFGS, which has no learning rate"):
        dp.train(network(rates={(2, "s"): 0.5}), X, y, optimizer="lbfgs")
    history = dp.train(network(), X, y, optimizer="lbfgs", l2=0.01, epochs=20)
    assert history.cost[-1] < history.cost[0]


def test_scales_and_rates_run_on_the_native_engine(native):
    assert network("scale", rates={(1, "s"): 0.5}).engine == "native"


# Norms of single examples


def each_alone(net, X, Y):
    """(‖∂C_i/∂θ‖, δ^l of each layer) of every example by itself."""
    norms, deltas = [], []
    for i in range(len(X)):
        trace = net.trace(X[i : i + 1], Y[i : i + 1])
        parts = [v.astype(np.float64).ravel() for layer in trace for v in layer.gradients.values()]
        whole = np.concatenate(parts)
        top = np.abs(whole).max()
        norms.append(np.linalg.norm(whole / top) * top if top else 0.0)
        deltas.append([layer.delta[0].astype(np.float64) for layer in trace])
    return np.array(norms), deltas


@kinds_of_all_places
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e10])
def test_norms_of_examples_are_those_of_each_alone(kinds, dtype, scale, rng):
    net = network(kinds, rng, dtype=dtype, activation="identity", output="identity", cost="absolute")
    for l, kind in enumerate(kinds, 1):
        if kind == "scale":
            net.layer(l).s[...] *= scale
    X, Y = rng.standard_normal((9, 3)), rng.standard_normal((9, 3))
    want, deltas = each_alone(net, X, Y)
    rtol = 1e-5 if dtype == "float32" else 1e-12
    tiny = np.finfo(dtype).tiny  # below it the gradient itself has lost digits
    np.testing.assert_allclose(gradient_norms(net, X, Y), want, rtol=rtol, atol=tiny)
    rms = [np.sqrt(np.mean([d[l] ** 2 for d in deltas])) for l in range(3)]
    np.testing.assert_allclose(delta_norms(net, X, Y), rms, rtol=rtol, atol=tiny)


@kinds_of_all_places
def test_an_example_whose_units_are_all_dead_has_no_norm_below_them(kinds, rng):
    """ReLU of numbers below 0: a = 0 and σ' = 0 for row 0, by the layer of scales too."""
    net = network(kinds, rng, activation="relu", output="identity", cost="quadratic")
    for array in net.layer(1).parameters.values():
        array[...] = 0.5
    X, Y = rng.standard_normal((4, 3)) ** 2 + 1, rng.standard_normal((4, 3))
    X[0] = -3
    want, _ = each_alone(net, X, Y)
    found = gradient_norms(net, X, Y)
    np.testing.assert_allclose(found, want, rtol=1e-12)
    trace = net.trace(X, Y)
    assert not trace.layer(1).a[0].any()
    assert not trace.layer(1).delta[0].any()
    if kinds == ("scale",) * 3:
        assert found[0] == 0
    np.testing.assert_array_equal(input_gradients(net, X, Y)[0], 0)


@pytest.mark.parametrize("size", [1e160, 1e-170])
def test_the_norm_of_scales_whose_square_is_no_number_is_right(size):
    net = dp.Network([2, 2], kinds="scale", output="identity", cost="absolute", dtype="float64", seed=0)
    found = gradient_norms(net, [[3 * size, 4 * size], [0, 0]], np.full((2, 2), -1.0))
    np.testing.assert_allclose(found, [5 * size, 0], rtol=1e-14)
