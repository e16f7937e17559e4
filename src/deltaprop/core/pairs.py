"""The check of a user's pair, (σ, σ') or (C, ∇_a C), when it is passed in: is the second the derivative of the first?

Differences at a few points tell. Points without a reliable slope are skipped: kinks, points outside the domain or with
an error, and functions that are too rough or too coarse.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost
from deltaprop.core.functions import built_in
from deltaprop.core.slopes import DIFFER, WIDE, reliable_slope
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, sentence

COARSEST = 2e-3  # how far a function may be rounded, relative to its value: two units of half precision
Z = np.array([[0.11, 0.37, 0.83, 1.7, 3.1, 7.3], [-0.13, -0.41, -0.79, -1.9, -3.3, -6.7]])
TRIED_UNITS = 8


def check_own_pairs(spec: Spec) -> None:
    """Raise ArgumentError if a user's σ' or ∇_a C in this network is wrong; takes a millisecond or two."""
    for activation in dict.fromkeys(spec.activations):
        if not built_in(activation):
            check_activation(activation)
    if not built_in(spec.cost):
        check_cost(spec.cost, spec.sizes[-1])


def check_activation(activation: Activation) -> None:
    """Raise ArgumentError if σ' is not the derivative of σ, with the z at which it is furthest from it."""
    try:
        with np.errstate(all="ignore"):
            value, claimed = map(np.asarray, activation.both(Z))
            slope, sure = reliable_slope(activation.sigma, Z, np.ones_like(Z))
    except Exception:  # raised again, with its traceback, when the function is used on the user's numbers
        return
    wrong = _worst(claimed, slope, sure, value, WIDE * np.maximum(1, np.abs(Z)))
    if wrong is not None:
        got = f"{claimed[wrong]:.9g} at z = {Z[wrong]:g}, where the slope of sigma is {slope[wrong]:.9g}"
        raise ArgumentError(sentence("sigma_prime", f"the derivative of sigma in {activation.name!r}", got))


def check_cost(cost: Cost, n: int) -> None:
    """Raise ArgumentError if ∇_a C is not the gradient of C, for n outputs, with a, y and the output."""
    units = np.unique(np.linspace(0, n - 1, min(n, TRIED_UNITS)).astype(int))
    move = np.zeros((n, len(units)))
    move[units, np.arange(len(units))] = 1  # column k moves output units[k] alone
    for a, y in _examples(n, len(units)):
        try:
            with np.errstate(all="ignore"):
                value, claimed = np.asarray(cost.C(a, y)), (np.asarray(cost.grad_a(a, y)) * move).sum(axis=0)
                slope, sure = reliable_slope(lambda at, y=y: cost.C(at, y), a, move)  # type: ignore[misc]
        except Exception:  # as above
            continue
        wrong = _worst(claimed, slope, sure, value, WIDE)
        if wrong is not None:
            k = int(wrong[0])
            a_k, y_k = a[units[k], k], y[units[k], k]
            where = f"a = {a_k:g}, y = {y_k:g} (output {units[k]})"
            got = f"{claimed[k]:.9g} at {where}, where the slope of C is {slope[k]:.9g}"
            raise ArgumentError(sentence("grad_a", f"the gradient of C in {cost.name!r}", got))


def _examples(n: int, m: int) -> list[tuple[Array, Array]]:
    """Columns (a, y), (n, m): one set between 0 and 1, for probabilities and logarithms, one of any sign."""
    spread = np.linspace(1, 2, n * m).reshape(n, m)
    whole = spread.sum(axis=0) + 0.5
    a, y = spread / whole, spread[::-1] / whole
    return [(a, y), (1.7 * np.cos(7 * spread), 1.3 * np.sin(5 * spread))]


def _worst(claimed: Array, slope: Array, sure: Array, value: Array, h: Array | float) -> tuple[int, ...] | None:
    """The index at which `claimed` is furthest from a reliable slope; None if it is nowhere too far."""
    if claimed.shape != slope.shape:
        return None
    gap = np.where(sure & np.isfinite(claimed), np.abs(claimed - slope), 0)  # NaN and Inf are reported in use
    size = np.maximum(np.abs(slope), np.abs(claimed))
    hidden = (slope == 0) & (np.abs(claimed) * h <= COARSEST * (np.abs(value) + h))  # flat within rounding
    missed = (gap > DIFFER * size) & ~hidden
    if not missed.any():
        return None
    ratio = np.divide(gap, size, out=np.zeros_like(gap), where=missed)
    return tuple(int(i) for i in np.unravel_index(int(ratio.argmax()), ratio.shape))
