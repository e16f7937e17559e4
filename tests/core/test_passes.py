"""core/passes.py against the loops of tests/naive.py: every z, a and ∂C/∂x, with dropout masks and layers of scales."""

from __future__ import annotations

import naive
import numpy as np
import pytest
from engine_oracles import NaiveOracle, written_out
from hypothesis import given
from hypothesis import strategies as st
from strategies import network_mn

from deltaprop.core.objective import costs
from deltaprop.core.passes import backward, forward, input_error
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Data

KINDS = [("dense",) * 3, ("scale", "dense", "dense"), ("dense", "scale", "dense"), ("scale",) * 3]
M = 5


def problem(kinds, rng, output="softmax", cost="cross_entropy"):
    """(spec, θ, x, y, share, masks, examples): 3-3-3-3, masks on a^1 and a^2, shares of no equal weights."""
    spec = make_spec((3, 3, 3, 3), ["tanh", "gelu"], output, cost, "float64", kinds)
    theta, X = rng.standard_normal(spec.n_parameters), rng.standard_normal((M, 3))
    data = Data(X, rng.dirichlet(np.ones(3), M), rng.uniform(0.5, 2, M))
    masks = {l: 1.6 * (rng.random((3, M)) < 0.6) for l in (1, 2)}
    return spec, theta, data, data.weight / data.weight.sum(), masks


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize(
    ("output", "cost"), [("softmax", "cross_entropy"), ("softmax", "quadratic"), ("tanh", "huber")]
)
def test_a_pass_is_that_of_the_loops(rng, kinds, output, cost, masked):
    spec, theta, data, share, masks = problem(kinds, rng, output, cost)
    masks = masks if masked else {}
    rows = {l: mask.T.tolist() for l, mask in masks.items()}
    oracle = NaiveOracle(spec)
    want = oracle.backprop(theta, data, rows)
    passed = forward(spec, theta, data.X.T, masks)
    assert len(passed.z) == len(passed.a) == len(passed.dsigma) == 4
    assert passed.z[0].size == passed.dsigma[0].size == 0
    for i, x in enumerate(data.X.tolist()):
        zs, activations = naive.forward_one(oracle.layers(theta), x, {l: mask[i] for l, mask in rows.items()})
        for l in range(4):
            np.testing.assert_allclose(passed.a[l][:, i], activations[l], rtol=1e-12)
            if l:
                np.testing.assert_allclose(passed.z[l][:, i], zs[l - 1], rtol=1e-12, atol=1e-14)
    y, gradient = data.Y.T, np.empty(spec.n_parameters)
    assert costs(spec, passed.z[-1], passed.a[-1], y) @ share == pytest.approx(want.cost, rel=1e-12)
    layers = []
    for l, delta in backward(spec, theta, passed, y, share):
        layers.append(l)
        spec.kind(l).gradients(delta, passed.a[l - 1], spec.arrays(gradient, l))
    assert layers == [3, 2, 1]
    np.testing.assert_allclose(gradient, oracle.gradients(theta, data, rows)[1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(input_error(spec, theta, delta).T, want.dx, rtol=1e-9, atol=1e-12)


def test_without_slopes_the_pass_is_the_same_and_has_none(rng):
    spec, theta, data, _, masks = problem(KINDS[1], rng)
    whole, plain = (forward(spec, theta, data.X.T, masks, slopes=slopes) for slopes in (True, False))
    for part, other in zip((*whole.z, *whole.a), (*plain.z, *plain.a), strict=True):
        np.testing.assert_array_equal(part, other)
    assert plain.dsigma[1:] == [None] * 3
    assert whole.dsigma[3] is None  # softmax has a Jacobian
    assert whole.dsigma[2] is not None


@given(network_mn(), st.booleans())
def test_scales_compute_what_their_dense_layer_computes(example, last):
    """A layer s below or above the network against W = diag(s), b = 0: the outputs, δ and all gradients."""
    net, X, Y = example
    n, old = net.spec.sizes[-1 if last else 0], net.spec
    hidden = [*old.activations[:-1], "identity"] if last else ["identity", *old.activations[:-1]]
    sizes = (*old.sizes, n) if last else (n, *old.sizes)
    at = len(sizes) - 1 if last else 1
    kinds = list(old.kinds)
    kinds.insert(at - 1, "scale")
    spec, twin = (make_spec(sizes, hidden, old.output, old.cost, "float64", kind) for kind in (kinds, "dense"))
    s = np.linspace(-1.5, 1.5, n) + 0.2
    theta, other = np.zeros(spec.n_parameters), np.zeros(twin.n_parameters)
    for l in range(1, spec.L + 1):
        given = {"s": s} if l == at else net.spec.arrays(net.theta, l - (l > at))
        for name, array in given.items():
            spec.arrays(theta, l)[name][...] = array
        for name, array in zip("Wb", spec.kind(l).dense(spec.arrays(theta, l)), strict=True):
            twin.arrays(other, l)[name][...] = array
    share, y = np.full(len(X), 1 / len(X)), written_out(Y, sizes[-1]).T
    passed, dense = forward(spec, theta, X.T), forward(twin, other, X.T)
    np.testing.assert_allclose(passed.a[-1], dense.a[-1], rtol=1e-12, atol=1e-300)
    walks = backward(spec, theta, passed, y, share), backward(twin, other, dense, y, share)
    for (l, delta), (_, want) in zip(*walks, strict=True):
        np.testing.assert_allclose(delta, want, rtol=1e-8, atol=1e-12)
        if l == at:
            found = {"s": np.empty(n)}
            spec.kind(l).gradients(delta, passed.a[l - 1], found)
            dW = {"W": np.empty((n, n)), "b": np.empty(n)}
            twin.kind(l).gradients(want, dense.a[l - 1], dW)
            np.testing.assert_allclose(found["s"], np.diagonal(dW["W"]), rtol=1e-8, atol=1e-10 * np.abs(dW["W"]).max())
