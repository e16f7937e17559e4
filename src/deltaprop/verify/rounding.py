"""How far rounding alone may move a gradient: what no check may call wrong.

A running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.3), with independent
errors, which add as squares (Higham & Mary 2019, SIAM J. Sci. Comput. 41). Every z, a, σ', δ carries a standard error
e; an operation adds one rounding u |result| + η to it, a sum of n terms the roundings of its partial sums. What is
steep or jumps (a saturated σ', the kink of a ReLU) is met by moving its argument by ± e.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.blocks import Block
from deltaprop.core.spec import Spec
from deltaprop.trace.record import Trace

Function = Callable[[Array], Array]
Pair = tuple[Array, Array]
MARGIN = 16.0  # how many standard errors an element may be off
LANES = 8  # a sum is at least this many partial sums side by side
BAND = 400  # width in powers of 2: products of four numbers of one band stay within float64


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
        W, b = spec.kind(layer.l).dense(layer.parameters)
        from_below = _combined(np.matmul, W, np.hypot(e_a[-1], unit.sum_of(a_prev)))
        e_z.append(_both(from_below, unit.u * np.abs(b)[:, None], unit.of(z)))
        e_a.append(np.hypot(_through(activation.sigma, z, a, e_z[-1], activation.elementwise), unit.of_sigma(a, z)))
    gradient = _backward(spec, trace, e_z, e_a, share, unit)
    *e_z, a_out, gradient = (MARGIN * np.where(np.isfinite(e), e, 0) for e in (*e_z, e_a[-1], gradient))
    return Rounding(e_z, a_out, gradient)


@dataclass(frozen=True)
class _Unit:
    """The unit roundoff u = ε / 2 and the underflow η of a number type."""

    u: float
    eta: float

    def of(self, result: Array) -> Array:
        """One rounding of this result."""
        return self.u * np.abs(result) + self.eta

    def of_sigma(self, value: Array, z: Array) -> Array:
        """The rounding of σ or σ': what underflows in it may be multiplied by z."""
        return self.of(value) + self.eta * np.abs(z)

    def sum_of(self, terms: Array, axis: int = 0) -> Array:
        """The share of each of these terms in the roundings of their sum along an axis."""
        return self.of(terms) * max(1.0, terms.shape[axis] / LANES) ** 0.5


def _backward(spec: Spec, trace: Trace, e_z: list[Array], e_a: list[Array], share: Array, unit: _Unit) -> Array:
    found = np.zeros(spec.n_parameters)
    e_delta = np.zeros(0)
    for l in range(spec.L, 0, -1):
        layer = trace.layer(l)
        delta, a_prev = layer.delta.T, layer.a_prev.T
        if l == spec.L:
            e_delta = _output(spec, trace, e_z[-1], e_a[-1], share, unit)
        else:
            above, slope = trace.layer(l + 1), layer.sigma_prime.T
            e_slope = _slope_error(spec.activations[l - 1].sigma_prime, layer.z.T, slope, e_z[l - 1], unit)
            W, _ = spec.kind(l + 1).dense(above.parameters)
            passed = _combined(np.matmul, W.T, np.hypot(e_delta, unit.sum_of(above.delta.T)))
            e_delta = np.hypot(passed * slope, eq.bp2_input(W, above.delta.T) * e_slope)
        e_delta = np.hypot(e_delta, unit.of(delta))
        e_sum = np.hypot(e_delta, unit.sum_of(delta, axis=1))
        for block, error in _gradient_errors(spec, l, (delta, e_sum), (a_prev, e_a[l - 1])):
            found[block.at] = error + unit.eta
    return found


def _gradient_errors(spec: Spec, l: int, deltas: Pair, inputs: Pair) -> Iterator[tuple[Block, Array]]:
    """(block, errors of its gradient) for (δ^l, its error) and (a^(l-1), its error): linear in δ, affine in a."""
    kind, blocks = spec.kind(l), spec.blocks_of(l)
    (delta, e_delta), (a, e_a) = deltas, inputs

    def gradients(d: Array, a: Array) -> Array:
        out = {block.name: np.empty(block.shape) for block in blocks}
        kind.gradients(d, a, out)
        return np.concatenate([out[block.name].ravel() for block in blocks])

    def without_a(d: Array, _: Array) -> Array:
        return gradients(d, np.zeros_like(a))

    def with_a(d: Array, a: Array) -> Array:
        return gradients(d, a) - without_a(d, a)

    by_a, alone = _combined(with_a, delta, e_a), _combined(without_a, e_delta, np.ones(1))
    errors = _both(_combined(with_a, e_delta, a), by_a, alone)
    yield from zip(
        blocks, np.split(errors, np.cumsum([block.at.stop - block.at.start for block in blocks])[:-1]), strict=True
    )


def _output(spec: Spec, trace: Trace, e_z: Array, e_a: Array, share: Array, unit: _Unit) -> Array:
    """The error of δ^L: of a - y, or of ∇_a C through the Jacobian of σ."""
    last, y = trace.layer(spec.L), trace.y.T
    a, grad_a = last.a.T, trace.grad_a.T
    if spec.canonical:
        return np.hypot(e_a, unit.of(a)) * share
    e_grad = np.hypot(_through(lambda at: spec.cost.grad_a(at, y) * share, a, grad_a, e_a), unit.of(grad_a))
    if spec.output.elementwise:
        slope = last.sigma_prime.T
        e_slope = _slope_error(spec.output.sigma_prime, last.z.T, slope, e_z, unit)
        return np.hypot(e_grad * slope, grad_a * e_slope)
    apart = grad_a - (a * grad_a).sum(axis=0)
    mixed = np.hypot.reduce(_both(e_a * grad_a, a * e_grad, unit.sum_of(a * grad_a)), axis=0)
    return np.hypot(e_a * apart, a * np.hypot(e_grad, mixed))


def _slope_error(sigma_prime: Function, z: Array, slope: Array, e_z: Array, unit: _Unit) -> Array:
    """The error of σ'(z), whose formula may take a few roundings."""
    return np.hypot(_through(sigma_prime, z, slope, e_z), 2 * unit.of_sigma(slope, z))


def _through(function: Function, at: Array, value: Array, e: Array, elementwise: bool = True) -> Array:
    """The error that a function makes of an error e of its argument."""
    if not elementwise:  # softmax, whose values are a: da_k = a_k (dz_k - Σ_j a_j dz_j)
        return value * np.hypot(e, np.hypot.reduce(value * e, axis=0))
    up, down = function(at + e), function(at - e)
    moved = np.maximum(np.abs(up - value), np.abs(down - value))
    return np.where(np.isfinite(moved), moved, 0)


def _both(*errors: Array) -> Array:
    """Independent errors together, √(Σ e²), without the underflow of the squares."""
    return reduce(np.hypot, errors)


def _combined(product: Callable[[Array, Array], Array], A: Array, B: Array) -> Array:
    """√(product(A², B²)), where no square underflows or overflows: each pair of bands is multiplied on its own."""
    pairs = [(a, b, i + j) for i, a in _bands(A) for j, b in _bands(B)]
    return reduce(np.hypot, (np.ldexp(np.sqrt(product(a * a, b * b)), power) for a, b, power in pairs))


def _bands(array: Array) -> list[tuple[int, Array]]:
    """(e, part) with array = Σ part 2^e, the size of every number of a part 0 or between 2^(-BAND/2) and 2^(BAND/2)."""
    powers = BAND * np.rint(np.frexp(array)[1] / BAND).astype(int)
    return [(int(e), np.ldexp(np.where(powers == e, array, 0), -e)) for e in np.unique(powers)]
