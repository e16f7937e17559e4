"""Calls after calls: what goes on from the one before, what begins anew, and what a failure leaves behind."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight

import deltaprop as dp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PUBLIC = ("loss_", "loss_curve_", "validation_scores_", "validation_loss_curve_", "best_validation_score_", "n_iter_")


@pytest.fixture
def X(rng):
    return rng.standard_normal((60, 3))


@pytest.fixture
def y(X):
    return (X[:, 0] > 0).astype(int)


def classifier(**given):
    return dp.MLPClassifier(**{"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, "tol": 0} | given)


def fails(event):
    raise ZeroDivisionError


@pytest.mark.parametrize("more", [{}, {"early_stopping": True}])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_call_that_fails_leaves_everything_as_it_was(X, y, more, call):
    fitted = classifier(warm_start=True, **more).fit(X, y)
    view, before = fitted.coefs_[0], copy.deepcopy(fitted)
    fitted.set_params(on_epoch=fails)
    with pytest.raises(ZeroDivisionError):
        getattr(fitted, call)(X, y)
    assert all(getattr(fitted, name) == getattr(before, name) for name in PUBLIC)
    assert np.shares_memory(view, fitted.coefs_[0])
    fitted.set_params(on_epoch=None)
    np.testing.assert_array_equal(fitted.fit(X, y).coefs_[0], before.fit(X, y).coefs_[0])


def test_a_training_that_runs_away_says_so_in_the_estimators_words(X):
    said = r"layer 2, .* The estimator is as it was before\. Try a lower learning_rate_init, or inputs of a smaller"
    with pytest.raises(dp.NonFiniteError, match=said):
        dp.MLPRegressor(solver="sgd", learning_rate_init=1e300, random_state=0).fit(X, X[:, 0])


def test_other_validation_rows_begin_a_new_best(X, y):
    fitted = classifier(early_stopping=True, warm_start=True, max_iter=30, learning_rate_init=0.05)
    fitted.fit(X, y, X_val=X, y_val=y).fit(X, y, X_val=X, y_val=1 - y)
    assert fitted.best_validation_score_ == pytest.approx(fitted.score(X, 1 - y))


def test_assigned_weights_are_not_undone_by_an_older_best(X, y):
    fitted = classifier(early_stopping=True, warm_start=True).fit(X, y)
    fitted.coefs_ = [np.zeros_like(W) for W in fitted.coefs_]
    fitted.set_params(max_iter=1, learning_rate_init=1e-9).fit(X, y)
    assert np.abs(fitted.coefs_[0]).max() < 1e-6


def test_weights_may_be_assigned_from_each_other(X, y):
    fitted = classifier(hidden_layer_sizes=(3, 3)).fit(X, y)
    first, second = fitted.coefs_[0].copy(), fitted.coefs_[1].copy()
    views = fitted.coefs_
    fitted.coefs_ = [views[1], views[0], views[2]]
    np.testing.assert_array_equal(fitted.coefs_[0], second)
    np.testing.assert_array_equal(fitted.coefs_[1], first)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, "`coefs_` must be a list of arrays"),
        ([np.zeros((3, 4))], "`coefs_` must be made of 2 arrays"),
        ([np.zeros((3, 4)), np.zeros((4, 2))], r"`coefs_` must be of shape \(4, 1\)"),
        ([np.zeros((3, 4)), np.full((4, 1), np.nan)], "`coefs_` must be finite numbers"),
        ([np.zeros((3, 4)), np.zeros((4, 1), complex)], "`coefs_` must be made of arrays of numbers"),
    ],
)
def test_what_cannot_be_assigned_is_refused_whole(X, y, values, message):
    fitted = classifier().fit(X, y)
    before = fitted.coefs_[0].copy()
    with pytest.raises(dp.DeltapropError, match=message):
        fitted.coefs_ = values
    np.testing.assert_array_equal(fitted.coefs_[0], before)


def test_a_new_learning_rate_counts_under_an_adaptive_rule(X, y):
    fitted = classifier(solver="sgd", learning_rate="adaptive", learning_rate_init=1e-4, warm_start=True).fit(X, y)
    fitted.set_params(learning_rate_init=0.5).fit(X, y)
    assert fitted.history_[0].learning_rate == 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dtype": "float32"}, "`dtype` must be 'float64' as in the previous call"),
        ({"impute_missing": True}, "`impute_missing` must be False as in the previous call"),
        ({"hidden_layer_sizes": (5,)}, "`hidden_layer_sizes` must be such that the network stays 3-4-1"),
    ],
)
def test_what_a_warm_start_cannot_take_up_is_refused(X, y, given, message):
    fitted = classifier(warm_start=True).fit(X, y).set_params(**given)
    with pytest.raises(dp.ParameterError, match=message):
        fitted.fit(X, y)


def test_yes_no_labels_do_not_go_on_as_classes(X, y):
    fitted = classifier().partial_fit(X, np.eye(3, dtype=int)[np.arange(60) % 3])
    with pytest.raises(dp.ArgumentError, match="`y` must be of the kind of the previous call"):
        fitted.partial_fit(X, np.arange(60) % 3)


def test_balanced_weights_of_validation_rows_are_those_of_training(X, y):
    rare = np.where(np.arange(60) < 50, 0, y)
    inside = dict(enumerate(compute_class_weight("balanced", classes=np.unique(rare), y=rare)))
    by_name, by_hand = (classifier(class_weight=w).fit(X, rare, X_val=X, y_val=y) for w in ("balanced", inside))
    assert by_name.validation_loss_curve_ == by_hand.validation_loss_curve_


def test_missing_values_where_frames_are_the_output_of_everything(X, y):
    X[::7, 1] = np.nan
    with config_context(transform_output="pandas"):
        assert classifier(impute_missing=True).fit(X, y).predict(X).shape == (60,)


def test_a_quantile_with_a_cost_of_ones_own_is_refused(X):
    own = dp.Cost.from_rows("own", lambda a, y: ((a - y) ** 2).sum(axis=1), lambda a, y: 2 * (a - y))
    with pytest.raises(dp.ParameterError, match=r"`quantile` must be left at 0.5 .* Got 0.9 with loss='own'"):
        dp.MLPRegressor(own, quantile=0.9).fit(X, X[:, 0])


def test_an_array_of_no_dimension_is_no_list_of_widths(X, y):
    unusable = classifier(hidden_layer_sizes=np.array(5))
    with pytest.raises(dp.ParameterError, match=r"`hidden_layer_sizes` must be .* Got array\(5\)"):
        unusable.fit(X, y)
    assert "MLPClassifier" in unusable._repr_html_()


@pytest.mark.parametrize("given", [{0: 0, 1: 0}, {0: -1, 1: 1}, {0: np.nan, 1: 1}, {}, [1, 2], {0: "much"}], ids=str)
def test_class_weights_that_weigh_nothing_are_refused_by_their_name(X, y, given):
    with pytest.raises(dp.ParameterError, match="`class_weight` must be"):
        classifier(class_weight=given).fit(X, y)


def test_a_velocity_is_not_taken_for_a_mean_of_squares():
    """SGD with momentum and RMSprop keep one vector each, and not the same one."""
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    model = dp.MLPClassifier((8,), solver="sgd", warm_start=True, learning_rate_init=0.01, max_iter=10, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y).set_params(solver="rmsprop").fit(X, y)
    assert np.isfinite(model.loss_)
