"""The place in which a mistake is searched: the true pass around one layer, and the other code's own δ."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.verify.truth import Truth


@dataclass(frozen=True, eq=False)
class Here:
    """Layer l of the true pass, with the other code's own δ^l, δ^(l+1), ..., δ^L."""

    truth: Truth
    l: int
    deltas: dict[int, Array]
    got: Array = field(default_factory=lambda: np.empty(0))

    @property
    def delta(self) -> Array:
        """δ^l, theirs."""
        return self.deltas[self.l]

    @property
    def delta_next(self) -> Array:
        """δ^(l+1), theirs."""
        return self.deltas[self.l + 1]

    @property
    def W_next(self) -> Array:
        """W^(l+1)."""
        return self.truth.W[self.l + 1]

    @property
    def dsigma(self) -> Array:
        """σ'(z^l)."""
        return self.truth.dsigma[self.l]

    @property
    def a_prev(self) -> Array:
        """a^(l-1)."""
        return self.truth.a[self.l - 1]

    def a(self, l: int) -> Array:
        """a^l for 0 <= l <= L; KeyError for another l."""
        return _at(self.truth.a, l, 0)

    def z(self, l: int) -> Array:
        """z^l for 1 <= l <= L; KeyError for another l."""
        return _at(self.truth.z, l, 1)

    def W(self, l: int) -> Array:
        """W^l for 1 <= l <= L; KeyError for another l."""
        return _at(self.truth.W, l, 1)

    def slope(self, l: int) -> Array:
        """σ'(z^l), elementwise; KeyError for another l, ValueError for softmax."""
        return self.truth.sigma_prime(l, self.z(l))

    def before_sigma_prime(self) -> Array:
        """δ^l before its Hadamard product: ∇_a C, or (W^(l+1))ᵀ δ^(l+1)."""
        if self.l == self.truth.L:
            return self.truth.grad_a
        return eq.bp2(self.W_next, self.delta_next, np.ones_like(self.a(self.l)))

    def stale(self, name: str, l: int) -> Array:
        """z^l or a^l of the call before."""
        return _at(getattr(self.truth.before, name), l, 0 if name == "a" else 1)


def _at(arrays: list[Array], l: int, first: int) -> Array:
    if not first <= l < len(arrays):
        raise KeyError(l)
    return arrays[l]
