"""The score of a network's outputs: accuracy or R²."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.spec import Spec


def score_name(spec: Spec) -> str:
    """ "accuracy" for classes and yes/no outputs, "R²" for numbers."""
    return "accuracy" if spec.categorical or spec.cost.targets == "probability" else "R²"


def score(spec: Spec, a: Array, Y: Array, weight: Array | None = None) -> float:
    """Accuracy (all of an example's yes/no outputs right), or R² averaged over the outputs; weighted by example."""
    if score_name(spec) == "R²":
        return r2(a, Y, weight)
    return accuracy(a, Y, weight, exclusive=spec.output.name == "softmax")


def accuracy(a: Array, Y: Array, weight: Array | None = None, *, exclusive: bool) -> float:
    """The share of examples whose class is right, or whose yes/no outputs all are if not `exclusive`."""
    if Y.ndim == 1:
        right = a.argmax(axis=1) == Y
    elif exclusive:
        right = a.argmax(axis=1) == Y.argmax(axis=1)
    else:
        right = ((a > 0.5) == (Y > 0.5)).all(axis=1)
    return float(np.average(right, weights=weight))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def r2(a: Array, Y: Array, weight: Array | None) -> float:
    """1 - Σ (y - a)² / Σ (y - ȳ)²; for a constant output 1 if it is met exactly, else 0."""
    y = Y.astype(np.float64)
    left = np.average((y - a) ** 2, axis=0, weights=weight)
    spread = np.average((y - np.average(y, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
    ratio = np.where(spread > 0, 1 - left / spread, np.where(left == 0, 1.0, 0.0))
    return float(ratio.mean())
