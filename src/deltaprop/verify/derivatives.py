"""Where the truth about ∂C/∂θ comes from: complex steps where σ and C are analytic, central differences elsewhere.

Both answer for elements of θ in one layer; complex steps also for a whole array moved along a direction. Each says at
which elements there is no truth, because a unit lies at a kink, and how far its own numbers may be off.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import Block
from deltaprop.core.objective import costs
from deltaprop.core.slopes import BALANCED, EPSILON, central, extrapolate
from deltaprop.verify.shadow import Shadow

AT_ONCE = 1 << 19  # complex numbers of a layer side by side: 8 MiB
STEPS = 7  # of an extrapolation


class Slopes(Protocol):
    """A way to the true slope: `how` in words, and what relative error it allows, by number type."""

    how: str
    tolerance: dict[str, float]

    def elements(self, block: Block, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """(slope, whether it lies at a kink, how far rounding may move it) of these elements of an array."""

    def direction(self, block: Block, v: Array) -> float | None:
        """The slope of C along v, of the array's shape; None where this truth has none, or v moves a unit at a kink."""


class ComplexSteps:
    """Im C(θ + i h v) / h: as exact as C itself."""

    how = "complex steps in float64"
    tolerance = {"float32": 1e-4, "float64": 1e-10}  # noqa: RUF012

    def __init__(self, shadow: Shadow) -> None:
        self.shadow = shadow
        self._together = max(1, AT_ONCE // max(z.size for z in shadow.z))

    def elements(self, block: Block, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """One complex step for each."""
        some = [at[first : first + self._together] for first in range(0, len(at), self._together)]
        slopes, kinks, noise = map(np.concatenate, zip(*(self.examples(block, each) for each in some), strict=True))
        return slopes.sum(axis=1), kinks, noise + block.of(self.shadow.noise).ravel()[at]

    def direction(self, block: Block, v: Array) -> float | None:
        """One complex step of the whole array."""
        each, kink, _ = self.shadow.slopes(block, [v])
        return None if kink[0] else float(each.sum())

    def examples(self, block: Block, at: Array) -> tuple[Array, Array, Array]:
        """What each example adds to the slopes of these elements, (k, m); which lie at a kink; the slopes' noise."""
        return self.shadow.slopes(block, [_one(block, i) for i in at])


class CentralDifferences:
    """(C(θ + h e) - C(θ - h e)) / 2h, h = ε^(1/3) / max(1, |∂z/∂θ|), so that no z moves by more than ε^(1/3).

    Where that disagrees with what is claimed, h is halved and the differences extrapolated to h = 0. Whether one is
    exact enough is decided by how it changes with h, never by the claim.
    """

    how = "central differences in float64"
    tolerance = {"float32": 2e-3, "float64": 1e-6}  # noqa: RUF012

    def __init__(self, shadow: Shadow, dtype: str) -> None:
        self.shadow, self.theta = shadow, shadow.theta
        self._allowed = self.tolerance[dtype]
        self._rounding = self._cost_rounding()

    def elements(self, block: Block, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """A difference for each, extrapolated where it is not what is claimed."""
        slope, straddles, h = np.zeros(len(at)), np.zeros(len(at), bool), np.zeros(len(at))
        for n, i in enumerate(at):
            reach = float(np.abs(self.shadow.moved(block, [_one(block, int(i))])).max())
            slope[n], straddles[n], h[n] = self._smooth(block.layer, int(block.at.start + i), BALANCED / max(1, reach))
        noise = self._rounding / h + block.of(self.shadow.noise).ravel()[at]
        allowed = np.maximum(noise, self._allowed * np.maximum(np.abs(claimed), np.abs(slope)))
        for k in np.flatnonzero(~(np.abs(claimed - slope) <= allowed) & ~straddles):
            line = partial(self._moved_cost, block.layer, int(block.at.start + at[k]))
            slope[k], *_ = extrapolate(lambda t, line=line: line(t)[0], float(h[k]), STEPS, self._rounding)  # type: ignore[misc]
        return slope, straddles, noise

    def direction(self, block: Block, v: Array) -> float | None:
        """None: moved all at once, some unit would straddle its kink."""
        return None

    def _cost_rounding(self) -> float:
        """How far C may be from exact: ε |C|, or its move when every parameter is rounded otherwise, with a margin."""
        rng, exact, moved = np.random.default_rng(0), self.theta.copy(), 0.0
        for _ in range(3):
            self.theta *= 1 + 4 * EPSILON * rng.choice([-1.0, 1.0], self.theta.size)
            moved = max(moved, abs(self._cost(1)[0] - self.shadow.cost))
            self.theta[...] = exact
        return max(6 * EPSILON * abs(self.shadow.cost), 20 * moved)

    def _smooth(self, layer: int, i: int, h: float) -> tuple[float, bool, float]:
        """(slope, whether a unit changes sides between the two ends, h), h made smaller if one does."""
        d, straddles = self._difference(layer, i, h)
        for _ in range(2):
            if straddles:
                h /= 16
                d, straddles = self._difference(layer, i, h)
        return d, straddles, h

    def _difference(self, layer: int, i: int, h: float) -> tuple[float, bool]:
        h = float((self.theta[i] + h) - self.theta[i])  # what the parameter moves by, after rounding
        ends = {t: self._moved_cost(layer, i, t) for t in (h, -h)}
        straddles = any((p != q).any() for p, q in zip(ends[h][1], ends[-h][1], strict=True))
        return central(lambda t: ends[t][0], h), straddles

    def _moved_cost(self, layer: int, i: int, t: float) -> tuple[float, list[Array]]:
        """`_cost` with element i of θ, in this layer, moved by t."""
        value = self.theta[i]
        self.theta[i] = value + t
        found = self._cost(layer)
        self.theta[i] = value
        return found

    def _cost(self, first: int) -> tuple[float, list[Array]]:
        """C, and on which side of its kinks every unit is, from layer `first` on."""
        shadow, sides = self.shadow, []
        below = shadow.a_prev[first - 1]
        z = shadow.spec.kind(first).weighted_input(shadow.spec.arrays(self.theta, first), below)
        for l, z, a in shadow.layers_above(first, z):  # noqa: B007, B020
            sides += [z > kink for kink in shadow.spec.activations[l - 1].kinks]
        sides += [a - shadow.y > kink for kink in shadow.spec.cost.kinks]
        return float(costs(shadow.spec, z, a, shadow.y) @ shadow.share), sides


def _one(block: Block, i: int) -> Array:
    """1 in the place of one element, else 0."""
    v = np.zeros(block.shape)
    v.flat[i] = 1
    return v
