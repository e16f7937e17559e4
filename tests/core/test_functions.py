"""Whether a σ or C is built in: by what it computes, not by its name; through copies, pickles and changed copies."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.core.activations import OUTPUTS
from deltaprop.core.costs import FAMILIES, FORMULAS, huber, quantile
from deltaprop.core.functions import built_in, formula, get_activation, get_cost

TWINS = [lambda one: one, copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), replace]
twins = pytest.mark.parametrize("twin", TWINS, ids=["itself", "copy", "deepcopy", "pickle", "replace"])


@twins
@pytest.mark.parametrize("name", OUTPUTS)
def test_every_activation_of_ours_is_built_in(name, twin):
    again = twin(OUTPUTS[name])
    assert built_in(again)
    assert again == OUTPUTS[name]


@twins
@pytest.mark.parametrize("key", FORMULAS)
def test_every_cost_of_ours_has_its_formula(key, twin):
    number = {"huber": 1.0, "quantile": 0.5}.get(key, 1.0)
    assert formula(twin(FORMULAS[key])) == (key, number)
    assert built_in(twin(FORMULAS[key]))


@twins
@pytest.mark.parametrize(
    ("cost", "number"), [(huber(2.5), 2.5), (huber(1), 1.0), (quantile(0.9), 0.9), (quantile(0.5), 0.5)]
)
def test_a_cost_with_a_number_tells_it(cost, number, twin):
    key = cost.name.split("(")[0]
    assert formula(twin(cost)) == (key, number)
    assert formula(get_cost(cost.name, "identity")) == (key, number)
    assert key in FAMILIES


def tanh_prime(z):
    return 1 - np.tanh(z) ** 2


@pytest.mark.parametrize(
    "other",
    [
        dp.Activation("own", np.tanh, tanh_prime),
        dp.Activation("tanh", np.tanh, tanh_prime),
        replace(OUTPUTS["tanh"], sigma_prime=tanh_prime),
        replace(OUTPUTS["tanh"], name="tangent"),
        replace(OUTPUTS["relu"], kinks=()),
        replace(OUTPUTS["sigmoid"], fused=None),
        replace(OUTPUTS["softmax"], elementwise=True),
    ],
    ids=lambda one: one.name,
)
def test_an_activation_of_ones_own_or_changed_is_not_built_in(other):
    assert not built_in(other)
    assert get_activation(other) is other


@pytest.mark.parametrize(
    "other",
    [
        dp.Cost("mine", FORMULAS["quadratic"].C, FORMULAS["quadratic"].grad_a),
        dp.Cost.from_rows("mine", lambda a, y: ((a - y) ** 2).sum(axis=1), lambda a, y: 2 * (a - y)),
        replace(FORMULAS["quadratic"], grad_a=lambda a, y: 2 * (a - y)),
        replace(FORMULAS["quadratic"], targets="count"),
        replace(huber(2.5), name="huber(3)"),
        replace(huber(2.5), grad_a=huber(2.6).grad_a),
        replace(quantile(0.9), kinks=()),
    ],
    ids=lambda one: one.name,
)
def test_a_cost_of_ones_own_or_changed_has_no_formula(other):
    assert formula(other) is None
    assert not built_in(other)


@pytest.mark.parametrize("changed", [replace(OUTPUTS["sigmoid"], sigma_prime=tanh_prime), replace(OUTPUTS["sigmoid"])])
def test_the_canonical_form_is_for_the_built_in_pair_alone(changed):
    net = dp.Network([2, 1], output="sigmoid", seed=0)
    assert net.spec.canonical
    assert replace(net.spec, activations=(changed,)).canonical == built_in(changed)
    bare = replace(net.spec.cost, grad_a=lambda a, y: 2 * (a - y))
    assert not replace(net.spec, cost=bare).canonical


@pytest.mark.parametrize("cost", [None, "huber(2.5)", "quantile(0.9)", "absolute"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_network_of_any_activation_pickles(name, cost, rng):
    given = {"output": name} if name == "softmax" else {"activation": name, "output": "identity"}
    cost = cost or ("cross_entropy" if name == "softmax" else "quadratic")
    net = dp.Network([3, 4, 2], **given, cost=cost, seed=0)
    again, X, Y = pickle.loads(pickle.dumps(net)), rng.standard_normal((4, 3)), rng.dirichlet([1, 1], 4)
    assert again.engine == net.engine
    assert formula(again.spec.cost) == formula(net.spec.cost)
    assert all(map(built_in, again.spec.activations))
    np.testing.assert_array_equal(again.backprop(X, Y).vector, net.backprop(X, Y).vector)
