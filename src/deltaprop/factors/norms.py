"""The norm of each example's own gradient, and its own gradient towards its inputs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import NonFiniteError
from deltaprop.network import PLAN_ROWS, Network
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.trace.record import record


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is reported by name
def gradient_norms(net: Network, X: object, Y: object) -> Array:
    """‖∂C_i/∂θ‖ of each example i as if it were alone, (m,), in float64; NonFiniteError names NaN and Inf.

    One example's ∂C/∂W^l is δ^l (a^(l-1))ᵀ (BP4) and its ∂C/∂b^l is δ^l (BP3), so that the square of the norm is
    Σ_l ‖δ^l‖² (‖a^(l-1)‖² + 1): no gradient is formed. Goodfellow 2015, arXiv 1510.01799.
    """
    rows, targets, _ = net.examples(X, Y)
    norms = np.empty(len(rows))
    for part in _parts(len(rows)):
        trace = record(net.spec, net.theta, rows[part], targets[part])
        m = len(trace.x)
        square = np.zeros(m)
        for layer in trace:
            delta = layer.delta.astype(np.float64) * m  # an example's own, not its share of the mean
            a = layer.a_prev.astype(np.float64)
            square += (delta * delta).sum(axis=1) * ((a * a).sum(axis=1) + 1)
        norms[part] = np.sqrt(square)
    if not np.isfinite(norms).all():
        found = find_nonfinite(net.spec, net.theta, rows, targets, otherwise="Inf in the norm of an example's gradient")
        raise NonFiniteError(f"{found}.")
    return norms


def input_gradients(net: Network, X: object, Y: object) -> Array:
    """∂C_i/∂x of each example i as if it were alone, (m, n_0): BP2 taken one layer further."""
    gradient = net.input_gradient(X, Y)
    return gradient * len(gradient)


def _parts(m: int) -> Iterator[slice]:
    return (slice(start, start + PLAN_ROWS) for start in range(0, m, PLAN_ROWS))
