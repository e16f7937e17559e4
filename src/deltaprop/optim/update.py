"""One step of an update rule on all of θ, undone if it does not stay finite."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import finite
from deltaprop.core.spec import Spec
from deltaprop.optim.optimizers import OPTIMIZERS, Optimizer

CHUNK = 1 << 16  # elements updated at a time: they and their slots stay in the L2 cache
SAFE = 1e16  # squared norms below it are far from what float32 cannot hold


def apply_update(
    spec: Spec, optimizer: Optimizer, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int
) -> None:
    """Move θ and the optimiser's vectors in place, part by part: decoupled decay, then the rule at the part's rate."""
    for part in spec.parts:
        own_rate = rate * part.rate
        if optimizer.weight_decay and part.decays:
            theta[part.at] *= 1 - own_rate * optimizer.weight_decay
        for start in range(part.at.start, part.at.stop, CHUNK):
            at = slice(start, min(start + CHUNK, part.at.stop))
            optimizer.update(theta[at], g[at], tuple(slot[at] for slot in slots), own_rate, t)


def checked_update(
    spec: Spec, optimizer: Optimizer, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int
) -> bool:
    """`apply_update`, undone if θ or the optimiser's vectors do not stay finite; returns whether it was taken."""
    moved = (theta, *slots)
    largest = rate * max(part.rate for part in spec.parts)
    reach = largest * (1 + optimizer.weight_decay) / getattr(optimizer, "epsilon", 1.0)
    known = type(optimizer) in OPTIMIZERS.values()
    if known and reach < 1e8 and all(float(v @ v) < SAFE for v in (g, *moved)):  # float32 holds what comes of these
        apply_update(spec, optimizer, theta, g, slots, rate, t)
        return True
    kept = [v.copy() for v in moved]
    with np.errstate(all="ignore"):
        apply_update(spec, optimizer, theta, g, slots, rate, t)
    if all(map(finite, moved)):
        return True
    for v, before in zip(moved, kept, strict=True):
        v[...] = before
    return False
