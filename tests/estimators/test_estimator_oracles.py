"""Estimators against models whose answer is known: with no hidden layer the network is the GLM."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

import deltaprop as dp

NEAR = 1e-3  # L-BFGS stops, as scikit-learn's, where a step lowers the loss by less than 2e-9 of it


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
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=NEAR)
    if n_classes == 2:
        np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=NEAR)


def test_no_hidden_layer_is_linear_regression(X, rng):
    y = X @ rng.standard_normal((5, 2)) + rng.standard_normal((200, 2)) + 4
    ours = dp.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, max_iter=500, tol=1e-9, random_state=0).fit(
        X, y
    )
    theirs = LinearRegression().fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0].T, theirs.coef_, atol=NEAR)
    np.testing.assert_allclose(ours.intercepts_[0], theirs.intercept_, atol=NEAR)


def test_a_penalty_makes_it_ridge_regression(X, rng):
    y = X @ rng.standard_normal(5) + rng.standard_normal(200)
    ours = dp.MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=30, max_iter=500, tol=1e-9, random_state=0).fit(
        X, y
    )
    np.testing.assert_allclose(ours.coefs_[0].ravel(), Ridge(30).fit(X, y).coef_, atol=NEAR)
