"""Everything scikit-learn's two classes have is here: read from their signatures, docstrings, warnings and errors."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import neural_network as theirs_module
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.utils._param_validation import InvalidParameterError

import deltaprop as dp

PAIRS = [(theirs_module.MLPClassifier, dp.MLPClassifier), (theirs_module.MLPRegressor, dp.MLPRegressor)]
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
both_classes = pytest.mark.parametrize(("theirs", "ours"), PAIRS, ids=["classifier", "regressor"])


def public_methods(cls):
    return [name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))]


def documented_attributes(cls):
    """The names in the Attributes section of a docstring in NumPy's form."""
    section = re.search(r"Attributes\n-+\n(.*?)\n\w[^\n]*\n-+\n", inspect.getdoc(cls), re.DOTALL)
    return re.findall(r"^(\w+_) :", section[1], re.MULTILINE)


def check_parameters_of(their_function, our_function):
    theirs, ours = (inspect.signature(function).parameters for function in (their_function, our_function))
    for name, parameter in theirs.items():
        assert name in ours, f"no parameter {name}"
        assert ours[name].default == parameter.default, f"another default of {name}"
        assert ours[name].kind == parameter.kind, f"another kind of {name}"
    positions = [[name for name, p in each.items() if p.kind in POSITIONAL] for each in (theirs, ours)]
    assert positions[1] == positions[0]
    added = [ours[name] for name in ours if name not in theirs]
    assert all(p.default is not inspect.Parameter.empty for p in added), "what is added must be optional"


@both_classes
def test_every_parameter_with_its_default_and_place(theirs, ours):
    check_parameters_of(theirs, ours)
    assert set(theirs().get_params()) <= set(ours().get_params())


@both_classes
def test_every_method_with_its_parameters(theirs, ours):
    assert len(public_methods(theirs)) >= 9
    for name in public_methods(theirs):
        assert hasattr(ours, name), f"no method {name}"
        if not re.fullmatch(r"set_\w+_request", name):
            check_parameters_of(getattr(theirs, name), getattr(ours, name))
            continue
        wanted = set(inspect.signature(getattr(theirs, name)).parameters)
        assert wanted <= set(inspect.signature(getattr(ours, name)).parameters), name


