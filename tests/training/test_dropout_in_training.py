"""Dropout in the steps of a training, seen through their traces; never in validation."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp


@pytest.fixture
def wide():
    """Makes a 2-200-100-2 sigmoid network, whose activations are never 0 by themselves."""
    return lambda: dp.Network([2, 200, 100, 2], activation="sigmoid", dtype="float64", seed=0)


def factors(wide, rng, **given):
    """a^l / σ(z^l) of the hidden layers in every step, one array (m, n_l) a step."""
    seen = []

    def note(event):
        trace = event.trace()
        seen.append([layer.a * (1 + np.exp(-layer.z)) for layer in trace.layers[:-1]])

    X, y = rng.standard_normal((40, 2)), rng.integers(0, 2, 40)
    dp.train(wide(), X, y, epochs=2, batch_size=20, seed=4, on_step=note, **given)
    return seen


def test_units_are_0_or_scaled_so_that_the_mean_stays(wide, rng):
    for step in factors(wide, rng, dropout=0.25):
        for mask in step:
            kept = ~np.isclose(mask, 0)
            np.testing.assert_allclose(mask[kept], 1 / 0.75, rtol=1e-12)
            assert mask.mean() == pytest.approx(1, abs=5 * np.sqrt(0.25 / 0.75 / mask.size))


def test_each_hidden_layer_has_its_own_probability(wide, rng):
    for first, second in factors(wide, rng, dropout=[0.0, 0.5]):
        np.testing.assert_allclose(first, 1, rtol=1e-12)
        assert 0.4 < np.isclose(second, 0).mean() < 0.6


def test_no_two_steps_share_a_mask(wide, rng):
    steps = factors(wide, rng, dropout=0.5)
    assert len({np.isclose(first, 0).tobytes() for first, _ in steps}) == 4


def test_the_trace_of_a_step_is_the_step_with_its_masks(trained, classifier):
    """θ after a plain SGD step is θ before it minus η times the trace's gradients."""
    rate, before = 0.1, [classifier()]

    def check(event):
        trace = event.trace()
        np.testing.assert_array_equal(trace.layer(1).W, before[-1].layer(1).W)
        for was, now, layer in zip(before[-1], event.net, trace, strict=True):
            np.testing.assert_allclose(now.W, was.W - rate * layer.dW, rtol=1e-13, atol=1e-15)
            np.testing.assert_allclose(now.b, was.b - rate * layer.db, rtol=1e-13, atol=1e-15)
        assert event.cost == pytest.approx(trace.cost, rel=1e-12)
        assert (trace.layer(1).a == 0).any()
        before.append(event.net.copy())

    trained(dropout=0.5, optimizer=dp.SGD(rate), on_step=check)
    assert len(before) == 13


@pytest.mark.parametrize("none", [0, 0.0, [0.0], (0,)])
def test_probability_0_is_no_dropout_to_the_bit(trained, none):
    np.testing.assert_array_equal(trained(dropout=none)[0].theta, trained()[0].theta)


def test_validation_runs_without_dropout(trained, blobs):
    def check(event):
        assert event.record.validation_cost == event.net.cost(*blobs)

    _, history = trained(dropout=0.5, validation=blobs, on_epoch=check)
    assert len(history) == 3


@pytest.mark.parametrize("dropout", [1.0, -0.1, float("nan"), "half", [0.1, 0.2]], ids=repr)
def test_what_is_no_probability_is_refused(trained, dropout):
    with pytest.raises(dp.ArgumentError, match="`dropout` must be"):
        trained(dropout=dropout)
