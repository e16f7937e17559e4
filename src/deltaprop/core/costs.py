"""The costs C of one example, each with ∇_a C, and the canonical pairs, for which BP1 becomes δ^L = a^L - y.

Inside core an example is a column: a and y are (n_L, m), C gives (m,), grad_a gives (n_L, m). The mean over the
examples is taken by the engine, which multiplies ∇_a C by each example's share of the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import log_sum_exp
from deltaprop.core.elementary import log1p, magnitude
from deltaprop.errors import ArgumentError, ShapeError, sentence

CostFunction = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Cost:
    """A cost of one example and its gradient with respect to a^L, on columns.

    `targets` says which y it takes: "real", "probability" (in [0, 1]) or "count" (>= 0). `outputs` lists the
    built-in output activations whose range fits it, None for any; `kinks` the residuals a - y at which ∇_a C jumps.
    """

    name: str
    C: CostFunction
    grad_a: CostFunction
    targets: str = "real"
    outputs: tuple[str, ...] | None = None
    kinks: tuple[float, ...] = ()

    @classmethod
    def from_rows(cls, name: str, C: CostFunction, grad_a: CostFunction) -> Cost:
        """Your own cost: C(a, y) gives (m,), grad_a(a, y) gives (m, n_L), both for a and y of shape (m, n_L)."""
        return cls(name, partial(_C_on_columns, C), partial(_grad_a_on_columns, grad_a))


def _C_on_columns(function: CostFunction, a: Array, y: Array) -> Array:
    return _shaped("C", function(a.T, y.T), (a.shape[1],), "one cost per example, (m,)")


def _grad_a_on_columns(function: CostFunction, a: Array, y: Array) -> Array:
    return _shaped("grad_a", function(a.T, y.T), a.T.shape, "one number per example and output, (m, n_L)").T


def _shaped(name: str, value: object, shape: tuple[int, ...], must: str) -> Array:
    array = np.asarray(value)
    if array.shape != shape:
        raise ShapeError(sentence(name, f"{must}, here {shape}", f"shape {array.shape}"))
    return array


def _quadratic(a: Array, y: Array) -> Array:
    """C = ½ ‖a - y‖²."""
    r = a - y
    return 0.5 * (r * r).sum(axis=0)


def _quadratic_grad(a: Array, y: Array) -> Array:
    """∇_a C = a - y."""
    return a - y


def _xlogy(y: Array, a: Array) -> Array:
    """y log a, and 0 if y = 0 for any a."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y == 0, a.dtype.type(0), y * np.log(a))


def _binary(a: Array, y: Array) -> Array:
    """C = -Σ_j (y_j log a_j + (1 - y_j) log(1 - a_j)): each output a probability of its own."""
    return -(_xlogy(y, a) + _xlogy(1 - y, 1 - a)).sum(axis=0)


def _binary_grad(a: Array, y: Array) -> Array:
    """∇_a C = (a - y) / (a (1 - a))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a - y) / (a * (1 - a))


def _categorical(a: Array, y: Array) -> Array:
    """C = -Σ_j y_j log a_j: the outputs are one distribution."""
    return -_xlogy(y, a).sum(axis=0)


def _categorical_grad(a: Array, y: Array) -> Array:
    """∇_a C = -y / a."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(y == 0, a.dtype.type(0), -y / a)


def _poisson(a: Array, y: Array) -> Array:
    """C = Σ_j (a_j - y_j + y_j log(y_j / a_j)): half the deviance, 0 if a = y."""
    return (a - y + _xlogy(y, y) - _xlogy(y, a)).sum(axis=0)


