"""Proof with fractions: polynomial σ and C on random shapes, derivatives by dual numbers, equality without tolerance.

A dual number v + d ε with ε² = 0 carries its derivative through + - * /, so what it differentiates is the forward
pass itself; σ' and ∇_a C, the polynomials' derivatives, are written down apart. Source: Clifford 1873, dual numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import KINDS
from deltaprop.derivation.exact import ExactSetting, Output


@dataclass(frozen=True)
class Dual:
    """v + d ε."""

    v: Fraction
    d: Fraction

    def __add__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.v + o.v, self.d + o.d)

    def __neg__(self) -> Dual:
        return Dual(-self.v, -self.d)

    def __sub__(self, other: Any) -> Dual:
        return self + -_dual(other)

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) - self

    def __mul__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.v * o.v, self.v * o.d + self.d * o.v)

    def __truediv__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.v / o.v, (self.d * o.v - self.v * o.d) / (o.v * o.v))

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self

    __radd__, __rmul__ = __add__, __mul__


def _dual(value: Any) -> Dual:
    return value if isinstance(value, Dual) else Dual(Fraction(value), Fraction(0))


class Fractions:
    """Arithmetic (the protocol's Arithmetic) on fractions and dual numbers: its polynomials are drawn by `random`."""

    def __init__(self, random: Random, widths: tuple[int, ...]) -> None:
        self._polynomials = [[_fraction(random) for _ in range(4)] for _ in widths]
        self._mixing = _drawn(random, widths[-1], widths[-1])

    def sigma(self, l: int, z: Array) -> Array:
        """c_0 + c_1 z + c_2 z² + c_3 z³, other coefficients in each layer."""
        c = self._polynomials[l]
        return c[0] + z * (c[1] + z * (c[2] + z * c[3]))

    def sigma_prime(self, l: int, z: Array) -> Array:
        """c_1 + 2 c_2 z + 3 c_3 z²."""
        c = self._polynomials[l]
        return c[1] + 2 * c[2] * z + 3 * c[3] * z * z

    def vector_sigma(self, z: Array) -> Array:
        """z_k times a sum over all z_j, for every k."""
        return z * (self._mixing @ z)

    def exp(self, z: Array) -> Array:
        """A positive number E(z) with E' = E: all that the steps use of exp."""
        return _mapped(lambda v: 1 + v * v, lambda v: 1 + v * v, z)

    def log(self, a: Array) -> Array:
        """A number whose derivative is 1 / a: all that the steps use of log."""
        return _mapped(lambda v: v, lambda v: 1 / v, a)

    def cost(self, a: Array, y: Array) -> Array:
        """½ ‖a - y‖² + Σ_j y_j a_j³ + aᵀ M a of each column."""
        r = a - y
        return (r * r / 2 + y * a * a * a + a * (self._mixing @ a)).sum(axis=0)

    def grad_a(self, a: Array, y: Array) -> Array:
        """a - y + 3 y a² + (M + Mᵀ) a."""
        return a - y + 3 * y * a * a + (self._mixing + self._mixing.T) @ a

    def derivative(self, function: Callable[[Array], Array], at: Array) -> Array:
        """∂function/∂at: one run with ε in the place of each element of `at`."""
        slopes = []
        for place in np.ndindex(at.shape):
            seeded = at.copy()
            seeded[place] = Dual(_dual(at[place]).v, Fraction(1))
            value = np.asarray(function(seeded), object)
            slopes.append(np.array([_dual(one).d for one in value.ravel()], object).reshape(value.shape))
        return np.stack(slopes, axis=-1).reshape(slopes[0].shape + at.shape)

    @staticmethod
    def equal(left: Array, right: Array) -> bool:
        """Whether they are the same fractions."""
        return left.shape == right.shape and bool(np.all(left == right))


def rational_setting(seed: int, output: Output, m: int, scales: bool = False) -> ExactSetting:
    """A network of up to four layers and m examples, drawn by a seed; `scales` asks for layers of scales among them."""
    random = Random(seed)
    sizes = [random.randint(1, 4) for _ in range(random.randint(2, 5))]
    kinds = ["dense"] * (len(sizes) - 1)
    if scales:
        sizes, kinds = sizes[:1] * len(sizes), random.choices(list(KINDS), k=len(kinds))
    layers = zip(kinds, sizes[1:], sizes, strict=False)
    parameters = [{p.name: _drawn(random, *p.shape) for p in KINDS[kind].parameters(*shape)} for kind, *shape in layers]
    x, y, share = _drawn(random, sizes[0], m), _drawn(random, sizes[-1], m), _drawn(random, m)
    if output.distribution:
        y[-1] = 1 - y[:-1].sum(axis=0)
    return ExactSetting(Fractions(random, tuple(sizes)), output, kinds, parameters, x, y, share)


def _fraction(random: Random) -> Fraction:
    return Fraction(random.choice((-1, 1)) * random.randint(1, 9), random.randint(1, 9))


def _drawn(random: Random, *shape: int) -> Array:
    count = int(np.prod(shape))
    return np.array([_fraction(random) for _ in range(count)], object).reshape(shape)


def _mapped(value: Callable[[Fraction], Fraction], slope: Callable[[Fraction], Fraction], array: Array) -> Array:
    """value(v) of every number, and of a dual number with slope(v) as its derivative."""

    def one(number: Any) -> Any:
        x = _dual(number)
        found = Dual(value(x.v), slope(x.v) * x.d)
        return found if isinstance(number, Dual) else found.v

    return np.array([one(number) for number in array.ravel()], object).reshape(array.shape)
