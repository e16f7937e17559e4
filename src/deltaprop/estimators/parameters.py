"""The estimators' parameters: each declared once, with its default, what it may be, and its check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from deltaprop.core.activations import ACTIVATIONS, Activation
from deltaprop.core.costs import Cost
from deltaprop.core.functions import get_cost
from deltaprop.errors import ArgumentError, sentence
from deltaprop.estimators import checks
from deltaprop.estimators.checks import ParameterError, declared, in_range, is_count, is_flag, must_be, one_of, unless
from deltaprop.optim.schedules import SCHEDULES, Schedule
from deltaprop.training.settings import several

SKLEARN_NAMES = {"logistic": "sigmoid"}  # scikit-learn's name: ours
RATES = ("constant", "invscaling", "adaptive")  # scikit-learn's, which follow its own account of time
LOSSES = ("squared_error", "poisson", "absolute_error", "huber", "quantile")
DEFAULT_FRACTION = 0.1


def _check_widths(name: str, sizes: Any) -> None:
    for width in several(sizes):
        if not is_count(width):
            must = "1 or more" if not isinstance(width, Iterable) else "one for each hidden layer"
            raise ParameterError(sentence(name, f"made of whole numbers, {must}", repr(width)))


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _check_activations(name: str, value: Any) -> None:
    check = unless(Activation, one_of((*ACTIVATIONS, *SKLEARN_NAMES)))
    for activation in several(value):
        check(name, activation)


def _is_random_state(value: Any) -> bool:
    return value is None or value is np.random or isinstance(value, np.random.RandomState) or is_seed(value)


is_seed = in_range(0, 2**32, kind=Integral)
is_seconds = in_range(0, open_low=True)
_batch_size = must_be(f"'auto' or {checks.COUNT}", lambda v: v == "auto" if isinstance(v, str) else is_count(v))
_random_state = must_be("a whole number from 0 to 2^32 - 1, a RandomState, or None", _is_random_state)
_verbosity = must_be(f"{checks.TRUTH}, or a whole number", lambda v: is_flag(v) or in_range(0, kind=Integral)(v))
_patience = must_be(f"{checks.COUNT}, or infinity", lambda v: is_count(v) or (isinstance(v, Real) and v == np.inf))
_seconds = must_be("a number of seconds greater than 0, or None", lambda v: v is None or is_seconds(v))


def _check_dtype(name: str, value: Any) -> None:
    if value not in (None, np.float32, np.float64):
        one_of(("float32", "float64"), or_else="or None")(name, value)


def _check_class_weight(name: str, value: Any) -> None:
    if value is None:
        return
    by_output = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    if not by_output:
        one_of(("balanced",), or_else="or a dict, a list of dicts for yes/no labels, None")(name, value)
    for weights in by_output:
        numbers = list(weights.values()) if isinstance(weights, dict) else []
        if not (numbers and all(map(in_range(0), numbers)) and any(numbers)):
            raise ParameterError(
                sentence(name, "made of finite numbers by class, 0 or more and not all 0", repr(value))
            )


def _check_loss(name: str, loss: Any) -> None:
    if isinstance(loss, (tuple, list, Integral)):
        remedy = "The first parameter is `loss`, as in scikit-learn: write hidden_layer_sizes=..."
        raise ParameterError(sentence(name, "the name of a loss, or a Cost", repr(loss), remedy))
    if not (isinstance(loss, str) and loss.startswith("huber(")):
        return one_of(LOSSES)(name, loss)
    try:
        get_cost(loss, "identity")
    except ArgumentError:
        must = "'huber(T)' with a positive number T, as in 'huber(2.5)'"
        raise ParameterError(sentence(name, must, repr(loss))) from None


@dataclass(frozen=True)
class Parameters:
    """The parameters of both estimators, checked: each alone, then those that belong together."""

    loss: Any
    hidden_layer_sizes: Any = declared((100,), _check_widths)
    activation: Any = declared("relu", _check_activations)
    _: KW_ONLY
    solver: str = declared("adam", one_of(("adam", "adamw", "lbfgs", "rmsprop", "sgd")))
    alpha: float = declared(0.0001, checks.at_least_0)
    batch_size: int | str = declared("auto", _batch_size)
    learning_rate: Any = declared("constant", unless(Schedule, one_of((*RATES, *SCHEDULES))))
    learning_rate_init: float = declared(0.001, checks.positive)
    power_t: float = declared(0.5, checks.at_least_0)
    max_iter: int = declared(200, checks.count)
    shuffle: bool = declared(True, checks.truth)
    random_state: Any = declared(None, _random_state)
    tol: float = declared(1e-4, checks.at_least_0)
    verbose: bool | int = declared(False, _verbosity)
    warm_start: bool = declared(False, checks.truth)
    momentum: float = declared(0.9, checks.from_0_to_1)
    nesterovs_momentum: bool = declared(True, checks.truth)
    early_stopping: bool = declared(False, checks.truth)
    validation_fraction: float = declared(DEFAULT_FRACTION, checks.fraction)
    beta_1: float = declared(0.9, checks.below_1)
    beta_2: float = declared(0.999, checks.below_1)
    epsilon: float = declared(1e-8, checks.positive)
    n_iter_no_change: float = declared(10, _patience)
    max_fun: int = declared(15000, checks.count)
    dropout: Any = declared(0.0)  # checked when the number of layers is known
    impute_missing: bool = declared(False, checks.truth)
    on_step: Any = declared(None)
    on_epoch: Any = declared(None)
    dtype: Any = declared(None, _check_dtype)
    engine: str = declared("auto")
    n_threads: int | None = declared(None)
    time_limit: float | None = declared(None, _seconds)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            if parameter.metadata["check"] is not None:
                parameter.metadata["check"](parameter.name, getattr(self, parameter.name))
        if _is_list(self.activation) and len(self.activation) != len(self.widths):
            must = f"one, or one per hidden layer, here {len(self.widths)}"
            raise ParameterError(sentence("activation", must, len(self.activation)))
        if self.early_stopping and self.validation_fraction == 0:
            raise ParameterError(sentence("validation_fraction", "greater than 0 with early_stopping=True", "0"))

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the hidden layers."""
        return tuple(int(width) for width in several(self.hidden_layer_sizes))

    @property
    def hidden_activations(self) -> Any:
        """The activation of the hidden layers, or the list of them, under the names of core."""
        names = [SKLEARN_NAMES.get(one, one) if isinstance(one, str) else one for one in several(self.activation)]
        return names if _is_list(self.activation) else names[0]

    @property
    def watches_scores(self) -> bool:
        """Whether a validation score decides what is best; L-BFGS is stopped by SciPy alone, as in scikit-learn."""
        return bool(self.early_stopping) and self.solver != "lbfgs"


@dataclass(frozen=True)
class ClassifierParameters(Parameters):
    """The parameters of MLPClassifier."""

    _: KW_ONLY
    loss: Any = declared("log_loss", unless(Cost, one_of(("log_loss",))))
    class_weight: Any = declared(None, _check_class_weight)
    label_smoothing: float = declared(0.0, checks.below_1)


@dataclass(frozen=True)
class RegressorParameters(Parameters):
    """The parameters of MLPRegressor."""

    loss: Any = declared("squared_error", unless(Cost, _check_loss))
    _: KW_ONLY
    quantile: float = declared(0.5, checks.inside_0_1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quantile != 0.5 and self.loss != "quantile":
            got = f"{self.quantile!r} with loss={getattr(self.loss, 'name', self.loss)!r}"
            raise ParameterError(sentence("quantile", "left at 0.5 unless loss='quantile'", got))
