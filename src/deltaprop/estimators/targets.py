"""How targets become numbers for a network: classes for MLPClassifier, numbers for MLPRegressor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import type_of_target, unique_labels

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost, quantile
from deltaprop.errors import ArgumentError, sentence
from deltaprop.estimators.inputs import column
from deltaprop.estimators.labels import Labels
from deltaprop.estimators.parameters import ClassifierParameters, Parameters, RegressorParameters
from deltaprop.training.score import accuracy, r2

Head = tuple[int, str | Activation, str | Cost]  # outputs, output activation, cost
HEADS = {
    "squared_error": ("identity", "quadratic"),
    "poisson": ("exp", "poisson"),
    "absolute_error": ("identity", "absolute"),
}


class Targets(ABC):
    """What a call of fit learned of y: the head of the network, and how targets are encoded, weighted and scored."""

    @abstractmethod
    def head(self) -> Head:
        """(outputs, output activation, cost) of the network."""

    @abstractmethod
    def encode(self, y: Any, name: str = "y") -> Array:
        """Targets as the network takes them; errors call them by this name."""

    @abstractmethod
    def score(self, a: Array, Y: Array, weight: Array | None) -> float:
        """How good the outputs are, as the estimator's `score` counts it."""

    def soften(self, Y: Array) -> Array:
        """The targets to train on, from the targets that are scored."""
        return Y

    def weigh(self, y: Array, weight: Array | None) -> Array | None:
        """The weights of the rows, multiplied by those of their classes."""
        return weight

    def strata(self, Y: Array) -> Array | None:
        """The classes over which the rows that are held out are spread; None for any rows."""
        return None

    def attributes(self) -> dict[str, Any]:
        """What an estimator shows of them, by name."""
        return {}


@dataclass(frozen=True)
class ClassTargets(Targets):
    """Classes, or several yes/no labels; `class_weight` has the weight of each class of the training rows, or None."""

    labels: Labels
    loss: Any
    smoothing: float
    class_weight: Any

    def head(self) -> Head:
        """Sigmoid outputs for two classes and yes/no labels, else a softmax."""
        output = "sigmoid" if self.labels.several or self.labels.n_outputs == 1 else "softmax"
        return self.labels.n_outputs, output, "cross_entropy" if self.loss == "log_loss" else self.loss

    def encode(self, y: Any, name: str = "y") -> Array:
        """Class indices, or 0 and 1."""
        return self.labels.encode(column(y), name)

    def soften(self, Y: Array) -> Array:
        """Targets moved towards chance by the label smoothing."""
        return self.labels.soften(Y, self.smoothing) if self.smoothing else Y

    def weigh(self, y: Array, weight: Array | None) -> Array | None:
        """Weights times class weights."""
        if self.class_weight is None:
            return weight
        by_class = compute_sample_weight(self.class_weight, y)
        return by_class if weight is None else by_class * weight

    def strata(self, Y: Array) -> Array | None:
        """The two classes; scikit-learn spreads more classes by chance alone."""
        return Y if Y.ndim == 2 and Y.shape[1] == 1 else None

    def attributes(self) -> dict[str, Any]:
        """The classes."""
        return {"classes_": self.labels.classes}

    def score(self, a: Array, Y: Array, weight: Array | None) -> float:
        """Accuracy."""
        return accuracy(a, Y, weight, exclusive=not self.labels.several and self.labels.n_outputs > 1)


@dataclass(frozen=True)
class NumberTargets(Targets):
    """One number per row, or several."""

    n_outputs: int
    loss: Any
    quantile: float

    def head(self) -> Head:
        """The output and the cost of the loss."""
        if self.loss == "quantile":
            return self.n_outputs, "identity", quantile(self.quantile)
        if isinstance(self.loss, str) and self.loss in HEADS:
            return self.n_outputs, *HEADS[self.loss]
        return self.n_outputs, "identity", self.loss

    def encode(self, y: Any, name: str = "y") -> Array:
        """The numbers, (m, n_outputs)."""
        numbers = np.asarray(column(y))
        Y = numbers.reshape(len(numbers), -1)
        if Y.shape[1] != self.n_outputs:
            must = f"of {self.n_outputs} number{'s' if self.n_outputs > 1 else ''} per row, as in the first call"
            raise ArgumentError(sentence(name, must, f"shape {numbers.shape}"))
        if self.loss == "poisson" and Y.min() < 0:
            raise ArgumentError(sentence(name, "0 or more with loss='poisson'", f"{Y.min():g}"))
        return Y

    def score(self, a: Array, Y: Array, weight: Array | None) -> float:
        """R²."""
        return r2(a, Y, weight)


def learned_targets(
    parameters: Parameters, y: Array, before: Targets | None, *, partial: bool, classes: Any = None
) -> Targets:
    """What y is; with the targets of the call `before`, refuse a y that does not continue them.

    `classes` are those announced for partial fits.
    """
    if isinstance(parameters, RegressorParameters):
        n_outputs = before.n_outputs if isinstance(before, NumberTargets) else 1 if y.ndim == 1 else y.shape[1]
        return NumberTargets(n_outputs, parameters.loss, parameters.quantile)
    assert isinstance(parameters, ClassifierParameters)
    if isinstance(before, ClassTargets):
        labels = before.labels
        _check_known(labels, y, partial=partial, classes=classes)
    else:
        labels = Labels(_announced(y, column(classes)) if partial else y)
    class_weight = parameters.class_weight
    if isinstance(class_weight, str) and not labels.several:  # "balanced", by the rows to train on
        found = np.unique(y)
        class_weight = dict(zip(found, compute_class_weight("balanced", classes=found, y=y), strict=True))
    return ClassTargets(labels, parameters.loss, parameters.label_smoothing, class_weight)


def _announced(y: Array, classes: Any) -> Any:
    """Labels of every class that may come, for a first partial_fit."""
    if type_of_target(y).startswith("multilabel"):
        return y
    if classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    unknown = np.setdiff1d(unique_labels(y), classes)
    if len(unknown):
        raise ArgumentError(sentence("y", f"made of the classes {np.asarray(classes)}", f"also {unknown}"))
    return np.asarray(classes)


def _check_known(labels: Labels, y: Array, *, partial: bool, classes: Any) -> None:
    found, known = unique_labels(y), labels.classes
    if type_of_target(y).startswith("multilabel") != labels.several:
        raise ArgumentError(sentence("y", "of the kind of the previous call", f"{type_of_target(y)} targets"))
    if classes is not None and not np.array_equal(known, unique_labels(column(classes))):
        raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}")
    if not partial and set(found) != set(known):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
            f"got {known}, `y` has {found}"
        )
    if len(np.setdiff1d(found, known)):
        raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {known}. 'y' has {found}.")
