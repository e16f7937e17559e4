"""The kinds of layers and the blocks of θ: a layer's parameters, their place in θ, and its equations.

θ is one vector. A `Block` is one array in it: W^2, b^2 or s^1. A `Kind` states what sets one kind of layer apart: its
parameters, its z, its BP2 and its BP3/BP4. derivation/ proves each kind under its name, and native/src/kinds.hpp
repeats it in C++ under the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import ClassVar, Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq

Arrays = dict[str, Array]  # the parameters of one layer by name, or their gradients
Norms = Callable[[Array], Array]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kind of layer.

    `decays` says whether weight decay and penalties act on it, `start` how it starts ("drawn" by a scheme, "zero" or
    "one"), `equation` which equation gives its gradient.
    """

    name: str
    shape: tuple[int, ...]
    decays: bool
    start: str
    equation: str


@dataclass(frozen=True)
class Block(Parameter):
    """One array in θ: a parameter of layer `layer`, at a slice of the vector; `rate` multiplies the learning rate."""

    layer: int
    at: slice
    rate: float

    def of(self, vector: Array) -> Array:
        """The block as a view of θ, or of any vector laid out like θ."""
        return vector[self.at].reshape(self.shape)


@dataclass(frozen=True)
class Part:
    """Neighbouring blocks of θ that an update treats alike."""

    at: slice
    decays: bool
    rate: float


class Kind(Protocol):
    """A kind of layer. Arrays are columns, as in core.equations; `p` holds the layer's parameters by name."""

    name: ClassVar[str]
    square: ClassVar[bool]  # whether it has as many units as the layer below
    z: ClassVar[str]  # z^l in words, with {l} and {k} for the numbers of this layer and of the one below
    below: ClassVar[str]  # what BP2 multiplies by σ'(z^k)

    def parameters(self, n: int, n_prev: int) -> tuple[Parameter, ...]:
        """The parameters of a layer of n units above n_prev."""

    def weighted_input(self, p: Arrays, a_prev: Array) -> Array:
        """z^l."""

    def bp2(self, p: Arrays, delta: Array, dsigma_prev: Array) -> Array:
        """BP2: δ^(l-1) from δ^l and σ'(z^(l-1))."""

    def bp2_input(self, p: Arrays, delta: Array) -> Array:
        """BP2 taken to the input: ∂C/∂x from δ^1."""

    def gradients(self, delta: Array, a_prev: Array, out: Arrays) -> None:
        """BP3 and BP4: ∂C/∂ of each parameter, into `out`."""

    def gradient_norms(self, delta: Array, a_prev: Array, norms: Norms) -> Array:
        """‖·‖ of each example's own gradient of the parameters, (m,), none formed; norms(v) gives ‖v_i‖ by column."""

    def dense(self, p: Arrays) -> tuple[Array, Array]:
        """(W, b) of the dense layer that computes the same z."""


class Dense:
    """z = W a + b."""

    name: ClassVar[str] = "dense"
    square: ClassVar[bool] = False
    z: ClassVar[str] = "W^{l} a^{k} + b^{l}"
    below: ClassVar[str] = "(W^{l})ᵀ δ^{l}"

    def parameters(self, n: int, n_prev: int) -> tuple[Parameter, ...]:
        """W (n, n_prev), b (n,)."""
        return Parameter("W", (n, n_prev), True, "drawn", "BP4"), Parameter("b", (n,), False, "zero", "BP3")

    def weighted_input(self, p: Arrays, a_prev: Array) -> Array:
        """W a + b."""
        return eq.weighted_input(p["W"], a_prev, p["b"])

    def bp2(self, p: Arrays, delta: Array, dsigma_prev: Array) -> Array:
        """(Wᵀ δ) ⊙ σ'."""
        return eq.bp2(p["W"], delta, dsigma_prev)

    def bp2_input(self, p: Arrays, delta: Array) -> Array:
        """Wᵀ δ."""
        return eq.bp2_input(p["W"], delta)

    def gradients(self, delta: Array, a_prev: Array, out: Arrays) -> None:
        """∂C/∂b = δ, ∂C/∂W = δ aᵀ."""
        out["b"][...] = eq.bp3(delta)
        eq.bp4(delta, a_prev, out=out["W"])

    def gradient_norms(self, delta: Array, a_prev: Array, norms: Norms) -> Array:
        """√(‖δ‖² (‖a‖² + 1)), as ‖δ aᵀ‖ = ‖δ‖ ‖a‖."""
        return norms(delta) * np.hypot(norms(a_prev), 1)

    def dense(self, p: Arrays) -> tuple[Array, Array]:
        """Itself."""
        return p["W"], p["b"]


class Scale:
    """z = s ⊙ a: one factor for each unit below, no biases."""

    name: ClassVar[str] = "scale"
    square: ClassVar[bool] = True
    z: ClassVar[str] = "s^{l} ⊙ a^{k}"
    below: ClassVar[str] = "s^{l} ⊙ δ^{l}"

    def parameters(self, n: int, n_prev: int) -> tuple[Parameter, ...]:
        """s (n,); n = n_prev."""
        return (Parameter("s", (n,), False, "one", "BP4"),)

    def weighted_input(self, p: Arrays, a_prev: Array) -> Array:
        """s ⊙ a."""
        return eq.scaled_input(p["s"], a_prev)

    def bp2(self, p: Arrays, delta: Array, dsigma_prev: Array) -> Array:
        """(s ⊙ δ) ⊙ σ'."""
        return eq.bp2_scale(p["s"], delta, dsigma_prev)

    def bp2_input(self, p: Arrays, delta: Array) -> Array:
        """s ⊙ δ."""
        return eq.bp2_scale_input(p["s"], delta)

    def gradients(self, delta: Array, a_prev: Array, out: Arrays) -> None:
        """∂C/∂s = δ ⊙ a."""
        out["s"][...] = eq.bp4_scale(delta, a_prev)

    def gradient_norms(self, delta: Array, a_prev: Array, norms: Norms) -> Array:
        """‖δ ⊙ a‖."""
        return norms(delta.astype(np.float64) * a_prev)

    def dense(self, p: Arrays) -> tuple[Array, Array]:
        """W = diag(s), b = 0."""
        return np.diag(p["s"]), np.zeros_like(p["s"])


KINDS: dict[str, Kind] = {kind.name: kind for kind in (Dense(), Scale())}
Rates = tuple[tuple[int, str, float], ...]


def lay_out(sizes: tuple[int, ...], kinds: tuple[str, ...], rates: Rates) -> tuple[Block, ...]:
    """The blocks of θ in order: first those that decay, by layer, then the others, by layer."""
    factor = {(layer, name): rate for layer, name, rate in rates}
    layers = enumerate(zip(kinds, sizes[1:], sizes[:-1], strict=True), 1)
    declared = [(l, p) for l, (kind, n, n_prev) in layers for p in KINDS[kind].parameters(n, n_prev)]
    blocks, first = [], 0
    for l, p in sorted(declared, key=lambda one: not one[1].decays):
        stop = first + prod(p.shape)
        rate = factor.get((l, p.name), 1.0)
        blocks.append(Block(**vars(p), layer=l, at=slice(first, stop), rate=rate))
        first = stop
    return tuple(blocks)


def parts(blocks: Iterable[Block]) -> tuple[Part, ...]:
    """Neighbours that decay alike and move at the same rate, joined."""
    joined = []
    for (decays, rate), alike in groupby(blocks, key=lambda block: (block.decays, block.rate)):
        members = list(alike)
        joined.append(Part(slice(members[0].at.start, members[-1].at.stop), decays, rate))
    return tuple(joined)
