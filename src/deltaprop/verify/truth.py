"""The true pass that another code is compared with: every quantity of it, in the book's columns and indices.

The numbers come from a trace in float64, the equations from core.equations. With each quantity comes how far
a correct code may be from it: the values at z ± dz, dz being the rounding of z. A unit at a kink (ReLU at 0) may take
either side's σ', so every convention at a kink passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.objective import costs, output_error
from deltaprop.core.spec import Spec
from deltaprop.trace.record import record

ROUNDINGS = 32  # of the number type, by which a correct code may differ
Range = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class Truth:
    """One pass over m examples, each as if it were alone: W[l], b[l], z[l], a[l], dsigma[l] for l = 1..L, a[0] = x.

    Columns: z[l] is (n_l, m). dsigma[L] is the Jacobian (n_L, n_L, m) for softmax. `eps` is the rounding of the code
    that is judged, not of these numbers.
    """

    spec: Spec
    W: list[Array]
    b: list[Array]
    z: list[Array]
    a: list[Array]
    dsigma: list[Array]
    y: Array
    grad_a: Array
    eps: float

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return self.spec.L

    @property
    def m(self) -> int:
        """The number of examples."""
        return self.y.shape[1]

    @cached_property
    def before(self) -> Truth:
        """The pass of the call before each example's own, if the examples are passed in order, again and again."""

        def rolled(array: Array) -> Array:
            return np.roll(array, 1, axis=-1)

        z, a, dsigma = (list(map(rolled, arrays)) for arrays in (self.z, self.a, self.dsigma))
        return replace(self, z=z, a=a, dsigma=dsigma, y=rolled(self.y), grad_a=rolled(self.grad_a))

    @cached_property
    def costs(self) -> Array:
        """C of each example, (m,)."""
        parts = [tuple(array[:, i : i + 1] for array in (self.z[-1], self.a[-1], self.y)) for i in range(self.m)]
        with np.errstate(all="ignore"):
            return np.array([costs(self.spec, z, a, y)[0] for z, a, y in parts])

    def error(self, z: Array | None = None) -> Array:
        """BP1: δ^L of every example, (n_L, m)."""
        with np.errstate(all="ignore"):
            at = self.z[-1] if z is None else z
            a, dsigma = self.spec.output.with_slope(at)
            return output_error(self.spec, at, a, dsigma, self.y, np.ones(self.m))

    def sigma_prime(self, l: int, z: Array) -> Array:
        """σ' of layer l at any z; ValueError for softmax, which has none."""
        if not self.spec.activations[l - 1].elementwise:
            raise ValueError("softmax has a Jacobian, no σ'")
        with np.errstate(all="ignore"):
            return self.spec.activations[l - 1].both(z)[1]

    def output_error_range(self) -> tuple[Array, Array, Array]:
        """(low, high, slack): the range of δ^L."""
        dz = self._dz(self.L)
        low, high = _envelope([self.error(), self.error(self.z[-1] - dz), self.error(self.z[-1] + dz)])
        size = np.abs(self.a[-1]) + np.abs(self.y)
        if not self.spec.canonical:
            size = size + np.abs(self.grad_a)
        if not self.spec.output.elementwise:  # a_k of softmax is as wrong, relatively, as z is absolutely
            size = size * (1 + np.abs(self.z[-1]).max(axis=0))
        return low, high, ROUNDINGS * self.eps * size + rtol(self.eps) * np.maximum(np.abs(low), np.abs(high))

    def hidden_error_range(self, l: int, delta_next: Array) -> tuple[Array, Array, Array]:
        """(low, high, slack): the range of δ^l, given δ^(l+1)."""
        W, z, dz = self.W[l + 1], self.z[l], self._dz(l)
        slopes = [self.dsigma[l], self.sigma_prime(l, z - dz), self.sigma_prime(l, z + dz)]
        low, high = _envelope([eq.bp2(W, delta_next, slope) for slope in slopes])
        size = eq.bp2(np.abs(W), np.abs(delta_next), np.ones_like(z))
        largest = np.abs(np.stack(slopes)).max(axis=0)
        return low, high, size * (ROUNDINGS * self.eps + rtol(self.eps) * largest)

    def outer_slack(self, l: int, delta: Array) -> Array:
        """How far δ (a^(l-1))ᵀ of a correct code may be off, per example, (m, n_l, n_(l-1))."""
        a, spread = np.abs(self.a[l - 1]), np.zeros_like(self.a[l - 1])
        if l > 1:
            z, dz, sigma = self.z[l - 1], self._dz(l - 1), self.spec.activations[l - 2].sigma
            with np.errstate(all="ignore"):
                spread = np.abs(sigma(z + dz) - sigma(z - dz)) + ROUNDINGS * self.eps
        return each(np.abs(delta), rtol(self.eps) * a + spread)

    def _dz(self, l: int) -> Array:
        """How far z^l of a correct code may be off: its sum's rounding; never 0, so that both sides of a kink count."""
        size = eq.weighted_input(np.abs(self.W[l]), np.abs(self.a[l - 1]), np.abs(self.b[l]))
        return ROUNDINGS * self.eps * size + np.finfo(size.dtype).tiny


def rtol(eps: float) -> float:
    """The relative difference that counts as rounding: 1e-9 in float64, 2e-5 in float32."""
    return 1e-9 if eps < 1e-12 else 2e-5


def each(delta: Array, a_prev: Array) -> Array:
    """BP4 of every example by itself, (m, n_l, n_(l-1))."""
    columns = range(delta.shape[1])
    return np.stack([eq.bp4(delta[:, i : i + 1], a_prev[:, i : i + 1]) for i in columns])


def true_pass(spec: Spec, theta: Array, X: Array, Y: Array, eps: float) -> Truth:
    """The pass of checked rows X, Y, in float64."""
    spec64 = replace(spec, dtype=np.dtype("float64"))
    wide = Y if Y.ndim == 1 else Y.astype(np.float64)
    trace = record(spec64, theta.astype(np.float64), X.astype(np.float64), wide)
    none = np.empty(0)
    return Truth(
        spec=spec64,
        W=[none, *(layer.W for layer in trace)],
        b=[none, *(layer.b for layer in trace)],
        z=[none, *(layer.z.T for layer in trace)],
        a=[trace.x.T, *(layer.a.T for layer in trace)],
        dsigma=[none, *(np.moveaxis(layer.sigma_prime, 0, -1) for layer in trace)],
        y=trace.y.T,
        grad_a=trace.grad_a.T * len(X),
        eps=eps,
    )


def _envelope(values: list[Array]) -> Range:
    stack = np.stack(values)
    return stack.min(axis=0), stack.max(axis=0)
