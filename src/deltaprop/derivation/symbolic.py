"""Proof with symbols: every weight, bias, input and share is a symbol, σ and C are abstract functions.

All that SymPy is told of σ is that it has a derivative σ', of C that it has partial derivatives, of exp that it is its
own. Derivatives are taken of one scalar by one symbol: SymPy's matrix calculus gives 0 for softmax with cross-entropy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import KINDS
from deltaprop.derivation.exact import ExactSetting, Output
from deltaprop.errors import MissingExtraError


def sympy() -> Any:
    """SymPy, or the error that says how to install it."""
    try:
        import sympy as module
    except ImportError as error:
        raise MissingExtraError(
            "Symbolic proofs need SymPy, which is not installed. Run: pip install 'deltaprop[symbolic]'."
        ) from error
    return module


class Symbols:
    """Arithmetic (the protocol's Arithmetic) on SymPy expressions."""

    def __init__(self) -> None:
        self._sp = sympy()
        self._known: dict[str, Any] = {}
        self._letter_of: dict[Any, Any] = {}
        self._stands_for: dict[Any, Any] = {}

    def sigma(self, l: int, z: Array) -> Array:
        """σ_l(z), of which only the name of its derivative is known."""
        return self._elementwise(self._function(f"sigma{l}", lambda _: self._function(f"sigma{l}_prime")), z)

    def sigma_prime(self, l: int, z: Array) -> Array:
        """σ_l'(z)."""
        return self._elementwise(self._function(f"sigma{l}_prime"), z)

    def vector_sigma(self, z: Array) -> Array:
        """s_k(z_1, ..., z_n) for every k, with partial derivatives s_k_j."""
        units = [self._function(f"s{k}", lambda j, k=k: self._function(f"s{k}_{j}")) for k in range(len(z))]  # type: ignore[misc]
        return np.array([[unit(*column) for column in z.T] for unit in units], object).reshape(z.shape)

    def exp(self, z: Array) -> Array:
        """E(z), whose derivative is E(z)."""
        return self._elementwise(self._function("E", lambda _: self._function("E")), z)

    def log(self, a: Array) -> Array:
        """ln(a), whose derivative is 1 / a."""
        return self._elementwise(self._function("ln", lambda _: lambda value: 1 / value), a)

    def cost(self, a: Array, y: Array) -> Array:
        """C(a_1, ..., a_n, y_1, ..., y_n), with partial derivatives C_k by a_k."""
        function = self._function("C", lambda k: self._function(f"C_{k}"))
        return np.array([function(*pair) for pair in np.concatenate([a, y]).T], object)

    def grad_a(self, a: Array, y: Array) -> Array:
        """C_k at each column, (n_L, m)."""
        pairs = np.concatenate([a, y]).T
        rows = [[self._function(f"C_{k}")(*pair) for pair in pairs] for k in range(1, len(a) + 1)]
        return np.array(rows, object).reshape(a.shape)

    def derivative(self, function: Callable[[Array], Array], at: Array) -> Array:
        """∂function/∂at: `at` gives way to fresh symbols, the value is differentiated by each, and `at` put back."""
        sp = self._sp
        fresh = np.array([sp.Dummy() for _ in range(at.size)], object).reshape(at.shape)
        back = dict(zip(fresh.ravel(), at.ravel(), strict=True))
        value = np.asarray(function(fresh), object)
        slopes = [self._put_back(sp.diff(one, by), back) for one in value.ravel() for by in fresh.ravel()]
        return np.array(slopes, object).reshape(value.shape + at.shape)

    def equal(self, left: Array, right: Array) -> bool:
        """Whether all differences are 0 once expanded: two different applied functions never cancel."""
        return left.shape == right.shape and all(
            self._vanishes(difference) for difference in (left - right).ravel() if difference != 0
        )

    def _vanishes(self, difference: Any) -> bool:
        sp = self._sp
        rational = sp.expand(self._letters(difference))
        return bool(rational == 0 or sp.expand(sp.numer(sp.together(rational))) == 0)

    def _put_back(self, slope: Any, back: dict[Any, Any]) -> Any:
        """The slope with the numbers in the places of their fresh symbols, inside what letters stand for as well."""
        inside = {
            letter: self._letter(self._stands_for[letter].xreplace(back))
            for letter in slope.free_symbols
            if letter in self._stands_for
        }
        return slope.xreplace({**back, **inside})

    def _letter(self, applied: Any) -> Any:
        """A letter for an applied function, the same where function and values are: what is expanded stays small."""
        if applied not in self._letter_of:
            letter = self._letter_of[applied] = self._sp.Dummy()
            self._stands_for[letter] = applied
        return self._letter_of[applied]

    def _letters(self, expression: Any) -> Any:
        """The expression with a letter for every applied function."""
        if isinstance(expression, self._sp.Function):
            return self._letter(expression)
        if not expression.args:
            return expression
        return expression.func(*map(self._letters, expression.args))

    def _elementwise(self, function: Any, z: Array) -> Array:
        return np.array([function(value) for value in z.ravel()], object).reshape(z.shape)

    def _function(self, name: str, slope: Callable[[int], Any] | None = None) -> Any:
        """An abstract function; `slope` gives its partial derivative by its k-th argument."""

        def fdiff(applied: Any, k: int = 1) -> Any:
            return self._letters(slope(k)(*applied.args))  # type: ignore[misc]

        if name not in self._known:
            self._known[name] = type(name, (self._sp.Function,), {"fdiff": fdiff} if slope else {})
        return self._known[name]


def symbolic_setting(sizes: Sequence[int], output: Output, m: int = 1, kinds: Sequence[str] = ()) -> ExactSetting:
    """A network of these sizes, of dense layers or these kinds, and m examples, every number of them a symbol."""
    sp, arithmetic = sympy(), Symbols()
    kinds = kinds or ["dense"] * (len(sizes) - 1)

    def letters(name: str, *shape: int) -> Array:
        return np.array(sp.symbols(f"{name}:{int(np.prod(shape))}"), object).reshape(shape)

    layers = enumerate(zip(kinds, sizes[1:], sizes, strict=False), 1)
    parameters = [
        {p.name: letters(f"{p.name}{l}_", *p.shape) for p in KINDS[kind].parameters(n, before)}
        for l, (kind, n, before) in layers
    ]
    y = letters("y", sizes[-1], m)
    if output.distribution:
        y[-1] = 1 - y[:-1].sum(axis=0)
    return ExactSetting(arithmetic, output, kinds, parameters, letters("x", sizes[0], m), y, letters("share", m))
