"""The estimators' parameters, each refused by its own name before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from deltaprop.core.activations import ACTIVATIONS, Activation
from deltaprop.core.costs import Cost
from deltaprop.core.functions import get_cost
from deltaprop.errors import ArgumentError, ArgumentTypeError, nearest, sentence
from deltaprop.optim.schedules import SCHEDULES, Schedule

SKLEARN_NAMES = {"logistic": "sigmoid"}  # scikit-learn's name: ours
SOLVERS = ("adam", "adamw", "lbfgs", "rmsprop", "sgd")
RATES = ("constant", "invscaling", "adaptive")  # scikit-learn's, which follow its own account of time
LOSSES = ("squared_error", "poisson", "absolute_error", "huber", "quantile")
DEFAULT_FRACTION = 0.1

Check = Callable[[Any], bool]


class ParameterError(ArgumentError, ArgumentTypeError, InvalidParameterError):  # type: ignore[misc]
    """A parameter of an estimator cannot be used; scikit-learn's InvalidParameterError, with a remedy."""


def _range(
    low: float, high: float = np.inf, *, kind: type = Real, open_low: bool = False, open_high: bool = True
) -> Check:
    def holds(value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, kind):
            return False
        number: Any = value
        above = number > low if open_low else number >= low
        return bool(above and (number < high if open_high else number <= high))

    return holds


def _flag(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_))


def _is_batch(value: Any) -> bool:
    return value == "auto" if isinstance(value, str) else _range(1, kind=Integral)(value)


def _is_patience(value: Any) -> bool:
    return _range(1, kind=Integral)(value) or (isinstance(value, Real) and value == np.inf)


def _is_random(value: Any) -> bool:
    known = value is None or value is np.random or isinstance(value, np.random.RandomState)
    return known or _range(0, 2**32, kind=Integral)(value)


def _is_verbose(value: Any) -> bool:
    return _flag(value) or _range(0, kind=Integral)(value)


COUNT = "a whole number, 1 or more"
TRUTH = "True or False"
TABLE: dict[str, tuple[str, Check]] = {
    "alpha": ("a finite number, 0 or more", _range(0)),
    "batch_size": (f"'auto' or {COUNT}", _is_batch),
    "learning_rate_init": ("a finite number greater than 0", _range(0, open_low=True)),
    "power_t": ("a finite number, 0 or more", _range(0)),
    "max_iter": (COUNT, _range(1, kind=Integral)),
    "shuffle": (TRUTH, _flag),
    "random_state": ("a whole number from 0 to 2^32 - 1, a RandomState, or None", _is_random),
    "tol": ("a finite number, 0 or more", _range(0)),
    "verbose": (f"{TRUTH}, or a whole number", _is_verbose),
    "warm_start": (TRUTH, _flag),
    "momentum": ("a number from 0 to 1", _range(0, 1, open_high=False)),
    "nesterovs_momentum": (TRUTH, _flag),
    "early_stopping": (TRUTH, _flag),
    "validation_fraction": ("a fraction, 0 or more and below 1", _range(0, 1)),
    "beta_1": ("a number, 0 or more and below 1", _range(0, 1)),
    "beta_2": ("a number, 0 or more and below 1", _range(0, 1)),
    "epsilon": ("a finite number greater than 0", _range(0, open_low=True)),
    "n_iter_no_change": (f"{COUNT}, or infinity", _is_patience),
    "max_fun": (COUNT, _range(1, kind=Integral)),
    "label_smoothing": ("a number, 0 or more and below 1", _range(0, 1)),
    "quantile": ("a number between 0 and 1", _range(0, 1, open_low=True)),
    "impute_missing": (TRUTH, _flag),
    "time_limit": ("a number of seconds greater than 0, or None", lambda v: v is None or _range(0, open_low=True)(v)),
}


def check_parameters(given: Any) -> None:
    """Raise ParameterError for a value that cannot be used."""
    for name, (must, holds) in TABLE.items():
        if hasattr(given, name) and not holds(getattr(given, name)):
            raise ParameterError(sentence(name, must, repr(getattr(given, name))))
    for width in widths(given.hidden_layer_sizes):
        if not _range(1, kind=Integral)(width):
            raise ParameterError(sentence("hidden_layer_sizes", f"made of whole numbers, {_more(width)}", repr(width)))
    _check_choices(given)
    if given.early_stopping and given.validation_fraction == 0:
        raise ParameterError(sentence("validation_fraction", "greater than 0 with early_stopping=True", "0"))


