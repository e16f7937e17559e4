"""A setting without rounding: forward by core.equations on objects, derivatives by the arithmetic itself.

A derivative is taken of the forward pass alone: the quantity is held fixed, what comes after it is computed from it,
and the arithmetic (symbols or fractions) differentiates the result element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import KINDS, Arrays


class Arithmetic(Protocol):
    """Functions and derivatives of one kind of exact number, on arrays of them."""

    def sigma(self, l: int, z: Array) -> Array:
        """σ(z^l) of a hidden layer, (n_l, m)."""
        ...

    def sigma_prime(self, l: int, z: Array) -> Array:
        """σ'(z^l), (n_l, m)."""
        ...

    def vector_sigma(self, z: Array) -> Array:
        """An output whose every component depends on the whole of its column."""
        ...

    def exp(self, z: Array) -> Array:
        """e^z, of which nothing is known but that it is its own derivative."""
        ...

    def log(self, a: Array) -> Array:
        """log a, of which nothing is known but that its derivative is 1 / a."""
        ...

    def cost(self, a: Array, y: Array) -> Array:
        """C of each column, (m,)."""
        ...

    def grad_a(self, a: Array, y: Array) -> Array:
        """∇_a C of each column, (n_L, m)."""
        ...

    def derivative(self, function: Callable[[Array], Array], at: Array) -> Array:
        """∂function/∂at, in the shape of the function's value followed by that of `at`."""
        ...

    def equal(self, left: Array, right: Array) -> bool:
        """Whether the two are of one shape and exactly equal."""
        ...


@dataclass(frozen=True)
class Output:
    """What stands at the end of the network: σ of layer L and C; `distribution` where each y must sum to 1."""

    name: str
    sigma: Callable[[Arithmetic, int, Array], Array]
    cost: Callable[[Arithmetic, Array, Array], Array]
    kinds: frozenset[str]
    distribution: bool = False


def _softmax(exact: Arithmetic, l: int, z: Array) -> Array:
    e = exact.exp(z)
    return e / e.sum(axis=0)


def _logistic(exact: Arithmetic, l: int, z: Array) -> Array:
    e = exact.exp(z)
    return e / (1 + e)


def _categorical(exact: Arithmetic, a: Array, y: Array) -> Array:
    return -(y * exact.log(a)).sum(axis=0)


def _binary(exact: Arithmetic, a: Array, y: Array) -> Array:
    return -(y * exact.log(a) + (1 - y) * exact.log(1 - a)).sum(axis=0)


def _quadratic(exact: Arithmetic, a: Array, y: Array) -> Array:
    return ((a - y) * (a - y)).sum(axis=0) / 2


def _poisson(exact: Arithmetic, a: Array, y: Array) -> Array:
    return (a - y * exact.log(a)).sum(axis=0)


OUTPUTS = (
    Output("σ, C", lambda e, l, z: e.sigma(l, z), lambda e, a, y: e.cost(a, y), frozenset({"elementwise", "any"})),
    Output("softmax, C", _softmax, lambda e, a, y: e.cost(a, y), frozenset({"softmax", "any"})),
    Output("any σ(z), C", lambda e, l, z: e.vector_sigma(z), lambda e, a, y: e.cost(a, y), frozenset({"any"})),
    Output("softmax, cross_entropy", _softmax, _categorical, frozenset({"canonical"}), distribution=True),
    Output("sigmoid, cross_entropy", _logistic, _binary, frozenset({"canonical"})),
    Output("identity, quadratic", lambda e, l, z: z, _quadratic, frozenset({"canonical"})),
    Output("exp, poisson", lambda e, l, z: e.exp(z), _poisson, frozenset({"canonical"})),
)


