"""How the estimators train: callbacks, the optimiser's state over calls, gradients by row, the same bits, the clock."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import deltaprop as dp

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FIT = {"hidden_layer_sizes": (6, 5), "max_iter": 10, "batch_size": 16, "random_state": 0, "learning_rate_init": 0.01}
STEPPING = ["sgd", "adam", "adamw", "rmsprop"]


def classifier(**given):
    return dp.MLPClassifier(**FIT | given)


def regressor(**given):
    return dp.MLPRegressor(**FIT | given)


def theta(estimator):
    return estimator.network_.theta


def test_every_step_and_epoch_is_told(X, y):
    steps, epochs, traces = [], [], []
    callbacks = {"on_step": [steps.append, lambda event: traces.append(event.trace())], "on_epoch": epochs.append}
    fitted = classifier(**callbacks).fit(X, y)
    assert [event.step for event in steps] == list(range(1, 41))
    assert [event.record.epoch for event in epochs] == list(range(1, 11))
    assert [event.loss for event in epochs] == fitted.loss_curve_
    assert traces[3].x.shape == (12, 4)  # the fourth batch is what is left of 60
    assert traces[0].layer(1).delta.shape == (16, 6)
    assert steps[0].cost == pytest.approx(traces[0].cost, rel=1e-12)
    np.testing.assert_array_equal(theta(fitted), theta(classifier().fit(X, y)))


@pytest.mark.parametrize("kind", ["on_step", "on_epoch"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_callback_can_stop(X, y, kind, solver):
    def stop(event):
        if (event.step == 6) if kind == "on_step" else (len(event.history) == 2):
            event.stop()

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is what was wanted: no ConvergenceWarning
        fitted = classifier(solver=solver, **{kind: stop}).fit(X, y)
    assert fitted.history_.stopped == "callback"
    assert fitted.n_iter_ == len(fitted.loss_curve_) == (1 if kind == "on_step" else 2)
    assert fitted.predict(X).shape == (60,)


def test_what_a_callback_raises_comes_out_and_leaves_nothing(X, y):
    def fail(event):
        raise KeyError("mine")

    fitted = classifier(on_step=fail)
    with pytest.raises(KeyError, match="mine"):
        fitted.fit(X, y)
    assert not hasattr(fitted, "network_")
    before = theta(fitted.set_params(on_step=None, warm_start=True).fit(X, y)).copy()
    with pytest.raises(KeyError, match="mine"):
        fitted.set_params(on_step=fail).fit(X, y)
    np.testing.assert_array_equal(theta(fitted), before)
    assert len(fitted.loss_curve_) == 10


@pytest.mark.parametrize("solver", STEPPING)
@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize("weighted", [False, True])
def test_ten_epochs_are_five_and_five(X, y, make, solver, weighted):
    weight = np.linspace(0.5, 2, 60) if weighted else None
    settings = {"solver": solver, "shuffle": False}
    whole = make(**settings).fit(X, y, weight)
    warm = make(**settings, warm_start=True).set_params(max_iter=5).fit(X, y, weight).fit(X, y, weight)
    parts = make(**settings)
    more = {"classes": [0, 1, 2]} if make is classifier else {}
    for _ in range(10):
        parts.partial_fit(X, y, weight, **more)
    for other in (warm, parts):
        np.testing.assert_array_equal(theta(other), theta(whole))
        assert other.loss_curve_ == whole.loss_curve_
        assert (other.t_, other.best_loss_) == (whole.t_, whole.best_loss_)
    assert (warm.n_iter_, parts.n_iter_) == (5, 1)


def test_a_fit_begins_anew_without_warm_start(X, y):
    fitted = classifier().fit(X, y)
    once = theta(fitted).copy()
    fitted.partial_fit(X, y)
    np.testing.assert_array_equal(theta(fitted.fit(X, y)), once)
    assert len(fitted.loss_curve_) == fitted.n_iter_ == 10
    assert classifier().fit(X[:, :2], y).fit(X, y).n_features_in_ == 4


@pytest.mark.parametrize("second", STEPPING)
def test_another_solver_goes_on_from_the_same_weights(X, y, second):
    fitted = classifier(solver="adam", warm_start=True).fit(X, y)
    reached = fitted.loss_
    fitted.set_params(solver=second, learning_rate_init=0.001).fit(X, y)
    assert fitted.loss_curve_[10] < 1.2 * reached
    assert len(fitted.loss_curve_) == 20


@pytest.mark.parametrize("own_rows", [False, True])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_partial_fits_with_early_stopping(X, y, make, own_rows):
    held = {"X_val": X[40:], "y_val": y[40:]} if own_rows else {}
    fitted = make(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.05)
    more = {"classes": [0, 1, 2]} if make is classifier else {}
    rows = 40 if own_rows else 60
    calls = 0
    while calls == 0 or (calls < 400 and not fitted.early_stopped_):
        fitted.partial_fit(X[:rows], y[:rows], **more, **held)
        calls += 1
    assert 4 < calls < 400
    assert len(fitted.validation_scores_) == len(fitted.loss_curve_) == calls
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    if own_rows:
        assert fitted.score(X[40:], y[40:]) == pytest.approx(fitted.best_validation_score_, abs=1e-12)
    assert not make(early_stopping=True).partial_fit(X, y, **more).early_stopped_


def test_the_rows_held_out_of_partial_fits_stay_out(X, y):
    """A quarter of the rows is seen in no step of any call, and always the same quarter."""
    out, inside = [], []
    keep = {"on_step": lambda event: inside.append(event.trace().x)}
    fitted = classifier(early_stopping=True, validation_fraction=0.25, **keep)
    for _ in range(5):
        inside.clear()
        fitted.partial_fit(X, y, classes=[0, 1, 2])
        seen = {row.tobytes() for batch in inside for row in batch}
        out.append(frozenset(i for i, row in enumerate(X) if row.tobytes() not in seen))
    assert len(set(out)) == 1
    assert len(out[0]) == 15


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("classes", [None, [0, 1, 2]])
def test_partial_fits_of_yes_no_labels(X, form, classes):
    labels = (X[:, :3] > 0).astype(int)
    parts, whole = classifier(shuffle=False), classifier(shuffle=False).fit(X, labels)
    for _ in range(10):
        parts.partial_fit(X, form(labels), classes=classes)
    np.testing.assert_array_equal(theta(parts), theta(whole))
    assert parts.predict(X).shape == (60, 3)


TARGETS = {
    "two": lambda X, y: (classifier, y == 1, (y == 1).reshape(-1, 1)),
    "three": lambda X, y: (classifier, np.array(["a", "b", "c"])[y], np.eye(3)[y]),
    "yes/no": lambda X, y: (classifier, (X > 0).astype(int), X > 0),
    "number": lambda X, y: (regressor, X[:, 0], X[:, :1]),
    "numbers": lambda X, y: (regressor, X[:, :2], X[:, :2]),
}


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_gradients_by_row(X, y, targets, form):
    make, given, Y = TARGETS[targets](X, y)
    fitted = make(activation=["tanh", "relu"]).fit(form(X), given, np.linspace(0.5, 2, 60))
    net, Y = fitted.network_, np.asarray(Y, float)
    inputs, norms = fitted.input_gradients(form(X), given), fitted.gradient_norms(form(X), given)
    assert inputs.shape == (60, 4)
    assert norms.shape == (60,)
    for i in range(60):
        np.testing.assert_allclose(inputs[i], net.input_gradient(X[i : i + 1], Y[i : i + 1])[0], atol=1e-12)
        row = net.backprop(X[i : i + 1], Y[i : i + 1])
        by_hand = np.sqrt(sum((layer.dW**2).sum() + (layer.db**2).sum() for layer in row))
        assert norms[i] == pytest.approx(by_hand, rel=1e-9)


def test_the_loss_and_its_gradient_agree(X, y):
    """For every kind of target: one tiny step from known weights gives the gradient, two others the difference."""
    for targets, alpha in [(name, alpha) for name in TARGETS for alpha in (0.0, 3.0)]:
        make, given, Y = TARGETS[targets](X, y)
        weight = np.linspace(0.5, 2, 60)
        plain = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1e-4, "batch_size": 60, "max_iter": 1}
        fitted = make(activation="tanh", alpha=alpha, warm_start=True, **plain).fit(X, given, weight)
        start = theta(fitted).copy()
        direction = np.random.default_rng(1).standard_normal(len(start))
        losses = {}
        for side in (-1e-5, 1e-5, 0.0):
            theta(fitted)[...] = start + side * direction
            losses[side] = fitted.fit(X, given, weight).loss_
        gradient = (start - theta(fitted)) / 1e-4
        slope = (losses[1e-5] - losses[-1e-5]) / 2e-5
        assert slope == pytest.approx(gradient @ direction, rel=1e-5, abs=1e-7), (targets, alpha)
        assert dp.check(fitted.network_, X, np.asarray(Y, float)).ok


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_the_same_bits_on_any_number_of_threads(native, X, y, dtype, early_stopping, form):
    rows, labels = np.tile(X, (20, 5)), np.tile(y, 20)
    settings = {"batch_size": 512, "hidden_layer_sizes": (96, 64), "max_iter": 3, "early_stopping": early_stopping}
    one, two = (classifier(n_threads=n, dtype=dtype, **settings).fit(form(rows), labels) for n in (1, 2))
    np.testing.assert_array_equal(theta(one), theta(two))
    np.testing.assert_array_equal(one.predict_proba(form(rows)), two.predict_proba(form(rows)))


@pytest.mark.parametrize("solver", [*STEPPING, "lbfgs"])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_the_reference_engine_comes_as_near_as_rounding(native, X, y, make, solver):
    dropout = 0.0 if solver == "lbfgs" else 0.3
    settings = {"solver": solver, "early_stopping": solver == "sgd", "dropout": dropout, "activation": "gelu"}
    fast, plain = (make(engine=engine, **settings).fit(X, y) for engine in ("native", "reference"))
    assert (fast.network_.engine, plain.network_.engine) == ("native", "reference")
    np.testing.assert_allclose(theta(fast), theta(plain), atol=1e-4 if solver == "lbfgs" else 1e-9)


@pytest.mark.parametrize(("given", "wanted"), [("float64", "float32"), ("float32", "float64"), ("float64", np.float32)])
def test_the_number_type_that_was_asked_for(X, y, given, wanted):
    fitted = classifier(dtype=wanted).fit(X.astype(given), y)
    assert theta(fitted).dtype == fitted.predict_proba(X.astype(given)).dtype == wanted
    by_hand = classifier().fit(X.astype(given).astype(wanted), y)
    np.testing.assert_array_equal(theta(fitted), theta(by_hand))


@pytest.mark.parametrize(("solver", "seconds"), [("sgd", 0.05), ("adam", 0.05), ("lbfgs", 1e-6)])
def test_a_time_limit_ends_it(X, y, solver, seconds):
    limited = classifier(solver=solver, max_iter=10**7, tol=0, n_iter_no_change=10**7, time_limit=seconds)
    with pytest.warns(ConvergenceWarning, match="time_limit"):
        limited.fit(X, y)
    assert limited.history_.stopped == "time limit"
    assert limited.history_[-1].seconds < 5
    assert limited.predict_proba(X).shape[0] == 60


def test_weights_can_be_put_in(X, y):
    fitted = classifier().fit(X, y)
    fitted.coefs_[2] = np.zeros((5, 3))
    fitted.intercepts_[2][:] = [0, 9, 0]
    assert set(fitted.predict(X)) == {1}
    fitted.intercepts_ = [np.zeros(6), np.zeros(5), np.array([0, 0, 9.0])]
    assert set(fitted.predict(X)) == {2}
    for spoil in (lambda: setattr(fitted, "coefs_", fitted.coefs_[:2]), lambda: fitted.coefs_.__setitem__(0, X)):
        before = theta(fitted).copy()
        with pytest.raises(dp.ShapeError, match="`coefs_`"):
            spoil()
        np.testing.assert_array_equal(theta(fitted), before)


def test_a_loss_that_is_infinite_before_the_first_step_is_refused():
    X, y = np.ones((4, 2)), np.array([1e200, -1e200, 1.0, 2.0])
    model = dp.MLPRegressor(hidden_layer_sizes=(4,), time_limit=1e-9, random_state=0)
    with pytest.raises(dp.NonFiniteError, match=r"^Inf in layer 2, the cost C\(a\^2, y\)\. The estimator is as it was"):
        model.fit(X, y)
    assert not hasattr(model, "loss_")
