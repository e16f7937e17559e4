"""Where NaN or Inf first appeared is said by layer and equation, in the order of the equations."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.trace.nonfinite import first_nonfinite

X, Y = np.array([[1.0, 2.0]]), np.array([[0.5, -0.5]])


@pytest.fixture
def net():
    net = dp.Network([2, 3, 2], activation="identity", output="identity", cost="quadratic", dtype="float64", seed=0)
    net.theta[:] = 1
    return net


def said(net, X=X, Y=Y):
    return first_nonfinite(net.trace(X, Y))


def test_nothing_is_said_where_all_is_finite(net):
    assert said(net) is None


def test_a_parameter(net):
    net.layer(2).b[1] = np.nan
    assert said(net) == "NaN in layer 2, the parameters W and b"


def test_a_weighted_input(net):
    net.layer(1).W[...] = 1e308
    assert said(net) == "Inf in layer 1, forward, z^1 = W^1 a^0 + b^1"


def test_an_activation(net):
    grows = dp.Activation("grows", lambda z: np.exp(1e3 * z), lambda z: 1e3 * np.exp(1e3 * z))
    net = dp.Network([2, 2], output=grows, cost="quadratic", dtype="float64", seed=0)
    net.theta[:] = 1
    assert said(net) == "Inf in layer 1, forward, a^1 = σ(z^1)"


def test_the_cost(net):
    net.layer(1).W[...] = 1e160
    assert said(net) == "Inf in layer 2, the cost C(a^2, y)"


def test_bp1_of_a_wrong_derivative_of_ones_own():
    odd = dp.Activation("odd", np.tanh, lambda z: np.full_like(z, np.nan))
    net = dp.Network([2, 2], output=odd, cost="quadratic", dtype="float64", seed=0)
    assert said(net) == "NaN in layer 1, BP1"


def test_bp2(net):
    odd = dp.Activation("odd", np.tanh, lambda z: np.full_like(z, np.inf))
    net = dp.Network([2, 3, 2], activation=odd, output="identity", cost="quadratic", dtype="float64", seed=0)
    assert "in layer 1, BP2, δ^1 = ((W^2)ᵀ δ^2) ⊙ σ'(z^1)" in said(net)


def test_bp4(net):
    net.layer(2).W[...] = 1e120
    net.layer(1).W[...] = 1e-5
    assert said(net, X * 1e110, Y) == "Inf in layer 2, the cost C(a^2, y)"
    net = dp.Network([1, 1], output="identity", cost="quadratic", dtype="float64", seed=0)
    net.theta[:] = 0
    assert said(net, [[1e200]], [[1e150]]) == "Inf in layer 1, BP4, ∂C/∂W^1"


def test_backprop_says_it_as_an_error(net):
    net.layer(1).W[0, 0] = np.inf
    with pytest.raises(dp.NonFiniteError, match=r"^Inf in layer 1, the parameters W and b\.$"):
        net.backprop(X, Y)
