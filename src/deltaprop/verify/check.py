"""Gradients against the truth, layer by layer: element by element where they are few, else a sample and directions.

An element is right where it differs from the truth by no more than a relative tolerance, or than what rounding can do
to it (verify.rounding). Nothing absolute is ever allowed. Of a big array a sample drawn by a seed is compared, its
largest gradients always among it, and the whole of it along random directions in which every element weighs the same:
where one of these is off, halving finds the element, which then joins the sample.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.errors import ArgumentError, sentence
from deltaprop.network import Network
from deltaprop.verify.exact import exact_gradient, ulps
from deltaprop.verify.report import CheckReport, Worst
from deltaprop.verify.shadow import Shadow
from deltaprop.verify.truth import CentralDifferences, ComplexSteps, Part, Truth, parts

ROWS, SAMPLE, DIRECTIONS = 100, 200, 2
NARROWEST = 1e-100  # of the weights in a direction, so that none underflows
SPREAD = 8.0  # how many standard errors the slope along a direction may be off


def check(
    net: Network,
    X: object,
    Y: object,
    sample_weight: object = None,
    *,
    elements: int = SAMPLE,
    max_rows: int = ROWS,
    seed: int = 0,
    ulp: bool = False,
) -> CheckReport:
    """Compare the network's own gradients with the truth; at most `elements` per array, `max_rows` rows.

    The truth is computed in float64 without backpropagation, by complex steps ∂C/∂θ = Im C(θ + i h) / h, or where σ or
    C is not analytic (one of your own may not be) by central differences. Elements that move a unit at a kink have no
    gradient: they are counted and left out. `ulp` adds each array's largest error in units in the last place, against
    mpmath (seconds for small networks, hours for big ones).
    """
    for name, number in (("elements", elements), ("max_rows", max_rows)):
        if number < 1:
            raise ArgumentError(sentence(name, "1 or more", repr(number)))
    rows, targets, weight = net.examples(X, Y, sample_weight)
    batch = rows[:max_rows], targets[:max_rows], None if weight is None else weight[:max_rows]
    gradient = net.backprop(*batch).vector
    shadow = Shadow(net, *batch)
    report, culprit = _compare(shadow, gradient, net.spec.dtype.name, elements, seed)
    if not report.ok and culprit is not None:
        report = replace(report, example=_worst_example(net, shadow, culprit, *batch))
    return _with_ulps(report, net, gradient, *batch) if ulp else report


def check_gradient(
    net: Network, gradient: Array, X: Array, Y: Array, weight: Array | None, *, elements: int = SAMPLE, seed: int = 0
) -> CheckReport:
    """The same for any gradient vector laid out like θ, on checked rows."""
    return _compare(Shadow(net, X, Y, weight), gradient, net.spec.dtype.name, elements, seed)[0]


def _compare(
    shadow: Shadow, gradient: Array, dtype: str, elements: int, seed: int
) -> tuple[CheckReport, tuple[Part, int] | None]:
    """The report, and the worst element of all, where the truth can be split by examples."""
    truth: Truth = ComplexSteps(shadow) if shadow.analytic else CentralDifferences(shadow, dtype)
    tolerance, rng = truth.tolerance[dtype], np.random.default_rng(seed)
    arrays = [_Array(part, gradient, shadow, truth, tolerance) for part in parts(shadow.spec)]
    for array in arrays:
        array.compare(elements, rng)
    arrays.sort(key=lambda array: (array.part.layer, array.part.name))
    rows = tuple(array.row for array in arrays)
    worst = max(arrays, key=lambda array: array.row.error)
    report = CheckReport(
        ok=all(row.error <= tolerance for row in rows),
        tolerance=tolerance,
        checked=sum(array.checked for array in arrays),
        kinks=sum(array.kinks for array in arrays),
        directions=sum(array.directions for array in arrays),
        rows=rows,
        how=truth.how,
    )
    return report, (worst.part, worst.at) if shadow.analytic and worst.at is not None else None


class _Array:
    """One array of a gradient against its truth."""

    def __init__(self, part: Part, gradient: Array, shadow: Shadow, truth: Truth, tolerance: float) -> None:
        place = slice(part.first, part.first + int(np.prod(part.shape)))
        self.part, self.truth, self.tolerance = part, truth, tolerance
        self.claimed, self.noise = gradient[place].astype(np.float64), shadow.noise[place]
        self.checked = self.kinks = self.directions = 0
        self.at: int | None = None
        self.row = Worst(part.layer, part.equation, f"{part.name}^{part.layer}", 0.0, 0.0, 0.0)

    def compare(self, elements: int, rng: np.random.Generator) -> None:
        """Elements, all or a sample; then directions, where the sample left something out."""
        flat = self.claimed
        if flat.size <= elements:
            self._elements(np.arange(flat.size))
            return
        odd = np.flatnonzero(~np.isfinite(flat))[: elements // 4]
        largest = np.argsort(-np.abs(np.nan_to_num(flat)), kind="stable")[: max(1, elements // 4 - len(odd))]
        first = np.union1d(odd, largest)
        others = np.setdiff1d(np.arange(flat.size), first)
        self._elements(np.concatenate([first, rng.choice(others, elements - len(first), replace=False)]))
        for _ in range(DIRECTIONS):
            self._direction(rng)

    def _elements(self, at: Indices) -> None:
        slope, kink, noise = self.truth.elements(self.part, at, self.claimed[at])
        self.kinks += int(kink.sum())
        self.checked += int((~kink).sum())
        if kink.all():
            return
        at, slope, noise = at[~kink], slope[~kink], noise[~kink]
        error = relative_errors(self.claimed[at], slope, noise / self.tolerance)
        k = int(error.argmax())
        if self.at is None or error[k] > self.row.error:
            self.at = int(at[k])
            place = self.part.place(self.at)
            numbers = float(self.claimed[self.at]), float(slope[k]), float(error[k])
            self.row = Worst(self.part.layer, self.part.equation, place, *numbers)

    def _direction(self, rng: np.random.Generator) -> None:
        floor = np.maximum(np.abs(self.claimed), self.noise / self.tolerance)
        good = np.isfinite(floor)
        floor = np.maximum(floor, NARROWEST * floor.max(initial=0.0, where=good))
        v = np.where(good, rng.choice([-1.0, 1.0], floor.size), 0) / np.where(good, floor, 1)
        v /= np.abs(v).max()
        gap = self._gap(v)
        if gap is None:
            return
        self.directions += 1
        allowed = SPREAD * self.tolerance * float(np.linalg.norm(v * np.where(good, floor, 0)))
        if not abs(gap) <= allowed and self.row.error <= self.tolerance:
            self._elements(np.array([self._halve(v, gap)]))

    def _gap(self, v: Array) -> float | None:
        """By how much gradient and truth differ along v."""
        slope = self.truth.direction(self.part, v.reshape(self.part.shape))
        return None if slope is None else float(np.where(v != 0, self.claimed, 0) @ v) - slope

    def _halve(self, v: Array, gap: float) -> int:
        """An element that is off, in a direction that is: always the half that is off by more."""
        at = np.flatnonzero(v)
        while len(at) > 1:
            left = np.zeros_like(v)
            half = at[: len(at) // 2]
            left[half] = v[half]
            of_left = self._gap(left) or 0.0
            at, gap = (half, of_left) if abs(of_left) >= abs(gap - of_left) else (at[len(half) :], gap - of_left)
        return int(at[0])


def relative_errors(claimed: Array, truth: Array, floor: Array) -> Array:
    """|claimed - truth| / max(|claimed|, |truth|, floor); 0 where both are 0, Inf where the claim is not finite."""
    gap = np.abs(claimed - truth)
    scale = np.maximum(np.maximum(np.abs(claimed), np.abs(truth)), floor)
    with np.errstate(invalid="ignore"):
        error = np.divide(gap, scale, out=np.zeros_like(gap), where=gap != 0)
    return np.where(np.isnan(error), np.inf, error)


def _worst_example(
    net: Network, shadow: Shadow, culprit: tuple[Part, int], X: Array, Y: Array, weight: Array | None
) -> int | None:
    """The row for which this element is furthest off when it is alone in its batch; None where it is right for each."""
    part, i = culprit
    truth = ComplexSteps(shadow).examples(part, i)[0]
    share = shadow.share
    alone = [net.backprop(X[r : r + 1], Y[r : r + 1]).vector[part.first + i] for r in range(len(X))]
    gap = np.abs(np.array(alone, np.float64) * share - truth)
    allowed = ComplexSteps.tolerance[net.spec.dtype.name] * np.abs(truth) + shadow.noise[part.first + i]
    return int(gap.argmax()) if (gap > allowed).any() else None


def _with_ulps(
    report: CheckReport, net: Network, gradient: Array, X: Array, Y: Array, weight: Array | None
) -> CheckReport:
    off = ulps(gradient, exact_gradient(net.spec, net.theta, X, Y, weight).theta)
    largest = {
        (part.layer, part.equation): float(off[part.first : part.first + int(np.prod(part.shape))].max())
        for part in parts(net.spec)
    }
    return replace(report, rows=tuple(replace(row, ulp=largest[row.layer, row.equation]) for row in report.rows))
