"""The quantities of the derivation in the letters of the book, each with its formula, its shape and its value."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.derivation.notation import beside, close, d, diag, infix, of, sym, transposed
from deltaprop.derivation.setting import applied, diagonal, each, identity, product, turned
from deltaprop.derivation.steps import Quantity, Side

C, Z, Z_NEXT, Z_OUT = sym("C"), sym("z", "l"), sym("z", "l+1"), sym("z", "L")
A, A_BEFORE, A_OUT, B, X = sym("a", "l"), sym("a", "l-1"), sym("a", "L"), sym("b", "l"), sym("x")
W_JK, Z_J = sym("w", "l", "jk"), sym("z", "l", "j")
PRIME, SIGMA, LAYER = sym("σ'"), sym("σ"), sym("l")

DELTA = Quantity(sym("δ", "l"), ("l",), lambda s, l: s.gradient("z", l))
DELTA_NEXT = Quantity(sym("δ", "l+1"), ("l+1",), lambda s, l: s.gradient("z", l + 1))
DELTA_OUT = Quantity(sym("δ", "L"), ("L",), lambda s, l: s.gradient("z", l))
DELTA_FIRST = Quantity(sym("δ", "1"), ("1",), lambda s, l: s.gradient("z", 1))
DC_DZ = Quantity(d(C, Z), ("l",), DELTA.value)
DC_DZ_NEXT = Quantity(d(C, Z_NEXT), ("l+1",), DELTA_NEXT.value)
DC_DZ_OUT = Quantity(d(C, Z_OUT), ("L",), DELTA_OUT.value)
DC_DZ_FIRST = Quantity(d(C, sym("z", "1")), ("1",), DELTA_FIRST.value)
DC_DA_OUT = Quantity(d(C, A_OUT), ("L",), lambda s, l: s.gradient("a", l))
GRAD_A = Quantity(close(sym("∇", sub="a"), C), ("L",), lambda s, l: s.grad_a() * s.share)

PRIME_L = Quantity(of(PRIME, Z), ("l",), lambda s, l: s.sigma_prime(l))
PRIME_OUT = Quantity(of(PRIME, Z_OUT), ("L",), PRIME_L.value)
DIAG = Quantity(diag(PRIME_L.term), ("l", "l"), lambda s, l: diagonal(s.sigma_prime(l)))
DIAG_OUT = Quantity(diag(PRIME_OUT.term), ("L", "L"), DIAG.value)
DA_DZ = Quantity(d(A, Z), ("l", "l"), lambda s, l: s.jacobian("a", l, "z", l))
DA_DZ_OUT = Quantity(d(A_OUT, Z_OUT), ("L", "L"), DA_DZ.value)

W_NEXT = Quantity(sym("W", "l+1"), ("l+1", "l"), lambda s, l: each(s.W(l + 1), s.m))
W_FIRST = Quantity(sym("W", "1"), ("1", "0"), lambda s, l: each(s.W(1), s.m))
DZ_DZ = Quantity(d(Z_NEXT, Z), ("l+1", "l"), lambda s, l: s.jacobian("z", l + 1, "z", l))
DZ_DA = Quantity(d(Z_NEXT, A), ("l+1", "l"), lambda s, l: s.jacobian("z", l + 1, "a", l))
DZ_DX = Quantity(d(sym("z", "1"), X), ("1", "0"), lambda s, l: s.jacobian("z", 1, "a", 0))
DC_DX = Quantity(d(C, X), ("0",), lambda s, l: s.gradient("a", 0))

DC_DB = Quantity(d(C, B), ("l",), lambda s, l: s.own("b", l))
DZ_DB = Quantity(d(Z, B), ("l", "l"), lambda s, l: s.jacobian("z", l, "b", l))
EYE = Quantity(sym("I"), ("l", "l"), lambda s, l: identity(s.sizes[l], s.m))

S = Quantity(sym("s", "l"), ("l",), lambda s, l: _alike(s.s(l), s.m))
S_NEXT = Quantity(sym("s", "l+1"), ("l+1",), lambda s, l: _alike(s.s(l + 1), s.m))
S_FIRST = Quantity(sym("s", "1"), ("1",), lambda s, l: _alike(s.s(1), s.m))
DIAG_S_NEXT = Quantity(diag(S_NEXT.term), ("l+1", "l"), lambda s, l: diagonal(S_NEXT.value(s, l)))
DC_DS = Quantity(d(C, S.term), ("l",), lambda s, l: s.own("s", l))
DZ_DS = Quantity(d(Z, S.term), ("l", "l"), lambda s, l: s.jacobian("z", l, "s", l))

A_PREV = Quantity(A_BEFORE, ("l-1",), lambda s, l: s.a(l - 1))
DC_DW = Quantity(d(C, sym("W", "l")), ("l", "l-1"), lambda s, l: s.own("W", l))
DC_DW_JK = Quantity(d(C, W_JK), (), DC_DW.value)
DZ_J_DW_JK = Quantity(d(Z_J, W_JK), (), lambda s, l: s.weight_slope(l))
DELTA_J = Quantity(sym("δ", "l", "j"), (), lambda s, l: _rows(DELTA.value(s, l), s.sizes[l - 1]))
DC_DZ_J = Quantity(d(C, Z_J), (), DELTA_J.value)
A_K = Quantity(sym("a", "l-1", "k"), (), lambda s, l: _columns(s.a(l - 1), s.sizes[l]))


def side(quantity: Quantity) -> Side:
    """The quantity as a side of an equality."""
    return Side(quantity.term, quantity.value)


def turned_times(matrix: Quantity, vector: Quantity) -> Side:
    """matrixᵀ vector, for each example."""
    term = beside(transposed(matrix.term), vector.term)
    return Side(term, lambda s, l: applied(turned(matrix.value(s, l)), vector.value(s, l)))


def matrices(sign: str, left: Quantity, right: Quantity) -> Side:
    """left · right, for each example."""
    term = infix(sign, left.term, right.term)
    return Side(term, lambda s, l: product(left.value(s, l), right.value(s, l)))


def numbers(left: Quantity, right: Quantity) -> Side:
    """left right, number by number."""
    return Side(beside(left.term, right.term), lambda s, l: left.value(s, l) * right.value(s, l))


def _alike(vector: Array, m: int) -> Array:
    """The same vector for each of m examples, (n, m)."""
    return np.broadcast_to(vector[:, None], (len(vector), m))


def _rows(vector: Array, width: int) -> Array:
    """[j, k, i] = vector[j, i]."""
    return np.broadcast_to(vector[:, None, :], (len(vector), width, vector.shape[-1]))


def _columns(vector: Array, height: int) -> Array:
    """[j, k, i] = vector[k, i]."""
    return np.broadcast_to(vector[None], (height, *vector.shape))
