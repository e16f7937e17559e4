"""Penalties on the weights, and clipping of the gradient."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.spec import Spec

Penalties = tuple[float, float]  # (l1, l2)


def penalty(spec: Spec, theta: Array, penalties: Penalties) -> float:
    """½ l2 ‖W‖² + l1 ‖W‖_1, over the blocks of θ that decay."""
    l1, l2 = penalties
    total = 0.0
    for at in spec.decaying:
        W = theta[at].astype(np.float64)
        total += (0.5 * l2 * float(W @ W) if l2 else 0.0) + (l1 * float(np.abs(W).sum()) if l1 else 0.0)
    return total


def add_penalty(spec: Spec, grad: Array, theta: Array, penalties: Penalties) -> None:
    """Add the gradient of ½ l2 ‖W‖² + l1 ‖W‖_1 to that of C, in place: l2 W + l1 sign(W)."""
    l1, l2 = penalties
    for at in spec.decaying:
        if l2:
            grad[at] += l2 * theta[at]
        if l1:
            grad[at] += l1 * np.sign(theta[at])


def clip(grad: Array, norm: float | None) -> None:
    """Scale the gradient down to this norm if it is longer, in place. Pascanu et al., arXiv 1211.5063."""
    if norm is not None:
        length = _length(grad)
        if length > norm:
            grad *= norm / length


def _length(grad: Array) -> float:
    length = float(np.linalg.norm(grad))
    if np.isfinite(length):
        return length
    top = np.abs(grad).max()  # the squares overflowed, the gradient did not
    return float(top) * float(np.linalg.norm(grad / top))
