"""The update rules against loops over single numbers written from their papers, and against scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from deltaprop.core.blocks import Part
from deltaprop.errors import ArgumentError, ArgumentTypeError
from deltaprop.optim import update
from deltaprop.optim.optimizers import LBFGS, SGD, Adam, AdamW, RMSprop, get_optimizer
from deltaprop.optim.update import apply_update

STEPS = 25
RULES = [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True),
    SGD(0.1, momentum=0.9, weight_decay=0.02),
    RMSprop(0.01),
    RMSprop(0.01, rho=0.5, epsilon=1e-3),
    Adam(0.01),
    Adam(0.01, beta1=0.0, beta2=0.5, epsilon=1e-4),
    AdamW(0.01),
    AdamW(0.01, weight_decay=0.3),
]


def sgd_scalar(rule, theta, gradients):
    """Sutskever et al. 2013, equations 1 and 2; Nesterov's in the form that looks ahead after the step."""
    v = 0.0
    for g in gradients:
        v = rule.momentum * v - rule.learning_rate * g
        theta += rule.momentum * v - rule.learning_rate * g if rule.nesterov else v
        yield theta


def rmsprop_scalar(rule, theta, gradients):
    """Tieleman & Hinton 2012, lecture 6.5, slide 29."""
    mean_square = 0.0
    for g in gradients:
        mean_square = rule.rho * mean_square + (1 - rule.rho) * g**2
        theta -= rule.learning_rate * g / (sqrt(mean_square) + rule.epsilon)
        yield theta


