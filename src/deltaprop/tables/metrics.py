"""How good predictions are, in the numbers that people know; scikit-learn's functions do the counting."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deltaprop._types import Array


@dataclass(frozen=True)
class Metrics:
    """Named numbers about `rows` predictions; `per_class` has precision, recall and rows of each class."""

    rows: int
    numbers: dict[str, float]
    per_class: dict[str, dict[str, float]] | None = None

    @property
    def headline(self) -> tuple[str, float]:
        """The one to quote: accuracy or R²."""
        return next(iter(self.numbers.items()))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def classification_metrics(probabilities: Array, y: Array, classes: tuple[str | int, ...]) -> Metrics:
    """Accuracy, its mean over the classes, log loss; precision and recall of each class. y holds class indices."""
    from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

    predicted, labels = probabilities.argmax(axis=1), range(len(classes))
    precision, recall, _, support = precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0.0)
    p = probabilities.astype(np.float64)
    numbers = {
        "accuracy": float(accuracy_score(y, predicted)),
        "balanced_accuracy": float(recall[support > 0].mean()),
        "log_loss": float(log_loss(y, p / p.sum(axis=1, keepdims=True), labels=labels)),
    }
    per_class = {
        str(name): {"precision": float(precision[k]), "recall": float(recall[k]), "rows": int(support[k])}
        for k, name in enumerate(classes)
    }
    return Metrics(len(y), numbers, per_class)


def regression_metrics(predicted: Array, y: Array) -> Metrics:
    """R², root mean squared error, mean absolute error, in the target's own unit."""
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    numbers = {
        "r2": float(r2_score(y, predicted)) if len(y) > 1 else float("nan"),
        "rmse": float(root_mean_squared_error(y, predicted)),
        "mae": float(mean_absolute_error(y, predicted)),
    }
    return Metrics(len(y), {name: value for name, value in numbers.items() if np.isfinite(value)})