class ExactSetting:
    """A setting (the protocol's Setting) of exact numbers: the parameters of layers 1..L by name, x (n_0, m), y, s."""

    def __init__(
        self,
        arithmetic: Arithmetic,
        output: Output,
        kinds: Sequence[str],
        parameters: Sequence[Arrays],
        x: Array,
        y: Array,
        share: Array,
    ) -> None:
        self._of, self._output, self._parameters = arithmetic, output, parameters
        self.kinds, self.y, self.share, self.m = tuple(kinds), y, share, x.shape[1]
        self.L = len(parameters)
        self._found: dict[tuple[object, ...], Array] = {}
        self._a, self._z = [x], [x[:0]]
        for l in range(1, self.L + 1):
            self._z.append(self._weighted_input(l, parameters[l - 1], self._a[-1]))
            self._a.append(self._sigma(l, self._z[l]))
        self.sizes = tuple(len(a) for a in self._a)

    def W(self, l: int) -> Array:
        """W^l, (n_l, n_(l-1)); diag(s^l) for a layer of scales."""
        return KINDS[self.kinds[l - 1]].dense(self._parameters[l - 1])[0]

    def s(self, l: int) -> Array:
        """s^l of a layer of scales, (n_l,)."""
        return self._parameters[l - 1]["s"]

    def a(self, l: int) -> Array:
        """a^l, (n_l, m)."""
        return self._a[l]

    def sigma_prime(self, l: int) -> Array:
        """σ'(z^l), (n_l, m)."""
        return self._of.sigma_prime(l, self._z[l])

    def grad_a(self) -> Array:
        """∇_a C of each example alone, (n_L, m)."""
        return self._of.grad_a(self._a[-1], self.y)

    def equal(self, left: Array, right: Array) -> bool:
        """Whether the two are of one shape and exactly equal."""
        return self._of.equal(left, right)

    def jacobian(self, of: str, k: int, by: str, l: int) -> Array:
        """∂of^k/∂by^l of each example, (n_of, n_by, m)."""
        found = [self._derivative(by, l, (of, k), i) for i in range(self.m)]
        return np.stack([part.reshape(self.sizes[k], -1) for part in found], axis=-1)

    def weight_slope(self, l: int) -> Array:
        """[j, k] = ∂z_j/∂w_jk, (n_l, n_(l-1), m)."""
        units = np.arange(self.sizes[l])
        return np.stack([self._derivative("W", l, ("z", l), i)[units, 0, units] for i in range(self.m)], axis=-1)

    def gradient(self, by: str, l: int) -> Array:
        """∂C/∂by^l of the whole batch."""
        return self._derivative(by, l, ("C", self.L), None)

    def own(self, by: str, l: int) -> Array:
        """∂(s_i C_i)/∂by^l of each example."""
        return np.stack([self._derivative(by, l, ("C", self.L), i) for i in range(self.m)], axis=-1)

    def alone(self, l: int) -> Array:
        """∂C_i/∂z^l of each example as if it were alone, (n_l, m)."""
        alone = [self._derivative("z", l, ("C", self.L), i, share=1)[:, 0] for i in range(self.m)]
        return np.stack(alone, axis=-1)

    def _derivative(self, by: str, l: int, of: tuple[str, int], i: int | None, share: int | None = None) -> Array:
        """∂of/∂by^l of example i, or of the whole batch; taken once."""
        key = (by, l, of, i, share)
        if key not in self._found:
            self._found[key] = self._differentiated(by, l, of, i, share)
        return self._found[key]

    def _differentiated(self, by: str, l: int, of: tuple[str, int], i: int | None, share: int | None) -> Array:
        columns = slice(None) if i is None else slice(i, i + 1)
        shares = self.share[columns] if share is None else share
        at = {"z": self._z, "a": self._a}[by][l][:, columns] if by in "za" else self._parameters[l - 1][by]
        return self._of.derivative(lambda value: self._after(by, l, value, of, columns, shares), at)

    def _after(self, by: str, l: int, value: Array, of: tuple[str, int], columns: slice, share: Any) -> Array:
        """`of`, where by^l is `value` and all that comes after it is computed from it."""
        start = self._a[l - 1][:, columns] if by != "a" else value
        for r in range(l if by != "a" else l + 1, self.L + 1):
            p = {**self._parameters[r - 1], by: value} if r == l else self._parameters[r - 1]
            z = value if r == l and by == "z" else self._weighted_input(r, p, start)
            if of == ("z", r):
                return z
            start = self._sigma(r, z)
            if of == ("a", r):
                return start
        return (self._output.cost(self._of, start, self.y[:, columns]) * share).sum()

    def _weighted_input(self, l: int, p: Arrays, a_prev: Array) -> Array:
        return KINDS[self.kinds[l - 1]].weighted_input(p, a_prev)

    def _sigma(self, l: int, z: Array) -> Array:
        return self._output.sigma(self._of, l, z) if l == self.L else self._of.sigma(l, z)
