"""Validation data: given, or a fraction held out by the seed."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.training.batches import split
from deltaprop.training.score import score


def test_a_fraction_is_the_same_as_giving_the_rows_that_the_seed_holds_out(trained, blobs):
    X, y = blobs
    inside, outside = split(60, 0.25, 5)
    one, told = trained(validation=0.25)
    two, told_too = trained(X[inside], y[inside], validation=(X[outside], y[outside]))
    np.testing.assert_array_equal(one.theta, two.theta)
    assert (told.validation_cost, told.validation_score) == (told_too.validation_cost, told_too.validation_score)


def test_weights_go_with_their_rows_to_both_sides(trained, blobs, rng):
    X, y, w = *blobs, rng.random(60)
    inside, outside = split(60, 0.25, 5)
    one, told = trained(validation=0.25, sample_weight=w)
    held = X[outside], y[outside], w[outside]
    two, told_too = trained(X[inside], y[inside], validation=held, sample_weight=w[inside])
    np.testing.assert_array_equal(one.theta, two.theta)
    assert told.validation_cost == told_too.validation_cost


def test_the_split_follows_the_seed():
    assert not np.array_equal(split(60, 0.25, 5)[1], split(60, 0.25, 6)[1])


def test_validation_does_not_change_the_training(trained, blobs):
    np.testing.assert_array_equal(trained(validation=blobs)[0].theta, trained()[0].theta)


def test_the_record_has_the_networks_cost_and_accuracy(trained, blobs):
    X, y = blobs
    net, history = trained(validation=(X[:20], y[:20]))
    assert history[-1].validation_cost == net.cost(X[:20], y[:20])
    assert history[-1].validation_score == (net.forward(X[:20]).argmax(axis=1) == y[:20]).mean()
    assert history.score_name == "accuracy"


def test_without_validation_the_record_has_none(trained):
    assert trained()[1].validation_cost == [None] * 3


def test_numbers_are_scored_by_r2(line, numbers):
    from sklearn.metrics import r2_score

    net, (X, Y), w = line(), numbers, np.linspace(0, 1, 50)
    history = dp.train(net, X, Y, validation=(X, Y, w), epochs=2, seed=0)
    assert history.score_name == "R²"
    assert history[-1].validation_score == pytest.approx(r2_score(Y, net.forward(X), sample_weight=w), rel=1e-12)


@pytest.mark.parametrize(("a", "expected"), [([2.0, 2.0], 1.0), ([2.0, 3.0], 0.0)])
def test_r2_of_a_constant_is_1_where_it_is_met_and_0_elsewhere(line, a, expected):
    spec = dp.Network([1, 1], output="identity", cost="quadratic").spec
    assert score(spec, np.array(a)[:, None], np.full((2, 1), 2.0)) == expected


def test_yes_no_outputs_are_right_where_all_of_a_row_are():
    spec = dp.Network([1, 2], output="sigmoid").spec
    a, y = np.array([[0.9, 0.2], [0.9, 0.9], [0.1, 0.4]]), np.array([[1.0, 0], [1, 0], [0, 0]])
    assert score(spec, a, y) == pytest.approx(2 / 3)


def test_distributions_are_right_where_the_largest_agrees():
    spec = dp.Network([1, 3]).spec
    a, y = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), np.array([[0.6, 0.4, 0.0], [0.9, 0.1, 0.0]])
    assert score(spec, a, y) == 0.5


@pytest.mark.parametrize("fraction", [0, 0.0, 1.0, 1, -0.5, 2, float("nan")])
def test_a_fraction_outside_0_and_1_is_refused(trained, fraction):
    with pytest.raises(dp.ArgumentError, match="`validation` must be a fraction between 0 and 1"):
        trained(validation=fraction)


@pytest.mark.parametrize("what", [True, "0.2", (1,), {"X": 1}], ids=repr)
def test_what_is_no_validation_is_refused(trained, what):
    with pytest.raises(dp.ArgumentTypeError, match=r"`validation` must be a fraction, \(X, Y\) or"):
        trained(validation=what)


def test_one_row_cannot_be_split(classifier):
    with pytest.raises(dp.ArgumentError, match="`X` must be at least 2 rows"):
        dp.train(classifier(), np.ones((1, 4)), [0], validation=0.5)


@pytest.mark.parametrize(("side", "part"), [("training", 0), ("validation", 1)])
def test_a_side_on_which_no_row_weighs_anything_is_refused(trained, side, part):
    weight = np.ones(60)
    weight[split(60, 0.25, 5)[part]] = 0
    with pytest.raises(dp.ArgumentError, match=f"`sample_weight` must be positive for some of the {side} rows"):
        trained(validation=0.25, sample_weight=weight)


def test_validation_data_of_another_width_is_refused(trained, blobs):
    with pytest.raises(dp.ShapeError, match=r"of shape \(m, 4\)"):
        trained(validation=(blobs[0][:, :3], blobs[1]))
