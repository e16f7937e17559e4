"""What a step is evaluated on: a network and a batch in some arithmetic (floats, fractions or symbols).

Arrays are columns, as in core: the last axis counts the examples. A Jacobian is (n_of, n_by, m), one per example.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations


class Setting(Protocol):
    """One network and one batch. The derivatives are the truth of its arithmetic; none of them comes from BP1..BP4."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """n_0..n_L."""
        ...

    @property
    def y(self) -> Array:
        """Targets, (n_L, m)."""
        ...

    @property
    def share(self) -> Array:
        """s_i, each example's share of the batch's cost, (m,)."""
        ...

    @property
    def m(self) -> int:
        """The number of examples."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of layers 1..L."""
        ...

    def W(self, l: int) -> Array:
        """W^l, (n_l, n_(l-1)); diag(s^l) for a layer of scales."""
        ...

    def s(self, l: int) -> Array:
        """s^l of a layer of scales, (n_l,)."""
        ...

    def a(self, l: int) -> Array:
        """a^l, (n_l, m)."""
        ...

    def sigma_prime(self, l: int) -> Array:
        """σ'(z^l), (n_l, m)."""
        ...

    def grad_a(self) -> Array:
        """∇_a C of each example alone, (n_L, m), as the cost's own formula gives it."""
        ...

    def jacobian(self, of: str, k: int, by: str, l: int) -> Array:
        """∂of^k/∂by^l of each example, (n_of, n_by, m), for "z", "a", "b", "s"."""
        ...

    def weight_slope(self, l: int) -> Array:
        """[j, k] = ∂z_j/∂w_jk in layer l, (n_l, n_(l-1), m)."""
        ...

    def gradient(self, by: str, l: int) -> Array:
        """∂C/∂by^l, C the cost of the whole batch, in the shape of z^l or a^l (n_l, m), b^l, W^l, s^l."""
        ...

    def own(self, by: str, l: int) -> Array:
        """∂(s_i C_i)/∂by^l for each example i, its share s_i in it, in the shape of by^l and (m,)."""
        ...

    def alone(self, l: int) -> Array:
        """∂C_i/∂z^l_i of each example as if it were alone, (n_l, m)."""
        ...


def each(matrix: Array, m: int) -> Array:
    """The same matrix for each of m examples, (n, p, m)."""
    return np.broadcast_to(matrix[:, :, None], (*matrix.shape, m))


def turned(jacobian: Array) -> Array:
    """Each example's matrix transposed."""
    return jacobian.swapaxes(0, 1)


def product(left: Array, right: Array) -> Array:
    """Each example's matrix product, (n, p, m) and (p, q, m) give (n, q, m)."""
    first, second = (np.ascontiguousarray(np.moveaxis(matrix, -1, 0)) for matrix in (left, right))
    return np.moveaxis(first @ second, 0, -1)


def applied(matrix: Array, vector: Array) -> Array:
    """Each example's matrix times its vector, (n, p, m) and (p, m) give (n, m)."""
    return product(matrix, vector[:, None, :])[:, 0, :]


def diagonal(vector: Array) -> Array:
    """Each example's diagonal matrix, (n, m) gives (n, n, m)."""
    matrix = np.zeros((len(vector), *vector.shape), vector.dtype)
    units = np.arange(len(vector))
    matrix[units, units] = vector
    return matrix


def identity(n: int, m: int) -> Array:
    """I for each example, (n, n, m)."""
    return diagonal(np.ones((n, m), int))


def one_by_one(rule: str, *arrays: Array) -> Array:
    """A rule of core.equations on each example alone, the results side by side on the last axis."""
    function = getattr(equations, rule)  # looked up when it is used: what is proved is what stands there now
    examples = range(arrays[0].shape[-1])
    return np.stack([function(*(array[:, i : i + 1] for array in arrays)) for i in examples], axis=-1)
