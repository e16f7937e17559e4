"""Of each example by itself: the norm of its gradient, its gradient towards its inputs, how large its δ is by layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import finite
from deltaprop.errors import NonFiniteError
from deltaprop.network import PLAN_ROWS, Network
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.trace.record import record

JACOBIANS = 1 << 22  # numbers of them that are held at once


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is reported by name
def gradient_norms(net: Network, X: object, Y: object) -> Array:
    """‖∂C_i/∂θ‖ of each example i as if it were alone, (m,), in float64; NonFiniteError names NaN and Inf.

    One example's ∂C/∂W^l is δ^l (a^(l-1))ᵀ (BP4) and its ∂C/∂b^l is δ^l (BP3), so that the square of the norm is
    Σ_l ‖δ^l‖² (‖a^(l-1)‖² + 1): no gradient is formed. Goodfellow 2015, arXiv 1510.01799.
    """
    rows, targets, _ = net.examples(X, Y)
    norms = np.empty(len(rows))
    for part in _parts(len(rows), net.spec.sizes[-1]):
        trace = record(net.spec, net.theta, rows[part], targets[part])
        m = len(trace.x)
        own = np.zeros(m)
        for layer in trace:
            delta = _norms(layer.delta) * m  # an example's own, not its share of the mean
            own = np.hypot(own, delta * np.hypot(_norms(layer.a_prev), 1))
        norms[part] = own
    if not finite(norms):
        found = find_nonfinite(net.spec, net.theta, rows, targets, otherwise="Inf in the norm of an example's gradient")
        raise NonFiniteError(f"{found}.")
    return norms


@np.errstate(over="ignore")  # as above
def input_gradients(net: Network, X: object, Y: object) -> Array:
    """∂C_i/∂x of each example i as if it were alone, (m, n_0): BP2 taken one layer further; NonFiniteError as above."""
    share = net.input_gradient(X, Y)
    gradient = share * len(share)
    if not finite(gradient):
        raise NonFiniteError("Inf in layer 0, BP2 towards x, of an example by itself.")
    return gradient


def delta_norms(net: Network, X: object, Y: object) -> Array:
    """The root mean square over units and examples of each example's own δ^l, (L,), for layers 1..L in float64."""
    rows, targets, _ = net.examples(X, Y)
    own = np.zeros((len(rows), net.L))
    for part in _parts(len(rows), net.spec.sizes[-1]):
        trace = record(net.spec, net.theta, rows[part], targets[part])
        for layer in trace:
            own[part, layer.l - 1] = _norms(layer.delta) * len(trace.x)  # an example's own, not its share
    return _norms(own.T) / np.sqrt([len(rows) * n for n in net.spec.sizes[1:]])


def _norms(rows: Array) -> Array:
    """The norm of each row in float64, divided by its largest number so that no square overflows or vanishes."""
    size = np.abs(rows.astype(np.float64))
    largest = size.max(axis=1, keepdims=True)
    scale = np.where((largest > 0) & (largest < np.inf), largest, 1)
    size /= scale
    norms: Array = np.sqrt((size * size).sum(axis=1)) * scale[:, 0]
    return norms


def _parts(m: int, n_L: int) -> Iterator[slice]:
    """Blocks of rows whose traces stay small: each writes out softmax's Jacobian, n_L² numbers a row."""
    size = max(1, min(PLAN_ROWS, JACOBIANS // n_L**2))
    return (slice(start, start + size) for start in range(0, m, size))
