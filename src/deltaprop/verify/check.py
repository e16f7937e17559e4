"""Gradients against central differences, layer by layer, in float64.

The truth is (C(θ + h) - C(θ - h)) / 2h of a float64 copy of the network, element by element: all of them where they
are few, else a sample per array drawn by a seed, with its largest gradients always among it. Whether a difference is
itself exact enough is decided by how it changes with h, never by the gradient that is being checked. Where a
difference would straddle a kink (ReLU at 0), h is made smaller, and if it still straddles, the element is counted and
left out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.border import columns, shares
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec
from deltaprop.engines.reference import costs
from deltaprop.errors import ArgumentError, NonFiniteError, sentence
from deltaprop.network import Network

EPSILON = float(np.finfo(np.float64).eps)
STEP = EPSILON ** (1 / 3)  # balances rounding against the h² of the difference
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}
ROWS, SAMPLE = 100, 200
HALVINGS = 12  # of h, where a difference is extrapolated


@dataclass(frozen=True)
class Worst:
    """The element where gradient and difference lie furthest apart, in a layer's W or b."""

    layer: int
    equation: str
    element: str
    gradient: float
    difference: float
    error: float

    def __str__(self) -> str:
        return (
            f"layer {self.layer}, {self.equation}, {self.element}: gradient {self.gradient:.9g}, "
            f"difference {self.difference:.9g}, relative error {self.error:.2g}"
        )


@dataclass(frozen=True)
class CheckReport:
    """The outcome: `ok`, the worst element of each array (`rows`), how many elements were checked, kinks left out."""

    ok: bool
    tolerance: float
    checked: int
    kinks: int
    rows: tuple[Worst, ...]
    how: str = field(default="central differences in float64")

    @property
    def worst(self) -> Worst:
        """The worst element of all."""
        return max(self.rows, key=lambda row: row.error)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        verdict = "ok" if self.ok else "WRONG"
        head = f"gradients {verdict}: {self.checked} elements against {self.how}, tolerance {self.tolerance:g}"
        kinks = f", {self.kinks} at kinks left out" if self.kinks else ""
        return "\n".join([head + kinks, *map(str, self.rows)])


def check(
    net: Network,
    X: object,
    Y: object,
    sample_weight: object = None,
    *,
    elements: int = SAMPLE,
    max_rows: int = ROWS,
    seed: int = 0,
) -> CheckReport:
    """Compare the network's own gradients with central differences; at most `elements` per array, `max_rows` rows.

    Formula: ∂C/∂θ_i = (C(θ + h e_i) - C(θ - h e_i)) / 2h + O(h²), h = ε^(1/3) / max(1, |∂z/∂θ_i|), so that no z moves
    by more than ε^(1/3). Where that disagrees, h is halved and the differences extrapolated to h = 0 (Ridders 1982).
    The error is |gradient - difference| / max(|gradient|, |difference|), both taken to be at least 1e-3 of the
    array's largest, and large enough that the difference's own rounding stays within the tolerance.
    """
    for name, number in (("elements", elements), ("max_rows", max_rows)):
        if number < 1:
            raise ArgumentError(sentence(name, "1 or more", repr(number)))
    rows, targets, weight = net.examples(X, Y, sample_weight)
    batch = rows[:max_rows], targets[:max_rows], None if weight is None else weight[:max_rows]
    return check_gradient(net, net.backprop(*batch).vector, *batch, elements=elements, seed=seed)


def check_gradient(
    net: Network, gradient: Array, X: Inputs, Y: Array, weight: Array | None, *, elements: int = SAMPLE, seed: int = 0
) -> CheckReport:
    """The same for any gradient vector laid out like θ, on checked rows."""
    shadow = _Shadow(net, X, Y, weight)
    rng = np.random.default_rng(seed)
    tolerance = TOLERANCE[net.spec.dtype.name]
    rows: list[Worst] = []
    checked = kinks = 0
    for layer, name, first, part in _arrays(net.spec, gradient.astype(np.float64)):
        flat = part.ravel()
        at = _choose(flat, elements, rng)
        reach = shadow.reach(layer, name, part.shape)
        truth, straddled, h = shadow.differences(layer, first + at, STEP / reach[at])
        kinks += int(straddled.sum())
        at, truth, h = at[~straddled], truth[~straddled], h[~straddled]
        noise = shadow.rounding / h / tolerance
        doubtful = np.flatnonzero(~(_errors(flat, at, truth, noise) <= tolerance))
        truth[doubtful] = [shadow.extrapolated(layer, int(first + at[k]), float(h[k])) for k in doubtful]
        rows.append(_worst(layer, name, part.shape, at, flat, truth, noise))
        checked += len(at)
    rows.sort(key=lambda row: (row.layer, row.equation == "BP3"))
    return CheckReport(all(row.error <= tolerance for row in rows), tolerance, checked, kinks, tuple(rows))