def adam_scalar(rule, theta, gradients):
    """Kingma & Ba 2015, algorithm 1, with ε in the place that the end of section 2 gives it."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = rule.beta1 * m + (1 - rule.beta1) * g
        v = rule.beta2 * v + (1 - rule.beta2) * g**2
        rate = rule.learning_rate * sqrt(1 - rule.beta2**t) / (1 - rule.beta1**t)
        theta -= rate * m / (sqrt(v) + rule.epsilon)
        yield theta


SCALAR = {SGD: sgd_scalar, RMSprop: rmsprop_scalar, Adam: adam_scalar, AdamW: adam_scalar}


def with_decay(rule, theta, gradients):
    """One number at a time: decay first, then the rule (Loshchilov & Hutter 2019, algorithm 2)."""
    plain = type(rule)(**{**vars(rule), "weight_decay": 0.0})
    moved = 0.0  # what the rule itself has done so far: it does not look at θ
    for change in SCALAR[type(rule)](plain, 0.0, gradients):
        theta = theta * (1 - rule.learning_rate * rule.weight_decay) + (change - moved)
        moved = change
        yield theta


def run(rule, theta, gradients, *parts):
    """θ after each step of `apply_update`; `parts` (stop, decays, rate) one after another, or one that decays."""
    theta = theta.copy()
    slots = tuple(np.zeros_like(theta) for _ in rule.slots)
    parts = parts or [(len(theta), True, 1.0)]
    starts = [0, *(stop for stop, _, _ in parts)]
    spec = SimpleNamespace(parts=[Part(slice(start, *p[:1]), *p[1:]) for start, p in zip(starts, parts, strict=False)])
    for t, g in enumerate(gradients, 1):
        kept = g.copy()
        apply_update(spec, rule, theta, g, slots, rule.learning_rate, t)
        np.testing.assert_array_equal(g, kept)
        yield theta.copy()


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_rule_agrees_with_a_loop_over_single_numbers(rule, rng):
    theta, gradients = rng.standard_normal(7), rng.standard_normal((STEPS, 7))
    found = np.array(list(run(rule, theta, gradients)))
    for k in range(7):
        expected = list(with_decay(rule, float(theta[k]), gradients[:, k].tolist()))
        np.testing.assert_allclose(found[:, k], expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("rule", "theirs"),
    [
        (SGD(0.05), lambda theta: SGDOptimizer(theta, 0.05, momentum=0.0, nesterov=False)),
        (SGD(0.05, 0.9), lambda theta: SGDOptimizer(theta, 0.05, momentum=0.9, nesterov=False)),
        (SGD(0.05, 0.9, nesterov=True), lambda theta: SGDOptimizer(theta, 0.05, momentum=0.9, nesterov=True)),
        (Adam(0.02), lambda theta: AdamOptimizer(theta, 0.02)),
        (Adam(0.02, 0.8, 0.99, 1e-6), lambda theta: AdamOptimizer(theta, 0.02, 0.8, 0.99, 1e-6)),
    ],
    ids=["sgd", "momentum", "nesterov", "adam", "adam with its own numbers"],
)
def test_rule_agrees_with_scikit_learn_step_for_step(rule, theirs, rng):
    theta, gradients = rng.standard_normal(9), rng.standard_normal((STEPS, 9))
    reference = [theta.copy()]
    other = theirs(reference)
    for found, g in zip(run(rule, theta, gradients), gradients, strict=True):
        other.update_params(reference, [g])
        np.testing.assert_allclose(found, reference[0], rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_first_step_by_hand(rule):
    """θ = 1, g = 2. From zero slots Adam's first step is η g / (|g| + ε / √(1 - β2)), SGD's is η g."""
    eta, decayed = rule.learning_rate, 1 - rule.learning_rate * rule.weight_decay
    (after,) = run(rule, np.ones(1), np.full((1, 1), 2.0))
    if isinstance(rule, SGD):
        expected = decayed - eta * 2 * (1 + rule.momentum * rule.nesterov)
    elif isinstance(rule, Adam):
        expected = decayed - eta * 2 / (2 + rule.epsilon / sqrt(1 - rule.beta2))
    else:
        expected = decayed - eta * 2 / (2 * sqrt(1 - rule.rho) + rule.epsilon)
    assert after[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 16, 17])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_blocks_do_not_change_a_bit(rule, size, rng, monkeypatch):
    theta, gradients = rng.standard_normal(size), rng.standard_normal((3, size))
    whole = list(run(rule, theta, gradients))
    monkeypatch.setattr(update, "CHUNK", 8)
    np.testing.assert_array_equal(list(run(rule, theta, gradients)), whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_the_number_type_stays(rule, dtype, rng):
    theta, g = rng.standard_normal(5).astype(dtype), rng.standard_normal((4, 5)).astype(dtype)
    assert [after.dtype for after in run(rule, theta, g)] == [np.dtype(dtype)] * 4


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_float32_is_close_to_its_float64_twin(rule, rng):
    theta, g = rng.standard_normal(5), rng.standard_normal((10, 5))
    *_, wide = run(rule, theta, g)
    *_, narrow = run(rule, theta.astype(np.float32), g.astype(np.float32))
    np.testing.assert_allclose(narrow, wide, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_no_parameters_at_all(rule):
    (after,) = run(rule, np.empty(0), np.empty((1, 0)))
    assert after.shape == (0,)


def test_decoupled_decay_shrinks_the_weights_alone():
    (after,) = run(AdamW(0.1, weight_decay=0.5), np.full(6, 2.0), np.zeros((1, 6)), (4, True, 1.0), (6, False, 1.0))
    np.testing.assert_array_equal(after, [1.9] * 4 + [2.0] * 2)  # 2 (1 - 0.1 * 0.5)


@pytest.mark.parametrize("size", [1, 4, 9])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_factor_on_the_rate_of_a_part_is_another_learning_rate_there(rule, size, rng, monkeypatch):
    """The parts move as vectors of their own would, at their own rates, decay too; a factor of 0 freezes."""
    monkeypatch.setattr(update, "CHUNK", 4)
    theta, gradients = rng.standard_normal(3 * size), rng.standard_normal((5, 3 * size))
    parts = (size, True, 0.5), (2 * size, False, 0.0), (3 * size, False, 3.0)
    found = np.array(list(run(rule, theta, gradients, *parts)))
    for start, (stop, decays, factor) in zip((0, size, 2 * size), parts, strict=True):
        at = slice(start, stop)
        if factor == 0:
            np.testing.assert_array_equal(found[:, at], np.tile(theta[at], (5, 1)))
            continue
        own = replace(rule, learning_rate=rule.learning_rate * factor)
        alone = run(own, theta[at], gradients[:, at], (size, decays, 1.0))
        np.testing.assert_array_equal(found[:, at], list(alone))


def test_adam_without_decay_is_adamw_with_none(rng):
    theta, g = rng.standard_normal(5), rng.standard_normal((5, 5))
    np.testing.assert_array_equal(list(run(Adam(0.1), theta, g)), list(run(AdamW(0.1, weight_decay=0), theta, g)))


@pytest.mark.parametrize(
    ("rule", "slots"),
    [(SGD(), ()), (SGD(momentum=0.5), ("v",)), (RMSprop(), ("mean_square",)), (AdamW(), ("m", "v"))],
    ids=repr,
)
def test_slots_are_named(rule, slots):
    assert rule.slots == slots


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: SGD(float("nan")), ArgumentError, "`learning_rate` must be finite. Got nan."),
        (lambda: Adam(float("inf")), ArgumentError, "`learning_rate` must be finite. Got inf."),
        (lambda: Adam(-1e-3), ArgumentError, "`learning_rate` must be greater than 0. Got -0.001."),
        (lambda: RMSprop(0), ArgumentError, "`learning_rate` must be greater than 0. Got 0."),
        (lambda: AdamW(True), ArgumentTypeError, "`learning_rate` must be a number. Got True."),
        (lambda: SGD("0.1"), ArgumentTypeError, "`learning_rate` must be a number. Got '0.1'."),
        (lambda: SGD(None), ArgumentTypeError, "`learning_rate` must be a number. Got None."),
        (lambda: SGD(0.1, 1.5), ArgumentError, "`momentum` must be from 0 to 1. Got 1.5."),
        (lambda: SGD(0.1, nesterov="yes"), ArgumentTypeError, "`nesterov` must be True or False. Got 'yes'."),
        (lambda: Adam(beta1=1.0), ArgumentError, "`beta1` must be at least 0 and less than 1. Got 1.0."),
        (lambda: Adam(beta2=-0.1), ArgumentError, "`beta2` must be at least 0 and less than 1. Got -0.1."),
        (lambda: RMSprop(rho=1.5), ArgumentError, "`rho` must be at least 0 and less than 1. Got 1.5."),
        (lambda: Adam(epsilon=0), ArgumentError, "`epsilon` must be greater than 0. Got 0."),
        (lambda: AdamW(weight_decay=-1), ArgumentError, "`weight_decay` must be 0 or more. Got -1."),
        (lambda: LBFGS(memory=0), ArgumentError, "`memory` must be a whole number, 1 or more. Got 0."),
        (lambda: LBFGS(memory=2.5), ArgumentError, "`memory` must be a whole number, 1 or more. Got 2.5."),
        (lambda: LBFGS(tolerance=-1e-6), ArgumentError, "`tolerance` must be 0 or more. Got -1e-06."),
    ],
)
def test_bad_numbers_are_refused_in_one_sentence(make, kind, message):
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw", "lbfgs"])
def test_a_rule_is_found_by_its_name(name):
    assert get_optimizer(name).name == name


def test_a_rule_passes_through():
    rule = Adam(0.5)
    assert get_optimizer(rule) is rule


@pytest.mark.parametrize(
    ("name", "suggestion"), [("adm", "adam"), ("Adam", "adam"), ("rms_prop", "rmsprop"), ("SGD", "sgd"), ("qqq", None)]
)
def test_a_misspelt_rule_is_suggested(name, suggestion):
    with pytest.raises(ArgumentError, match="`optimizer` must be one of adam, adamw, lbfgs, rmsprop, sgd") as caught:
        get_optimizer(name)
    assert ("Did you mean" in str(caught.value)) == (suggestion is not None)
    assert suggestion is None or f"Did you mean {suggestion!r}?" in str(caught.value)


@pytest.mark.parametrize("given", [None, 3, Adam, ["adam"]], ids=repr)
def test_what_is_no_rule_is_refused(given):
    with pytest.raises(ArgumentError, match="`optimizer` must be one of"):
        get_optimizer(given)


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay"])
def test_a_number_that_a_rule_does_not_have_is_refused(name):
    with pytest.raises(ArgumentError, match=f"`{name}` must be left out with lbfgs, which has none. Got 0.1."):
        get_optimizer("lbfgs", **{name: 0.1})
