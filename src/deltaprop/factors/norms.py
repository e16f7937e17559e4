"""Of each example by itself: the norm of its gradient, its gradient towards its inputs, how large its δ is by layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import KINDS
from deltaprop.core.border import columns, finite
from deltaprop.core.passes import Pass, backward, forward
from deltaprop.core.sparse import Inputs, dense
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.trace.nonfinite import find_nonfinite

SMALLEST = 1e-280  # sums of squares below it may have lost digits
ROWS = 256  # rows passed at a time: their z, a and δ stay in the cache


def gradient_norms(net: Network, X: object, Y: object) -> Array:
    """‖∂C_i/∂θ‖ of each example i as if it were alone, (m,), in float64; NonFiniteError names NaN and Inf.

    One example's ∂C/∂W^l is δ^l (a^(l-1))ᵀ (BP4) and its ∂C/∂b^l is δ^l (BP3), so the square of the norm is
    Σ_l ‖δ^l‖² (‖a^(l-1)‖² + 1): no gradient is formed. Goodfellow 2015, arXiv 1510.01799. Of a layer of scales it is
    ‖δ^l ⊙ a^(l-1)‖².
    """
    rows, targets, _ = net.examples(X, Y)
    norms = np.zeros(len(rows))
    with np.errstate(all="ignore"):  # what is not finite is reported by name
        for part, passed, l, delta in _errors(net, rows, targets):
            own = KINDS[net.spec.kinds[l - 1]].gradient_norms(delta, passed.a[l - 1], _lengths)
            norms[part] = np.hypot(norms[part], own)
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
    own = np.zeros((net.L, len(rows)))
    with np.errstate(all="ignore"):
        for part, _, l, delta in _errors(net, rows, targets):
            own[l - 1, part] = _lengths(delta)
    return _lengths(own.T) / np.sqrt([len(rows) * n for n in net.spec.sizes[1:]])


def _errors(net: Network, rows: Inputs, targets: Array) -> Iterator[tuple[slice, Pass, int, Array]]:
    """(rows, their pass, l, δ^l of each example by itself) for l = L..1, some rows at a time."""
    spec = net.spec
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        x, y = dense(rows[part]).T, columns(targets[part], spec)
        passed = forward(spec, net.theta, x)
        for l, delta in backward(spec, net.theta, passed, y, np.ones(x.shape[1], spec.dtype)):
            yield part, passed, l, delta


def _lengths(columns: Array) -> Array:
    """‖·‖ of each column in float64, (m,); columns whose squares overflow or vanish are scaled first."""
    wide = columns.astype(np.float64, copy=False)
    squares: Array = np.einsum("ij,ij->j", wide, wide)
    lengths: Array = np.sqrt(squares)
    odd = ~((squares > SMALLEST) & (squares < np.inf))
    if odd.any():
        largest = np.abs(wide[:, odd]).max(axis=0)
        scale = np.where((largest > 0) & (largest < np.inf), largest, 1)
        lengths[odd] = np.sqrt(((wide[:, odd] / scale) ** 2).sum(axis=0)) * scale
    return lengths
