"""One array of a gradient against the truth: element by element where they are few, else a sample and directions.

An element is right where it differs from the truth by no more than a relative tolerance, or than what rounding can do
to it. Nothing absolute is ever allowed. Of a big array a sample drawn by a seed is compared, its largest gradients
always among it, and the whole of it along random directions in which every element weighs the same: where one of these
is off, halving finds the element, which then joins the sample.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.core.blocks import Block
from deltaprop.verify.derivatives import Slopes
from deltaprop.verify.report import Worst

DIRECTIONS = 2
NARROWEST = 1e-100  # of the weights in a direction, so that none underflows


class Comparison:
    """One array of a gradient against its truth."""

    def __init__(self, block: Block, gradient: Array, noise: Array, truth: Slopes, tolerance: float) -> None:
        self.block, self.truth, self.tolerance = block, truth, tolerance
        self.claimed, self.noise = gradient[block.at].astype(np.float64), noise[block.at]
        self.checked = self.kinks = self.directions = 0
        self.at: int | None = None
        self.row = Worst(block.layer, block.equation, _whole(block), 0.0, 0.0, 0.0)

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
        slope, kink, noise = self.truth.elements(self.block, at, self.claimed[at])
        self.kinks += int(kink.sum())
        self.checked += int((~kink).sum())
        if kink.all():
            return
        at, slope, noise = at[~kink], slope[~kink], noise[~kink]
        error = relative_errors(self.claimed[at], slope, noise / self.tolerance)
        k = int(error.argmax())
        if self.at is None or error[k] > self.row.error:
            self.at = int(at[k])
            numbers = float(self.claimed[self.at]), float(slope[k]), float(error[k])
            self.row = Worst(self.block.layer, self.block.equation, _place(self.block, self.at), *numbers)

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
        allowed = float(np.hypot.reduce(v * np.where(good, self.noise, 0)))
        if not abs(gap) <= allowed and self.row.error <= self.tolerance:
            self._elements(np.array([self._halve(v, gap)]))

    def _gap(self, v: Array) -> float | None:
        """By how much gradient and truth differ along v."""
        slope = self.truth.direction(self.block, v.reshape(self.block.shape))
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


def _whole(block: Block) -> str:
    """The array as people write it: W^2."""
    return f"{block.name}^{block.layer}" if block.layer else block.name


def _place(block: Block, i: int) -> str:
    """An element of the gradient as people write it: dW^2[3, 1]."""
    at = ", ".join(str(int(k)) for k in np.unravel_index(i, block.shape))
    return f"d{_whole(block)}[{at}]" if at else f"d{_whole(block)}"


def relative_errors(claimed: Array, truth: Array, floor: Array) -> Array:
    """|claimed - truth| / max(|claimed|, |truth|, floor); 0 where both are 0, Inf where the claim is not finite."""
    gap = np.abs(claimed - truth)
    scale = np.maximum(np.maximum(np.abs(claimed), np.abs(truth)), floor)
    with np.errstate(invalid="ignore"):
        error = np.divide(gap, scale, out=np.zeros_like(gap), where=gap != 0)
    return np.where(np.isnan(error), np.inf, error)
