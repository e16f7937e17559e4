"""Where the truth about ∂C/∂θ comes from: complex steps where σ and C are analytic, central differences elsewhere.

Both answer for elements of θ in one layer; complex steps also for a whole array moved along a direction. Each says at
which elements there is no truth, because a unit lies at a kink, and how far its own numbers may be off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.objective import costs
from deltaprop.core.spec import Spec
from deltaprop.verify.shadow import Move, Shadow

EPSILON = float(np.finfo(np.float64).eps)
STEP = EPSILON ** (1 / 3)  # balances the rounding of a central difference against its h²
AT_ONCE = 1 << 19  # complex numbers of a layer side by side: 8 MiB
HALVINGS = 12  # of h, where a difference is extrapolated


@dataclass(frozen=True)
class Part:
    """One array that a gradient is taken in: W^l or b^l, or x in layer 0; where it begins in θ; its shape."""

    layer: int
    name: str
    first: int
    shape: tuple[int, ...]

    @property
    def equation(self) -> str:
        """The equation that gives its gradient; none of a function's."""
        return {"W": "BP4", "b": "BP3"}.get(self.name, "")

    @property
    def whole(self) -> str:
        """The array as people write it: W^2."""
        return f"{self.name}^{self.layer}" if self.layer else self.name

    def place(self, i: int) -> str:
        """An element of the gradient as people write it: dW^2[3, 1]."""
        at = ", ".join(str(int(k)) for k in np.unravel_index(i, self.shape))
        return f"d{self.whole}[{at}]" if at else f"d{self.whole}"


def parts(spec: Spec) -> list[Part]:
    """Every array of θ, weights before biases."""
    return [Part(block.layer, block.name, block.at.start, block.shape) for block in spec.blocks]


class Truth(Protocol):
    """A way to the true slope: `how` in words, and what relative error it allows, by number type."""

    how: str
    tolerance: dict[str, float]

    def elements(self, part: Part, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """(slope, whether it lies at a kink, how far rounding may move it) of these elements of an array."""

    def direction(self, part: Part, v: Array) -> float | None:
        """The slope of C along v, of the array's shape; None where this truth has none, or v moves a unit at a kink."""


class ComplexSteps:
    """Im C(θ + i h v) / h: as exact as C itself."""

    how = "complex steps in float64"
    tolerance = {"float32": 1e-4, "float64": 1e-10}  # noqa: RUF012

    def __init__(self, shadow: Shadow) -> None:
        self.shadow = shadow
        self._together = max(1, AT_ONCE // max(z.size for z in shadow.z))

    def elements(self, part: Part, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """One complex step for each."""
        found = [self.examples(part, at[some : some + self._together]) for some in range(0, len(at), self._together)]
        slopes, kinks, noise = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return slopes.sum(axis=1), kinks, noise + self.shadow.noise[part.first + at]

    def direction(self, part: Part, v: Array) -> float | None:
        """One complex step of the whole array."""
        each, kink, _ = self.shadow.slopes(part.layer, [self._move(part, slice(None), v)])
        return None if kink[0] else float(each.sum())

    def examples(self, part: Part, at: Array) -> tuple[Array, Array, Array]:
        """What each example adds to the slopes of these elements, (k, m); which lie at a kink; the slopes' noise."""
        moves = []
        for i in at:
            unit, within = divmod(int(i), int(np.prod(part.shape[1:])))
            row = np.zeros((1, *part.shape[1:]))
            row.flat[within] = 1
            moves.append(self._move(part, slice(unit, unit + 1), row))
        return self.shadow.slopes(part.layer, moves)

    def _move(self, part: Part, units: slice, v: Array) -> Move:
        if part.name == "W":
            return units, v, np.zeros(len(v))
        return units, np.zeros((len(v), len(self.shadow.a_prev[part.layer - 1]))), v


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

    def elements(self, part: Part, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """A difference for each, extrapolated where it is not what is claimed."""
        reach = np.ones(part.shape)
        if part.name == "W":
            reach = np.broadcast_to(np.maximum(1, np.abs(self.shadow.a_prev[part.layer - 1]).max(axis=1)), part.shape)
        found = [
            self._smooth(part.layer, int(part.first + i), STEP / r) for i, r in zip(at, reach.ravel()[at], strict=True)
        ]
        slope, straddles, h = (np.array(column) for column in zip(*found, strict=True))
        noise = self._rounding / h + self.shadow.noise[part.first + at]
        off = ~(
            np.abs(claimed - slope) <= np.maximum(noise, self._allowed * np.maximum(np.abs(claimed), np.abs(slope)))
        )
        for k in np.flatnonzero(off & ~straddles):
            slope[k] = self._extrapolated(part.layer, int(part.first + at[k]), float(h[k]))
        return slope, straddles, noise

    def direction(self, part: Part, v: Array) -> float | None:
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
        shadow, a, sides = self.shadow, self.shadow.a_prev[first - 1], []
        for W, b, activation in shadow.layers[first - 1 :]:
            z = eq.weighted_input(W, a, b)
            a = activation.sigma(z)
            sides += [z > kink for kink in activation.kinks]
        sides += [a - shadow.y > kink for kink in shadow.spec.cost.kinks]
        return float(costs(shadow.spec, z, a, shadow.y) @ shadow.share), sides
