"""What the estimators have beside scikit-learn's: losses, weights, dropout, validation rows; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

import deltaprop as dp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FIT = {"hidden_layer_sizes": (6,), "max_iter": 8, "batch_size": 16, "random_state": 0, "learning_rate_init": 0.01}


def classifier(**given):
    return dp.MLPClassifier(**FIT | given)


def regressor(**given):
    return dp.MLPRegressor(**FIT | given)


def theta(estimator):
    return estimator.network_.theta


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_a_row_of_weight_zero_counts_as_none(X, y, make, solver, form):
    weight = np.where(np.arange(60) % 3 == 0, 0.0, 1.0 + np.arange(60) % 2)
    kept = weight > 0
    settings = {"shuffle": False, "batch_size": 60, "solver": solver, "alpha": 0.5}
    weighted = make(**settings).fit(form(X), y, weight)
    without = make(**settings | {"batch_size": int(kept.sum())}).fit(form(X[kept]), y[kept], weight[kept])
    np.testing.assert_allclose(theta(weighted), theta(without), atol=1e-7 if solver == "lbfgs" else 1e-11)
    if solver != "lbfgs":
        weighted.partial_fit(form(X), y, weight)
        without.partial_fit(form(X[kept]), y[kept], weight[kept])
        np.testing.assert_allclose(theta(weighted), theta(without), atol=1e-11)
        np.testing.assert_allclose(weighted.loss_curve_, without.loss_curve_, rtol=1e-9)


def test_weights_count_in_the_score_that_stops(X, y):
    weight = np.arange(60) % 4 / 2
    fitted = classifier().fit(X, y, X_val=X[:20], y_val=y[:20], sample_weight_val=weight[:20])
    assert fitted.validation_scores_[-1] == pytest.approx(fitted.score(X[:20], y[:20], weight[:20]))
    by_hand = log_loss(y[:20], fitted.predict_proba(X[:20]), sample_weight=weight[:20])
    assert fitted.validation_loss_curve_[-1] == pytest.approx(by_hand)
    numbers = regressor().fit(X, X[:, :2], X_val=X[:20], y_val=X[:20, :2], sample_weight_val=weight[:20])
    assert numbers.validation_scores_[-1] == pytest.approx(numbers.score(X[:20], X[:20, :2], weight[:20]))


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 5.0, 2: 0.5}, {1: 3.0}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("words", [False, True])
def test_class_weights_are_sample_weights(X, y, class_weight, weighted, words):
    weight = np.linspace(0.5, 2, 60) if weighted else None
    if words:
        y = np.array(["a", "b", "c"])[y]
        if isinstance(class_weight, dict):
            class_weight = {"abc"[label]: value for label, value in class_weight.items()}
    by_hand = compute_sample_weight(class_weight, y) * (weight if weighted else 1)
    fitted, plain = classifier(class_weight=class_weight).fit(X, y, weight), classifier().fit(X, y, by_hand)
    np.testing.assert_array_equal(theta(fitted), theta(plain))
    if class_weight != "balanced":
        fitted.partial_fit(X, y, weight)
        np.testing.assert_array_equal(theta(fitted), theta(plain.partial_fit(X, y, by_hand)))


def test_dropout_by_layer(X, y):
    traces = []
    settings = {"hidden_layer_sizes": (40, 30), "activation": "tanh"}
    keep = {"on_step": lambda event: traces.append(event.trace())}
    fitted = classifier(dropout=[0.5, 0.0], **settings, **keep).fit(X, y)
    share = [np.mean([np.mean(trace.layer(l).a == 0) for trace in traces]) for l in (1, 2)]
    assert share == [pytest.approx(0.5, abs=0.05), 0]
    twin = classifier(dropout=[0.5, 0.0], **settings).fit(X, y)
    np.testing.assert_array_equal(theta(twin), theta(fitted))
    np.testing.assert_array_equal(fitted.predict_proba(X), fitted.predict_proba(X))
    assert (theta(twin) != theta(classifier(**settings).fit(X, y))).any()
    everywhere = classifier(dropout=0.5, **settings).fit(X, y)
    np.testing.assert_array_equal(theta(everywhere), theta(classifier(dropout=(0.5, 0.5), **settings).fit(X, y)))


HALF_SQUARE = dp.Cost.from_rows("mine", lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1), lambda a, y: a - y)
WRONG = dp.Cost.from_rows("wrong", lambda a, y: 0.5 * ((a - y) ** 2).sum(axis=1), lambda a, y: 2.01 * (a - y))


@pytest.mark.parametrize("outputs", [1, 2])
def test_an_own_cost(X, y, outputs):
    numbers = X[:, :outputs].squeeze()
    fitted = regressor(loss=HALF_SQUARE).fit(X, numbers)
    np.testing.assert_allclose(theta(fitted), theta(regressor().fit(X, numbers)), atol=1e-12)
    for labels in (y, y == 1, (X > 0).astype(int)):
        assert classifier(loss=HALF_SQUARE, max_iter=300, tol=0).fit(X, labels).score(X, labels) > 0.8
    with pytest.raises(dp.DeltapropError, match="wrong"):
        regressor(loss=WRONG).fit(X, numbers)


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("way", [{"solver": "lbfgs"}, {"learning_rate": "cosine", "learning_rate_init": 0.05}], ids=str)
def test_a_quantile_has_its_share_of_rows_below(rng, q, way):
    X, numbers = np.ones((400, 1)), rng.exponential(size=400)
    settings = {"loss": "quantile", "quantile": q, "max_iter": 60, "tol": 0, "n_iter_no_change": 100, "alpha": 0}
    fitted = regressor(**settings | way).fit(X, numbers)
    assert np.mean(numbers <= fitted.predict(X)) == pytest.approx(q, abs=0.04)
    r = numbers - fitted.predict(X)
    assert fitted.network_.cost(X, numbers.reshape(-1, 1)) == pytest.approx(np.maximum(q * r, (q - 1) * r).mean())


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "huber(0.2)", "quantile"])
def test_outliers_do_not_draw_a_robust_loss(X, loss):
    clean = X @ [1.0, -1.0, 0.5, 0.0]
    spoilt = np.where(np.arange(60) % 10 == 0, 1000.0, clean)
    fitted = regressor(loss=loss, hidden_layer_sizes=(), max_iter=300, tol=0, learning_rate_init=0.05).fit(X, spoilt)
    assert np.median(np.abs(fitted.predict(X) - clean)) < 0.6
    assert dp.check(fitted.network_, X, spoilt.reshape(-1, 1)).ok


def test_huber_with_its_threshold(X):
    fitted = regressor(loss="huber(0.5)").fit(X, X[:, 0])
    r = np.abs(X[:, 0] - fitted.predict(X))
    by_hand = np.where(r <= 0.5, 0.5 * r * r, 0.5 * (r - 0.25)).mean()
    assert fitted.network_.cost(X, X[:, :1]) == pytest.approx(by_hand)


TANH = dp.Activation("mine", np.tanh, lambda z: 1 / np.cosh(z) ** 2)


def test_own_activations_and_one_per_layer(X, y):
    fitted = classifier(activation=TANH).fit(X, y)
    np.testing.assert_allclose(theta(fitted), theta(classifier(activation="tanh").fit(X, y)), atol=1e-10)
    several = classifier(activation=["gelu", TANH, "logistic"], hidden_layer_sizes=(6, 5, 4)).fit(X, y)
    assert [layer.activation.name for layer in several.network_] == ["gelu", "mine", "sigmoid", "softmax"]
    np.testing.assert_array_equal(theta(fitted), theta(classifier(activation=(TANH,)).fit(X, y)))
    with pytest.raises(dp.DeltapropError, match="bent"):
        classifier(activation=dp.Activation("bent", np.tanh, lambda z: 1.01 / np.cosh(z) ** 2)).fit(X, y)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus"])
def test_every_activation_of_ours(X, y, name):
    assert classifier(activation=name, max_iter=100).fit(X, y).score(X, y) > 0.7


@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_rows_of_ones_own(X, y, early_stopping):
    fitted = classifier(early_stopping=early_stopping, max_iter=40).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert fitted.t_ == 40 * fitted.n_iter_
    assert len(fitted.validation_loss_curve_) == len(fitted.validation_scores_) == fitted.n_iter_
    if early_stopping:
        assert fitted.best_validation_score_ == max(fitted.validation_scores_) == fitted.score(X[40:], y[40:])
    else:
        assert fitted.validation_loss_curve_[-1] == pytest.approx(log_loss(y[40:], fitted.predict_proba(X[40:])))
        np.testing.assert_array_equal(theta(fitted), theta(classifier(max_iter=40).fit(X[:40], y[:40])))


def test_without_validation_rows_there_is_no_curve(X, y):
    assert classifier().fit(X, y).validation_loss_curve_ is None
    assert len(classifier(early_stopping=True).fit(X, y).validation_loss_curve_) == 8


@pytest.mark.parametrize("labels", ["two", "three", "yes/no"])
def test_label_smoothing_moves_the_targets(X, y, labels):
    given = {"two": (y == 1).astype(int), "three": y, "yes/no": (X > 0).astype(int)}[labels]
    seen = []
    fit = {"shuffle": False, "batch_size": 60, "max_iter": 1, "on_step": lambda event: seen.append(event.trace().y)}
    fitted = classifier(label_smoothing=0.2, **fit).fit(X, given, X_val=X, y_val=given)
    if labels == "three":
        np.testing.assert_allclose(seen[0], 0.8 * np.eye(3)[y] + 0.2 / 3, atol=1e-15)
        assert fitted.validation_loss_curve_[0] == pytest.approx(log_loss(y, fitted.predict_proba(X)))
    else:
        np.testing.assert_allclose(seen[0], 0.8 * given.reshape(60, -1) + 0.1, atol=1e-15)


SCHEDULES = [dp.Cosine(), "cosine", dp.StepDecay(2, 0.5), dp.WarmUp(3), dp.OneCycle(), "reduce_on_plateau"]


@pytest.mark.parametrize("rate", SCHEDULES, ids=str)
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
def test_our_schedules(X, y, rate, solver):
    fitted = classifier(learning_rate=rate, solver=solver).fit(X, y)
    rates = [record.learning_rate for record in fitted.history_]
    assert len(set(rates)) > 1 or rate == "reduce_on_plateau"
    assert fitted.predict(X).shape == (60,)


ROWS = np.zeros((6, 4))
HELD = {"X_val": ROWS, "y_val": ROWS[:, 0]}
REFUSED = [
    ("r", {"early_stopping": True, "validation_fraction": 0.2}, HELD, "validation_fraction"),
    ("c", {}, {"X_val": ROWS}, "y_val"), ("c", {}, {"y_val": ROWS[:, 0]}, "X_val"),
    ("c", {}, {"sample_weight_val": np.ones(6)}, "sample_weight_val"),
    ("c", {"label_smoothing": 1.0}, {}, "label_smoothing"), ("c", {"label_smoothing": -0.1}, {}, "label_smoothing"),
    ("c", {"class_weight": "balancd"}, {}, "class_weight"), ("c", {"class_weight": 3}, {}, "class_weight"),
    ("c", {"dropout": 1.0}, {}, "dropout"), ("c", {"dropout": [0.1, 0.1]}, {}, "dropout"),
    ("c", {"dropout": "a"}, {}, "dropout"), ("c", {"dropout": 0.1, "solver": "lbfgs"}, {}, "dropout"),
    ("c", {"activation": ["relu", "tanh"]}, {}, "activation"), ("c", {"activation": []}, {}, "activation"),
    ("r", {"loss": "huber(0)"}, {}, "loss"), ("r", {"loss": "huber(a)"}, {}, "loss"), ("r", {"loss": 3}, {}, "loss"),
    ("r", {"quantile": 0.9}, {}, "quantile"), ("r", {"quantile": 1.0, "loss": "quantile"}, {}, "quantile"),
    ("c", {"time_limit": 0}, {}, "time_limit"), ("c", {"time_limit": "long"}, {}, "time_limit"),
    ("c", {"dtype": "float16"}, {}, "dtype"), ("c", {"n_threads": 0}, {}, "n_threads"),
    ("c", {"n_threads": 1.5}, {}, "n_threads"), ("c", {"on_step": 3}, {}, "on_step"),
    ("c", {"on_epoch": [3]}, {}, "on_epoch"), ("c", {"impute_missing": "yes"}, {}, "impute_missing"),
    ("c", {"solver": "lbfgs", "learning_rate": dp.Cosine()}, {}, "learning_rate"),
    ("c", {"loss": "squared_error"}, {}, "loss"), ("c", {"engine": None}, {}, "engine"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "given", "fit", "name"), REFUSED, ids=[f"{r[0]} {r[1]} {list(r[2])}" for r in REFUSED]
)
def test_what_cannot_be_is_refused_by_its_name(X, y, kind, given, fit, name):
    estimator = (classifier if kind == "c" else regressor)(**given)
    with pytest.raises(dp.DeltapropError, match=f"`{name}`") as refused:
        estimator.fit(X, y, **fit)
    assert isinstance(refused.value, (ValueError, TypeError))
    assert not [attribute for attribute in vars(estimator) if attribute.endswith("_")]


@pytest.mark.parametrize(
    ("kind", "given", "meant"),
    [("c", {"activation": "rleu"}, "relu"), ("c", {"activation": ["tahn"]}, "tanh"), ("c", {"solver": "adm"}, "adam"),
     ("c", {"loss": "logloss"}, "log_loss"), ("r", {"loss": "sqared_error"}, "squared_error"),
     ("r", {"loss": "hubber"}, "huber"), ("c", {"learning_rate": "constnt"}, "constant"),
     ("c", {"learning_rate": "cosin"}, "cosine"), ("c", {"engine": "nativ"}, "native"),
     ("c", {"class_weight": "balancd"}, "balanced"), ("c", {"dtype": "float23"}, "float32")],
)  # fmt: skip
def test_misspelt_options_get_a_suggestion(X, y, kind, given, meant):
    with pytest.raises(dp.DeltapropError, match=f"Did you mean '{meant}'"):
        (classifier if kind == "c" else regressor)(**given).fit(X, y)


def test_class_weight_belongs_to_classes(X, y):
    with pytest.raises(TypeError, match="class_weight"):
        dp.MLPRegressor(class_weight="balanced")
    with pytest.raises(dp.DeltapropError, match="`class_weight`"):
        classifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"4|four"):
        classifier().fit(X, y, X_val=X[:, :3], y_val=y)
    with pytest.raises(ValueError, match="classes"):
        classifier().fit(X, y, X_val=X, y_val=y + 7)
