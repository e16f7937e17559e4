"""Dual numbers: their derivatives against closed forms and SymPy, exactly."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaprop.derivation.exact import OUTPUTS
from deltaprop.derivation.rational import Dual, Fractions, rational_setting

fractions = st.fractions(-9, 9, max_denominator=9)
duals = st.builds(Dual, fractions, fractions)
OF = {output.name: output for output in OUTPUTS}


@given(duals, duals)
def test_the_four_operations_carry_the_derivative(u, v):
    assert u + v == Dual(u.v + v.v, u.d + v.d)
    assert u - v == Dual(u.v - v.v, u.d - v.d)
    assert u * v == Dual(u.v * v.v, u.d * v.v + u.v * v.d)
    if v.v:
        assert (u / v) * v == u


@given(duals, fractions)
def test_a_plain_number_is_a_constant(u, c):
    constant = Dual(c, Fraction(0))
    assert (c + u, u + c, c - u, c * u, u * c) == (constant + u, u + constant, constant - u, constant * u, u * constant)
    if u.v:
        assert c / u == constant / u


def test_a_polynomial_is_differentiated_as_by_sympy():
    sympy = pytest.importorskip("sympy")
    x = sympy.Symbol("x")
    p = (2 - 3 * x) * x * x + 1 / (x + 5)
    at = Fraction(2, 7)
    dual = Dual(at, Fraction(1))
    slope = sympy.diff(p, x).subs(x, sympy.Rational(2, 7))
    assert ((2 - 3 * dual) * dual * dual + 1 / (dual + 5)).d == Fraction(int(slope.p), int(slope.q))


def test_sigma_prime_is_the_derivative_of_sigma():
    exact = Fractions(Random(4), (2, 3, 2))
    z = np.array([[Fraction(1, 3)], [Fraction(-2)]], object)
    found = exact.derivative(lambda at: exact.sigma(1, at), z)
    slopes = exact.sigma_prime(1, z)
    assert [found[j, 0, k, 0] for j in range(2) for k in range(2)] == [slopes[0, 0], 0, 0, slopes[1, 0]]


@pytest.mark.parametrize("name", ["softmax, C", "any σ(z), C"])
def test_these_outputs_have_a_full_jacobian(name):
    settings = [rational_setting(seed, OF[name], 1) for seed in range(20)]
    setting = next(setting for setting in settings if setting.sizes[-1] > 1)
    jacobian = setting.jacobian("a", setting.L, "z", setting.L)[..., 0]
    assert (jacobian != 0).all()
    assert (jacobian == jacobian.T).all() == (name == "softmax, C"), "only the other can show a forgotten transpose"


def test_random_shapes_have_one_to_four_layers_and_one_to_four_units():
    sizes = [rational_setting(seed, OUTPUTS[0], 2).sizes for seed in range(60)]
    assert {len(widths) - 1 for widths in sizes} == {1, 2, 3, 4}
    assert {width for widths in sizes for width in widths} == {1, 2, 3, 4}


def test_equal_means_the_same_fractions():
    half = np.array([Fraction(1, 2)], object)
    assert Fractions.equal(half, half)
    assert not Fractions.equal(half, half + Fraction(1, 10**30))
    assert not Fractions.equal(half, np.array([Fraction(1, 2)] * 2, object))
