"""The setting of a user's network and batch: float64, with every Jacobian formed.

Derivatives go forward: the Jacobian of a^L is multiplied up from the layer in question, and meets ∂C/∂a at the end.
BP2 goes the other way, so that agreement is no accident. Memory is that of one Jacobian for each example.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import columns, shares
from deltaprop.core.spec import Spec
from deltaprop.derivation.measured import claimed_jacobian, measured_gradient, measured_jacobian
from deltaprop.derivation.setting import diagonal

NUDGE = 2.0**-50


@dataclass(frozen=True, eq=False)
class FloatSetting:
    """A setting (the protocol's Setting) in float64.

    `weights` are W^l of layers 1..L (diag(s^l) for scales), `slopes` are σ'(z^l), and `jacobians` the measured
    ∂a^l/∂z^l, (m, n_l, n_l); `formula` is ∇_a C of each example as its cost gives it, `measured` as it is measured.
    """

    kinds: tuple[str, ...]
    weights: tuple[Array, ...]
    activations: tuple[Array, ...]
    slopes: tuple[Array, ...]
    jacobians: tuple[Array, ...]
    formula: Array
    measured: Array
    y: Array
    share: Array
    _made: dict[tuple[str, int], Array] = field(default_factory=dict, init=False, repr=False)

    @property
    def m(self) -> int:
        """The number of examples."""
        return self.y.shape[1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_0..n_L."""
        return tuple(len(a) for a in self.activations)

    def W(self, l: int) -> Array:
        """W^l, (n_l, n_(l-1)); diag(s^l) for a layer of scales."""
        return self.weights[l - 1]

    def s(self, l: int) -> Array:
        """s^l of a layer of scales, (n_l,)."""
        return np.diagonal(self.weights[l - 1])

    def a(self, l: int) -> Array:
        """a^l, (n_l, m)."""
        return self.activations[l]

    def sigma_prime(self, l: int) -> Array:
        """σ'(z^l), (n_l, m)."""
        return self.slopes[l - 1]

    def grad_a(self) -> Array:
        """∇_a C of each example alone, (n_L, m)."""
        return self.formula

    def jacobian(self, of: str, k: int, by: str, l: int) -> Array:
        """∂of^k/∂by^l of each example, (n_of, n_by, m)."""
        return np.moveaxis(self._up(of, k, by, l), 0, -1)

    def weight_slope(self, l: int) -> Array:
        """[j, k] = ∂z_j/∂w_jk, (n_l, n_(l-1), m): moving w_jk by 1 moves z_j by a_k."""
        a = self.activations[l - 1]
        return np.broadcast_to(a, (self.sizes[l], *a.shape))

    def gradient(self, by: str, l: int) -> Array:
        """∂C/∂by^l of the whole batch."""
        return self.own(by, l) if by in "za" else self._pulled(by, l)

    def own(self, by: str, l: int) -> Array:
        """∂(s_i C_i)/∂by^l of each example."""
        error = (self.measured * self.share).T[:, :, None]
        if by != "W":
            return (self._to_output(by, l).swapaxes(1, 2) @ error)[:, :, 0].T
        moved = error * self.activations[l - 1].T[:, None, :]
        return np.moveaxis(self._to_output("z", l).swapaxes(1, 2) @ moved, 0, -1)

    def alone(self, l: int) -> Array:
        """∂C_i/∂z^l of each example as if it were alone, (n_l, m)."""
        return (self._to_output("z", l).swapaxes(1, 2) @ self.measured.T[:, :, None])[:, :, 0].T

    def _pulled(self, by: str, l: int) -> Array:
        """∂C/∂W^l, ∂C/∂b^l or ∂C/∂s^l: examples and outputs summed at once."""
        flat = self._to_output("z" if by == "W" else by, l).reshape(-1, self.sizes[l])
        error = (self.measured * self.share).T[:, :, None]
        if by != "W":
            return flat.T @ error.ravel()
        return flat.T @ (error * self.activations[l - 1].T[:, None, :]).reshape(len(flat), -1)

    def _to_output(self, by: str, l: int) -> Array:
        """∂a^L/∂by^l, (m, n_L, n_by), made once."""
        key = ("z" if by == "b" else by, l)
        if key not in self._made:
            self._made[key] = self._up("a", len(self.weights), *key)
        return self._made[key]

    def _up(self, of: str, k: int, by: str, l: int) -> Array:
        """∂of^k/∂by^l, (m, n_of, n_by): from the layer in question upwards."""
        at = ("a" if by == "a" else "z", l)
        found = (
            diagonal(self.activations[l - 1]).swapaxes(0, 2) if by == "s" else None
        )  # moving s_j by 1 moves z_j by a_j
        while at != (of, k):
            quantity, r = at
            here = self.jacobians[r - 1] if quantity == "z" else self.weights[r]
            found = here if found is None else here @ found
            at = ("a", r) if quantity == "z" else ("z", r + 1)
        found = np.eye(self.sizes[l]) if found is None else found
        return np.broadcast_to(found, (self.m, *found.shape[-2:]))


def float_setting(spec: Spec, theta: Array, X: Array, Y: Array, weight: Array | None) -> FloatSetting:
    """The setting of float64 rows X, Y of a network in float64."""
    W, a, slopes, jacobians = [], [X.T], [], []
    for l, activation in enumerate(spec.activations, 1):
        p = spec.arrays(theta, l)
        W.append(spec.kind(l).dense(p)[0])
        z = spec.kind(l).weighted_input(p, a[-1])
        a.append(activation.sigma(z))
        slopes.append(activation.sigma_prime(z) if activation.elementwise else z[:0])
        jacobians.append(np.ascontiguousarray(np.moveaxis(measured_jacobian(activation, z, a[-1]), -1, 0)))
    y = columns(Y, spec)
    formula = spec.cost.grad_a(a[-1], y)
    measured = measured_gradient(spec.cost, a[-1], y)
    share = shares(weight, len(X), spec.dtype)
    return FloatSetting(spec.kinds, tuple(W), tuple(a), tuple(slopes), tuple(jacobians), formula, measured, y, share)


def magnitudes(setting: FloatSetting, spec: Spec, *, with_cancellation: bool = False) -> FloatSetting:
    """The same network with |·| of every number: a step's sides are then the sums of their terms' sizes.

    Rounding is proportional to these, whatever cancels (Higham, Accuracy and Stability, section 3.1). With
    `with_cancellation` ∇_a C also counts what a rounding of a^L makes of it.
    """
    a = setting.activations[-1]
    jacobians = [np.abs(jacobian) for jacobian in setting.jacobians]
    if not spec.output.elementwise:
        jacobians[-1] = np.moveaxis(-claimed_jacobian(spec.output, a, -a), -1, 0)  # diag(a) + a aᵀ
    measured = np.abs(setting.measured) + (sensitivity(spec, a, setting.y) if with_cancellation else 0)
    return replace(
        setting,
        weights=tuple(map(np.abs, setting.weights)),
        activations=tuple(map(np.abs, setting.activations)),
        slopes=tuple(map(np.abs, setting.slopes)),
        jacobians=tuple(jacobians),
        formula=np.abs(setting.formula),
        measured=measured,
        y=-np.abs(setting.y),  # a - y becomes the sum of their sizes
    )


def sensitivity(spec: Spec, a: Array, y: Array) -> Array:
    """|a ∂(∇_a C)/∂a|, (n_L, m): how far a relative rounding of a^L moves ∇_a C."""
    with np.errstate(all="ignore"):
        return np.abs(spec.cost.grad_a(a * (1 + NUDGE), y) - spec.cost.grad_a(a * (1 - NUDGE), y)) / (2 * NUDGE)
