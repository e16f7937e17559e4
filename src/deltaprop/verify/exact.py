"""The gradient in mpmath, 100 digits: the built-in σ and C from their definitions, BP1-BP4 from core.equations.

What complex steps are to the equations, this is to the rounding: an error in units in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.activations import SOFTMAX, Activation
from deltaprop.core.functions import built_in, formula
from deltaprop.core.objective import through_output
from deltaprop.core.passes import Pass, errors_below, forward, input_error
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, MissingExtraError, sentence

DIGITS = 100
SELU_ALPHA = "1.6732632423543772848170429916717"  # Klambauer et al. 2017, arXiv 1706.02515
SELU_LAMBDA = "1.0507009873554804934193349852946"

Number = Any  # an mpf
Definition = tuple[Callable[[Number], Number], Callable[[Number], Number]]


@dataclass(frozen=True)
class Exact:
    """∂C/∂θ, laid out like θ, and ∂C/∂x (m, n_0), as arrays of mpmath's numbers."""

    theta: Array
    x: Array


def exact_gradient(spec: Spec, theta: Array, X: Array, Y: Array, weight: Array | None = None) -> Exact:
    """The gradient of C at exactly these θ, X (m, n_0), Y and weights, by BP1-BP4 in 100 digits."""
    mp = _context()
    known, grad_a = _known(spec, mp)
    exact = np.frompyfunc(mp.mpf, 1, 1)
    numbers, x = exact(theta.astype(np.float64)), exact(X.T.astype(np.float64))
    y = exact((Y if Y.ndim == 2 else np.eye(spec.sizes[-1])[Y]).T.astype(np.float64))
    w = exact(np.ones(len(X)) if weight is None else weight)
    passed = forward(known, numbers, x)
    delta = _output_error(spec, passed, y, w / w.sum(), grad_a)
    found = np.empty(spec.n_parameters, object)
    for l, delta in errors_below(known, numbers, passed, delta):  # noqa: B020
        known.kind(l).gradients(delta, passed.a[l - 1], known.arrays(found, l))
    return Exact(found, input_error(known, numbers, delta).T)


def ulps(claimed: Array, exact: Array) -> Array:
    """|claimed - exact| in units in the last place of the exact number, in the type of what is claimed."""
    unit = np.spacing(np.abs(exact.astype(np.float64)).astype(claimed.dtype)).astype(np.float64)
    with np.errstate(over="ignore"):
        return np.abs(claimed.astype(np.float64).astype(object) - exact).astype(np.float64) / unit


def _context() -> Any:
    try:
        import mpmath
    except ImportError as error:
        raise MissingExtraError("Errors in ulp need mpmath: pip install 'deltaprop[exact]'.") from error
    context = mpmath.mp.clone()
    context.dps = DIGITS
    return context


def _known(spec: Spec, mp: Any) -> tuple[Spec, Callable[[Array, Array], Array]]:
    """(the network with the definitions of its σ, ∇_a C), on arrays of mpmath's numbers."""
    own = [s.name for s in spec.activations if not built_in(s)]
    own += [] if built_in(spec.cost) else [spec.cost.name]
    if own:
        remedy = "Only the built-in ones have a definition in mpmath."
        raise ArgumentError(sentence("ulp", "False with a sigma or C of your own", repr(own[0]), remedy))
    table = _sigmas(mp).items()
    exact = {name: Activation(name, _on_arrays(sigma), _on_arrays(prime)) for name, (sigma, prime) in table}
    exact["softmax"] = replace(SOFTMAX, sigma=_softmax(mp))
    kind, number = formula(spec.cost) or ("", 1.0)
    grad_a = np.frompyfunc(_grads(mp, mp.mpf(number))[kind], 2, 1)
    return replace(spec, activations=tuple(exact[s.name] for s in spec.activations)), grad_a


def _on_arrays(function: Callable[[Number], Number]) -> Callable[[Array], Array]:
    return np.frompyfunc(function, 1, 1)


def _sigmas(mp: Any) -> dict[str, Definition]:
    """Every elementwise σ and σ', from the definitions."""
    alpha, scale, one = mp.mpf(SELU_ALPHA), mp.mpf(SELU_LAMBDA), mp.mpf(1)

    def s(z: Number) -> Number:
        return 1 / (1 + mp.exp(-z))

    def t(z: Number) -> Number:
        return mp.tanh(mp.log1p(mp.exp(z)))

    def cdf(z: Number) -> Number:  # mpmath's own ncdf cancels for z < 0
        return mp.erfc(-z / mp.sqrt(2)) / 2

    def up(positive: Callable[[Number], Number], negative: Callable[[Number], Number]) -> Callable[[Number], Number]:
        return lambda z: positive(z) if z > 0 else negative(z)

    return {
        "identity": (lambda z: z, lambda z: one),
        "sigmoid": (s, lambda z: s(z) * s(-z)),
        "tanh": (mp.tanh, lambda z: mp.sech(z) ** 2),
        "relu": (up(lambda z: z, lambda z: 0 * one), up(lambda z: one, lambda z: 0 * one)),
        "leaky_relu": (up(lambda z: z, lambda z: z / 100), up(lambda z: one, lambda z: one / 100)),
        "elu": (up(lambda z: z, mp.expm1), up(lambda z: one, mp.exp)),
        "selu": (
            up(lambda z: scale * z, lambda z: scale * alpha * mp.expm1(z)),
            up(lambda z: scale, lambda z: scale * alpha * mp.exp(z)),
        ),
        "gelu": (lambda z: z * cdf(z), lambda z: cdf(z) + z * mp.npdf(z)),
        "silu": (lambda z: z * s(z), lambda z: s(z) * (1 + z * s(-z))),
        "mish": (lambda z: z * t(z), lambda z: t(z) + z * (1 - t(z) ** 2) * s(z)),
        "softplus": (lambda z: mp.log1p(mp.exp(z)), s),
        "exp": (mp.exp, mp.exp),
    }


def _softmax(mp: Any) -> Callable[[Array], Array]:
    def softmax(z: Array) -> Array:
        e = np.frompyfunc(mp.exp, 1, 1)(z - z.max(axis=0))
        return e / e.sum(axis=0)

    return softmax


def _grads(mp: Any, edge: Number) -> dict[str, Callable[[Number, Number], Number]]:
    """Every ∇_a C by its key in core.costs.FORMULAS; units with y = 0 add nothing to a logarithm."""
    return {
        "quadratic": lambda a, y: a - y,
        "binary": lambda a, y: (a - y) / (a * (1 - a)),
        "categorical": lambda a, y: -y / a if y else 0 * a,
        "huber": lambda a, y: max(-edge, min(edge, a - y)),
        "poisson": lambda a, y: 1 - y / a if y else 1 + 0 * a,
        "absolute": lambda a, y: mp.mpf(mp.sign(a - y)),
        "quantile": lambda a, y: -edge if a < y else 1 - edge if a > y else 0 * a,
    }


def _output_error(spec: Spec, passed: Pass, y: Array, share: Array, grad_a: Callable[[Array, Array], Array]) -> Array:
    """BP1; canonical pairs in their own form, as ∇_a C would divide by what has vanished."""
    a = passed.a[-1]
    if spec.canonical:
        return eq.bp1_canonical(a, y, share)
    return through_output(a, passed.dsigma[-1], grad_a(a, y) * share, general=True)
