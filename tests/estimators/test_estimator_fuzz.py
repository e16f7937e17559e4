"""Any parameters on any data: the estimators fit and predict as they should, or refuse with an error of their own."""

from __future__ import annotations

import contextlib
import traceback
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

import deltaprop as dp

TANH = dp.Activation("own", np.tanh, lambda z: 1 / np.cosh(z) ** 2)
WORSE = dp.Activation("worse", np.tanh, lambda z: 2 / np.cosh(z) ** 2)
OWN = dp.Cost.from_rows("own", lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1), lambda a, y: a - y)

# Parameter: values that can be used (alone), and values that cannot.
SHARED = {
    "hidden_layer_sizes": ([(), (3,), 2, [4, 1], (1, 1, 1), np.array([2])], [0, (3, -1), "8", (2.5,), None]),
    "activation": (["relu", "logistic", "identity", "gelu", "softplus", "mish", TANH], ["rleu", None, WORSE, []]),
    "solver": (["sgd", "adam", "adamw", "rmsprop", "lbfgs"], ["adm", None]),
    "alpha": ([0, 1e-4, 1.0, 1e3], [-1, np.nan, "a"]),
    "batch_size": (["auto", 1, 3, 1000], [0, 2.5, "big"]),
    "learning_rate": (["constant", "invscaling", "adaptive", "cosine", dp.StepDecay(1, 0.5)], ["constnt", 3]),
    "learning_rate_init": ([1e-3, 0.1, 1e300], [0, -1, np.inf]),
    "power_t": ([0, 0.5, 3.0], [-1]),
    "max_iter": ([1, 2, 5], [0, 1.5]),
    "shuffle": ([True, False], ["yes"]),
    "tol": ([0, 1e-4, 10.0], [-1]),
    "momentum": ([0, 0.9, 1.0], [1.1]),
    "nesterovs_momentum": ([True, False], [None]),
    "early_stopping": ([True, False], ["yes"]),
    "validation_fraction": ([0.1, 0.5, 0.9], [1.0, -0.1]),
    "beta_1": ([0, 0.9], [1.0]),
    "n_iter_no_change": ([1, np.inf], [0]),
    "dropout": ([0.0, 0.5, [0.3]], [1.0, "a"]),
    "impute_missing": ([True, False], [1]),
    "dtype": ([None, "float32", "float64"], ["int8"]),
    "engine": (["auto", "reference"], ["gpu"]),
    "n_threads": ([None, 1, 2], [0]),
    "time_limit": ([None, 60.0, 1e-9], [0]),
    "random_state": ([0, None], [-1]),
}
CLASSIFIER = SHARED | {
    "loss": (["log_loss", OWN], ["hinge"]),
    "class_weight": ([None, "balanced", {0: 2.0, 1: 0.0}], ["even", 3]),
    "label_smoothing": ([0.0, 0.3], [1.0]),
}
LOSSES = ["squared_error", "poisson", "absolute_error", "huber", "huber(2.5)", "quantile", OWN]
REGRESSOR = SHARED | {"loss": (LOSSES, ["log_loss", "huber(0)"]), "quantile": ([0.5, 0.9], [0, 1])}

