"""The size of the error δ^l in each layer, epoch by epoch, and what it says, in words."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.estimators.base import BaseMLP, checked_parameters
from deltaprop.estimators.encoding import encoded_rows, learned_encoding
from deltaprop.estimators.inputs import validated_pair
from deltaprop.factors.norms import delta_norms
from deltaprop.training.events import EpochEvent

SAMPLE_ROWS = 256
MUCH = 100  # how many times less, or more, the first layer's error is before it is called vanishing or exploding
MOST_IN_FULL = 10_000_000
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class ErrorFlow:
    """A callback that notes the size of δ^l in each layer after each epoch, on rows X, Y that stay the same."""

    def __init__(self, X: Any, Y: Array) -> None:
        self._X, self._Y = X, Y
        self.norms: list[Array] = []

    def __call__(self, event: EpochEvent) -> None:
        """Note the norms of this epoch."""
        self.norms.append(delta_norms(event.net, self._X, self._Y))


def sample(estimator: BaseMLP, X: Any, y: Any) -> tuple[Any, Array]:
    """Up to SAMPLE_ROWS of these rows, evenly spaced, and their targets, as a fit of the estimator encodes them."""
    validated = copy(estimator)
    X, y = validated_pair(validated, X, y, reset=True)
    rows = encoded_rows(learned_encoding(checked_parameters(estimator), validated, X, y), X, y, None)
    m = len(rows.Y)
    places = np.unique(np.linspace(0, m - 1, min(m, SAMPLE_ROWS)).astype(int))
    return rows.X[places], rows.Y[places]


def finding(delta_norms: Array) -> str:
    """What (n_epochs, L) norms show: how much of the last layer's error layer 1 gets, in the median epoch.

    If that has another name in the last epoch than in the first, the sentence has both.
    """
    first, last = delta_norms[:, 0], delta_norms[:, -1]
    nonzero = last > 0
    if delta_norms.shape[1] == 1 or not len(last):
        return ""
    if not nonzero.any():
        return "the last layer's error is 0"
    ratios = first[nonzero] / last[nonzero]
    start, end = float(ratios[0]), float(ratios[-1])
    if _name(start) != _name(end):
        return f"at first {_said(start)}\nin the end {_said(end)}"
    return _said(float(np.median(ratios)))


def _name(ratio: float) -> str:
    return ": vanished" if not ratio else ": vanishing" if ratio <= 1 / MUCH else ": exploding" if ratio >= MUCH else ""


def _said(ratio: float) -> str:
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
