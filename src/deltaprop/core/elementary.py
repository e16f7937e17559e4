"""Functions of one number that σ and C are made of: defined for complex steps, and exact in float32."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import numpy as np

from deltaprop._types import Array


def magnitude(z: Array) -> Array:
    """|z|; for complex z (complex steps) its continuation from either side of 0: -z if z < 0, else z."""
    return np.where(z < 0, -z, z) if np.iscomplexobj(z) else np.abs(z)


def log1p(v: Array) -> Array:
    """log(1 + v); for complex v (complex steps) NumPy's own would lose a Re v that is small beside 1."""
    if not np.iscomplexobj(v):
        return np.log1p(v)
    return 0.5 * np.log1p(v.real * (2 + v.real) + v.imag**2) + 1j * np.arctan2(v.imag, 1 + v.real)


def in_float64(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The same function, float32 by way of float64: NumPy's exponentials of float32 are off by up to 2.5 ulp."""

    @wraps(function)
    def rounded(z: Array) -> Array:
        if z.dtype != np.float32:
            return function(z)
        with np.errstate(over="ignore", under="ignore"):
            return function(z.astype(np.float64)).astype(np.float32)

    return rounded
