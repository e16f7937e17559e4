"""dp.check_gradients: the gradient of any scalar function of an array, yours or your framework's.

The truth is a complex step where the function continues into the complex plane, else a central difference. Whoever is
accused by one has been looked at a second time: from both sides and at ever smaller steps, so that a kink at x is seen,
and at neighbouring x, so that what rounding does there is known.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, factorial, log
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import Block
from deltaprop.core.slopes import SHRINK, central, complex_value, extrapolate
from deltaprop.errors import ArgumentError, ArgumentTypeError, ShapeError, sentence
from deltaprop.verify.compare import Comparison
from deltaprop.verify.derivatives import ComplexSteps
from deltaprop.verify.report import CheckReport

IMAGINARY = {"float32": 2.0**-40, "float64": 2.0**-66}
TOLERANCE = {"float32": 2e-3, "float64": 1e-6}  # of central differences
STEPS = 14  # of a ladder
MORE_STEPS = 40  # where x_i is small beside the rest of x
NEIGHBOURS = 3
SIDE_BY_SIDE = 1e-6  # of x: wider than float32 is coarse, so near that a smooth f is a cubic in float64
MARGIN = 10.0
SPREAD = 8.0


def check_gradients(
    f: Callable[[Any], Any], grad: Callable[[Any], Any], x: Any, *, elements: int = 200, seed: int = 0
) -> CheckReport:
    """Compare grad(x) with the slopes of f at x; f gives one number, grad an array of x's shape.

    x is an array of float32 or float64, of NumPy or of any library with NumPy's array interface (JAX: pass f and
    jax.grad(f)). Elements at a kink of f are counted and left out. A step is ε^(1/3) times the size of x_i, ε that of
    the number type in which f answers; for f of NumPy and x in float32 the truth is computed in float64.
    """
    function = _Function(f, x)
    claimed = _claim(grad, function)
    name = claimed.dtype.name
    truth = _FunctionSlopes(function, name, np.random.default_rng(seed))
    size = function.x.size
    block = Block("x", function.x.shape, decays=False, start="", equation="", layer=0, at=slice(0, size), rate=1.0)
    guess = SPREAD * truth.tolerance[name] * np.abs(claimed.ravel())  # of what rounding does, along directions
    compared = Comparison(block, claimed.ravel(), guess, truth, truth.tolerance[name])
    compared.compare(elements, np.random.default_rng(seed))
    return CheckReport(
        ok=compared.row.error <= compared.tolerance,
        tolerance=compared.tolerance,
        checked=compared.checked,
        kinks=compared.kinks,
        directions=compared.directions,
        rows=(compared.row,),
        how=truth.how,
    )


class _Function:
    """f at x + t v, in the widest number type that it takes, with arrays of the library that x came from."""

    def __init__(self, f: Callable[[Any], Any], x: Any) -> None:
        self.f, self.x = f, _checked_x(x)
        self.namespace = x.__array_namespace__() if hasattr(x, "__array_namespace__") else np
        self.value = self._checked_value()
        self.wide = self.x.dtype
        if self.namespace is np and self.x.dtype == np.float32:
            self.wide = np.dtype(np.float64) if self._answers(np.float64) else self.wide
        self.size = float(np.sqrt(np.mean(np.square(self.x.astype(np.float64))))) or 1.0
        self.noise = self._noise()
        self.eps = min(0.1, self.noise / abs(self.value) if self.value else float(np.finfo(self.wide).eps))

    def given(self, x: Array) -> Any:
        """x as f wants it: a fresh array of the library it came from."""
        return self.namespace.asarray(x.copy())

    def at(self, x: Array) -> Any:
        """f(x)."""
        return self.f(self.given(x))

    def along(self, v: Array, t: float, base: Array) -> float:
        """f(base + t v); NaN where it fails, as at the edge of a domain."""
        try:
            with np.errstate(all="ignore"):
                return float(self.at((base + t * v).astype(self.wide)))
        except Exception:  # f has answered at x itself
            return float("nan")

    def complex_slope(self, v: Array, base: Array) -> float | None:
        """Im f(base + i h v) / h, None where f does not take or give complex numbers."""
        h = IMAGINARY[self.wide.name] / max(1.0, float(np.abs(v).max()))
        kind = np.complex64 if self.wide == np.float32 else np.complex128
        answer = complex_value(lambda x: self.at(x.astype(kind)), base, h * v)
        return None if answer is None or answer.shape != () else float(answer.imag) / h

    def _noise(self) -> float:
        """How exactly f answers, whatever type its answers have: from high differences of values side by side.

        J. Moré and S. Wild 2011, Estimating computational noise, SIAM J. Sci. Comput. 33.
        """
        base = self.x.astype(self.wide)
        v = np.where(base != 0, base, self.size) * np.random.default_rng(0).uniform(0.5, 1, base.shape)
        values = np.array([self.along(v, i * SIDE_BY_SIDE, base) for i in range(7)])
        scaled = [np.sqrt(factorial(k) ** 2 / factorial(2 * k) * np.mean(np.diff(values, k) ** 2)) for k in (4, 5, 6)]
        found = float(np.max(scaled))
        least = float(np.finfo(self.wide).eps) * abs(self.value)
        return max(least, found) if np.isfinite(found) else least

    def _answers(self, dtype: Any) -> bool:
        try:
            return bool(np.asarray(self.at(self.x.astype(dtype))).dtype == dtype)
        except Exception:
            return False

    def _checked_value(self) -> float:
        try:
            value = self.at(self.x)
        except Exception as error:
            raise ArgumentError(_raised("f", "a function that gives one number for x", error)) from error
        try:
            answer = np.asarray(value)
            number = float(answer) if answer.shape == () and answer.dtype.kind in "fiu" else None
        except (TypeError, ValueError):
            answer, number = np.asarray(None), None
        if number is None:
            got = "None" if value is None else f"{type(value).__name__} of shape {answer.shape}"
            raise ArgumentTypeError(sentence("f", "a function that gives one number", got, _remedy(answer)))
        if not np.isfinite(number):
            raise ArgumentError(sentence("f", "finite at x", repr(number)))
        return number


class _FunctionSlopes:
    """The slopes (derivatives.Slopes) of a function: complex steps if they are its slopes along some directions."""

    def __init__(self, function: _Function, name: str, rng: np.random.Generator) -> None:
        self.function, self.rng = function, rng
        self.base = function.x.astype(function.wide)
        self.jitter = float(np.finfo(name).eps)
        self.analytic = all(self._continues(rng.standard_normal(self.base.shape)) for _ in range(2))
        self.tolerance = ComplexSteps.tolerance if self.analytic else TOLERANCE
        if function.eps > 1e-10:
            self.tolerance = dict.fromkeys(TOLERANCE, TOLERANCE["float32"])
        self.how = f"complex steps in {function.wide.name}"
        if not self.analytic:
            self.how = f"central differences in {function.wide.name}, f being exact to {function.eps:.0e}"
        self.allowed = self.tolerance[name]

    def elements(self, block: Block, at: Array, claimed: Array) -> tuple[Array, Array, Array]:
        """(slope, whether at a kink, what rounding may do to it)."""
        slope, noise, kink = np.zeros(len(at)), np.zeros(len(at)), np.zeros(len(at), bool)
        for k, i in enumerate(at):
            v = np.zeros(self.base.shape)
            v.flat[i] = 1
            slope[k] = self._quick(v, self.base)
            if not abs(claimed[k] - slope[k]) <= self.allowed * max(abs(claimed[k]), abs(slope[k])):
                slope[k], noise[k], kink[k] = self._thorough(v)
        return slope, kink, noise

    def direction(self, block: Block, v: Array) -> float | None:
        """The slope along v; None where f has a kink along it."""
        slope, _, kink = self._thorough(v)
        return None if kink or not np.isfinite(slope) else slope

    def _continues(self, v: Array) -> bool:
        stepped = self.function.complex_slope(v, self.base)
        slope, doubt, kink = self._ladder(v, self.base)
        return stepped is not None and not kink and abs(stepped - slope) <= 1e-3 * abs(slope) + doubt

    def _quick(self, v: Array, base: Array) -> float:
        if self.analytic:
            stepped = self.function.complex_slope(v, base)
            if stepped is not None and np.isfinite(stepped):
                return stepped
        return central(lambda t: self.function.along(v, t, base), self._first_step(v))

    def _thorough(self, v: Array) -> tuple[float, float, bool]:
        """(slope, how far it or a right claim may be off, whether there is a kink)."""
        slope, doubt, kink = self._ladder(v, self.base)
        if self.analytic and not kink:
            slope, doubt = self._quick(v, self.base), 0.0
        if kink:
            return slope, doubt, True
        near = [self.base * (1 + 2 * self.jitter * self._signs()) for _ in range(NEIGHBOURS)]
        there = [self._quick(v, x) for x in near] if self.analytic else [self._ladder(v, x)[0] for x in near]
        return slope, doubt + MARGIN * float(np.max(np.abs(np.array(there) - slope))), False

    def _signs(self) -> Array:
        return self.rng.choice([-1.0, 1.0], self.base.shape)

    def _first_step(self, v: Array) -> float:
        """ε^(1/3) times the size of what v moves."""
        size = max(float(np.abs(self.base[v != 0]).max(initial=0.0)), self.function.size)
        return self.function.eps ** (1 / 3) * size / float(np.abs(v).max())

    def _ladder(self, v: Array, base: Array) -> tuple[float, float, bool]:
        """(slope, its doubt, whether there is none to be told from both sides), by ever smaller steps."""
        function = self.function
        smallest = float(np.abs(base[(v != 0) & (base != 0)]).min(initial=function.size))
        more = min(MORE_STEPS, ceil(log(function.size / smallest, SHRINK)))
        return extrapolate(lambda t: function.along(v, t, base), 16 * self._first_step(v), STEPS + more, function.noise)


def _claim(grad: Callable[[Any], Any], function: _Function) -> Array:
    try:
        value = grad(function.given(function.x))
    except Exception as error:
        raise ArgumentError(_raised("grad", "a function that gives an array of x's shape", error)) from error
    try:
        claimed = np.asarray(value)
    except ValueError:
        claimed = np.asarray(None)
    must = f"of x's shape, {function.x.shape}"
    if claimed.dtype.kind not in "fiu":
        got = "None" if value is None else f"{type(value).__name__} of dtype {claimed.dtype}"
        raise ArgumentTypeError(sentence("grad(x)", f"an array of numbers {must}", got))
    if claimed.shape != function.x.shape:
        raise ShapeError(sentence("grad(x)", must, f"shape {claimed.shape}"))
    return claimed if claimed.dtype.name in TOLERANCE else claimed.astype(np.float64)


def _checked_x(x: Any) -> Array:
    array = np.asarray(x)
    if array.dtype.name not in TOLERANCE:
        remedy = "Use x.astype(float)." if array.dtype.kind in "iub" else ""
        raise ArgumentTypeError(sentence("x", "an array of float32 or float64", f"dtype {array.dtype}", remedy))
    if not array.size:
        raise ArgumentError(sentence("x", "an array with at least one element", f"shape {array.shape}"))
    if not np.isfinite(array).all():
        raise ArgumentError(sentence("x", "finite numbers", repr(float(array[~np.isfinite(array)][0]))))
    return array


def _raised(name: str, must: str, error: Exception) -> str:
    return sentence(name, must, f"{type(error).__name__}: {error}")


def _remedy(answer: Array) -> str:
    return "For a sum over examples give f the sum, for one of several outputs that output." if answer.size > 1 else ""
