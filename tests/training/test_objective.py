"""What is minimised: weighted means, penalties, clipping, and the arithmetic of an epoch's cost."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp

FULL = {"batch_size": None, "optimizer": dp.SGD(0.2, momentum=0.5), "epochs": 5}


def one_step(net, X, y, rate=0.1, **given):
    """The gradient that one step of plain SGD on all rows took."""
    before = net.theta.copy()
    dp.train(net, X, y, epochs=1, batch_size=None, optimizer=dp.SGD(rate), seed=0, **given)
    return (before - net.theta) / rate


def test_whole_weights_are_repeated_rows(trained, blobs, rng):
    X, y = blobs
    times = rng.integers(1, 4, len(y))
    weighted, told = trained(sample_weight=times, **FULL)
    repeated, told_too = trained(np.repeat(X, times, 0), np.repeat(y, times), **FULL)
    np.testing.assert_allclose(weighted.theta, repeated.theta, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(told.cost, told_too.cost, rtol=1e-12)


def test_rows_that_weigh_nothing_are_as_if_absent(trained, blobs, rng):
    X, y = blobs
    there = rng.random(len(y)) < 0.5
    weighted, told = trained(sample_weight=there.astype(float), **FULL)
    fewer, told_too = trained(X[there], y[there], **FULL)
    np.testing.assert_allclose(weighted.theta, fewer.theta, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(told.cost, told_too.cost, rtol=1e-12)


def test_equal_weights_are_no_weights(trained):
    np.testing.assert_allclose(
        trained(sample_weight=np.full(60, 7.0))[0].theta, trained()[0].theta, rtol=1e-12, atol=1e-13
    )


def test_a_batch_that_weighs_nothing_moves_nothing_under_plain_sgd(classifier, blobs):
    net, thetas = classifier(), []
    weight = np.r_[np.zeros(30), np.ones(30)]
    keep = lambda event: thetas.append(event.net.theta.copy())  # noqa: E731
    given = {"batch_size": 30, "epochs": 1, "shuffle": False, "optimizer": "sgd"}
    history = dp.train(net, *blobs, sample_weight=weight, on_step=keep, **given)
    np.testing.assert_array_equal(thetas[0], classifier().theta)
    assert history.cost == [pytest.approx(classifier().cost(blobs[0][30:], blobs[1][30:]), rel=1e-12)]


@pytest.mark.parametrize("weighted", [False, True])
def test_an_epochs_cost_is_the_mean_over_its_examples(trained, blobs, rng, weighted):
    X = blobs[0]
    weight = rng.random(60) if weighted else np.ones(60)
    parts = []

    def note(event):
        rows = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in event.trace().x]
        parts.append((event.cost, weight[rows].sum()))

    _, history = trained(epochs=1, sample_weight=weight if weighted else None, on_step=note)
    costs, counts = np.array(parts).T
    assert len(parts) == 4
    assert history.cost == [pytest.approx(costs @ counts / counts.sum(), rel=1e-12)]


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.1, 0.4)])
def test_the_step_follows_the_gradient_of_the_penalised_cost(classifier, blobs, rng, l1, l2):
    """Against central differences of C + ½ l2 ‖W‖² + l1 ‖W‖_1 in random directions; biases are not penalised."""
    net = classifier()
    at = net.theta.copy()

    def penalised(theta):
        probe = dp.Network.from_parameters(net.spec, theta)
        W = np.concatenate([layer.W.ravel() for layer in probe])
        return probe.cost(*blobs) + 0.5 * l2 * (W**2).sum() + l1 * np.abs(W).sum()

    gradient = one_step(net, *blobs, l1=l1, l2=l2)
    for _ in range(5):
        d = rng.standard_normal(at.size)
        h = 1e-6
        assert gradient @ d == pytest.approx((penalised(at + h * d) - penalised(at - h * d)) / (2 * h), rel=1e-6)


def test_the_costs_told_are_without_the_penalty(classifier, blobs):
    net, costs = classifier(), []
    expected = net.cost(*blobs)
    one_step(net, *blobs, l2=10.0, l1=1.0, on_step=lambda event: costs.append(event.cost))
    assert costs == [pytest.approx(expected, rel=1e-12)]


def test_a_gradient_longer_than_clip_norm_is_scaled_to_it(classifier, blobs):
    free, clipped = one_step(classifier(), *blobs), one_step(classifier(), *blobs, clip_norm=0.01)
    assert np.linalg.norm(free) > 0.01
    np.testing.assert_allclose(clipped, free * (0.01 / np.linalg.norm(free)), rtol=1e-9)


def test_a_gradient_shorter_than_clip_norm_is_left_alone(trained):
    np.testing.assert_array_equal(trained(clip_norm=1e6)[0].theta, trained()[0].theta)


def test_clipping_comes_after_the_penalty(classifier, blobs):
    assert np.linalg.norm(one_step(classifier(), *blobs, l2=100.0, clip_norm=0.5)) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"l2": -1}, dp.ArgumentError, "`l2` must be finite and 0 or more. Got -1."),
        ({"l1": float("nan")}, dp.ArgumentError, "`l1` must be finite and 0 or more. Got nan."),
        ({"l1": "a"}, dp.ArgumentTypeError, "`l1` must be a number. Got 'a'."),
        ({"clip_norm": 0}, dp.ArgumentError, "`clip_norm` must be greater than 0, or None. Got 0."),
        ({"epochs": 0}, dp.ArgumentError, "`epochs` must be 1 or more. Got 0."),
        ({"epochs": 2.5}, dp.ArgumentTypeError, "`epochs` must be a whole number. Got 2.5."),
        ({"epochs": True}, dp.ArgumentTypeError, "`epochs` must be a whole number. Got True."),
        ({"batch_size": 0}, dp.ArgumentError, "`batch_size` must be 1 or more. Got 0."),
        ({"batch_size": "auto"}, dp.ArgumentTypeError, "`batch_size` must be a whole number. Got 'auto'."),
        ({"seed": -1}, dp.ArgumentError, "`seed` must be a whole number from 0 to 2^63 - 1, or None. Got -1."),
        ({"time_limit": -1}, dp.ArgumentError, "`time_limit` must be finite and 0 or more. Got -1."),
        ({"on_step": 3}, dp.ArgumentTypeError, "`on_step` must be a function, or a list of them. Got 3."),
        ({"on_epoch": [None]}, dp.ArgumentTypeError, "`on_epoch` must be a function, or a list of them. Got None."),
    ],
    ids=repr,
)
def test_settings_that_cannot_be_meant_are_refused_and_nothing_moves(classifier, blobs, given, kind, message):
    net = classifier()
    with pytest.raises(kind) as caught:
        dp.train(net, *blobs, **given)
    assert str(caught.value) == message
    np.testing.assert_array_equal(net.theta, classifier().theta)


@pytest.mark.parametrize("name", ["optimizer", "schedule"])
def test_misspelt_names_are_refused_by_train_too(classifier, blobs, name):
    with pytest.raises(dp.ArgumentError, match=f"`{name}` must be one of"):
        dp.train(classifier(), *blobs, **{name: "nothing"})