CONTENTS = {
    "plain": lambda rng, m, n: rng.standard_normal((m, n)),
    "a constant column": lambda rng, m, n: np.column_stack([np.full(m, 7.0), rng.standard_normal((m, n - 1))]),
    "all zeros": lambda rng, m, n: np.zeros((m, n)),
    "zeros and ones": lambda rng, m, n: rng.integers(0, 2, (m, n)).astype(bool),
    "whole numbers": lambda rng, m, n: rng.integers(-5, 5, (m, n)),
    "wide": lambda rng, m, n: 1e6 * rng.standard_normal((m, n)),
    "huge": lambda rng, m, n: 1e300 * rng.standard_normal((m, n)),
    "missing": lambda rng, m, n: np.where(rng.random((m, n)) < 0.3, np.nan, 1.5),
    "infinite": lambda rng, m, n: np.where(rng.random((m, n)) < 0.2, np.inf, 1.5),
}
FORMS = {
    "array": np.asarray,
    "float32": lambda X: X.astype(np.float32),
    "list": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
    "pandas": lambda X: pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])]),
    "polars": lambda X: pl.DataFrame(X, schema=[f"c{j}" for j in range(X.shape[1])]),
    "pyarrow": lambda X: pa.table({f"c{j}": v for j, v in enumerate(X.T)}),
    "CSR": lambda X: sparse.csr_array(X.astype(float)),
    "CSC": lambda X: sparse.csc_matrix(X.astype(float)),
    "one column": lambda X: X[:, 0],
}
LABELS = {
    "two": lambda rng, m: rng.integers(0, 2, m),
    "three": lambda rng, m: rng.integers(0, 3, m),
    "words": lambda rng, m: np.array(["red", "green", "blue"])[rng.integers(0, 3, m)],
    "bools": lambda rng, m: rng.random(m) < 0.5,
    "whole floats": lambda rng, m: rng.integers(-1, 2, m).astype(float),
    "a column": lambda rng, m: rng.integers(0, 2, (m, 1)),
    "yes/no": lambda rng, m: rng.integers(0, 2, (m, 3)),
    "sparse yes/no": lambda rng, m: sparse.csr_matrix(rng.integers(0, 2, (m, 2))),
    "one class": lambda rng, m: np.ones(m, int),
    "real": lambda rng, m: rng.standard_normal(m),
    "too many": lambda rng, m: rng.integers(0, 2, m + 1),
}
NUMBERS = {
    "real": lambda rng, m: rng.standard_normal(m),
    "counts": lambda rng, m: rng.poisson(2, m),
    "several": lambda rng, m: rng.standard_normal((m, 2)),
    "a column": lambda rng, m: rng.standard_normal((m, 1)),
    "float32": lambda rng, m: rng.standard_normal(m).astype(np.float32),
    "all the same": lambda rng, m: np.full(m, 3.0),
    "huge": lambda rng, m: 1e300 * rng.standard_normal(m),
    "missing": lambda rng, m: np.full(m, np.nan),
    "words": lambda rng, m: np.full(m, "red"),
}
WEIGHTS = {
    "none": lambda rng, m: None,
    "plain": lambda rng, m: rng.random(m) + 0.1,
    "some zero": lambda rng, m: rng.integers(0, 2, m),
    "all zero": lambda rng, m: np.zeros(m),
    "below zero": lambda rng, m: -np.ones(m),
    "too few": lambda rng, m: np.ones(m - 1),
}


def mostly(table, first):
    """One of the keys, the first few (the good ones) far more often."""
    names = list(table)
    return st.sampled_from(names[:first] * 8 + names)


@st.composite
def parameters(draw, table):
    """Some parameters, each a value that can be used; sometimes one that cannot."""
    names = draw(st.lists(st.sampled_from(sorted(table)), max_size=6, unique=True))
    chosen = {name: draw(st.sampled_from(table[name][0])) for name in names}
    if draw(st.sampled_from([False] * 9 + [True])):
        name = draw(st.sampled_from(sorted(table)))
        chosen[name] = draw(st.sampled_from(table[name][1]))
    return {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0} | chosen


KINDS = {"classifier": (dp.MLPClassifier, CLASSIFIER, LABELS), "regressor": (dp.MLPRegressor, REGRESSOR, NUMBERS)}


