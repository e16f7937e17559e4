"""The worked example of M. Mazur, "A step by step backpropagation example" (2015): 2-2-2, on paper scale.

       w1 = .15, w2 = .20                w5 = .40, w6 = .45
x1 = .05 ---------------> h1 ---------------> o1, y1 = .01
x2 = .10 ---------------> h2 ---------------> o2, y2 = .99
       w3 = .25, w4 = .30                w7 = .50, w8 = .55
       b1 = .35 for both                 b2 = .60 for both
"""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp

X, Y = [[0.05, 0.10]], [[0.01, 0.99]]
EXACT = {"rtol": 0, "atol": 1e-14}


@pytest.fixture
def net():
    net = dp.Network([2, 2, 2], activation="sigmoid", output="sigmoid", cost="quadratic", dtype="float64")
    net.layer(1).W[...] = [[0.15, 0.20], [0.25, 0.30]]
    net.layer(2).W[...] = [[0.40, 0.45], [0.50, 0.55]]
    net.layer(1).b[...], net.layer(2).b[...] = 0.35, 0.60
    return net


def test_forward(net):
    trace = net.trace(X, Y)
    # z_h1 = .15 (.05) + .20 (.10) + .35 = .3775;  z_h2 = .25 (.05) + .30 (.10) + .35 = .3925
    np.testing.assert_allclose(trace.layer(1).z, [[0.3775, 0.3925]], **EXACT)
    # a_h1 = 1 / (1 + e^-.3775) = .593269992107187;  a_h2 = 1 / (1 + e^-.3925) = .596884378259767
    np.testing.assert_allclose(trace.layer(1).a, [[0.5932699921071873, 0.5968843782597671]], rtol=0, atol=1e-15)
    # z_o1 = .40 (.593270) + .45 (.596884) + .60 = 1.105905967059770
    # z_o2 = .50 (.593270) + .55 (.596884) + .60 = 1.224921404096466
    np.testing.assert_allclose(trace.layer(2).z, [[1.105905967059770, 1.224921404096466]], rtol=0, atol=2e-15)
    # a_o1 = .751365069552316, a_o2 = .772928465321463
    np.testing.assert_allclose(net.forward(X), [[0.7513650695523157, 0.7729284653214626]], rtol=0, atol=1e-15)


def test_cost(net):
    # C = ½ (.751365069552316 - .01)² + ½ (.772928465321463 - .99)² = .274811083176155 + .023560025583848
    assert abs(net.cost(X, Y) - 0.298371108760003) <= 1e-14


def test_errors_by_bp1_and_bp2(net):
    trace = net.trace(X, Y)
    # BP1: δ_o1 = (a - y) a (1 - a) = .741365069552316 * .186815601808960 =  .138498561628557
    #      δ_o2 = -.217071534678537 * .175510052817271                     = -.038098236516556
    np.testing.assert_allclose(trace.layer(2).delta[0, 0], 0.138498561628557, rtol=0, atol=1e-14)
    np.testing.assert_allclose(trace.layer(2).delta[0, 1], -0.038098236516556, rtol=0, atol=1e-14)
    # BP2: δ_h1 = (.40 δ_o1 + .50 δ_o2) a_h1 (1 - a_h1)
    #           = (.055399424651 - .019049118258) * .241300708572 = .008771354689487
    np.testing.assert_allclose(trace.layer(1).delta[0, 0], 0.008771354689487, rtol=0, atol=1e-14)


def test_gradients_by_bp3_and_bp4(net):
    g = net.backprop(X, Y)
    # BP4: ∂C/∂w5 = δ_o1 a_h1 = .138498561628557 * .593269992107187 = .082167040564231
    assert abs(g.layer(2).dW[0, 0] - 0.082167040564231) <= 1e-14
    # BP4: ∂C/∂w1 = δ_h1 x1 = .008771354689487 * .05 = .000438567734474
    assert abs(g.layer(1).dW[0, 0] - 0.000438567734474) <= 1e-14
    # BP3: ∂C/∂b = δ
    np.testing.assert_allclose(g.layer(2).db, net.trace(X, Y).layer(2).delta[0], rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_step_at_eta_one_half(net, dtype):
    net = net.astype(dtype)
    dp.train(net, X, Y, epochs=1, optimizer=dp.SGD(0.5), seed=0)
    tolerance = {"float64": 1e-14, "float32": 1e-7}[dtype]
    W1, W2 = net.layer(1).W, net.layer(2).W
    # w5+ = .40 - .5 * .082167040564231
    assert abs(W2[0, 0] - 0.358916479717885) <= tolerance
    # the others as published: w6+, w7+, w8+
    np.testing.assert_allclose(
        W2.ravel()[1:], [0.408666186076233, 0.511301270238738, 0.561370121107989], rtol=0, atol=tolerance
    )
    # w1+ = .15 - .5 * .000438567734474
    assert abs(W1[0, 0] - 0.149780716132763) <= tolerance
    w2_to_w4 = [0.19956143226552567, 0.24975114363236958, 0.29950228726473915]
    np.testing.assert_allclose(W1.ravel()[1:], w2_to_w4, rtol=0, atol=tolerance)


def test_two_thousand_steps_bring_the_cost_near_nothing(net):
    dp.train(net, X, Y, epochs=2000, optimizer=dp.SGD(0.5), seed=0)
    assert net.cost(X, Y) < 1e-3
