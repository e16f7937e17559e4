"""A pair of one's own, (σ, σ') or (C, ∇_a C), tried when it is given: is the second the slope of the first?

Tried at a few points, by differences. A point where the slope cannot be told (a kink, outside the domain, an error, a
function too rough or too coarse) accuses nobody: it is passed over.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost
from deltaprop.core.functions import built_in
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, sentence

EPSILON = float(np.finfo(np.float64).eps)
NEAR, WIDE = EPSILON ** (1 / 3), 1e-3  # two steps: a slope is believed where both find the same one
BELIEVED, WRONG = 1e-4, 1e-3  # relative
COARSEST = 2e-3  # what a function may have rounded away, beside itself: two units of half precision
Z = np.array([[0.11, 0.37, 0.83, 1.7, 3.1, 7.3], [-0.13, -0.41, -0.79, -1.9, -3.3, -6.7]])
TRIED_UNITS = 8


def check_own_pairs(spec: Spec) -> None:
    """Refuse a network's pairs of somebody's own where they are wrong; a millisecond or two."""
    for activation in dict.fromkeys(spec.activations):
        if not built_in(activation):
            check_activation(activation)
    if not built_in(spec.cost):
        check_cost(spec.cost, spec.sizes[-1])


def check_activation(activation: Activation) -> None:
    """Refuse a σ' that is not the slope of its σ, naming the z where it is furthest from it."""
    try:
        with np.errstate(all="ignore"):
            value, given = map(np.asarray, activation.both(Z))
            slope, sure = slope_of(activation.sigma, Z, np.ones_like(Z))
    except Exception:  # where it is used, with numbers of the user's own, the same error is worth its traceback
        return
    wrong = _worst(given, slope, sure, value, WIDE * np.maximum(1, np.abs(Z)))
    if wrong is not None:
        got = f"{given[wrong]:.9g} at z = {Z[wrong]:g}, where the slope of sigma is {slope[wrong]:.9g}"
        raise ArgumentError(sentence("sigma_prime", f"the derivative of sigma in {activation.name!r}", got))


def check_cost(cost: Cost, n: int) -> None:
    """Refuse a ∇_a C that is not the gradient of its C, for n outputs, naming a, y and the output."""
    units = np.unique(np.linspace(0, n - 1, min(n, TRIED_UNITS)).astype(int))
    move = np.zeros((n, len(units)))
    move[units, np.arange(len(units))] = 1  # column k moves output units[k] alone
    for a, y in _examples(n, len(units)):
        try:
            with np.errstate(all="ignore"):
                value, given = np.asarray(cost.C(a, y)), (np.asarray(cost.grad_a(a, y)) * move).sum(axis=0)
                slope, sure = slope_of(lambda at, y=y: cost.C(at, y), a, move)  # type: ignore[misc]
        except Exception:  # as above
            continue
        wrong = _worst(given, slope, sure, value, WIDE)
        if wrong is not None:
            k = int(wrong[0])
            a_k, y_k = a[units[k], k], y[units[k], k]
            where = f"a = {a_k:g}, y = {y_k:g} (output {units[k]})"
            got = f"{given[k]:.9g} at {where}, where the slope of C is {slope[k]:.9g}"
            raise ArgumentError(sentence("grad_a", f"the gradient of C in {cost.name!r}", got))


def _examples(n: int, m: int) -> list[tuple[Array, Array]]:
    """Columns (a, y), (n, m): one set between 0 and 1, where probabilities and logarithms are, one of any sign."""
    spread = np.linspace(1, 2, n * m).reshape(n, m)
    whole = spread.sum(axis=0) + 0.5
    a, y = spread / whole, spread[::-1] / whole
    return [(a, y), (1.7 * np.cos(7 * spread), 1.3 * np.sin(5 * spread))]


def slope_of(function: Callable[[Array], Array], at: Array, move: Array) -> tuple[Array, Array]:
    """(the slope of a function along `move`, by central differences, and where it can be believed).

    Believed where steps of two sizes and both sides find it alike, so at no kink, edge, or lost digit.
    """
    here = np.asarray(function(at))
    found = []
    for size in (NEAR, WIDE):
        h = size * np.maximum(1, np.abs(at)) if here.shape == at.shape else np.full(at.shape[1:], size)
        up, down = np.asarray(function(at + h * move)), np.asarray(function(at - h * move))
        found.append(((up - down) / (2 * h), (up - here) / h, (here - down) / h, EPSILON * np.abs(here) / h))
    (near, right, left, noise), (wide, *_) = found
    size = np.abs(near)
    sure = np.isfinite(here) & (np.abs(near - wide) <= BELIEVED * size) & (np.abs(right - left) <= BELIEVED * size)
    return near, sure & (10 * noise <= BELIEVED * size) | (sure & (size == 0))


def _worst(given: Array, slope: Array, sure: Array, value: Array, h: Array | float) -> tuple[int, ...] | None:
    """Where a believed slope is missed by the most; None where none is missed."""
    if given.shape != slope.shape:
        return None
    gap = np.where(sure & np.isfinite(given), np.abs(given - slope), 0)  # NaN and Inf are named where they are used
    size = np.maximum(np.abs(slope), np.abs(given))
    hidden = (slope == 0) & (np.abs(given) * h <= COARSEST * (np.abs(value) + h))  # flat as far as can be seen
    missed = (gap > WRONG * size) & ~hidden
    if not missed.any():
        return None
    ratio = np.divide(gap, size, out=np.zeros_like(gap), where=missed)
    return tuple(int(i) for i in np.unravel_index(int(ratio.argmax()), ratio.shape))
