"""The steps on a user's network: nothing right is accused, what is wrong is named, bad input gets a sentence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, reject
from mutants import past_the_check
from strategies import network_mn, network_of
from wrong_statements import STATEMENTS, STEPS

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.derivation.floats import float_setting
from deltaprop.derivation.notation import sym
from deltaprop.derivation.steps import Side
from deltaprop.derivation.verifying import ELEMENTS, verify


def failed(derivation):
    return [check.key for check in derivation.verification.steps if check.verified is False]


def check_of(derivation, key):
    return next(check for check in derivation.verification.steps if check.key == key)


# a^L so near 1 that a difference is rounded to another step
@example(network_of([1, 2], [], "sigmoid", "cross_entropy", m=2, seed=3, power=1))
@given(network_mn())
def test_every_step_holds_on_any_network_and_batch(drawn):
    try:
        found = dp.derive().verify(*drawn)
    except dp.ArgumentError as error:
        if "a finite ∇_a C" not in str(error):
            raise
        reject()  # all outputs at the end of their range: refused honestly, and tested below
    assert failed(found) == []
    assert found.ok


@given(network_mn())
def test_the_derivatives_are_those_of_a_trace(drawn):
    net, X, Y = drawn
    trace = net.trace(X, Y)
    if not np.isfinite(trace.grad_a).all():
        return
    setting = float_setting(net.spec, net.theta, X, Y, None)
    for l in range(1, net.L + 1):
        scale = np.abs(trace.layer(l).delta).max() + np.abs(trace.grad_a).max() + 1e-300
        np.testing.assert_allclose(setting.gradient("z", l).T / scale, trace.layer(l).delta / scale, atol=1e-9)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"exp"}))
@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0])
def test_no_activation_is_accused_at_any_scale(name, scale, rng):
    net = dp.Network([4, 6, 5, 3], activation=name, output="identity", cost="quadratic", seed=0)
    X = rng.standard_normal((9, 4)) * scale
    assert failed(dp.derive().verify(net, X, rng.standard_normal((9, 3)))) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("output", "cost"), [("softmax", "cross_entropy"), ("sigmoid", "cross_entropy")])
def test_confident_outputs_are_no_mistake(dtype, output, cost, rng):
    net = dp.Network([3, 4, 3], activation="tanh", output=output, cost=cost, dtype=dtype, seed=1)
    net.layer(2).W[...] *= 12
    X, Y = rng.standard_normal((20, 3)), np.eye(3)[rng.integers(0, 3, 20)]
    assert failed(dp.derive().verify(net, X, Y)) == []


def test_rows_at_which_the_cost_has_no_slope_are_left_out_and_counted(rng):
    net = dp.Network([1, 1], output="sigmoid", cost="cross_entropy", dtype="float64", seed=0)
    net.layer(1).W[...], net.layer(1).b[...] = 1, 0
    found = dp.derive().verify(net, [[0.5], [60.0], [-1.0]], [[1.0], [0.0], [1.0]]).verification
    assert (found.given, found.rows, found.left_out, found.ok) == (3, 2, 1, True)
    with pytest.raises(dp.ArgumentError, match=r"`X` must be rows of which at least one has a finite ∇_a C. Got rows"):
        dp.derive().verify(net, [[60.0]], [[0.0]])


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "selu"])
def test_a_kink_is_no_mistake(name):
    net = dp.Network([2, 3, 1], activation=name, output="identity", cost="absolute", seed=0)
    net.layer(1).b[...] = 0
    X = np.array([[0.0, 0.0], [1e-9, 0.0], [0.3, -1e-12]])  # z = 0 and nearly 0
    assert failed(dp.derive().verify(net, X, net.forward(X))) == []  # a = y: the kink of the cost


def test_every_way_to_weight_the_examples_is_right(rng):
    net = dp.Network([3, 4, 2], seed=0)
    X, Y = rng.standard_normal((5, 3)), rng.integers(0, 2, 5)
    for weight in (None, rng.uniform(0, 3, 5), [0, 0, 1, 0, 0]):
        assert dp.derive().verify(net, X, Y, weight).ok


def test_ones_own_pair_is_verified():
    cube = dp.Activation("cube", lambda z: z**3 / 9, lambda z: z**2 / 3)
    net = dp.Network([2, 4, 2], activation=cube, output=cube, cost="quadratic", dtype="float64", seed=0)
    found = dp.derive().verify(net, [[1.0, -1.0], [0.2, 0.0]], [[0.0, 1.0], [0.0, 1.0]])
    assert failed(found) == []
    assert check_of(found, "BP2.2").residual == 0


def test_a_wrong_derivative_of_ones_own_fails_where_it_is_used():
    cube = dp.Activation("cube", lambda z: z**3, lambda z: 2.999 * z**2)
    net = dp.Network([2, 3, 3, 2], activation=["tanh", cube], output="identity", cost="quadratic", seed=0)
    found = dp.derive().verify(net, [[1.0, -1.0], [0.2, 0.5]], [[0.0, 1.0], [0.0, 1.0]])
    assert failed(found) == ["BP2.2", "BP2.3", "BP2.4"]
    assert {check_of(found, key).layer for key in failed(found)} == {2}
    assert not found.ok


def test_a_wrong_gradient_of_ones_own_cost_fails_in_bp1():
    wrong = dp.Cost("wrong", lambda a, y: ((a - y) ** 2).sum(axis=0), lambda a, y: a - y)  # the factor 2
    right = dp.Network([2, 3, 2], activation="tanh", output="sigmoid", cost="quadratic", seed=0)
    net = past_the_check(right, cost=wrong)
    found = dp.derive().verify(net, [[1.0, -1.0]], [[0.0, 1.0]])
    assert failed(found) == ["BP1.3", "softmax.1", "batch.1"]


def planted(statement, net, X, Y, weight):
    section = next(s for s in dp.derive().sections if s.key == statement.key.split(".")[0])
    return verify([statement.step, *section.steps], net, X, Y, weight).steps


@pytest.mark.parametrize("statement", [s for s in STATEMENTS if s.numbers], ids=str)
def test_a_wrong_statement_fails_on_a_network(statement, rng):
    X, Y, weight = rng.standard_normal((4, 3)), rng.dirichlet(np.ones(3), 4), rng.uniform(1, 2, 4)
    verdicts, kinds = [], ("scale", "dense", "scale") if statement.key.startswith("scale") else "dense"
    for output, cost in (("sigmoid", "quadratic"), ("softmax", "quadratic"), ("softmax", "cross_entropy")):
        net = dp.Network(
            [3, 3, 3, 3], activation="tanh", output=output, cost=cost, kinds=kinds, seed=2, engine="reference"
        )
        net.theta[:] += rng.uniform(0, 0.5, net.theta.shape)
        wrong, *right = planted(statement, net, X, Y, weight)
        assert all(check.verified is not False for check in right)
        verdicts.append(wrong.verified)
    assert False in verdicts
    assert True not in verdicts


def test_a_mistake_far_below_float32_is_seen(rng):
    step = STEPS["BP2.4"]
    last = step.sides[-1]
    almost = replace(step, sides=(step.sides[0], Side(last.term, lambda s, l: last.value(s, l) * (1 + 1e-12))))
    net = dp.Network([3, 4, 2], seed=0)
    X, Y = rng.standard_normal((4, 3)), rng.integers(0, 2, 4)
    (check,) = verify([almost], net, X, Y).steps
    assert check.verified is False
    assert check.residual > 1e3 > check.tolerance


def test_sides_of_different_shapes_are_not_equal(rng):
    step = replace(STEPS["BP3.3"], sides=(STEPS["BP3.3"].sides[0], Side(sym("x"), lambda s, l: s.gradient("b", l))))
    (check,) = verify([step], dp.Network([3, 2], seed=0), rng.standard_normal((4, 3)), [0, 1, 0, 1]).steps
    assert (check.verified, check.residual) == (False, np.inf)


def test_steps_that_say_nothing_of_a_network_say_why(rng):
    X = rng.standard_normal((3, 4))
    one_layer = dp.derive().verify(dp.Network([4, 2], output="sigmoid", cost="quadratic"), X, np.zeros((3, 2)))
    soft = dp.derive().verify(dp.Network([4, 5, 2]), X, [0, 1, 0])
    assert one_layer.ok
    assert soft.ok
    assert check_of(one_layer, "BP2.1").note == "This network has no hidden layer."
    assert check_of(one_layer, "scale.1").note == "This network has no hidden layer below a layer of scales."
    assert check_of(one_layer, "scale.3").note == "This network has no layer of scales at its input."
    assert check_of(one_layer, "scale.7").note == "This network has no layer of scales."
    assert check_of(one_layer, "softmax.2").note.startswith(
        "The output is sigmoid, which is elementwise: BP1 takes its"
    )
    assert check_of(one_layer, "softmax.4").note.startswith("sigmoid with quadratic is not a canonical pair")
    assert check_of(soft, "BP1.3").note.startswith("The output is softmax, which is not elementwise: BP1 takes its gen")
    assert check_of(soft, "softmax.4").verified
    assert {check.verified for check in one_layer.verification.steps} == {True, None}


def test_layers_of_scales_are_verified(rng):
    """As dense layers with a diagonal W, and by steps of their own."""
    kinds = ("scale", "dense", "scale", "dense")
    net = dp.Network([3, 3, 4, 4, 2], activation="tanh", kinds=kinds, seed=0, engine="reference")
    net.theta[:] += rng.uniform(0, 0.5, net.theta.shape)
    found = dp.derive().verify(net, rng.standard_normal((5, 3)), rng.integers(0, 2, 5))
    assert failed(found) == []
    layers = {key: check_of(found, key).layers for key in ("BP2.4", "BP4.4", "scale.2", "scale.3", "scale.7")}
    assert layers == {"BP2.4": (1, 2, 3), "BP4.4": (2, 4), "scale.2": (2,), "scale.3": (1,), "scale.7": (1, 3)}
    assert "in layers 1, 3" in str(found)


def test_one_row_and_one_unit_are_enough():
    net = dp.Network([1, 1], output="tanh", cost="quadratic", seed=0)
    assert dp.derive().verify(net, [[0.7]], [[0.1]]).ok


def test_of_a_big_network_as_many_rows_take_part_as_fit(rng):
    net = dp.Network([300, 200, 3], seed=0)
    found = dp.derive("BP2").verify(net, rng.standard_normal((200, 300)), rng.integers(0, 3, 200)).verification
    assert (found.ok, found.given, found.left_out) == (True, 200, 0)
    assert found.rows == ELEMENTS // (200 * 300)


def test_network_and_rows_are_left_as_they_were(rng):
    net = dp.Network([3, 4, 2], seed=0)
    X, Y = rng.standard_normal((4, 3)), rng.integers(0, 2, 4)
    before = net.theta.copy(), X.copy()
    dp.derive().verify(net, X, Y)
    np.testing.assert_array_equal(net.theta, before[0])
    np.testing.assert_array_equal(X, before[1])


BAD = {
    "no rows": (np.empty((0, 3)), np.empty(0, int), dp.ArgumentError, "`X` must be at least one row. Got 0 rows"),
    "width": (np.zeros((2, 4)), [0, 1], dp.ShapeError, "`X` must be of shape (m, 3), to meet W^1"),
    "one-dimensional": (np.zeros(3), [0], dp.ShapeError, "For one example use X.reshape(1, -1)"),
    "targets": (np.zeros((2, 3)), [0], dp.ShapeError, "`Y` must be as many rows as the inputs, 2. Got 1 rows"),
    "class": (np.zeros((2, 3)), [0, 2], dp.ArgumentError, "class indices from 0 to 1. Got 2 in row 1"),
    "missing": ([[0, 1, np.nan]], [0], dp.ArgumentError, "`X` must be finite numbers. Got nan in row 0"),
    "text": ([["a", "b", "c"]], [0], dp.ArgumentTypeError, "`X` must be an array of numbers. Got text"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence(case):
    X, Y, error, says = BAD[case]
    with pytest.raises(error, match=re.escape(says)):
        dp.derive().verify(dp.Network([3, 2], seed=0), X, Y)


def test_what_is_no_network_is_refused():
    with pytest.raises(dp.ArgumentTypeError, match=r"`net` must be a deltaprop.Network. Got str\."):
        dp.derive().verify("net", [[0.0]], [0])


def test_what_overflows_is_said_with_its_step():
    net = dp.Network([1, 1, 1, 1], activation="identity", output="identity", cost="quadratic", dtype="float64", seed=0)
    for layer in net:
        layer.W[...] = 1e155
        layer.b[...] = 0
    with pytest.raises(dp.NonFiniteError, match=r"BP2\.\d in layer \d: a side overflows in float64\. Scale"):
        dp.derive("BP2").verify(net, [[0.0]], [[1.0]])
