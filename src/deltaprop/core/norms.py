"""Norms of each example by itself: of its gradient, from what BP3 and BP4 multiply, and of its δ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import columns
from deltaprop.core.passes import Pass, backward, forward
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec

SMALLEST = 1e-280  # sums of squares below it may have lost digits
ROWS = 256  # rows passed at a time: their z, a and δ stay in the cache


@np.errstate(all="ignore")
def gradient_norms(spec: Spec, theta: Array, X: Inputs, Y: Array) -> Array:
    """‖∂C_i/∂θ‖ of each example i as if it were alone, (m,), in float64, by each kind's own formula."""
    norms = np.zeros(len(X))
    for rows, passed, l, delta in _errors(spec, theta, X, Y):
        norms[rows] = np.hypot(norms[rows], spec.kind(l).gradient_norms(delta, passed.a[l - 1], lengths))
    return norms


@np.errstate(all="ignore")
def delta_norms(spec: Spec, theta: Array, X: Inputs, Y: Array) -> Array:
    """‖δ^l_i‖ of each example i as if it were alone, (L, m), in float64."""
    norms = np.zeros((spec.L, len(X)))
    for rows, _, l, delta in _errors(spec, theta, X, Y):
        norms[l - 1, rows] = lengths(delta)
    return norms


def lengths(columns: Array) -> Array:
    """‖·‖ of each column in float64, (m,); columns whose squares overflow or vanish are scaled first."""
    wide = columns.astype(np.float64, copy=False)
    squares: Array = np.einsum("ij,ij->j", wide, wide)
    found: Array = np.sqrt(squares)
    odd = ~((squares > SMALLEST) & (squares < np.inf))
    if odd.any():
        largest = np.abs(wide[:, odd]).max(axis=0)
        scale = np.where((largest > 0) & (largest < np.inf), largest, 1)
        found[odd] = np.sqrt(((wide[:, odd] / scale) ** 2).sum(axis=0)) * scale
    return found


def _errors(spec: Spec, theta: Array, X: Inputs, Y: Array) -> Iterator[tuple[slice, Pass, int, Array]]:
    """(rows, their pass, l, δ^l of each example by itself) for l = L..1, some rows at a time."""
    for start in range(0, len(X), ROWS):
        rows = slice(start, start + ROWS)
        passed = forward(spec, theta, dense(X[rows]).T)
        alone = np.ones(passed.a[0].shape[1], spec.dtype)
        for l, delta in backward(spec, theta, passed, columns(Y[rows], spec), alone):
            yield rows, passed, l, delta
