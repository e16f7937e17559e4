"""The contract for layers of scales, and for learning rates of single parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_contract import BATCHES, OPTIMIZERS, VARIANTS, Case, close, steps_of
from test_contract_sparse import SparseCase

import deltaprop as dp
from deltaprop.core.spec import make_spec
from deltaprop.optim.rules import Rules

NETWORKS = [  # kinds, sizes
    (("scale",), (3, 3)),
    (("scale", "scale"), (3, 3, 3)),
    (("scale", "dense"), (17, 17, 3)),
    (("dense", "scale"), (4, 5, 5)),
    (("dense", "scale", "dense"), (4, 65, 65, 3)),
    (("scale", "dense", "scale", "scale", "dense"), (7, 7, 33, 33, 33, 2)),
]
HEADS = [("tanh", "softmax", "cross_entropy"), ("gelu", "sigmoid", "cross_entropy"), ("relu", "identity", "huber")]
networks = pytest.mark.parametrize(("kinds", "sizes"), NETWORKS, ids=["-".join(kinds) for kinds, _ in NETWORKS])


def with_scales(dtype, kinds, sizes, head=HEADS[0]):
    hidden, output, cost = head
    return make_spec(sizes, hidden, output, cost, dtype, kinds)


@networks
@pytest.mark.parametrize("head", HEADS, ids=lambda head: head[1])
def test_all_passes_of_layers_of_scales(engine, dtype, rng, kinds, sizes, head):
    case = Case(engine, with_scales(dtype, kinds, sizes, head), 21, rng, batch=16, weighted=True)
    case.check_outputs(dtype)
    case.check_gradients(dtype)
    case.check_input_gradient(dtype)
    case.check_gradient_norms(dtype)


@networks
@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
def test_all_passes_of_layers_of_scales_on_sparse_rows(engine, dtype, rng, kinds, sizes, density):
    SparseCase(engine, with_scales(dtype, kinds, sizes), 21, density, rng, batch=16).check_passes(dtype)


@pytest.mark.parametrize("kinds", [("dense", "scale", "dense"), ("scale", "dense", "scale")], ids="-".join)
@pytest.mark.parametrize("variant", ["plain", "dropout", "clip", "everything"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_layers_of_scales_by_every_rule(engine, dtype, rng, kinds, optimizer, variant):
    spec = with_scales(dtype, kinds, (4, 5, 5, 3) if kinds[0] == "dense" else (4, 4, 3, 3))
    case = Case(engine, spec, 17, rng, indices=True, weighted=variant == "everything")
    rule = OPTIMIZERS[optimizer]
    case.check_training(Rules(rule, **VARIANTS[variant]), steps_of(case, BATCHES, rng, rule.learning_rate), dtype)


@pytest.mark.parametrize("kinds", [("scale", "dense", "scale"), ("dense", "scale", "dense")], ids="-".join)
def test_training_layers_of_scales_on_sparse_rows(engine, dtype, rng, kinds):
    spec = with_scales(dtype, kinds, (13, 13, 5, 5) if kinds[0] == "scale" else (13, 5, 5, 3))
    case = SparseCase(engine, spec, 17, 0.2, rng)
    rules = Rules(dp.SGD(0.1, momentum=0.9), l2=0.05, dropout=(0.2, 0.1), seed=5)
    case.check_training(rules, steps_of(case, BATCHES, rng, 0.1), dtype)


@pytest.mark.parametrize("batch", [16, 65])
def test_training_layers_of_scales_in_longer_batches_than_planned(engine, dtype, rng, batch):
    spec = with_scales(dtype, ("scale", "dense", "scale"), (5, 5, 3, 3))
    case = Case(engine, spec, 233, rng, batch=batch, weighted=True)
    rules = Rules(dp.SGD(0.2), l2=0.5, by_weight=True, dropout=(0.3, 0.2), seed=7)
    case.check_training(rules, steps_of(case, (1, 7, 16, 17, 63, 64, 65), rng, 0.2), dtype)


def test_scales_neither_decay_nor_are_penalised(engine, dtype, rng):
    case = Case(engine, with_scales(dtype, ("scale", "scale"), (3, 3, 3)), 9, rng)
    _, plain, _ = case.train(Rules(dp.SGD(0.1)), steps_of(case, (9,), rng, 0.1), case.theta.copy())
    decayed = Rules(dp.SGD(0.1, weight_decay=0.5), l1=0.3, l2=0.2)
    np.testing.assert_array_equal(case.train(decayed, steps_of(case, (9,), rng, 0.1))[1], plain)


@pytest.mark.parametrize("kinds", [("scale", "dense"), ("dense", "scale")], ids="-".join)
def test_scales_are_the_dense_layer_of_their_diagonal(engine, dtype, rng, kinds):
    """The same network with W = diag(s), b = 0: the same outputs, ∂C/∂s the diagonal of ∂C/∂W, the same ∂C/∂x."""
    case = Case(engine, with_scales(dtype, kinds, (4, 4, 4)), 9, rng, weighted=True)
    twin = Case(engine, replace(case.spec, kinds=("dense", "dense")), 9, rng)
    twin.data = case.data
    for l in (1, 2):
        arrays, kind = case.spec.arrays(case.theta, l), case.spec.kind(l)
        for name, array in zip("Wb", kind.dense(arrays), strict=True):
            twin.spec.arrays(twin.theta, l)[name][...] = array
    close(case.plan.forward(case.theta, case.data.X), twin.plan.forward(twin.theta, case.data.X), dtype)
    (cost, gradient), (want_cost, want) = case.gradients(case.data), twin.gradients(case.data)
    close(cost, want_cost, dtype)
    for l, kind in enumerate(kinds, 1):
        found, dense = case.spec.arrays(gradient, l), twin.spec.arrays(want, l)
        for name, array in found.items():
            close(array, np.diagonal(dense["W"]) if kind == "scale" else dense[name], dtype)
    inputs = (each.plan.input_gradient(each.theta, each.data) for each in (case, twin))
    close(*inputs, dtype)


# Learning rates of single parameters

RATES = {
    "dense": {(1, "W"): 0.25, (2, "b"): 0.0, (3, "W"): 3.0, (3, "b"): 0.5},
    ("scale", "dense", "dense"): {(1, "s"): 3.0, (2, "W"): 0.1, (3, "b"): 0.0},
}


@pytest.mark.parametrize("kinds", RATES, ids=["dense", "scale"])
@pytest.mark.parametrize("variant", ["plain", "everything"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_at_rates_of_single_parameters(engine, dtype, rng, kinds, optimizer, variant):
    spec = make_spec((4, 4, 3, 3), "tanh", "softmax", "cross_entropy", dtype, kinds, RATES[kinds])
    case = Case(engine, spec, 17, rng)
    rule = replace(OPTIMIZERS[optimizer], weight_decay=0.2)
    case.check_training(Rules(rule, **VARIANTS[variant]), steps_of(case, BATCHES, rng, rule.learning_rate), dtype)


def moved(engine, dtype, rates, kinds="dense", decay=0.0):
    """(spec, θ before, how far one step of SGD moves it)"""
    spec, rng = make_spec((4, 4, 3), "tanh", "softmax", "cross_entropy", dtype, kinds, rates), np.random.default_rng(0)
    case = Case(engine, spec, 8, rng)
    before = case.theta.copy()
    return spec, before, case.train(Rules(dp.SGD(0.1, weight_decay=decay)), steps_of(case, (8,), rng, 0.1))[1] - before


@pytest.mark.parametrize("place", [(1, "W"), (2, "b"), (1, "s"), (2, "W")])
@pytest.mark.parametrize("factor", [0.0, 0.5, 4.0])
def test_a_factor_moves_one_block_so_many_times_as_far(engine, dtype, place, factor):
    kinds = ["scale", "dense"] if place[1] == "s" else "dense"
    spec, _, found = moved(engine, dtype, {place: factor}, kinds)
    _, _, plain = moved(engine, dtype, None, kinds)
    for block in spec.blocks:
        times = factor if (block.layer, block.name) == place else 1.0
        np.testing.assert_allclose(block.of(found), times * block.of(plain), atol=1e-6 if dtype == "f4" else 1e-15)
        assert block.of(found).any() == (times != 0)


@pytest.mark.parametrize("factor", [0.0, 0.5])
def test_decoupled_decay_goes_by_the_factor_too(engine, dtype, factor):
    """Its share of the step: W (1 - f η λ) against W."""
    _, before, decayed = moved(engine, dtype, {(1, "W"): factor}, decay=0.5)
    spec, _, plain = moved(engine, dtype, {(1, "W"): factor})
    W = spec.blocks_of(1)[0]
    want = -factor * 0.1 * 0.5 * W.of(before)
    np.testing.assert_allclose(W.of(decayed) - W.of(plain), want, atol=1e-6 if dtype == "f4" else 1e-15)
