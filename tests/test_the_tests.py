"""The checker is checked: every planted mistake is caught and named, and nothing right is accused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from mutants import HIDDEN, MUTANTS, SCALES
from strategies import network_mn, network_of

import deltaprop as dp
from deltaprop.core.activations import ACTIVATIONS, OUTPUTS
from deltaprop.core.costs import COSTS
from deltaprop.core.functions import get_cost
from deltaprop.verify.check import check_gradient


def by_name(mutants):
    return pytest.mark.parametrize("mutant", mutants, ids=lambda mutant: mutant.name.replace(" ", "_"))


CAUGHT = [*MUTANTS, *(mutant for mutant in HIDDEN if mutant.kinds == SCALES and mutant.function != "scaled_input")]


def network(mutant, rng, dtype="float64"):
    """The mutant's network, its scales not 1."""
    net = mutant.network(dtype)
    net.theta[:] += 0.3 * rng.standard_normal(net.theta.shape)
    return net


def examples(rng, m=6):
    return rng.standard_normal((m, 3)), rng.dirichlet(np.ones(3), m), rng.uniform(0.5, 2, m)


def checked(mutant, dtype, rng, monkeypatch):
    net = network(mutant, rng, dtype)
    arrays = examples(rng)
    assert dp.check(net, *arrays).ok, "right before the mistake is planted"
    mutant.plant(monkeypatch)
    return dp.check(net, *arrays)


@by_name(CAUGHT)
def test_every_planted_mistake_is_caught(mutant, rng, monkeypatch):
    assert not checked(mutant, "float64", rng, monkeypatch).ok


@by_name(CAUGHT)
def test_they_are_caught_in_float32_too(mutant, rng, monkeypatch):
    assert not checked(mutant, "float32", rng, monkeypatch).ok


@by_name(CAUGHT)
def test_the_worst_element_names_equation_and_layer(mutant, rng, monkeypatch):
    report = checked(mutant, "float64", rng, monkeypatch)
    wrong = {(row.layer, row.equation) for row in report.rows if row.error > report.tolerance}
    equations = {"BP3", "BP4"} if mutant.equation is None else {mutant.equation}
    there = {(row.layer, row.equation) for row in report.rows}
    assert wrong == there & {(layer, equation) for layer in mutant.layers for equation in equations}
    assert (report.worst.layer, report.worst.equation) in wrong
    message = str(report).splitlines()
    assert message[0].startswith("gradients WRONG: ")
    assert message[-1].startswith(
        f"worst: layer {report.worst.layer}, {report.worst.equation}, {report.worst.element}:"
    )


@by_name(CAUGHT)
def test_a_mistake_leaves_with_its_test(mutant, rng):
    assert dp.check(network(mutant, rng), *examples(rng)).ok


def test_a_mistake_in_one_layer_alone_is_named_with_its_place(rng):
    net = dp.Network([3, 4, 5, 2], activation="tanh", dtype="float64", seed=0)
    X, Y = rng.standard_normal((6, 3)), rng.integers(0, 2, 6)
    gradient = net.backprop(X, Y)
    gradient.layer(2).dW[3, 1] += 0.5
    report = check_gradient(net, gradient.vector, *net.examples(X, Y))
    assert not report.ok
    assert (report.worst.layer, report.worst.equation, report.worst.element) == (2, "BP4", "dW^2[3, 1]")
    assert "layer 2, BP4, dW^2[3, 1]" in str(report)


def fits(output, cost):
    outputs = get_cost(cost, output).outputs
    return outputs is None or output in outputs


KINDS = [(output, cost) for output in OUTPUTS for cost in COSTS if fits(output, cost)]


def targets_for(net, m, rng):
    shape = (m, net.spec.sizes[-1])
    if net.spec.cost.targets == "real":
        return rng.standard_normal(shape)
    return rng.dirichlet(np.ones(shape[1]), m)


def not_accused(net, X, Y, **more):
    report = dp.check(net, X, Y, **more)
    assert report.ok, str(report)
    assert report.checked > report.kinks


@pytest.mark.parametrize(("output", "cost"), KINDS)
def test_no_right_output_and_cost_is_accused(output, cost, dtype, rng):
    net = dp.Network([3, 4, 3], activation="tanh", output=output, cost=cost, dtype=dtype, seed=1)
    not_accused(net, rng.standard_normal((6, 3)), targets_for(net, 6, rng))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_no_right_activation_is_accused(activation, dtype, rng):
    net = dp.Network([3, 5, 4, 3], activation=activation, dtype=dtype, seed=1)
    not_accused(net, 0.5 * rng.standard_normal((6, 3)), rng.integers(0, 3, 6))


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("kinds", [("scale", "dense", "dense"), ("dense", "scale", "scale"), ("scale",) * 3])
def test_no_right_layer_of_scales_is_accused(activation, kinds, dtype, rng):
    net = dp.Network([3, 3, 3, 3], activation=activation, kinds=kinds, dtype=dtype, seed=1)
    net.theta[:] += rng.normal(0, 0.3, net.theta.shape)
    not_accused(net, rng.standard_normal((6, 3)), rng.integers(0, 3, 6))


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "softplus"])
def test_no_scale_of_the_inputs_is_accused(activation, scale, dtype, rng):
    net = dp.Network([3, 4, 2], activation=activation, output="identity", cost="quadratic", dtype=dtype, seed=1)
    X, Y = scale * rng.standard_normal((9, 3)), rng.standard_normal((9, 2))
    not_accused(net, X, Y)
    net.layer(1).W[...] /= scale
    not_accused(net, X, Y)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 30.0])
def test_no_scale_of_the_parameters_is_accused(scale, dtype, rng):
    net = dp.Network([3, 4, 4, 2], activation="tanh", dtype=dtype, seed=1)
    net.theta[:] *= net.theta.dtype.type(scale)
    not_accused(net, rng.standard_normal((9, 3)), rng.integers(0, 2, 9))


def test_saturated_sigmoids_are_not_accused(dtype, rng):
    net = dp.Network([3, 4, 2], activation="sigmoid", output="sigmoid", dtype=dtype, seed=1)
    net.layer(1).W[...] *= 40
    not_accused(net, rng.standard_normal((9, 3)), rng.uniform(0, 1, (9, 2)))


def test_units_at_the_kink_of_relu_are_left_out_and_counted(rng):
    net = dp.Network([3, 4, 2], activation="relu", dtype="float64", seed=1)
    net.layer(1).W[0] = 0  # z_0 = 0 exactly, for every example
    report = dp.check(net, rng.standard_normal((5, 3)), rng.integers(0, 2, 5))
    assert report.ok, str(report)
    assert report.kinks == 4  # that unit's three weights and its bias
    assert report.checked == net.spec.n_parameters - 4
    assert "4 at kinks left out" in str(report)


@pytest.mark.parametrize("cost", ["absolute", "quantile(0.9)"])
def test_residuals_at_the_kink_of_a_cost_are_left_out(rng, cost):
    net = dp.Network([2, 2], output="identity", cost=cost, dtype="float64", seed=1)
    X = rng.standard_normal((4, 2))
    report = dp.check(net, X, net.forward(X))
    assert report.ok
    assert report.checked == 0
    assert report.kinks == 6


# gradients near 1e-213: one example's δ has its largest number where another's a has it, and the squares underflowed
@example(network_of([3, 5, 3, 1, 2], ["silu", "silu", "silu"], "softmax", "quadratic", m=3, seed=688, power=3))
@given(network_mn())
def test_no_right_network_is_accused(drawn):
    net, X, Y = drawn
    report = dp.check(net, X, Y)
    assert report.ok, str(report)