@st.composite
def examples(draw):
    """In words: an estimator with its parameters, and what its rows, targets and weights are."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    _, table, targets = KINDS[kind]
    return {
        "kind": kind,
        "given": draw(parameters(table)),
        "m": draw(st.one_of(st.integers(1, 5), st.integers(6, 30))),
        "n": draw(st.integers(1, 4)),
        "seed": draw(st.integers(0, 99)),
        "X": draw(mostly(CONTENTS, 6)),
        "form": draw(mostly(FORMS, 9)),
        "y": draw(mostly(targets, 6)),
        "weight": draw(mostly(WEIGHTS, 3)),
    }


def made(example):
    """The estimator, and X, y and weights."""
    cls, _, targets = KINDS[example["kind"]]
    m, rng = example["m"], np.random.default_rng(example["seed"])
    with np.errstate(over="ignore"):
        X = FORMS[example["form"]](CONTENTS[example["X"]](rng, m, example["n"]))
    return cls(**example["given"]), X, targets[example["y"]](rng, m), WEIGHTS[example["weight"]](rng, m)


@contextlib.contextmanager
def only_known_warnings():
    """Those of scikit-learn's estimators; any other one, of NumPy about numbers above all, is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in (ConvergenceWarning, DataConversionWarning):
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger")
        # What scikit-learn's check of its input sets off on numbers beyond float32, before it refuses them.
        warnings.filterwarnings("ignore", "(overflow encountered in cast|invalid value encountered in reduce)")
        yield


OURS = Path(dp.__file__).parent
CHECKS = [Path(sklearn.__file__).parent / part for part in ("utils", "model_selection", "preprocessing", "base.py")]


def may_overflow(example):
    """Where numbers are extreme, a training can end so near to the edge that only the next pass is beyond it."""
    extreme = {example["X"], example["y"]} & {"wide", "huge"} or example["given"].get("learning_rate_init") == 1e300
    return contextlib.suppress(dp.NonFiniteError) if extreme else contextlib.nullcontext()


def check_error(error):
    """One of ours, or one of Python's kinds that was raised where input is checked."""
    if isinstance(error, dp.DeltapropError):
        assert str(error)
        return
    where = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    known = isinstance(error, (ValueError, TypeError)) and any(where.is_relative_to(part) for part in (OURS, *CHECKS))
    assert known, "".join(traceback.format_exception(error))


def check_fitted(fitted, form, X, y):
    """Shapes, number types, classes, probabilities."""
    m = X.shape[0] if hasattr(X, "shape") else len(X)
    predicted, wide = fitted.predict(X), np.ndim(y) == 2 and np.shape(y)[1] > 1
    assert predicted.shape == ((m, np.shape(y)[1]) if wide else (m,))
    dtype = np.dtype(fitted.dtype or ("float32" if form == "float32" else "float64"))
    assert all(np.isfinite(W).all() and W.dtype == dtype for W in fitted.coefs_)
    assert np.isfinite(fitted.loss_)
    assert len(fitted.coefs_) == len(fitted.intercepts_) == fitted.n_layers_ - 1
    assert fitted.input_gradients(X, y).shape == (m, fitted.n_features_in_)
    assert fitted.gradient_norms(X, y).shape == (m,)
    if not isinstance(fitted, dp.MLPClassifier):
        assert predicted.dtype == dtype
        assert np.isfinite(predicted).all()
        return
    p = fitted.predict_proba(X)
    assert p.shape == (m, len(fitted.classes_))
    assert p.dtype == dtype
    assert ((p >= 0) & (p <= 1)).all()
    if not wide:
        np.testing.assert_array_equal(fitted.classes_, np.unique(y))
        assert np.isin(predicted, fitted.classes_).all()
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


@settings(max_examples=200)
@given(examples())
def test_it_fits_and_predicts_or_says_why_not(example):
    estimator, X, y, weight = made(example)
    with only_known_warnings(), may_overflow(example):
        try:
            estimator.fit(X, y, weight)
        except Exception as error:
            check_error(error)
            assert not [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]
            return
        check_fitted(estimator, example["form"], X, y)
        if hasattr(estimator, "partial_fit"):
            try:
                estimator.partial_fit(X, y, weight)
            except Exception as error:
                check_error(error)
            check_fitted(estimator, example["form"], X, y)
