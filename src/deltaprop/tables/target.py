"""The target column: what is predicted, how it becomes numbers for a network, and how the outputs become it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.data.labels import label_text, match_labels, unknown_labels
from deltaprop.errors import DataError, FileFormatError, sentence

MOST_CLASSES = 20  # more distinct whole numbers than this are taken for a quantity


@dataclass
class TargetColumn:
    """A target column: "classification" with `classes`, or "regression" with the mean and std of the training rows."""

    name: str
    task: str
    classes: tuple[str | int, ...] = ()
    mean: float = 0.0
    std: float = 1.0

    def head(self) -> tuple[int, str, str]:
        """(outputs, output activation, cost) of a network for it."""
        if self.task == "regression":
            return 1, "identity", "quadratic"
        return (
            (1, "sigmoid", "cross_entropy")
            if len(self.classes) == 2
            else (len(self.classes), "softmax", "cross_entropy")
        )

    def fit_scale(self, y: Array) -> None:
        """Learn mean and population std of a number, from the training rows alone."""
        if self.task == "regression":
            values = _numbers(y, self.name)
            self.mean = float(values.mean())
            self.std = float(values.std()) or 1.0

    def encode(self, y: Array, dtype: str) -> Array:
        """What the network is to meet: class indices (m,), 0 and 1 (m, 1) for two classes, or standardised (m, 1)."""
        if self.task == "regression":
            return ((_numbers(y, self.name) - self.mean) / self.std).reshape(-1, 1).astype(dtype)
        indices, unknown = match_labels(y, self.classes)
        if unknown.any():
            raise unknown_labels(y, unknown, self.classes, self.name)
        return indices.reshape(-1, 1).astype(dtype) if len(self.classes) == 2 else indices

    def probabilities(self, a: Array) -> Array:
        """Outputs (m, n_L) as the probability of each class, (m, n_classes)."""
        if self.task == "regression":
            raise DataError(
                sentence("task", "classification for probabilities", f"a model of the number {self.name!r}")
            )
        return np.hstack([1 - a, a]) if a.shape[1] == 1 else a

    def decode(self, a: Array) -> Array:
        """Outputs (m, n_L) as classes or numbers, (m,)."""
        if self.task == "regression":
            return a[:, 0].astype(np.float64) * self.std + self.mean
        return np.array(self.classes)[self.probabilities(a).argmax(axis=1)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {"name": self.name, "task": self.task, "classes": self.classes, "mean": self.mean, "std": self.std}

    @classmethod
    def from_dict(cls, state: Any) -> TargetColumn:
        """The target that `to_dict` described, every field checked."""
        target = cls(**state) if isinstance(state, Mapping) and set(state) == {*cls.__dataclass_fields__} else None
        if target is None or not _sound(target):
            raise FileFormatError("The model file's description of the target is damaged. Nothing was loaded.")
        target.classes = tuple(target.classes)
        return target


def fit_target(y: Array, name: str, task: str) -> TargetColumn:
    """What kind of target y is; for "auto", text and at most MOST_CLASSES distinct whole numbers are classes."""
    distinct = np.unique(y) if y.dtype.kind in "biuf" else np.array(sorted({label_text(value) for value in y}), object)
    is_number = y.dtype.kind in "iuf"
    if task == "auto":
        few = len(distinct) <= MOST_CLASSES and bool(np.all(np.mod(distinct, 1) == 0)) if is_number else True
        task = "classification" if few else "regression"
    if task == "regression":
        _numbers(y, name)
        return TargetColumn(name, task)
    if len(distinct) < 2:
        raise DataError(sentence(name, "of at least two classes", f"only {label_text(distinct[0])!r}"))
    if is_number and not np.all(np.mod(distinct, 1) == 0):
        raise DataError(
            sentence(name, "whole numbers or text for classification", f"{distinct[0]:g}", "Try regression.")
        )
    return TargetColumn(name, task, tuple(int(value) if is_number else label_text(value) for value in distinct))


def _numbers(y: Array, name: str) -> Array:
    if y.dtype.kind not in "iufb":
        raise DataError(sentence(name, "numbers for regression", f"text such as {str(y[0])!r}", "Try classification."))
    return y.astype(np.float64)


def _sound(target: TargetColumn) -> bool:
    scale = (target.mean, target.std)
    return (
        isinstance(target.name, str)
        and target.task in ("classification", "regression")
        and isinstance(target.classes, (list, tuple))
        and all(type(label) in (str, int) for label in target.classes)
        and len({label_text(label) for label in target.classes}) == len(target.classes)
        and all(isinstance(value, float) and np.isfinite(value) for value in scale)
        and target.std > 0
        and (target.task == "regression") == (len(target.classes) == 0)
        and len(target.classes) != 1
    )
