"""The estimators' parameters, each refused by its own name before anything is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from deltaprop.core.activations import ACTIVATIONS
from deltaprop.errors import ArgumentError, ArgumentTypeError, one_of, sentence
from deltaprop.training.settings import number, whole

SKLEARN_NAMES = {"logistic": "sigmoid"}  # scikit-learn's name: ours
SOLVERS = ("adam", "adamw", "lbfgs", "rmsprop", "sgd")


def check_parameters(given: Any) -> None:
    """Raise ArgumentError or ArgumentTypeError for a value that cannot be used."""
    for width in widths(given.hidden_layer_sizes):
        whole("hidden_layer_sizes", width, 1)
    if given.activation not in (*ACTIVATIONS, *SKLEARN_NAMES):
        raise one_of("activation", given.activation, (*ACTIVATIONS, *SKLEARN_NAMES))
    if given.solver not in SOLVERS:
        raise one_of("solver", given.solver, SOLVERS)
    _check_batch_size(given.batch_size)
    number("alpha", given.alpha)
    number("tol", given.tol)
    if number("learning_rate_init", given.learning_rate_init) == 0:
        raise ArgumentError(sentence("learning_rate_init", "greater than 0", repr(given.learning_rate_init)))
    whole("max_iter", given.max_iter, 1)
    whole("n_iter_no_change", given.n_iter_no_change, 1)
    if given.early_stopping:
        _check_early_stopping(given)


def widths(sizes: Any) -> tuple[Any, ...]:
    """The widths of the hidden layers; one number stands for one layer."""
    return tuple(sizes) if isinstance(sizes, Iterable) and not isinstance(sizes, str) else (sizes,)


def _check_batch_size(size: Any) -> None:
    if isinstance(size, str) and size == "auto":
        return
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise ArgumentTypeError(sentence("batch_size", "a whole number or 'auto'", repr(size)))
    whole("batch_size", size, 1)


def _check_early_stopping(given: Any) -> None:
    if given.solver == "lbfgs":
        raise ArgumentError(sentence("early_stopping", "False with solver='lbfgs'", repr(given.early_stopping)))
    if not 0 < number("validation_fraction", given.validation_fraction) < 1:
        must = "a fraction between 0 and 1"
        raise ArgumentError(sentence("validation_fraction", must, repr(given.validation_fraction)))
