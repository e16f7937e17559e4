"""The estimators against scikit-learn's own: the same random_state gives the same weights, losses, scores, counts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs_module

import deltaprop as dp

ROWS, FEATURES, BATCH = 53, 4, 16  # three batches of 16 and one of 5
CLASSIFIED = ("binary", "multiclass", "multilabel")
KINDS = (*CLASSIFIED, "regression", "multioutput", "poisson")
ATOL = 1e-10

SGD = {"solver": "sgd", "learning_rate_init": 0.05}
ADAM = {"solver": "adam", "learning_rate_init": 0.02}
SOLVERS = {"sgd": SGD, "adam": ADAM}
MOMENTA = {
    "no momentum": {"momentum": 0.0},
    "momentum": {"momentum": 0.9, "nesterovs_momentum": False},
    "nesterov": {"momentum": 0.9, "nesterovs_momentum": True},
}
ADAPTIVE = {"learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.05}  # so that the rate falls within 10 epochs
RATES = {"constant": {}, "invscaling": {"learning_rate": "invscaling", "power_t": 0.3}, "adaptive": ADAPTIVE}
METHODS = {
    **{f"sgd, {m}, {r}": SGD | momentum | rate for m, momentum in MOMENTA.items() for r, rate in RATES.items()},
    "adam": ADAM,
    "adam, own decays": ADAM | {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-4},
}
OPTIONS = {
    "in order": {"shuffle": False},
    "one batch": {"batch_size": "auto"},
    "batches of 1": {"batch_size": 1, "max_iter": 2, "learning_rate_init": 0.005},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "two hidden layers": {"hidden_layer_sizes": [6, 3]},
    "a width alone": {"hidden_layer_sizes": 7},
    "alpha": {"alpha": 2.0},
    "no alpha": {"alpha": 0.0},
    "early stopping": {"early_stopping": True},
    "early stopping, in order": {"early_stopping": True, "shuffle": False, "validation_fraction": 0.3},
    "stops early": {"n_iter_no_change": 2, "tol": 0.05, "max_iter": 60},
    "stops early by its score": {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.02, "max_iter": 60},
    "patience without end": {"n_iter_no_change": np.inf, "tol": 1.0},
}


def examples(kind, rows=ROWS):
    """X and y of one kind of target, always the same ones."""
    rng = np.random.default_rng(8)
    X = rng.standard_normal((rows, FEATURES))
    Z = X @ rng.standard_normal((FEATURES, 3)) + 0.5 * rng.standard_normal((rows, 3))
    y = {
        "binary": np.where(Z[:, 0] > 0, "yes", "no"),
        "multiclass": Z.argmax(axis=1) * 10,
        "multilabel": (Z > 0).astype(int),
        "regression": Z[:, 0],
        "multioutput": Z,
        "poisson": rng.poisson(np.exp(0.5 * Z[:, 0])).astype(float),
    }
    return X, y[kind]


def pair(kind, **settings):
    """Theirs and ours with the same parameters, not fitted."""
    given = {"hidden_layer_sizes": (8,), "batch_size": BATCH, "max_iter": 10, "random_state": 3} | settings
    if kind == "poisson":
        given["loss"] = "poisson"
        given["learning_rate_init"] = min(given.get("learning_rate_init", 1), 0.005)  # e^z runs away at higher ones
    name = "MLPClassifier" if kind in CLASSIFIED else "MLPRegressor"
    return getattr(theirs_module, name)(**given), getattr(dp, name)(**given)


def fit_both(kind, fit=(), data=None, **settings):
    """Both, fitted on the same rows; `fit` are further arguments. Warnings have tests of their own."""
    X, y = data or examples(kind)
    both = pair(kind, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in both:
            estimator.fit(X, y, *fit)
    return both


def same(name, theirs, ours, atol=ATOL):
    """None for None, else equal numbers."""
    assert (theirs is None) == (ours is None), f"{name}: {theirs} and {ours}"
    if theirs is not None:
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol, err_msg=name)


def same_weights(theirs, ours, atol=ATOL):
    for name in ("coefs_", "intercepts_"):
        assert len(getattr(ours, name)) == len(getattr(theirs, name))
        for l, (one, other) in enumerate(zip(getattr(theirs, name), getattr(ours, name), strict=True), 1):
            same(f"{name} of layer {l}", one, other, atol)


def same_counts(theirs, ours):
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name


def same_scores(theirs, ours, losses=True):
    names = ["validation_scores_", "best_validation_score_"]
    for name in names + (["loss_", "loss_curve_", "best_loss_"] if losses else []):
        same(name, getattr(theirs, name), getattr(ours, name))


def same_predictions(theirs, ours, X, atol=ATOL):
    if not hasattr(theirs, "classes_"):
        return same("predict", theirs.predict(X), ours.predict(X), atol)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    same("predict_proba", theirs.predict_proba(X), ours.predict_proba(X), atol)
    logs = theirs.predict_log_proba(X), ours.predict_log_proba(X)  # of 1 - a too, which has lost digits before the log
    return np.testing.assert_allclose(logs[1], logs[0], rtol=1e-5, atol=1e-9)


def same_all(kind, both, data=None):
    """Everything a training leaves behind; with several numbers to predict the loss is another one (see below)."""
    same_weights(*both)
    same_counts(*both)
    same_scores(*both, losses=kind != "multioutput")
    X, y = data or examples(kind)
    same_predictions(*both, X)
    same("score", *(estimator.score(X, y) for estimator in both))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_and_kind_of_target(kind, method):
    settings = METHODS[method]
    if kind == "multioutput" and "tol" in settings:
        settings = settings | {"n_iter_no_change": 10}  # their loss is another one, and would lower the rate elsewhere
    same_all(kind, fit_both(kind, **settings))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_every_activation(kind, solver, activation):
    same_all(kind, fit_both(kind, activation=activation, hidden_layer_sizes=(6, 5), **SOLVERS[solver]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("option", OPTIONS)
def test_every_option(kind, solver, option):
    settings = SOLVERS[solver] | OPTIONS[option]
    if kind == "multioutput" and not settings.get("early_stopping"):
        settings["n_iter_no_change"] = settings["max_iter"] = settings.get("max_iter", 10)
    same_all(kind, fit_both(kind, **settings))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sample_weights(kind, solver, early_stopping):
    weight = np.linspace(0.1, 3, ROWS)
    same_all(kind, fit_both(kind, fit=(weight,), early_stopping=early_stopping, alpha=0.5, **SOLVERS[solver]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix])
def test_sparse_rows(kind, solver, form):
    X, y = examples(kind)
    data = form(np.where(np.abs(X) > 0.7, X, 0)), y
    same_all(kind, fit_both(kind, data=data, early_stopping=kind == "binary", **SOLVERS[solver]), data)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("seed", [0, 2**31 - 1, np.random.RandomState])
def test_every_random_state(kind, seed):
    X, y = examples(kind)
    theirs, ours = pair(kind, early_stopping=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in (theirs, ours):
            estimator.set_params(random_state=seed if isinstance(seed, int) else seed(11)).fit(X, y)
    same_all(kind, (theirs, ours))


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_as_near_as_float32_is(kind):
    X, y = examples(kind)
    X = X.astype(np.float32)
    theirs, ours = fit_both(kind, data=(X, y.astype(np.float32) if kind in KINDS[3:] else y))
    assert {W.dtype for W in (*ours.coefs_, *ours.intercepts_)} == {np.dtype(np.float32)}
    same_weights(theirs, ours, 2e-5)
    same_counts(theirs, ours)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_from_weights_that_were_put_in(kind, shuffle):
    """SGD without momentum, which carries nothing over from the training before but the weights."""
    X, y = examples(kind)
    both = pair(kind, solver="sgd", momentum=0.0, learning_rate_init=0.05, warm_start=True, shuffle=shuffle)
    draws = np.random.default_rng(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = (estimator.fit(X, y) for estimator in both)
        W = [0.5 * draws.standard_normal(w.shape) for w in theirs.coefs_]
        b = [0.5 * draws.standard_normal(v.shape) for v in theirs.intercepts_]
        for estimator in both:
            estimator.coefs_ = [w.copy() for w in W]
            estimator.intercepts_ = [v.copy() for v in b]
            estimator.intercepts_[0] = np.zeros_like(b[0])
            estimator.fit(X, y)
    same_all(kind, both)
    assert len(ours.loss_curve_) == 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("weighted", [False, True])
def test_partial_fits(kind, solver, weighted):
    X, y = examples(kind)
    theirs, ours = both = pair(kind, **SOLVERS[solver])
    weight = np.linspace(0.5, 2, ROWS) if weighted else None
    first = (np.arange(3) if kind == "multilabel" else np.unique(y),) if kind in CLASSIFIED else ()
    for epoch in range(6):
        part = slice(0, ROWS, 1 + epoch % 2)
        for estimator in both:
            given = (None if weight is None else weight[part], *(first if epoch == 0 else ()))
            estimator.partial_fit(X[part], y[part], *given)
        same_weights(theirs, ours)
        same_counts(theirs, ours)
    same_all(kind, both)


def test_a_class_may_come_later():
    X, y = examples("multiclass")
    both = pair("multiclass", batch_size="auto")
    for estimator in both:
        estimator.partial_fit(X[y < 20], y[y < 20], classes=[20, 0, 10]).partial_fit(X[y == 20], y[y == 20])
    same_all("multiclass", both)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "multioutput"])  # their gradient is not its loss's
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_predicts_the_same(kind, weighted):
    fit = (np.linspace(0.1, 2, ROWS),) if weighted else ()
    theirs, ours = fit_both(kind, fit=fit, solver="lbfgs", max_iter=12, alpha=0.5, activation="tanh")
    X, _ = examples(kind)
    predict = "predict_proba" if kind in CLASSIFIED else "predict"
    np.testing.assert_allclose(getattr(ours, predict)(X), getattr(theirs, predict)(X), rtol=1e-3, atol=1e-3)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_with_several_numbers_the_loss_is_that_of_the_gradient(solver):
    """Theirs is the mean over the outputs, their gradient that of the sum: ours is the sum in both (#8349)."""
    theirs, ours = fit_both("multioutput", solver=solver, learning_rate_init=0.01, alpha=0.0, max_iter=5, tol=0.0)
    X, y = examples("multioutput")
    if solver == "sgd":
        np.testing.assert_allclose(ours.loss_curve_, 3 * np.array(theirs.loss_curve_), rtol=1e-9)
    else:
        assert ours.loss_ == pytest.approx(0.5 * ((ours.predict(X) - y) ** 2).sum(axis=1).mean(), rel=1e-9)


def test_an_adaptive_rate_ends_when_it_is_spent():
    both = fit_both("regression", solver="sgd", learning_rate="adaptive", learning_rate_init=1e-5, tol=1.0, max_iter=99)
    assert both[1].n_iter_ < 99
    same_all("regression", both)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "multioutput"])
def test_lbfgs_that_is_content_with_its_start(kind):
    both = fit_both(kind, solver="lbfgs", tol=1e6, alpha=3.0)
    same_weights(*both)
    same("loss_", *(estimator.loss_ for estimator in both))
    assert both[1].n_iter_ == both[0].n_iter_ == 0