def shape_of(value):
    """What can be compared of an attribute: its type in words, its shape, and for a list each of its items."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return value.dtype.kind, value.shape
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return "a float"
    assert isinstance(value, Sequence), f"{type(value)} is no sequence"
    return [shape_of(item) for item in value]


@pytest.mark.parametrize(
    "given", [{}, {"solver": "sgd", "early_stopping": True}, {"solver": "lbfgs"}], ids=["adam", "sgd", "lbfgs"]
)
@pytest.mark.parametrize("n_outputs", [1, 3])
@both_classes
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_documented_attribute_after_fit(theirs, ours, n_outputs, given, rng):
    X = pd.DataFrame(rng.standard_normal((40, 3)), columns=["a", "b", "c"])
    y = (rng.standard_normal((40, n_outputs)) > 0).astype(int).squeeze()
    names = documented_attributes(theirs)
    assert {"loss_", "coefs_", "t_", "feature_names_in_", "out_activation_"} <= set(names)
    fitted = [cls(hidden_layer_sizes=(5, 4), max_iter=3, random_state=0, **given).fit(X, y) for cls in (theirs, ours)]
    for name in names:
        if hasattr(fitted[0], name) and (name, given.get("solver")) != ("n_iter_", "lbfgs"):
            assert shape_of(getattr(fitted[1], name)) == shape_of(getattr(fitted[0], name)), name
    for name in names:
        assert not hasattr(ours(), name), f"{name} before fit"


@both_classes
def test_partial_fit_is_there_for_those_that_take_steps(theirs, ours):
    assert all(hasattr(cls(solver=solver), "partial_fit") for cls in (theirs, ours) for solver in ("sgd", "adam"))
    assert all(hasattr(ours(solver=solver), "partial_fit") for solver in ("adamw", "rmsprop"))
    assert not hasattr(ours(solver="lbfgs"), "partial_fit")  # their regressor says it has one


def rows(cls):
    X = np.random.default_rng(4).standard_normal((30, 3))
    return X, (X[:, 0] > 0).astype(int) if "Classifier" in cls.__name__ else X[:, 0] + 1


def small(cls):
    return cls(hidden_layer_sizes=(4,), max_iter=2)


def warned(cls, shape=lambda y: y, **given):
    X, y = rows(cls)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cls(hidden_layer_sizes=(4,), random_state=0, **{"max_iter": 2} | given).fit(X, shape(y))
    return [(w.category, str(w.message).split("\n")[0]) for w in caught]


@pytest.mark.parametrize(
    ("given", "category"),
    [
        ({}, ConvergenceWarning),
        ({"solver": "sgd", "early_stopping": True}, ConvergenceWarning),
        ({"solver": "lbfgs"}, ConvergenceWarning),
        ({"solver": "lbfgs", "max_fun": 2, "max_iter": 50}, ConvergenceWarning),
        ({"batch_size": 99, "tol": 1.0, "max_iter": 30}, UserWarning),
        ({"shape": lambda y: y.reshape(-1, 1), "tol": 1.0, "max_iter": 30}, DataConversionWarning),
        ({"tol": 1.0, "max_iter": 30}, None),
    ],
    ids=["adam", "early stopping", "lbfgs", "max_fun", "batch_size", "a column", "none"],
)
@both_classes
def test_the_same_warnings(theirs, ours, given, category):
    expected = warned(theirs, **given)
    assert [each for each, _ in expected] == ([category] if category else [])
    assert warned(ours, **given) == expected


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"early_stopping": True},
        {"solver": "sgd", "learning_rate": "adaptive", "early_stopping": True},
        {"tol": 1.0},
    ],
    ids=["adam", "early stopping", "adaptive", "stops"],
)
@both_classes
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_verbose_says_the_same(theirs, ours, given, capsys):
    said = []
    for cls in (theirs, ours):
        settings = {"random_state": 0, "verbose": True, "max_iter": 30, "n_iter_no_change": 2} | given
        cls(hidden_layer_sizes=(4,), **settings).fit(*rows(cls))
        said.append(capsys.readouterr().out)
    assert said[1] == said[0] != ""


GOOD = [
    {"hidden_layer_sizes": np.array([3, 4])}, {"hidden_layer_sizes": 4}, {"hidden_layer_sizes": []},
    {"hidden_layer_sizes": range(2, 4)}, {"batch_size": np.int32(7)}, {"max_iter": np.int64(3)}, {"alpha": 0},
    {"tol": 0}, {"momentum": 1.0, "solver": "sgd"}, {"momentum": 0, "solver": "sgd"}, {"n_iter_no_change": np.inf},
    {"power_t": 0}, {"shuffle": np.True_}, {"verbose": 0}, {"random_state": np.random.RandomState(1)},
    {"random_state": None}, {"beta_1": 0}, {"beta_2": 0.0}, {"validation_fraction": 0},
    {"early_stopping": True, "solver": "lbfgs"}, {"learning_rate": "adaptive"}, {"learning_rate_init": 1},
    {"max_fun": 1}, {"alpha": np.float32(0.5)},
]  # fmt: skip


@pytest.mark.parametrize("given", GOOD, ids=lambda given: ", ".join(f"{k}={v}" for k, v in given.items())[:40])
@both_classes
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_they_take_is_taken(theirs, ours, given):
    for cls in (theirs, ours):
        assert cls(**{"max_iter": 2} | given).fit(*rows(cls)).predict(rows(cls)[0]).shape == (30,)


BAD = [
    {"hidden_layer_sizes": 0}, {"hidden_layer_sizes": (3, 0)}, {"hidden_layer_sizes": (3, -1)},
    {"hidden_layer_sizes": (2.5,)}, {"hidden_layer_sizes": "8"}, {"hidden_layer_sizes": None}, {"activation": "rleu"},
    {"activation": None}, {"activation": 3}, {"solver": "adm"}, {"solver": None}, {"alpha": -1}, {"alpha": np.nan},
    {"alpha": "small"}, {"alpha": np.inf}, {"batch_size": 0}, {"batch_size": "big"}, {"batch_size": 2.0},
    {"learning_rate": "constnt"}, {"learning_rate": None}, {"learning_rate_init": 0}, {"learning_rate_init": np.inf},
    {"learning_rate_init": "0.1"}, {"power_t": -1}, {"power_t": "a"}, {"max_iter": 0}, {"max_iter": 1.5},
    {"max_iter": None}, {"shuffle": "yes"}, {"shuffle": 1}, {"random_state": -1}, {"random_state": "x"},
    {"tol": -1e-4}, {"tol": np.inf}, {"tol": None}, {"verbose": -1}, {"verbose": "no"}, {"warm_start": "no"},
    {"momentum": 1.5}, {"momentum": -0.1}, {"nesterovs_momentum": None}, {"early_stopping": "yes"},
    {"validation_fraction": 1.5}, {"validation_fraction": -0.1}, {"validation_fraction": 0, "early_stopping": True},
    {"beta_1": 1.0}, {"beta_1": -0.1}, {"beta_2": 1.5}, {"epsilon": 0}, {"epsilon": -1e-8}, {"n_iter_no_change": 0},
    {"n_iter_no_change": 1.5}, {"max_fun": 0}, {"max_fun": 1.5},
]  # fmt: skip


def refused(call):
    """The exception of a call that must fail."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception, match=r".") as caught:
            call()
    return caught.value


