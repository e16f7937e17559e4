"""Where the truth about ∂C/∂θ comes from: complex steps where σ and C are analytic, central differences elsewhere.

Both answer for elements of θ in one layer; complex steps also for a whole array moved along a direction. Each says at
which elements there is no truth, because a unit lies at a kink, and how far its own numbers may be off.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import Block
from deltaprop.core.objective import costs
from deltaprop.verify.shadow import Shadow

EPSILON = float(np.finfo(np.float64).eps)
STEP = EPSILON ** (1 / 3)  # balances the rounding of a central difference against its h²
AT_ONCE = 1 << 19  # complex numbers of a layer side by side: 8 MiB
HALVINGS = 12  # of h, where a difference is extrapolated


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
            slope[n], straddles[n], h[n] = self._smooth(block.layer, int(block.at.start + i), STEP / max(1, reach))
        noise = self._rounding / h + block.of(self.shadow.noise).ravel()[at]
        allowed = np.maximum(noise, self._allowed * np.maximum(np.abs(claimed), np.abs(slope)))
        for k in np.flatnonzero(~(np.abs(claimed - slope) <= allowed) & ~straddles):
            slope[k] = self._extrapolated(block.layer, int(block.at.start + at[k]), float(h[k]))
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

    def _extrapolated(self, layer: int, i: int, h: float) -> float:
        """The limit of the difference for h -> 0, at the h where its change and its rounding together are least.

        C. J. F. Ridders 1982. Without the rounding, which grows as h falls, two noisy limits may agree by chance.
        """
        last, best, least = self._smooth(layer, i, h)[0], np.nan, np.inf
        previous = last
        for _ in range(HALVINGS):
            h /= 2
            d = self._smooth(layer, i, h)[0]
            limit = d + (d - last) / 3
            doubt = abs(limit - previous) + self._rounding / h
            if doubt < least:
                best, least = limit, doubt
            last, previous = d, limit
        return best

    def _smooth(self, layer: int, i: int, h: float) -> tuple[float, bool, float]:
        d, straddles = self._difference(layer, i, h)
        for _ in range(2):
            if straddles:
                h /= 16
                d, straddles = self._difference(layer, i, h)
        return d, straddles, h

    def _difference(self, layer: int, i: int, h: float) -> tuple[float, bool]:
        value = self.theta[i]
        up, down = value + h, value - h
        self.theta[i] = up
        above, sides_above = self._cost(layer)
        self.theta[i] = down
        below, sides_below = self._cost(layer)
        self.theta[i] = value
        straddles = any((p != q).any() for p, q in zip(sides_above, sides_below, strict=True))
        return (above - below) / (up - down), straddles

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