class _Shadow:
    """The network in float64, as a function of one parameter at a time."""

    def __init__(self, net: Network, X: Inputs, Y: Array, weight: Array | None) -> None:
        twin = net.astype("float64")
        self.spec, self.theta = twin.spec, twin.theta
        spec = self.spec
        self._layers = list(zip(spec.weights(self.theta), spec.biases(self.theta), spec.activations, strict=True))
        self.x = dense(X).astype(np.float64).T
        self.y = columns(Y if Y.ndim == 1 else Y.astype(np.float64), self.spec)
        self.share = shares(weight, len(X), self.spec.dtype)
        self.a_prev = self._inputs()  # of layer 1, 2, ..., L: what lies below a changed parameter stays as it is
        self.cost = self._cost(1)[0]
        if not np.isfinite(self.cost):
            raise NonFiniteError(
                "The cost of this network on these rows is not finite, so it has no gradient to check."
            )
        self.rounding = self._rounding()

    def _rounding(self) -> float:
        """How far C may be from exact: ε |C|, or its move when every parameter is rounded otherwise, with a margin."""
        rng, exact, moved = np.random.default_rng(0), self.theta.copy(), 0.0
        for _ in range(3):
            self.theta *= 1 + 4 * EPSILON * rng.choice([-1.0, 1.0], self.theta.size)
            moved = max(moved, abs(self._cost(1)[0] - self.cost))
            self.theta[...] = exact
        return max(6 * EPSILON * abs(self.cost), 20 * moved)

    def reach(self, layer: int, name: str, shape: tuple[int, ...]) -> Array:
        """The largest |∂z/∂θ_i| over the rows, at least 1, of every element of that array: |a_prev| for W, 1 for b."""
        if name == "b":
            return np.ones(shape)
        return np.broadcast_to(np.maximum(1, np.abs(self.a_prev[layer - 1]).max(axis=1)), shape).ravel()

    def differences(self, layer: int, at: Array, h: Array) -> tuple[Array, Array, Array]:
        """(central difference, whether it straddles a kink, the h it took) for these places of θ, all in that layer."""
        found = [self._smooth_difference(layer, int(i), float(step)) for i, step in zip(at, h, strict=True)]
        d, straddles, taken = zip(*found, strict=True) if found else ((), (), ())
        return np.array(d), np.array(straddles, bool), np.array(taken)

    def extrapolated(self, layer: int, i: int, h: float) -> float:
        """The limit of the difference for h -> 0, at the h where its change and its rounding together are least.

        C. J. F. Ridders 1982. Without the rounding, which grows as h falls, two noisy limits may agree by chance.
        """
        last, best, least = self._smooth_difference(layer, i, h)[0], np.nan, np.inf
        previous = last
        for _ in range(HALVINGS):
            h /= 2
            d = self._smooth_difference(layer, i, h)[0]
            limit = d + (d - last) / 3
            doubt = abs(limit - previous) + self.rounding / h
            if doubt < least:
                best, least = limit, doubt
            last, previous = d, limit
        return best

    def _smooth_difference(self, layer: int, i: int, h: float) -> tuple[float, bool, float]:
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

    def _inputs(self) -> list[Array]:
        found = [self.x]
        for W, b, activation in self._layers[:-1]:
            found.append(activation.sigma(eq.weighted_input(W, found[-1], b)))
        return found

    def _cost(self, first: int) -> tuple[float, list[Array]]:
        """C, and on which side of its kinks every unit is, from layer `first` on."""
        spec, a, sides = self.spec, self.a_prev[first - 1], []
        for W, b, activation in self._layers[first - 1 :]:
            z = eq.weighted_input(W, a, b)
            a = activation.sigma(z)
            sides += [z > kink for kink in activation.kinks]
        sides += [a - self.y > kink for kink in spec.cost.kinks]
        return float(costs(spec, z, a, self.y) @ self.share), sides


def _arrays(spec: Spec, vector: Array) -> list[tuple[int, str, int, Array]]:
    """(layer, "W" or "b", where it begins in θ, its part of the vector) of every array."""
    found, first = [], 0
    for name, parts in (("W", spec.weights(vector)), ("b", spec.biases(vector))):
        for layer, part in enumerate(parts, 1):
            found.append((layer, name, first, part))
            first += part.size
    return found


def _choose(flat: Array, elements: int, rng: np.random.Generator) -> Array:
    if flat.size <= elements:
        return np.arange(flat.size)
    largest = np.argsort(-np.abs(flat), kind="stable")[: elements // 4]
    others = np.setdiff1d(np.arange(flat.size), largest)
    return np.concatenate([largest, rng.choice(others, elements - len(largest), replace=False)])


def _errors(flat: Array, at: Array, truth: Array, noise: Array) -> Array:
    """The relative error of these elements, against a floor that keeps small and noisy ones from counting double."""
    gradient, finite = flat[at], np.abs(flat[np.isfinite(flat)])
    largest = max(float(finite.max(initial=0.0)), float(np.abs(truth).max(initial=0.0)))
    gap = np.abs(gradient - truth)
    scale = np.maximum(np.maximum(np.abs(gradient), np.abs(truth)), np.maximum(1e-3 * largest, noise))
    with np.errstate(invalid="ignore"):
        error = np.divide(gap, scale, out=np.zeros_like(gap), where=scale != 0)
    return np.where(np.isnan(error), np.inf, error)  # a NaN or Inf in the gradient is as wrong as can be


def _worst(layer: int, name: str, shape: tuple[int, ...], at: Array, flat: Array, truth: Array, noise: Array) -> Worst:
    gradient, error = flat[at], _errors(flat, at, truth, noise)
    equation = "BP4" if name == "W" else "BP3"
    if not len(at):
        return Worst(layer, equation, f"{name}^{layer}", 0.0, 0.0, 0.0)
    k = int(error.argmax())
    place = ", ".join(str(int(i)) for i in np.unravel_index(at[k], shape))
    return Worst(layer, equation, f"d{name}^{layer}[{place}]", float(gradient[k]), float(truth[k]), float(error[k]))
