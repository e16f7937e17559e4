"""NaN and Inf stop a training at the step, in the layer and equation, where they first appear."""

from __future__ import annotations

import re

import numpy as np
import pytest

import deltaprop as dp

SAID = re.compile(
    r"Training stopped at step (?P<step>\d+) \(epoch (?P<epoch>\d+)\): (?P<kind>NaN|Inf) in (?P<where>.*?), "
    r"(?P<what>.*)\. The network has the parameters from before that step\. "
    r"Try a lower learning rate, clip_norm, or inputs of a smaller scale\."
)
DIVERGES = {"optimizer": dp.SGD(30.0), "batch_size": 10, "epochs": 100, "seed": 2}


def test_a_training_that_diverges_names_step_epoch_layer_and_equation(line, numbers):
    net = line(dtype="float32")
    with pytest.raises(dp.NonFiniteError) as caught:
        dp.train(net, *numbers, **DIVERGES)
    said = SAID.fullmatch(str(caught.value))
    assert said
    assert said["where"] == "layer 1"
    assert int(said["epoch"]) == (int(said["step"]) - 1) // 5 + 1
    assert int(said["step"]) > 5


@pytest.mark.parametrize("watched", [False, True])
def test_the_parameters_are_those_before_that_step(line, numbers, watched):
    """The same bits as a training that was stopped one step earlier."""
    net, twin = line(dtype="float32"), line(dtype="float32")
    with pytest.raises(dp.NonFiniteError) as caught:
        dp.train(net, *numbers, **DIVERGES, on_step=(lambda event: None) if watched else ())
    last = int(SAID.fullmatch(str(caught.value))["step"]) - 1
    dp.train(twin, *numbers, **DIVERGES, on_step=lambda event: event.stop() if event.step == last else None)
    np.testing.assert_array_equal(net.theta, twin.theta)
    assert np.isfinite(net.theta).all()


def spoiling(good, after, bad=np.nan):
    """A function that gives `bad` from its (after + 1)-th call on."""
    calls = []

    def function(*arrays):
        calls.append(1)
        return good(*arrays) if len(calls) <= after else np.full_like(good(*arrays), bad)

    function.calls = calls
    return function


def identity(z):
    return z.copy()


def ones(z):
    return np.ones_like(z)


def half_square(a, y):
    return 0.5 * ((a - y) ** 2).sum(axis=0)


def residual(a, y):
    return a - y


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("spoilt", "where", "what"),
    [
        ("sigma", "layer 1", "forward, a^1 = σ(z^1)"),
        ("sigma_prime", "layer 1", "BP2, δ^1 = ((W^2)ᵀ δ^2) ⊙ σ'(z^1)"),
        ("C", "layer 2", "the cost C(a^2, y)"),
        ("grad_a", "layer 2", "BP1"),
    ],
)
def test_the_first_equation_to_go_wrong_is_named(spoilt, where, what, bad, rng):
    parts = {"sigma": identity, "sigma_prime": ones, "C": half_square, "grad_a": residual}
    parts[spoilt] = spoiling(parts[spoilt], 3, bad)
    net = dp.Network(
        [2, 3, 1],
        activation=dp.Activation("own", parts["sigma"], parts["sigma_prime"]),
        output="identity",
        cost=dp.Cost("own", parts["C"], parts["grad_a"]),
        seed=0,
    )
    parts[spoilt].calls.clear()  # the constructor has tried the pair
    X = rng.standard_normal((8, 2))
    with pytest.raises(dp.NonFiniteError) as caught:
        dp.train(net, X, X[:, :1], batch_size=2, epochs=1, optimizer="sgd")
    said = SAID.fullmatch(str(caught.value))
    assert (said["step"], said["where"], said["what"]) == ("4", where, what)


def test_a_penalty_that_overflows_is_named(classifier, blobs):
    net = classifier("float32")
    net.theta[...] *= 1000
    with pytest.raises(dp.NonFiniteError, match=r"step 1 .*: Inf in the gradient with its penalty"):
        dp.train(net, *blobs, l2=1e38)


@pytest.mark.parametrize("engine", ["reference", "auto"])
def test_an_update_that_overflows_is_not_taken(line, numbers, engine):
    net = line(dtype="float32", engine=engine)
    before = net.theta.copy()
    with pytest.raises(dp.NonFiniteError, match=r"step 1 \(epoch 1\): an overflow in layer 1, the update of W and b"):
        dp.train(net, *numbers, batch_size=None, epochs=1, optimizer=dp.SGD(1e39))
    np.testing.assert_array_equal(net.theta, before)


def test_validation_that_is_not_finite_is_named(line, numbers):
    net, (X, Y) = line(dtype="float32"), numbers
    with pytest.raises(dp.NonFiniteError, match=r"after step 2, on the validation examples: Inf in layer 1, the cost"):
        dp.train(net, X, Y, batch_size=25, epochs=3, validation=(X * 3e38 / np.abs(X).max(), Y))
    assert np.isfinite(net.theta).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_data_that_are_not_finite_are_refused_before_anything_moves(line, numbers, which, bad):
    numbers[which][7, 1] = bad
    net = line()
    with pytest.raises(dp.ArgumentError, match=f"`{'XY'[which]}` must be finite numbers. Got {bad} in row 7, column 1"):
        dp.train(net, *numbers)
    np.testing.assert_array_equal(net.theta, line().theta)
