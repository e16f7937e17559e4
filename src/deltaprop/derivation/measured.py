"""∂a/∂z and ∂C/∂a by central differences: every number is moved in turn.

A difference is exact to some 1e-8. If it agrees with σ' or ∇_a C to 1e-6, these are used; otherwise the difference is,
and the step that uses the wrong formula fails.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import Activation, softmax_jacobian
from deltaprop.core.costs import Cost
from deltaprop.core.slopes import row_slope
from deltaprop.derivation.setting import diagonal

MOVES = (6e-6, 1e-4, 1e-8)  # of max(1, |z|); the first balances rounding and curvature in float64
AGREEMENT = 1e-6


def claimed_jacobian(activation: Activation, z: Array, a: Array) -> Array:
    """∂a/∂z as the activation's own formula gives it, (n, n, m)."""
    return diagonal(activation.sigma_prime(z)) if activation.elementwise else softmax_jacobian(a)


def measured_jacobian(activation: Activation, z: Array, a: Array) -> Array:
    """∂a/∂z by moving each z_j in turn, (n, n, m)."""
    claimed = claimed_jacobian(activation, z, a)
    agreed = np.zeros(claimed.shape, bool)
    for move in MOVES:
        h = move * np.maximum(1, np.abs(z))
        slopes = [row_slope(activation.sigma, z, j, h[j]) for j in range(len(z))]
        found, noise = (np.stack(parts, axis=1) for parts in zip(*slopes, strict=True))
        agreed |= _agree(found, claimed, noise) | _astride(activation.kinks, z, h)[None]
        if agreed.all():
            break
    return np.where(agreed, claimed, found)


def measured_gradient(cost: Cost, a: Array, y: Array) -> Array:
    """∂C/∂a of each example by moving each a_k in turn, (n, m)."""
    claimed = cost.grad_a(a, y)
    agreed = np.zeros(claimed.shape, bool)
    sizes = np.where(a == 0, 1, np.abs(a)), np.minimum(np.abs(a), np.abs(1 - a))  # log a, log(1 - a) end at 0, at 1
    for move, size in product(MOVES, sizes):
        h = move * size
        slopes = [row_slope(lambda at: cost.C(at, y), a, k, h[k]) for k in range(len(a))]
        found, noise = (np.stack(parts) for parts in zip(*slopes, strict=True))
        agreed |= _agree(found, claimed, noise) | _astride(cost.kinks, a - y, h)
        if agreed.all():
            break
    return np.where(agreed | ~np.isfinite(found), claimed, found)


def _agree(found: Array, claimed: Array, noise: Array) -> Array:
    size = np.abs(claimed)
    with np.errstate(invalid="ignore"):
        return np.abs(found - claimed) <= AGREEMENT * np.maximum(size, 1e-3 * size.max(initial=0)) + 64 * noise


def _astride(kinks: tuple[float, ...], at: Array, h: Array) -> Array:
    """Whether a difference would reach across a kink, and says nothing."""
    return np.any([np.abs(at - kink) <= 2 * h for kink in kinks], axis=0) if kinks else np.zeros(at.shape, bool)