def same_refusal(theirs, ours):
    """Whoever catches theirs catches ours."""
    wanted = [cls for cls in type(theirs).__mro__ if cls.__module__ == "builtins" or cls is InvalidParameterError]
    assert isinstance(ours, wanted[0]), f"theirs {theirs!r}\nours {ours!r}"
    assert len(str(ours)) > 10


@pytest.mark.parametrize("given", BAD, ids=lambda given: ", ".join(f"{k}={v}" for k, v in given.items()))
@both_classes
def test_what_they_refuse_is_refused_alike(theirs, ours, given):
    errors = [refused(lambda cls=cls: cls(**{"max_iter": 2} | given).fit(*rows(cls))) for cls in (theirs, ours)]
    same_refusal(*errors)
    assert isinstance(errors[1], dp.DeltapropError)
    assert next(iter(given)) in str(errors[1])


def with_value(X, value):
    X = np.array(X, dtype=object if isinstance(value, str) else np.result_type(X.dtype, type(value)))
    X[2, 1] = value
    return X


BAD_DATA = {
    "NaN": lambda X, y: (with_value(X, np.nan), y),
    "infinity": lambda X, y: (with_value(X, np.inf), y),
    "text": lambda X, y: (with_value(X, "red"), y),
    "complex": lambda X, y: (with_value(X, 1j), y),
    "one row of numbers": lambda X, y: (X[:, 0], y),
    "three axes": lambda X, y: (X[:, :, None], y),
    "no rows": lambda X, y: (X[:0], y[:0]),
    "no columns": lambda X, y: (X[:, :0], y),
    "sparse NaN": lambda X, y: (sparse.csr_array(with_value(X, np.nan)), y),
    "y too short": lambda X, y: (X, y[:-1]),
    "no y": lambda X, y: (X, None),
    "NaN in y": lambda X, y: (X, np.where(np.arange(len(y)) == 2, np.nan, y)),
    "infinity in y": lambda X, y: (X, np.where(np.arange(len(y)) == 2, np.inf, y)),
    "y of three axes": lambda X, y: (X, np.zeros((len(y), 2, 2))),
    "weights too short": lambda X, y: (X, y, np.ones(len(y) - 1)),
    "weights of two axes": lambda X, y: (X, y, np.ones((len(y), 2))),
    "a weight of NaN": lambda X, y: (X, y, np.where(np.arange(len(y)) == 2, np.nan, 1)),
    "weights of text": lambda X, y: (X, y, ["a"] * len(y)),
}


