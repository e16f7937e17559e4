"""How large the error is in each layer: the numbers against one row at a time, and what the picture says of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltaprop as dp
from deltaprop.estimators.displays import GradientFlowDisplay
from deltaprop.estimators.error_flow import finding

pytestmark = [
    pytest.mark.usefixtures("pyplot"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}


def drawn(lines):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in lines}


def near(values):
    return pytest.approx(list(values))


def own_deltas(network, X, Y):
    """The root mean square of δ^l over units and rows, each row alone in its trace: the oracle."""
    traces = [network.trace(X[i : i + 1], Y[i : i + 1]) for i in range(len(X))]
    return [np.sqrt(np.mean([trace.layer(l).delta ** 2 for trace in traces])) for l in range(1, network.L + 1)]


def test_the_errors_are_those_of_each_row_alone(classes):
    X, y = classes
    seen = []
    watch = {"on_epoch": lambda event: seen.append(event.net.copy())}
    estimator = dp.MLPClassifier((5, 4), "tanh", max_iter=3, random_state=0, **watch)
    display = GradientFlowDisplay.from_estimator(estimator, X[:200], y[:200])
    np.testing.assert_allclose(display.delta_norms, [own_deltas(net, X[:200], y[:200]) for net in seen], rtol=1e-10)
    assert list(display.epochs) == [1, 2, 3]
    assert not hasattr(estimator, "network_"), "the estimator itself is left as it is"
    labels = ["layer 1 (first)", "layer 2", "layer 3 (last)"]
    assert drawn(display.lines_) == {
        name: ([1, 2, 3], near(norms)) for name, norms in zip(labels, display.delta_norms.T, strict=True)
    }
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == labels
    assert display.ax_.get_yscale() == "log"


def test_of_many_rows_a_fixed_sample_is_looked_at(classes):
    X, y = classes
    seen = []
    estimator = dp.MLPClassifier(**SMALL, on_epoch=[lambda e: seen.append(e.net.copy())])
    display = GradientFlowDisplay.from_estimator(estimator, X, y)
    rows = np.linspace(0, 299, 256).astype(int)
    np.testing.assert_allclose(display.delta_norms[-1], own_deltas(seen[-1], X[rows], y[rows]), rtol=1e-10)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda X, y: (X.tolist(), y.tolist()),
        lambda X, y: (sparse.csr_array(X), y),
        lambda X, y: (X.astype(np.float32), np.array(["a", "b", "c"])[y]),
        lambda X, y: (X, np.eye(3, dtype=int)[y]),
        lambda X, y: (X, y == 1),
        lambda X, y: pytest.importorskip("pandas").DataFrame(X, columns=list("abc")).pipe(lambda f: (f, f["a"] > 0)),
        lambda X, y: pytest.importorskip("polars").DataFrame(X).pipe(lambda f: (f, f["column_0"] > 0)),
    ],
    ids=["lists", "sparse", "float32 and words", "yes/no labels", "two classes", "pandas", "polars"],
)
def test_rows_and_targets_of_every_kind(prepare, classes):
    X, y = prepare(*classes)
    norms = GradientFlowDisplay.from_estimator(dp.MLPClassifier(**SMALL), X, y).delta_norms
    assert norms.shape == (3, 2)
    assert (norms > 0).all()


def test_missing_values_dropout_and_weights(numbers):
    X, y = numbers
    X[::7, 1] = np.nan
    learner = dp.MLPRegressor(**SMALL, impute_missing=True, dropout=0.2)
    plain = GradientFlowDisplay.from_estimator(learner, X, y).delta_norms
    weighted = GradientFlowDisplay.from_estimator(learner, X, y, sample_weight=np.arange(300.0)).delta_norms
    assert plain.shape == weighted.shape == (3, 2)
    assert not np.allclose(plain, weighted)


def test_a_pipeline_is_fitted_as_a_whole(classes):
    X, y = classes
    direct = dp.MLPClassifier(**SMALL)
    model = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), direct))
    norms = GradientFlowDisplay.from_estimator(model, X * 100, y, sample_weight=np.ones(300)).delta_norms
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(norms, GradientFlowDisplay.from_estimator(direct, scaled, y).delta_norms, rtol=1e-6)
    search = GridSearchCV(model, {"pipeline__mlpclassifier__alpha": [0.1]}, cv=2).fit(X, y)
    assert GradientFlowDisplay.from_estimator(search, X, y).delta_norms.shape == (3, 2)


def test_a_column_of_targets_is_taken_as_fit_takes_it(classes):
    X, y = classes
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        norms = GradientFlowDisplay.from_estimator(dp.MLPClassifier(**SMALL), X, y[:, None]).delta_norms
    flat = GradientFlowDisplay.from_estimator(dp.MLPClassifier(**SMALL), X, y)
    np.testing.assert_array_equal(norms, flat.delta_norms)


@pytest.mark.parametrize("estimator", [TheirClassifier(), LogisticRegression(), make_pipeline(StandardScaler()), 3])
def test_what_is_no_network_of_ours_is_refused(estimator, classes):
    with pytest.raises(dp.ArgumentTypeError, match="`estimator` must be an MLPClassifier or MLPRegressor of this lib"):
        GradientFlowDisplay.from_estimator(estimator, *classes)


def test_a_deep_network_of_sigmoids_is_called_vanishing(classes):
    learner = dp.MLPClassifier((8,) * 12, "logistic", max_iter=3, random_state=0)
    display = GradientFlowDisplay.from_estimator(learner, *classes)
    assert display.delta_norms.shape == (3, 13)
    assert display.ax_.get_title().endswith(" of the last layer's error: vanishing")
    assert (np.diff(display.delta_norms[0]) > 0).all()


@pytest.mark.parametrize("height", [0.0, 1e-30, 1.0])
@pytest.mark.parametrize("n_epochs", [0, 1, 3])
@pytest.mark.parametrize("L", [1, 2, 40])
def test_any_sizes_can_be_drawn_also_zero(height, n_epochs, L):
    norms = np.full((n_epochs, L), height)
    norms[:, :1] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        display = GradientFlowDisplay(epochs=np.arange(1, n_epochs + 1), delta_norms=norms).plot()
        display.figure_.canvas.draw()
    assert len(display.lines_) == L
    assert len(display.ax_.get_legend().get_texts()) <= 14


@pytest.mark.parametrize(
    ("norms", "said"),
    [
        ([[1 / 2345, 1]], "layer 1 gets 1/2,300 of the last layer's error: vanishing"),
        ([[1e-9, 1]], "layer 1 gets 1×10⁻⁹ of the last layer's error: vanishing"),
        ([[0.0, 1]], "layer 1 gets none of the last layer's error: vanished"),
        ([[0.02, 1]], "layer 1 gets 1/50 of the last layer's error"),
        ([[0.5, 1], [0.3, 1], [0.4, 1]], "layer 1 gets 0.4 of the last layer's error"),
        ([[3.0, 2]], "layer 1 gets 1.5 times the last layer's error"),
        ([[2345.0, 1]], "layer 1 gets 2,300 times the last layer's error: exploding"),
        ([[3e9, 1]], "layer 1 gets 3×10⁹ times the last layer's error: exploding"),
        (
            [[1e-5, 1], [1, 1], [2, 1]],
            "at first layer 1 gets 1/100,000 of the last layer's error: vanishing\n"
            "in the end layer 1 gets 2 times the last layer's error",
        ),
        ([[0.0, 0]], "the last layer's error is 0"),
        ([[1.0]], ""),
        (np.empty((0, 2)), ""),
    ],
)
def test_the_title_says_what_is_seen(norms, said):
    assert finding(np.array(norms)) == said


def test_errors_too_small_to_be_squared_are_not_lost(classes):
    learner = dp.MLPClassifier((4,) * 200, "logistic", max_iter=1, random_state=0)
    norms = GradientFlowDisplay.from_estimator(learner, *classes).delta_norms
    assert 0 < norms[0, 0] < 1e-160


def test_a_time_limit_within_the_first_epoch_draws_nothing(classes):
    learner = dp.MLPClassifier(**SMALL, time_limit=1e-9)
    with pytest.warns(ConvergenceWarning, match="time_limit"):
        display = GradientFlowDisplay.from_estimator(learner, *classes)
    assert len(display.epochs) == len(display.delta_norms) <= 1
    assert len(display.lines_) == 2
