"""Estimators against models whose answer is known: with no hidden layer the network is the GLM."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as SklearnMLP

import deltaprop as dp


@pytest.fixture
def X(rng):
    return rng.standard_normal((200, 5))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_no_hidden_layer_is_logistic_regression(X, rng, n_classes, C):
    """scikit-learn minimises C Σ cost + ½ ‖W‖²: with alpha = 1 / C that is C times ours."""
    y = (X @ rng.standard_normal((5, n_classes)) + rng.gumbel(size=(200, n_classes))).argmax(axis=1)
    ours = dp.MLPClassifier((), solver="lbfgs", alpha=1 / C, max_iter=500, tol=1e-7, random_state=0).fit(X, y)
    theirs = LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    if n_classes == 2:
        np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-5)


def test_no_hidden_layer_is_linear_regression(X, rng):
    y = X @ rng.standard_normal((5, 2)) + rng.standard_normal((200, 2)) + 4
    ours = dp.MLPRegressor((), solver="lbfgs", alpha=0, max_iter=500, tol=1e-9, random_state=0).fit(X, y)
    theirs = LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercepts_[0], theirs.intercept_, atol=1e-6)


def test_a_penalty_makes_it_ridge_regression(X, rng):
    y = X @ rng.standard_normal(5) + rng.standard_normal(200)
    ours = dp.MLPRegressor((), solver="lbfgs", alpha=30, max_iter=500, tol=1e-9, random_state=0).fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0].ravel(), Ridge(30).fit(X, y).coef_, atol=1e-6)


def test_digits_as_well_as_with_scikit_learns_own_network():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0, stratify=y)
    settings = {"hidden_layer_sizes": (50,), "max_iter": 30, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours, theirs = (made(**settings).fit(X_train, y_train) for made in (dp.MLPClassifier, SklearnMLP))
    assert abs(ours.score(X_test, y_test) - theirs.score(X_test, y_test)) <= 0.02
    assert ours.loss_curve_[-1] == pytest.approx(theirs.loss_curve_[-1], rel=0.25)
    assert ours.loss_curve_[-1] < ours.loss_curve_[0] / 5