@pytest.mark.parametrize("bad", BAD_DATA)
@both_classes
def test_data_that_they_refuse_is_refused_alike(theirs, ours, bad):
    spoil = BAD_DATA[bad]
    same_refusal(*(refused(lambda cls=cls: small(cls).fit(*spoil(*rows(cls)))) for cls in (theirs, ours)))


CLASSIFIER_CALLS = {
    "numbers as classes": lambda model, X, y: model.fit(X, X[:, 0]),
    "several classes a row": lambda model, X, y: model.fit(X, np.column_stack([y, 2 * y, y + 1])),
    "no classes at first": lambda model, X, y: model.partial_fit(X, y),
    "other classes later": lambda model, X, y: model.partial_fit(X, y, classes=[0, 1]).partial_fit(
        X, y, classes=[0, 2]
    ),
    "a class that was not named": lambda model, X, y: model.partial_fit(X, y, classes=[0, 1]).partial_fit(X, y + 1),
    "other classes when warm": lambda model, X, y: model.set_params(warm_start=True).fit(X, y).fit(X, y + 1),
    "fewer classes when warm": lambda model, X, y: model.set_params(warm_start=True).fit(X, y).fit(X, 0 * y),
    "one row held out": lambda model, X, y: model.set_params(early_stopping=True).fit(X[:5], y[:5]),
    "no partial_fit": lambda model, X, y: model.set_params(solver="lbfgs").partial_fit(X, y, classes=[0, 1]),
    "a class with one row": lambda model, X, y: model.set_params(early_stopping=True).fit(X, np.arange(30) == 3),
}
REGRESSOR_CALLS = {
    "words as numbers": lambda model, X, y: model.fit(X, np.full(30, "red")),
    "words among numbers": lambda model, X, y: model.fit(X, np.array(["red", *y[1:]], dtype=object)),
    "another number of outputs": lambda model, X, y: model.fit(X, y).partial_fit(X, np.column_stack([y, y])),
}
CALLS = {
    "predict first": lambda model, X, y: model.predict(X),
    "score first": lambda model, X, y: model.score(X, y),
    "another width": lambda model, X, y: model.fit(X, y).predict(X[:, :2]),
    "another width later": lambda model, X, y: model.set_params(warm_start=True).fit(X, y).fit(X[:, :2], y),
    "a row alone": lambda model, X, y: model.fit(X, y).predict(X[0]),
    "NaN to predict": lambda model, X, y: model.fit(X, y).predict(X * np.nan),
    "an unknown parameter": lambda model, X, y: model.set_params(hidden=3),
    "a constructor's unknown parameter": lambda model, X, y: type(model)(hidden=3),
    "too few held out": lambda model, X, y: model.set_params(early_stopping=True, validation_fraction=0.01).fit(X, y),
    "a rate that runs away": lambda model, X, y: model.set_params(solver="sgd", learning_rate_init=1e300).fit(X, y),
}


OF_PAIR = [CALLS | CLASSIFIER_CALLS, CALLS | REGRESSOR_CALLS]
EVERY_CALL = [(*pair, call) for pair, calls in zip(PAIRS, OF_PAIR, strict=True) for call in calls]


@pytest.mark.parametrize(("theirs", "ours", "call"), EVERY_CALL, ids=[f"{c[1].__name__} {c[2]}" for c in EVERY_CALL])
def test_calls_that_they_refuse_are_refused_alike(theirs, ours, call):
    run = (CALLS | CLASSIFIER_CALLS | REGRESSOR_CALLS)[call]
    with np.errstate(all="ignore"):
        same_refusal(*(refused(lambda cls=cls: run(small(cls), *rows(cls))) for cls in (theirs, ours)))
