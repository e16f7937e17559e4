"""MLPClassifier and MLPRegressor as scikit-learn's users use them."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import deltaprop as dp


@pytest.fixture
def classes(rng):
    """120 rows of 4 numbers in 3 classes that lie apart."""
    y = np.arange(120) % 3
    return rng.standard_normal((120, 4)) + 3 * np.eye(4)[y], y


@pytest.fixture
def numbers(rng):
    X = rng.standard_normal((120, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(120)


def classifier(**given):
    """One that is quick and says nothing about it."""
    settings = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 60, "random_state": 0, "tol": 1e-2}
    return dp.MLPClassifier(**settings | given)


def regressor(**given):
    settings = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 200, "random_state": 0, "tol": 1e-2}
    return dp.MLPRegressor(**settings | given)


@parametrize_with_checks([dp.MLPClassifier(max_iter=100), dp.MLPRegressor(max_iter=100)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_classes_are_learnt(classes):
    X, y = classes
    fitted = classifier().fit(X, y)
    assert fitted.score(X, y) > 0.9
    p = fitted.predict_proba(X)
    assert p.shape == (120, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(X))


def test_two_classes_have_one_output_and_two_probabilities(classes):
    X, y = classes
    fitted = classifier().fit(X, y == 1)
    assert fitted.network_.spec.sizes == (4, 8, 1)
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)
    assert fitted.predict(X).dtype == bool


@pytest.mark.parametrize("labels", [["b", "a", "c"], [30, 10, 20], [-1.0, 5.0, 2.0]])
def test_labels_come_back_as_they_are(classes, labels):
    X, y = classes
    named = np.array(labels)[y]
    fitted = classifier().fit(X, named)
    assert list(fitted.classes_) == sorted(labels)
    assert np.mean(fitted.predict(X) == named) > 0.9


def test_numbers_are_learnt(numbers):
    assert regressor().fit(*numbers).score(*numbers) > 0.9


def test_several_numbers_at_once(numbers):
    X, y = numbers
    both = np.column_stack([y, -y])
    predicted = regressor().fit(X, both).predict(X)
    assert predicted.shape == (120, 2)


def test_data_frames_bring_their_names(numbers):
    X, y = numbers
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    fitted = regressor().fit(frame, pd.Series(y))
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(fitted.predict(frame), regressor().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame.rename(columns={"a": "z"}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_type_of_the_data_is_that_of_the_network(classes, numbers, dtype):
    fitted = classifier().fit(classes[0].astype(dtype), classes[1])
    assert fitted.network_.theta.dtype == fitted.predict_proba(classes[0].astype(dtype)).dtype == dtype
    assert regressor().fit(numbers[0].astype(dtype), numbers[1]).predict(numbers[0].astype(dtype)).dtype == dtype


def test_in_a_pipeline(classes):
    X, y = classes
    assert make_pipeline(StandardScaler(), classifier()).fit(X * 1000, y).score(X * 1000, y) > 0.9


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_in_a_grid_search(classes, n_jobs):
    grid = {"hidden_layer_sizes": [(), (4,)], "alpha": [0.0, 0.1]}
    search = GridSearchCV(classifier(), grid, cv=2, n_jobs=n_jobs).fit(*classes)
    assert search.best_score_ > 0.9
    assert set(search.best_params_) == set(grid)


def test_cross_validation(classes):
    assert cross_val_score(classifier(), *classes, cv=3).min() > 0.8


def test_clone_and_parameters():
    twin = clone(classifier(alpha=0.5))
    assert twin.get_params()["alpha"] == 0.5
    assert twin.set_params(alpha=0.25).alpha == 0.25
    assert not hasattr(twin, "network_")


def test_a_pickle_predicts_the_same(classes):
    X, y = classes
    fitted = classifier().fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def test_coefs_are_views_of_the_network(classes):
    X, y = classes
    fitted = classifier().fit(X, y)
    assert [W.shape for W in fitted.coefs_] == [(4, 8), (8, 3)]
    assert [b.shape for b in fitted.intercepts_] == [(8,), (3,)]
    for W, layer in zip(fitted.coefs_, fitted.network_, strict=True):
        np.testing.assert_array_equal(W, layer.W.T)
    fitted.coefs_[1][:] = 0
    fitted.intercepts_[1][:] = [0, 0, 5]
    assert set(fitted.predict(X)) == {2}


def test_random_state_repeats_to_the_bit(classes):
    first, again, other = (classifier(random_state=seed).fit(*classes).network_.theta for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("make", [np.random.RandomState, lambda seed: seed])
def test_a_generator_serves_as_random_state(classes, make):
    thetas = [classifier(random_state=make(7)).fit(*classes).network_.theta for _ in range(2)]
    np.testing.assert_array_equal(*thetas)


def test_fitting_leaves_the_global_generator_alone(classes):
    before = np.random.get_state()[1].copy()
    classifier().fit(*classes)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_weight_is_a_repetition_in_full_batches(classes, solver):
    X, y = classes
    X, y = X[:30], y[:30]
    weight = np.arange(30) % 4
    settings = {"shuffle": False, "max_iter": 20, "alpha": 0.0, "solver": solver}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        weighted = classifier(batch_size=30, **settings).fit(X, y, sample_weight=weight)
        X_again, y_again = np.repeat(X, weight, axis=0), np.repeat(y, weight)
        repeated = classifier(batch_size=len(y_again), **settings).fit(X_again, y_again)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


def test_early_stopping_puts_the_best_weights_back(classes):
    X, y = classes
    noisy = np.where(np.arange(120) % 4 == 0, (y + 1) % 3, y)
    fitted = classifier(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.1, max_iter=200).fit(X, noisy)
    history = fitted.history_
    assert history.stopped == "early stopping"
    assert history.validation_score[history.best_epoch - 1] == max(history.validation_score)
    assert fitted.n_iter_ == len(history) == len(fitted.loss_curve_) > history.best_epoch


def test_training_that_ends_too_early_is_a_convergence_warning(classes):
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        classifier(max_iter=2).fit(*classes)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_before_fit_there_is_nothing_to_predict_with(classes, method):
    with pytest.raises(NotFittedError):
        getattr(classifier(), method)(classes[0])


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_before_fit_there_are_no_results(name):
    with pytest.raises(NotFittedError):
        getattr(regressor(), name)


def test_verbose_prints_each_epoch(classes, capsys):
    with pytest.warns(ConvergenceWarning):
        classifier(max_iter=2, verbose=True).fit(*classes)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["Iteration 1", "Iteration 2"]


BAD = [
    ({"activation": "rleu"}, "Did you mean 'relu'?"),
    ({"activation": None}, "`activation` must be one of"),
    ({"solver": "adm"}, "Did you mean 'adam'?"),
    ({"hidden_layer_sizes": (8, 0)}, "`hidden_layer_sizes` must be made of whole numbers, 1 or more. Got 0."),
    ({"hidden_layer_sizes": -1}, "`hidden_layer_sizes` must be made of whole numbers, 1 or more. Got -1."),
    ({"hidden_layer_sizes": (2.5,)}, "`hidden_layer_sizes` must be made of whole numbers, 1 or more. Got 2.5."),
    ({"hidden_layer_sizes": "8"}, "`hidden_layer_sizes` must be made of whole numbers"),
    ({"alpha": -1}, "`alpha` must be a finite number, 0 or more. Got -1."),
    ({"alpha": np.nan}, "`alpha` must be a finite number"),
    ({"batch_size": 0}, "`batch_size` must be 'auto' or a whole number, 1 or more. Got 0."),
    ({"batch_size": "big"}, "`batch_size` must be 'auto' or a whole number, 1 or more. Got 'big'."),
    ({"learning_rate_init": 0}, "`learning_rate_init` must be a finite number greater than 0. Got 0."),
    ({"learning_rate_init": np.inf}, "`learning_rate_init` must be a finite number"),
    ({"max_iter": 0}, "`max_iter` must be a whole number, 1 or more. Got 0."),
    ({"max_iter": 1.5}, "`max_iter` must be a whole number, 1 or more. Got 1.5."),
    ({"tol": -1e-4}, "`tol` must be a finite number, 0 or more."),
    ({"n_iter_no_change": 0}, "`n_iter_no_change` must be a whole number, 1 or more, or infinity. Got 0."),
    ({"solver": "sgd", "momentum": 1.5}, "`momentum` must be a number from 0 to 1. Got 1.5."),
    ({"early_stopping": True, "validation_fraction": 1.0}, "`validation_fraction` must be a fraction, 0 or more and"),
    ({"solver": "lbfgs", "dropout": 0.5}, "`dropout` must be left out with L-BFGS"),
    ({"engine": "gpu"}, "`engine` must be one of"),
    ({"n_threads": 0}, "`n_threads` must be from 1 to 1024, or None for all cores. Got 0."),
]


@pytest.mark.parametrize(("given", "sentence"), BAD, ids=str)
def test_a_parameter_that_cannot_be_used_is_refused_by_its_name(classes, given, sentence):
    estimator = classifier(**given)
    with pytest.raises(dp.DeltapropError) as refused:
        estimator.fit(*classes)
    assert sentence in str(refused.value)
    assert not hasattr(estimator, "network_")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(classes, numbers, value):
    for estimator, (X, y) in ((classifier(), classes), (regressor(), numbers)):
        X[3, 1] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            estimator.fit(X, y)


def test_one_class_is_always_predicted(classes):
    fitted = classifier().fit(classes[0], np.full(120, 7))
    assert list(fitted.classes_) == [7]
    assert set(fitted.predict(classes[0])) == {7}
    np.testing.assert_array_equal(fitted.predict_proba(classes[0]), np.ones((120, 1)))


def test_x_and_y_of_different_lengths_are_refused(classes):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier().fit(classes[0], classes[1][:-1])


def test_a_training_that_runs_away_leaves_no_network_behind(numbers):
    estimator = regressor(learning_rate_init=1e300, solver="sgd")
    with pytest.raises(dp.NonFiniteError, match="layer"):
        estimator.fit(*numbers)
    assert not hasattr(estimator, "network_")
