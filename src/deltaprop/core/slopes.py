"""Numerical slopes: central differences, their extrapolation to a step of 0, and complex steps.

A function is seen along a line, t ↦ f(at + t move), or element by element on arrays. Nothing here knows σ', ∇_a C or
BP1..BP4, so these slopes can be compared with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from deltaprop._types import Array

EPSILON = float(np.finfo(np.float64).eps)
BALANCED = EPSILON ** (1 / 3)  # the step that balances the rounding of a central difference against its h²
WIDE = 1e-3
AGREE, DIFFER = 1e-4, 1e-3  # relative: two slopes agree if they differ by less than the first, differ beyond the second
IMAGINARY = 2.0**-100  # a complex step: its square is negligible beside any z
SHRINK = 4.0  # from one step of an extrapolation to the next

T = TypeVar("T", float, Array)
Function = Callable[[Array], Array]


def central(line: Callable[[T], T], h: T) -> T:
    """The slope of a line t -> f(t) at 0: (f(h) - f(-h)) / 2h."""
    return (line(h) - line(-h)) / (2 * h)


@np.errstate(all="ignore")
def row_slope(function: Function, at: Array, j: int, h: Array) -> tuple[Array, Array]:
    """(the slope of a function by row j of `at`, by central differences with step h, how far rounding may move it)."""
    up, down = at.copy(), at.copy()
    up[j] += h
    down[j] -= h
    above, below, apart = function(up), function(down), up[j] - down[j]  # apart by 2h, rounded
    return (above - below) / apart, EPSILON * (np.abs(above) + np.abs(below)) / apart


def reliable_slope(function: Function, at: Array, move: Array) -> tuple[Array, Array]:
    """(the slope of a function along `move` by central differences, whether it is reliable).

    It is reliable if two step sizes and both sides give the same slope: not at a kink, an edge, or lost digits.
    """
    here = np.asarray(function(at))
    found = []
    for size in (BALANCED, WIDE):
        h = size * np.maximum(1, np.abs(at)) if here.shape == at.shape else np.full(at.shape[1:], size)
        up, down = np.asarray(function(at + h * move)), np.asarray(function(at - h * move))
        found.append(((up - down) / (2 * h), (up - here) / h, (here - down) / h, EPSILON * np.abs(here) / h))
    (near, right, left, noise), (wide, *_) = found
    size = np.abs(near)
    sure = np.isfinite(here) & (np.abs(near - wide) <= AGREE * size) & (np.abs(right - left) <= AGREE * size)
    return near, sure & ((10 * noise <= AGREE * size) | (size == 0))


def complex_value(function: Callable[[Array], object], at: Array, step: Array | float) -> Array | None:
    """f(at + i step); None if f raises there, drops the imaginary part or returns real numbers."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")  # "casting complex values to real discards the imaginary part"
            value = np.asarray(function(at + 1j * step))
    except Exception:  # a function of real numbers may raise anything at complex ones
        return None
    return value if value.dtype.kind == "c" else None


@np.errstate(all="ignore")
def takes_complex_steps(function: Function, at: Array) -> bool:
    """Whether Im f(at + i h) / h is the slope of f at each reliable point, and at least one point is reliable."""
    stepped = complex_value(function, at, IMAGINARY)
    try:
        slope, sure = reliable_slope(function, at, np.ones_like(at))
        here = np.asarray(function(at))
    except Exception:
        return False
    if stepped is None or stepped.shape != here.shape:
        return False
    close = np.abs(stepped.imag / IMAGINARY - slope) <= DIFFER * np.abs(slope)
    same = (stepped.real == here) | (np.abs(stepped.real - here) <= 1e-12 * np.abs(here)) | ~np.isfinite(here)
    return bool(sure.any() and close[sure].all() and same.all())


@dataclass(frozen=True)
class _Rung:
    """At one step: the central difference, the gap between the slopes on the right and left, the rounding of either."""

    central: float
    gap: float
    noise: float


def extrapolate(line: Callable[[float], float], h: float, steps: int, noise: float) -> tuple[float, float, bool]:
    """(slope, doubt, kink) of a line t -> f(t) at 0, from `steps` steps that shrink from h; f is exact to `noise`.

    The slope is extrapolated to h = 0 at the step with the least doubt: its change plus its rounding (Ridders 1982).
    Only steps below those at which the slopes from left and right still differ count, so a kink close by does no harm.
    `kink` says that the two sides never agree.
    """
    rungs = _rungs(line, h, steps, noise)
    best, least = np.nan, np.inf
    for before, rung in pairwise(rungs[_first_smooth(rungs) :]):
        doubt = abs(rung.central - before.central) + rung.noise
        if doubt < least:
            best, least = rung.central + (rung.central - before.central) / (SHRINK**2 - 1), doubt
    return best, least, not np.isfinite(least)


def _rungs(line: Callable[[float], float], h: float, steps: int, noise: float) -> list[_Rung]:
    here, found = line(0.0), []
    for _ in range(steps):
        up, down = line(h), line(-h)
        if np.isfinite(up - down):  # otherwise beyond an edge
            found.append(_Rung((up - down) / (2 * h), abs(up - 2 * here + down) / h, 4 * noise / h))
        h /= SHRINK
    return found


def _first_smooth(rungs: list[_Rung]) -> int:
    """The first rung from which on the gap falls with h, as for a smooth f, as far as rounding shows."""
    first, scale = 0, max((abs(rung.central) for rung in rungs), default=0.0)
    for k, (rung, after) in enumerate(pairwise(rungs)):
        stays = after.gap > 0.5 * rung.gap
        vanishes = after.gap < 0.1 * rung.gap and rung.gap > 1e-4 * scale
        if rung.gap > 10 * rung.noise and (stays or vanishes):
            first = k + 1
    return first
