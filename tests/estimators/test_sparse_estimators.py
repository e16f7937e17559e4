"""The estimators on sparse matrices, as scikit-learn's users have them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import deltaprop as dp

SETTINGS = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0, "tol": 1e-2}
KINDS = [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix, sparse.csc_matrix]


@pytest.fixture
def codes(rng):
    """(m, 3) categories, 0 to 9."""
    return rng.integers(0, 10, (300, 3))


@pytest.fixture
def one_hot(codes):
    return OneHotEncoder().fit_transform(codes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_classifier_is_the_same_on_sparse_and_dense(one_hot, codes, kind, early_stopping):
    y = codes[:, 0] % 3
    settings = SETTINGS | {"early_stopping": early_stopping}
    fitted = dp.MLPClassifier(**settings).fit(kind(one_hot), y)
    full = dp.MLPClassifier(**settings).fit(one_hot.toarray(), y)
    assert fitted.n_iter_ == full.n_iter_
    np.testing.assert_allclose(fitted.predict_proba(kind(one_hot)), full.predict_proba(one_hot.toarray()), atol=1e-8)
    assert fitted.score(kind(one_hot), y) > 0.9


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_regressor_is_the_same_on_sparse_and_dense(one_hot, codes, solver):
    y = codes @ [1.0, -2.0, 0.5]
    settings = SETTINGS | {"solver": solver, "learning_rate_init": 0.001, "max_iter": 400}
    fitted = dp.MLPRegressor(**settings).fit(one_hot, y)
    full = dp.MLPRegressor(**settings).fit(one_hot.toarray(), y)
    np.testing.assert_allclose(fitted.predict(one_hot), full.predict(one_hot.toarray()), rtol=1e-5, atol=1e-5)
    assert fitted.score(one_hot, y) > 0.9


def test_float32_stays_float32(one_hot, codes):
    fitted = dp.MLPClassifier(**SETTINGS).fit(one_hot.astype(np.float32), codes[:, 0])
    assert fitted.network_.spec.dtype == np.float32
    assert fitted.predict_proba(one_hot.astype(np.float32)).dtype == np.float32


def test_weights_go_with_their_rows(one_hot, codes):
    y, weight = codes[:, 0], np.linspace(0.1, 2, 300)
    settings = SETTINGS | {"early_stopping": True}
    fitted = dp.MLPClassifier(**settings).fit(one_hot, y, weight)
    full = dp.MLPClassifier(**settings).fit(one_hot.toarray(), y, weight)
    np.testing.assert_allclose(fitted.predict_proba(one_hot), full.predict_proba(one_hot), atol=1e-8)


def test_behind_a_one_hot_encoder_under_cross_validation(codes):
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), dp.MLPClassifier(**SETTINGS))
    assert cross_val_score(model, codes, codes[:, 1] % 2, cv=3).mean() > 0.9


def test_nan_and_another_width_are_refused(one_hot, codes):
    fitted = dp.MLPClassifier(**SETTINGS).fit(one_hot, codes[:, 0])
    with pytest.raises(ValueError, match="X has 29 features, but MLPClassifier is expecting 30"):
        fitted.predict(one_hot[:, :29])
    one_hot.data[3] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        dp.MLPRegressor().fit(one_hot, codes[:, 0])
