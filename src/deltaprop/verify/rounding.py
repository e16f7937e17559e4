"""How far rounding alone may move a gradient: what no check may call wrong.

A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.3), with independent
errors, which add as squares (Higham & Mary 2019, SIAM J. Sci. Comput. 41). Every z, a, σ', δ carries a standard error
e; an operation adds one rounding u |result| + η to it, a sum of n terms the roundings of its partial sums. What is
steep or jumps (a saturated σ', the kink of a ReLU) is met by moving its argument by ± e.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.spec import Spec
from deltaprop.trace.record import Trace

MARGIN = 16.0  # how many standard errors an element may be off
LANES = 8  # sums run in at least so many partial sums side by side


@dataclass(frozen=True)
class Rounding:
    """Bounds on what rounding does: to z^1..z^L, (n_l, m) each, to a^L (n_L, m), to the gradient, laid out like θ."""

    z: list[Array]
    a: Array
    gradient: Array


@np.errstate(all="ignore")  # a bound that is not finite bounds nothing, and becomes 0: stricter, never laxer
def rounding(spec: Spec, trace: Trace, share: Array, dtype: np.dtype[np.floating]) -> Rounding:
    """The bounds for a network that computes in `dtype`, at the numbers of its trace in float64."""
    unit = _Unit(float(np.finfo(dtype).eps) / 2, float(np.finfo(dtype).smallest_subnormal))
    e_a, e_z = [np.zeros(trace.x.T.shape)], []
    for layer, activation in zip(trace, spec.activations, strict=True):
        z, a, a_prev = layer.z.T, layer.a.T, layer.a_prev.T
        from_below = eq.weighted_input(layer.W**2, e_a[-1] ** 2 + unit.sum_of(a_prev), (unit.u * layer.b) ** 2)
        e_z.append(np.sqrt(from_below + unit.of(z)))
        e_a.append(np.sqrt(_through(activation.sigma, z, a, e_z[-1], activation.elementwise) + unit.of(a)))
    gradient = _backward(spec, trace, e_z, e_a, share, unit)
    keep = [*e_z, e_a[-1], gradient]
    *e_z, a_out, gradient = (MARGIN * np.where(np.isfinite(e), e, 0) for e in keep)
    return Rounding(e_z, a_out, gradient)


@dataclass(frozen=True)
class _Unit:
    """The unit roundoff u = ε / 2 and the underflow η of a number type; squares of errors come out."""

    u: float
    eta: float

    def of(self, result: Array) -> Array:
        """One rounding of this result."""
        return (self.u * np.abs(result) + self.eta) ** 2

    def sum_of(self, terms: Array, axis: int = 0) -> Array:
        """The share of each of these terms in the roundings of their sum along an axis."""
        return self.of(terms) * max(1.0, terms.shape[axis] / LANES)


def _backward(spec: Spec, trace: Trace, e_z: list[Array], e_a: list[Array], share: Array, unit: _Unit) -> Array:
    found = np.zeros(spec.n_parameters)
    dW, db = spec.weights(found), spec.biases(found)
    e_delta = np.zeros(0)
    for l in range(spec.L, 0, -1):
        layer = trace.layer(l)
        delta, a_prev = layer.delta.T, layer.a_prev.T
        if l == spec.L:
            squares = _output(spec, trace, e_z[-1], e_a[-1], share, unit)
        else:
            above = trace.layer(l + 1)
            slope = layer.sigma_prime.T
            e_slope = _through(spec.activations[l - 1].sigma_prime, layer.z.T, slope, e_z[l - 1]) + 4 * unit.of(slope)
            passed = e_delta**2 + unit.sum_of(above.delta.T)
            back = eq.bp2_input(above.W, above.delta.T)
            squares = eq.bp2_input(above.W**2, passed) * slope**2 + back**2 * e_slope
        e_delta = np.sqrt(squares + unit.of(delta))
        pairs = e_delta**2 + unit.sum_of(delta, axis=1)
        dW[l - 1][...] = np.sqrt(eq.bp4(pairs, a_prev**2) + eq.bp4(delta**2, e_a[l - 1] ** 2)) + unit.eta
        db[l - 1][...] = np.sqrt(eq.bp3(pairs)) + unit.eta
    return found


def _output(spec: Spec, trace: Trace, e_z: Array, e_a: Array, share: Array, unit: _Unit) -> Array:
    """The square of the error of δ^L: of a - y, or of ∇_a C through the Jacobian of σ."""
    last, y = trace.layer(spec.L), trace.y.T
    a = last.a.T
    if spec.canonical:
        return (e_a**2 + unit.of(a)) * share**2
    grad_a = trace.grad_a.T
    e_grad = _through(lambda at: spec.cost.grad_a(at, y) * share, a, grad_a, e_a) + unit.of(grad_a)
    if spec.output.elementwise:
        slope = last.sigma_prime.T
        e_slope = _through(spec.output.sigma_prime, last.z.T, slope, e_z) + 4 * unit.of(slope)
        return e_grad * slope**2 + grad_a**2 * e_slope
    apart = grad_a - (a * grad_a).sum(axis=0)
    mixed = (e_a**2 * grad_a**2 + a**2 * e_grad + unit.sum_of(a * grad_a)).sum(axis=0)
    return e_a**2 * apart**2 + a**2 * (e_grad + mixed)


def _through(function: Callable[[Array], Array], at: Array, value: Array, e: Array, elementwise: bool = True) -> Array:
    """The square of the error that a function makes of an error e of its argument."""
    if not elementwise:  # softmax, whose values are a: da_k = a_k (dz_k - Σ_j a_j dz_j)
        return value**2 * (e**2 + (value**2 * e**2).sum(axis=0))
    up, down = function(at + e), function(at - e)
    moved = np.maximum(np.abs(up - value), np.abs(down - value))
    return np.where(np.isfinite(moved), moved, 0) ** 2