def _poisson_grad(a: Array, y: Array) -> Array:
    """∇_a C = 1 - y / a = (a - y) / a, which rounds once if it cancels."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (a - y) / a


def _absolute(a: Array, y: Array) -> Array:
    """C = Σ_j |a_j - y_j|."""
    return magnitude(a - y).sum(axis=0)


def _absolute_grad(a: Array, y: Array) -> Array:
    """∇_a C = sign(a - y), 0 if a = y (a convention)."""
    return np.sign(a - y)


def huber(threshold: float = 1.0) -> Cost:
    """C = Σ_j h(a_j - y_j), h(r) = ½ r² if |r| <= t, else t (|r| - ½ t); ∇_a C = clip(a - y, -t, t)."""
    if not (_finite_number(threshold) and threshold > 0):
        raise ArgumentError(sentence("threshold", "a positive number", repr(threshold)))

    name = "huber" if threshold == 1.0 else f"huber({float(threshold)!r})".replace(".0)", ")")
    return Cost(name, partial(_huber, t=threshold), partial(_huber_grad, t=threshold))


def quantile(q: float = 0.5) -> Cost:
    """C = Σ_j max(q (y_j - a_j), (q - 1) (y_j - a_j)); ∇_a C = -q if a < y, 1 - q if a > y, 0 if a = y.

    The a of least cost is the q-quantile of y. Koenker & Bassett, Econometrica 46 (1978).
    """
    if not (_finite_number(q) and 0 < q < 1):
        raise ArgumentError(sentence("q", "a number between 0 and 1", repr(q)))
    name = "quantile" if q == 0.5 else f"quantile({float(q)!r})"
    return Cost(name, partial(_quantile, q=float(q)), partial(_quantile_grad, q=float(q)), kinks=(0.0,))


def _finite_number(value: object) -> bool:
    return isinstance(value, Real) and bool(np.isfinite(float(value)))


def _quantile(a: Array, y: Array, q: float) -> Array:
    r = y - a
    return np.maximum(q * r, (q - 1) * r).sum(axis=0)


def _quantile_grad(a: Array, y: Array, q: float) -> Array:
    dtype = a.dtype.type
    return np.where(a < y, dtype(-q), np.where(a > y, dtype(1 - q), a - y))


def _huber(a: Array, y: Array, t: float) -> Array:
    r = magnitude(a - y)
    inside = np.minimum(r, t)
    return (inside * (r - 0.5 * inside)).sum(axis=0)


def _huber_grad(a: Array, y: Array, t: float) -> Array:
    return np.clip(a - y, -t, t)


POSITIVE = ("exp", "softplus", "sigmoid", "softmax")
BINARY = Cost("cross_entropy", _binary, _binary_grad, "probability", ("sigmoid",))
CATEGORICAL = Cost("cross_entropy", _categorical, _categorical_grad, "probability", ("softmax",))

# The built-in costs by their formulas. FAMILIES are those with a number: "huber(2.5)" is the name of huber(2.5).
FORMULAS = {
    "quadratic": Cost("quadratic", _quadratic, _quadratic_grad),
    "binary": BINARY,
    "categorical": CATEGORICAL,
    "huber": huber(),
    "poisson": Cost("poisson", _poisson, _poisson_grad, "count", POSITIVE),
    "absolute": Cost("absolute", _absolute, _absolute_grad, kinks=(0.0,)),
    "quantile": quantile(),
}
FAMILIES: dict[str, Callable[[float], Cost]] = {"huber": huber, "quantile": quantile}
COSTS = {cost.name: cost for cost in FORMULAS.values() if cost is not CATEGORICAL}


def _categorical_of_z(z: Array, y: Array) -> Array:
    """C = Σ_j y_j (log Σ_k e^(z_k) - z_j): no logarithm of a vanishing a."""
    return (_times(y, log_sum_exp(z) - z)).sum(axis=0)


def _times(y: Array, v: Array) -> Array:
    """y v, and 0 if y = 0, even for an infinite v."""
    return np.multiply(y, v, out=np.zeros_like(v), where=y != 0)


def _binary_of_z(z: Array, y: Array) -> Array:
    """C = Σ_j (max(z_j, 0) - y_j z_j + log(1 + e^(-|z_j|)))."""
    return (np.maximum(z, 0) - y * z + log1p(np.exp(-magnitude(z)))).sum(axis=0)


def _quadratic_of_z(z: Array, y: Array) -> Array:
    """C = ½ ‖z - y‖², as a = z."""
    return _quadratic(z, y)


def _poisson_of_z(z: Array, y: Array) -> Array:
    """C = Σ_j (e^(z_j) - y_j + y_j (log y_j - z_j))."""
    with np.errstate(over="ignore"):
        return (np.exp(z) - y + _xlogy(y, y) - y * z).sum(axis=0)


# Pairs of (σ, C) for which BP1 cancels to δ^L = a^L - y, each with C as a stable function of z^L.
CANONICAL: dict[tuple[str, str], CostFunction] = {
    ("softmax", "cross_entropy"): _categorical_of_z,
    ("sigmoid", "cross_entropy"): _binary_of_z,
    ("identity", "quadratic"): _quadratic_of_z,
    ("exp", "poisson"): _poisson_of_z,
}