def _more(width: Any) -> str:
    return "1 or more" if not isinstance(width, Iterable) else "one for each hidden layer"


def _check_choices(given: Any) -> None:
    several = isinstance(given.activation, Iterable) and not isinstance(given.activation, str)
    for one in given.activation if several else [given.activation]:
        if not isinstance(one, Activation):
            _check_choice("activation", one, (*ACTIVATIONS, *SKLEARN_NAMES))
    if several and len(given.activation) != len(widths(given.hidden_layer_sizes)):
        must = f"one, or one per hidden layer, here {len(widths(given.hidden_layer_sizes))}"
        raise ParameterError(sentence("activation", must, len(given.activation)))
    _check_choice("solver", given.solver, SOLVERS)
    if given.dtype not in (None, np.float32, np.float64):
        _check_choice("dtype", given.dtype, ("float32", "float64"), "or None")
    _check_class_weight(getattr(given, "class_weight", None))
    if not isinstance(given.learning_rate, Schedule):
        _check_choice("learning_rate", given.learning_rate, (*RATES, *SCHEDULES))
    if not isinstance(given.loss, Cost):
        _check_loss(given)
    if getattr(given, "quantile", 0.5) != 0.5 and given.loss != "quantile":
        got = f"{given.quantile!r} with loss={getattr(given.loss, 'name', given.loss)!r}"
        raise ParameterError(sentence("quantile", "left at 0.5 unless loss='quantile'", got))


def _check_class_weight(given: Any) -> None:
    if given is None:
        return
    several = given if isinstance(given, list) else [given] if isinstance(given, dict) else []
    if not several:
        _check_choice("class_weight", given, ("balanced",), "or a dict, a list of dicts for yes/no labels, None")
    for weights in several:
        numbers = list(weights.values()) if isinstance(weights, dict) else []
        if not (numbers and all(map(_range(0), numbers)) and any(numbers)):
            must = "made of finite numbers by class, 0 or more and not all 0"
            raise ParameterError(sentence("class_weight", must, repr(given)))


def _check_loss(given: Any) -> None:
    options = ("log_loss",) if hasattr(given, "class_weight") else LOSSES
    loss = given.loss
    if isinstance(loss, (tuple, list, Integral)):
        remedy = "The first parameter is `loss`, as in scikit-learn: write hidden_layer_sizes=..."
        raise ParameterError(sentence("loss", "the name of a loss, or a Cost", repr(loss), remedy))
    if isinstance(loss, str) and loss.startswith("huber(") and "huber" in options:
        _check_huber(loss)
    else:
        _check_choice("loss", loss, options)


def _check_huber(loss: str) -> None:
    try:
        get_cost(loss, "identity")
    except ArgumentError:
        must = "'huber(T)' with a positive number T, as in 'huber(2.5)'"
        raise ParameterError(sentence("loss", must, repr(loss))) from None


def _check_choice(name: str, value: Any, options: Iterable[str], more: str = "") -> None:
    listed = sorted(set(options))
    if not isinstance(value, str) or value not in listed:
        must = " ".join(["one of", ", ".join(repr(option) for option in listed), more]).rstrip()
        raise ParameterError(sentence(name, must, repr(value), nearest(str(value), listed)))


def widths(sizes: Any) -> tuple[Any, ...]:
    """The widths of the hidden layers; one number stands for one layer."""
    several = isinstance(sizes, Iterable) and not isinstance(sizes, str) and getattr(sizes, "ndim", 1) > 0
    return tuple(sizes) if several else (sizes,)


def activations(given: Any) -> Any:
    """The activation of the hidden layers, or the list of them, under the names of core."""
    if isinstance(given, Iterable) and not isinstance(given, str):
        return [activations(one) for one in given]
    return SKLEARN_NAMES.get(given, given) if isinstance(given, str) else given
