"""A pass: forward and backward through the layers, in the book's indices and columns.

The one place that walks the layers. Engines, traces, checks and norms take what they need of it on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deltaprop._types import Array
from deltaprop.core.objective import output_error
from deltaprop.core.spec import Spec


@dataclass(frozen=True)
class Pass:
    """z^l, a^l and σ'(z^l) of one batch, (n_l, m) each, at index l; a[0] is x, z[0] and dsigma[0] are empty.

    dsigma[L] is None for softmax, whose derivative is a Jacobian. All of `dsigma` is, if the pass was made without
    slopes.
    """

    z: list[Array]
    a: list[Array]
    dsigma: list[Array | None]


def forward(spec: Spec, theta: Array, x: Array, masks: Mapping[int, Array] | None = None, slopes: bool = True) -> Pass:
    """The forward pass of x (n_0, m); `masks` are the dropout factors of hidden layers, `slopes` asks for σ'."""
    passed = Pass([x[:0]], [x], [x[:0]])
    for l, activation in enumerate(spec.activations, 1):
        z = spec.kind(l).weighted_input(spec.arrays(theta, l), passed.a[l - 1])
        a, dsigma = activation.with_slope(z) if slopes else (activation.sigma(z), None)
        if masks and l in masks:
            a, dsigma = a * masks[l], None if dsigma is None else dsigma * masks[l]
        passed.z.append(z)
        passed.a.append(a)
        passed.dsigma.append(dsigma)
    return passed


def backward(spec: Spec, theta: Array, passed: Pass, y: Array, share: Array) -> Iterator[tuple[int, Array]]:
    """(l, δ^l) for l = L..1: BP1, then BP2 layer by layer; each example's share (m,) of the batch's C is in δ."""
    delta = output_error(spec, passed.z[-1], passed.a[-1], passed.dsigma[-1], y, share)
    return errors_below(spec, theta, passed, delta)


def errors_below(spec: Spec, theta: Array, passed: Pass, delta: Array) -> Iterator[tuple[int, Array]]:
    """(L, δ^L) for the δ^L given, then (l, δ^l) for l = L-1..1 by BP2."""
    yield spec.L, delta
    for l in range(spec.L - 1, 0, -1):
        dsigma = passed.dsigma[l]
        assert dsigma is not None  # hidden layers are elementwise, and the pass was made with slopes
        delta = spec.kind(l + 1).bp2(spec.arrays(theta, l + 1), delta, dsigma)
        yield l, delta


def input_error(spec: Spec, theta: Array, delta: Array) -> Array:
    """∂C/∂x (n_0, m) from δ^1: BP2 taken one layer further."""
    return spec.kind(1).bp2_input(spec.arrays(theta, 1), delta)
