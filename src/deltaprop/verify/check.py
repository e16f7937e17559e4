"""Gradients against central differences, layer by layer, in float64.

The truth is (C(θ + h) - C(θ - h)) / 2h of a float64 copy of the network, element by element: all of them where they
are few, else a sample per array drawn by a seed, with its largest gradients always among it. Where a difference would
straddle a kink (ReLU at 0), h is made smaller, and if it still straddles, the element is counted and left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.border import columns, shares
from deltaprop.core.spec import Spec
from deltaprop.engines.reference import costs
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)  # balances rounding against the h² of the difference
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}
NOISE = 2e-10  # ε |C| / h, with a margin: the rounding that a difference carries, in units of |C|
ROWS, SAMPLE = 100, 200


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

    Formula: ∂C/∂θ_i = (C(θ + h e_i) - C(θ - h e_i)) / 2h + O(h²), h = ε^(1/3) max(1, |θ_i|). The error is
    |gradient - difference| / max(|gradient|, |difference|), both taken to be at least 1e-3 of the array's largest,
    and large enough that the difference's own rounding stays within the tolerance.
    """
    rows, targets, weight = net.examples(X, Y, sample_weight)
    batch = rows[:max_rows], targets[:max_rows], None if weight is None else weight[:max_rows]
    return check_gradient(net, net.backprop(*batch).vector, *batch, elements=elements, seed=seed)


def check_gradient(
    net: Network, gradient: Array, X: Array, Y: Array, weight: Array | None, *, elements: int = SAMPLE, seed: int = 0
) -> CheckReport:
    """The same for any gradient vector laid out like θ, on checked rows."""
    shadow = _Shadow(net, X, Y, weight)
    rng = np.random.default_rng(seed)
    tolerance = TOLERANCE[net.spec.dtype.name]
    noise = NOISE * abs(shadow.cost) / tolerance
    rows: list[Worst] = []
    checked = kinks = 0
    for layer, name, first, part in _arrays(net.spec, gradient.astype(np.float64)):
        flat = part.ravel()
        at = _choose(flat, elements, rng)
        truth, straddled = shadow.differences(first + at)
        keep = ~straddled
        rows.append(_worst(layer, name, part.shape, at[keep], flat, truth[keep], noise))
        checked, kinks = checked + int(keep.sum()), kinks + int(straddled.sum())
    rows.sort(key=lambda row: (row.layer, row.equation == "BP3"))
    return CheckReport(all(row.error <= tolerance for row in rows), tolerance, checked, kinks, tuple(rows))


class _Shadow:
    """The network in float64, as a function of one parameter at a time."""

    def __init__(self, net: Network, X: Array, Y: Array, weight: Array | None) -> None:
        twin = net.astype("float64")
        self.spec, self.theta = twin.spec, twin.theta
        self.x = X.astype(np.float64).T
        self.y = columns(Y if Y.ndim == 1 else Y.astype(np.float64), self.spec)
        self.share = shares(weight, len(X), self.spec.dtype)
        self.cost = self._cost()[0]
        if not np.isfinite(self.cost):
            raise NonFiniteError(
                "The cost of this network on these rows is not finite, so it has no gradient to check."
            )

    def differences(self, at: Array) -> tuple[Array, Array]:
        """(central difference, whether it straddles a kink) for these places of θ."""
        pairs = [self._difference(int(i)) for i in at]
        return np.array([d for d, _ in pairs]), np.array([straddles for _, straddles in pairs], bool)

    def _difference(self, i: int) -> tuple[float, bool]:
        value = self.theta[i]
        h = STEP * max(1.0, abs(value))
        for _ in range(3):
            self.theta[i] = value + h
            above, sides_above = self._cost()
            self.theta[i] = value - h
            below, sides_below = self._cost()
            self.theta[i] = value
            straddles = any((p != q).any() for p, q in zip(sides_above, sides_below, strict=True))
            if not straddles:
                break
            h /= 16
        return (above - below) / (2 * h), straddles

    def _cost(self) -> tuple[float, list[Array]]:
        """C, and on which side of its kinks every unit is."""
        spec, a, sides = self.spec, self.x, []
        for W, b, activation in zip(spec.weights(self.theta), spec.biases(self.theta), spec.activations, strict=True):
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


def _worst(layer: int, name: str, shape: tuple[int, ...], at: Array, flat: Array, truth: Array, noise: float) -> Worst:
    gradient = flat[at]
    largest = max(float(np.abs(flat).max(initial=0.0)), float(np.abs(truth).max(initial=0.0)))
    floor = max(1e-3 * largest, noise)
    gap = np.abs(gradient - truth)
    scale = np.maximum(np.maximum(np.abs(gradient), np.abs(truth)), floor)
    error = np.divide(gap, scale, out=np.zeros_like(gap), where=scale > 0)
    equation = "BP4" if name == "W" else "BP3"
    if not len(at):
        return Worst(layer, equation, f"{name}^{layer}", 0.0, 0.0, 0.0)
    k = int(np.nanargmax(np.where(np.isnan(error), np.inf, error)))
    place = ", ".join(str(int(i)) for i in np.unravel_index(at[k], shape))
    return Worst(layer, equation, f"d{name}^{layer}[{place}]", float(gradient[k]), float(truth[k]), float(error[k]))
