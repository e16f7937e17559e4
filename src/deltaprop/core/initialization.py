"""The parameters that a network starts with.

Draws are made in float64, so that a float32 network starts at the rounded values of its float64 twin.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.spec import Spec
from deltaprop.errors import one_of

SCHEMES = ("auto", "glorot", "he", "lecun", "book")


def initialize(spec: Spec, scheme: str = "auto", rng: np.random.Generator | None = None) -> Array:
    """A fresh θ: weights by the scheme, biases 0 (N(0, 1) for "book"), scales 1.

    glorot: U(±√(6 / (n_in + n_out))), Glorot & Bengio 2010. he: N(0, 2 / n_in), He et al. 2015, arXiv 1502.01852.
    lecun: N(0, 1 / n_in), LeCun et al. 1998. book: N(0, 1 / n_in) and biases N(0, 1), Nielsen chapter 3.
    auto: the scheme that the layer's activation names (`Activation.init`).
    """
    if scheme not in SCHEMES:
        raise one_of("init", scheme, SCHEMES)
    rng = rng or np.random.default_rng()
    if spec.n_parameters > np.iinfo(np.intp).max // spec.dtype.itemsize:  # NumPy's own message speaks of dimensions
        raise MemoryError(f"Unable to allocate {spec.n_parameters:,} parameters of {spec.dtype}")
    theta = np.zeros(spec.n_parameters, spec.dtype)
    for l, activation in enumerate(spec.activations, 1):
        for block in spec.blocks_of(l):
            array = block.of(theta)
            if block.start == "drawn":
                array[...] = _draw(scheme if scheme != "auto" else activation.init, array.shape, rng)
            elif block.start == "one":
                array[...] = 1
            elif scheme == "book":
                array[...] = rng.standard_normal(array.shape)
    return theta


def _draw(scheme: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    n_out, n_in = shape
    if scheme == "glorot":
        limit = np.sqrt(6 / (n_in + n_out))
        return rng.uniform(-limit, limit, shape)
    variance = 2 / n_in if scheme == "he" else 1 / n_in
    return rng.standard_normal(shape) * np.sqrt(variance)
