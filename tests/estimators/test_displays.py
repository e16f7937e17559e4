"""The pictures of a training: what is drawn, of what, and what is refused."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltaprop as dp
from deltaprop.estimators.displays import GradientFlowDisplay, LossCurveDisplay

pytestmark = [
    pytest.mark.usefixtures("pyplot"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def drawn(lines):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in lines}


def near(values):
    return pytest.approx(list(values))


def test_a_loss_curve_is_drawn_by_epoch(classes):
    fitted = dp.MLPClassifier(**SMALL).fit(*classes)
    display = LossCurveDisplay.from_estimator(fitted)
    assert drawn(display.lines_) == {"training loss": ([1, 2, 3], near(fitted.loss_curve_))}
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    assert display.score_ax_ is None
    assert display.figure_ is display.ax_.figure
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["training loss"]


@pytest.mark.parametrize(("kind", "name"), [("classifier", "accuracy"), ("regressor", "R²")])
def test_validation_and_the_kept_epoch_are_drawn(kind, name, classes, numbers):
    cls, data = (dp.MLPClassifier, classes) if kind == "classifier" else (dp.MLPRegressor, numbers)
    fitted = cls(**SMALL | {"early_stopping": True, "max_iter": 12}).fit(*data)
    display = LossCurveDisplay.from_estimator(fitted)
    kept = int(np.argmax(fitted.validation_scores_)) + 1
    found, epochs = drawn(display.lines_), list(range(1, 13))
    assert found.pop(f"kept: epoch {kept}")[0] == [kept, kept]
    assert found == {
        "training loss": (epochs, near(fitted.loss_curve_)),
        "validation loss": (epochs, near(fitted.validation_loss_curve_)),
        f"validation {name} (right)": (epochs, near(fitted.validation_scores_)),
    }
    assert fitted.history_.best_epoch == kept
    assert display.score_ax_.get_ylabel() == f"validation {name}"
    assert len(display.score_ax_.get_legend().get_texts()) == 4


def test_validation_rows_that_do_not_stop_the_training_keep_no_epoch(classes):
    X, y = classes
    display = LossCurveDisplay.from_estimator(dp.MLPClassifier(**SMALL).fit(X, y, X_val=X[:30], y_val=y[:30]))
    assert display.kept_epoch is None
    assert len(display.lines_) == 3


def test_partial_fits_mark_an_epoch_only_where_patience_has_ended(classes):
    learner = dp.MLPClassifier(**SMALL | {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_init": 1e-9})
    learner.partial_fit(*classes, classes=[0, 1, 2])
    assert LossCurveDisplay.from_estimator(learner).kept_epoch is None
    while not learner.early_stopped_:
        learner.partial_fit(*classes)
    assert LossCurveDisplay.from_estimator(learner).kept_epoch == int(np.argmax(learner.validation_scores_)) + 1


def test_validation_that_came_later_is_drawn_at_the_last_epochs(classes):
    X, y = classes
    learner = dp.MLPClassifier(**SMALL | {"warm_start": True}).fit(X, y)
    learner.fit(X, y, X_val=X[:9], y_val=y[:9])
    found = drawn(LossCurveDisplay.from_estimator(learner).lines_)
    assert found["training loss"][0] == [1, 2, 3, 4, 5, 6]
    assert found["validation loss"][0] == [4, 5, 6]


@pytest.mark.parametrize("theirs", [TheirClassifier, TheirRegressor])
def test_networks_of_scikit_learn_are_drawn(theirs, classes, numbers):
    data = classes if theirs is TheirClassifier else numbers
    fitted = theirs(**SMALL | {"early_stopping": True, "max_iter": 5}).fit(*data)
    display = LossCurveDisplay.from_estimator(fitted)
    assert display.loss_curve == fitted.loss_curve_
    assert display.kept_epoch == int(np.argmax(fitted.validation_scores_)) + 1
    assert len(display.lines_) == 3


def wrapped(how):
    network = dp.MLPClassifier(**SMALL)
    scaled = make_pipeline(StandardScaler(), network)
    return {
        "pipeline": scaled,
        "pipeline in a pipeline": make_pipeline(StandardScaler(), scaled),
        "search": GridSearchCV(network, {"alpha": [0.1, 1.0]}, cv=2),
        "search over a pipeline": GridSearchCV(scaled, {"mlpclassifier__alpha": [0.1]}, cv=2),
        "pipeline that ends in a search": make_pipeline(
            StandardScaler(), GridSearchCV(network, {"alpha": [0.1]}, cv=2)
        ),
    }[how]


WRAPPED = [
    "pipeline",
    "pipeline in a pipeline",
    "search",
    "search over a pipeline",
    "pipeline that ends in a search",
]


@pytest.mark.parametrize("how", WRAPPED)
def test_what_is_around_a_network_is_looked_through(how, classes):
    assert len(LossCurveDisplay.from_estimator(wrapped(how).fit(*classes)).loss_curve) == 3


def test_a_regressor_with_transformed_targets_is_looked_through(numbers):
    model = TransformedTargetRegressor(dp.MLPRegressor(**SMALL), transformer=StandardScaler()).fit(*numbers)
    assert LossCurveDisplay.from_estimator(model).loss_curve == model.regressor_.loss_curve_


@pytest.mark.parametrize("how", WRAPPED)
def test_what_is_not_fitted_is_refused(how):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        LossCurveDisplay.from_estimator(wrapped(how))


def test_what_keeps_no_losses_is_refused_by_name(classes):
    with pytest.raises(dp.ArgumentTypeError, match=r"`estimator` must be .* loss_curve_.* Got LogisticRegression\."):
        LossCurveDisplay.from_estimator(LogisticRegression().fit(*classes))
    with pytest.raises(dp.ArgumentTypeError, match="own networks keep none with solver='lbfgs'"):
        LossCurveDisplay.from_estimator(TheirClassifier(**SMALL | {"solver": "lbfgs"}).fit(*classes))
    with pytest.raises(dp.ArgumentTypeError, match=r"`estimator` must be .* Got 3\."):
        LossCurveDisplay.from_estimator(3)
    search = GridSearchCV(dp.MLPClassifier(**SMALL), {"alpha": [0.1]}, cv=2, refit=False).fit(*classes)
    with pytest.raises(dp.ArgumentError, match="must be a search that keeps its best estimator"):
        LossCurveDisplay.from_estimator(search)


@pytest.mark.parametrize("losses", [[], [0.5], [0.5, 0.4]])
def test_any_number_of_epochs_can_be_drawn(losses):
    line = LossCurveDisplay(loss_curve=losses).plot().lines_[0]
    assert list(line.get_ydata()) == losses
    assert (line.get_marker() == "o") == (len(losses) == 1)


def test_axes_that_are_given_are_used(classes, pyplot):
    left, right = pyplot.subplots(1, 2)[1]
    assert LossCurveDisplay.from_estimator(dp.MLPClassifier(**SMALL).fit(*classes), ax=left).ax_ is left
    assert GradientFlowDisplay.from_estimator(dp.MLPClassifier(**SMALL), *classes, ax=right).ax_ is right
    assert len(pyplot.get_fignums()) == 1


def test_without_matplotlib_the_error_says_how_to_install_it(classes, monkeypatch):
    fitted = dp.MLPClassifier(**SMALL).fit(*classes)
    never = SimpleNamespace(fit=lambda X, y: pytest.fail("time was spent on a fit"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for cls, given in ((LossCurveDisplay, [fitted]), (GradientFlowDisplay, [never, 0, 0])):
        with pytest.raises(dp.MissingExtraError) as caught:
            cls.from_estimator(*given)
        assert str(caught.value) == "Plots need matplotlib, which is not installed. Run: pip install 'deltaprop[plot]'."
