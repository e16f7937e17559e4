"""The size of the error δ^l in each layer, epoch by epoch, and what it says, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from deltaprop._types import Array
from deltaprop.estimators._inputs import column, frame
from deltaprop.factors.norms import delta_norms
from deltaprop.training.events import EpochEvent

SAMPLE_ROWS = 256
MUCH = 100  # how many times less, or more, the first layer's error is before it is called vanishing or exploding
MOST_IN_FULL = 10_000_000
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Watch:
    """A callback that notes the size of δ^l in each layer after each epoch, on rows that stay the same."""

    def __init__(self, model: Any, network: Any, X: Any, y: Any) -> None:
        self._model, self._network = model, network
        X, y = frame(X), column(y)
        m = _num_samples(X)
        rows = np.unique(np.linspace(0, m - 1, min(m, SAMPLE_ROWS)).astype(int)) if m else np.arange(0)
        self._X, self._y = _safe_indexing(X, rows), _safe_indexing(y, rows)
        self._examples: tuple[Any, Array] | None = None
        self.norms: list[Array] = []

    def __call__(self, event: EpochEvent) -> None:
        if self._examples is None:  # how rows and targets are encoded is known once the fit has begun
            X = _transformed(self._model, self._X)
            y = np.ravel(self._y) if getattr(self._y, "ndim", 1) == 2 and self._y.shape[1] == 1 else self._y
            self._examples = self._network._prepare(X), self._network._encode_targets(y)
        self.norms.append(delta_norms(event.net, *self._examples))


def _transformed(model: Any, X: Any) -> Any:
    """Rows as the last step of a Pipeline gets them, or as they are."""
    if not hasattr(model, "steps"):
        return X
    before, last = model[:-1], model.steps[-1][1]
    return _transformed(last, before.transform(X) if len(before) else X)


def finding(delta_norms: Array) -> str:
    """What is seen in (n_epochs, L) norms: how much of the last layer's error layer 1 gets, in the median epoch.

    Where that has another name in the last epoch than in the first, both are told.
    """
    first, last = delta_norms[:, 0], delta_norms[:, -1]
    seen = last > 0
    if delta_norms.shape[1] == 1 or not len(last):
        return ""
    if not seen.any():
        return "the last layer's error is 0"
    ratios = first[seen] / last[seen]
    start, end = float(ratios[0]), float(ratios[-1])
    if _name(start) != _name(end):
        return f"at first {_told(start)}\nin the end {_told(end)}"
    return _told(float(np.median(ratios)))


def _name(ratio: float) -> str:
    return ": vanished" if not ratio else ": vanishing" if ratio <= 1 / MUCH else ": exploding" if ratio >= MUCH else ""


def _told(ratio: float) -> str:
    part = f"{_rounded(ratio)} times" if ratio >= 1 else f"{_fraction(ratio)} of" if ratio else "none of"
    return f"layer 1 gets {part} the last layer's error{_name(ratio)}"


def _fraction(ratio: float) -> str:
    """A number below 1: 0.35, 1/2,300, or 3×10⁻⁹."""
    if ratio > 0.1:
        return f"{ratio:.2g}"
    return f"1/{_rounded(1 / ratio)}" if ratio > 1 / MOST_IN_FULL else _power(ratio)


def _rounded(number: float) -> str:
    """A number of 1 or more in two figures: 1.4, 2,300, or 3×10⁹."""
    if number < 10:
        return f"{number:.2g}"
    return f"{float(f'{number:.1e}'):,.0f}" if number < MOST_IN_FULL else _power(number)


def _power(number: float) -> str:
    figure, exponent = f"{number:.0e}".split("e")
    return f"{figure}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"
