"""The activations σ, each with σ', stable for every finite z.

An elementwise σ is a pair (σ, σ'), both functions of z. Training asks for both at once, so a pair that shares
work between them (one exponential for σ and σ') supplies `both`. Softmax is not a pair: its Jacobian is
not diagonal. It is marked by `elementwise=False`, and BP1 takes its general form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.core.elementary import in_float64, log1p, magnitude
from deltaprop.errors import ShapeError, sentence

Function = Callable[[Array], Array]
Pair = tuple[Array, Array]

SELU_ALPHA = 1.6732632423543772848  # Klambauer et al. 2017, arXiv 1706.02515, section 2
SELU_LAMBDA = 1.0507009873554804934
LEAKY_SLOPE = 0.01
FLAT = -800.0  # below this e^z is 0 in float64; products z e^z are cut here so that z = -inf gives 0, not NaN


@dataclass(frozen=True)
class Activation:
    """An activation: σ and σ' as functions of z, elementwise on arrays of any shape.

    `kinks` lists the z at which σ' jumps (0 for ReLU), for the gradient check; `init` is the scheme that suits the
    weights below it (core.initialization). Give your own pair as `Activation("cube", lambda z: z**3, lambda z: 3 *
    z**2)`; both functions must return arrays of z's shape.
    """

    name: str
    sigma: Function
    sigma_prime: Function
    kinks: tuple[float, ...] = ()
    elementwise: bool = True
    fused: Callable[[Array], Pair] | None = None
    init: str = "glorot"

    def both(self, z: Array) -> Pair:
        """(σ(z), σ'(z)), sharing work if the pair allows it."""
        if self.fused:
            return self.fused(z)
        a, dsigma = self.sigma(z), self.sigma_prime(z)
        if np.shape(a) != z.shape or np.shape(dsigma) != z.shape:  # else NumPy would broadcast a wrong shape
            got = f"shapes {np.shape(a)} and {np.shape(dsigma)} from {self.name!r}"
            raise ShapeError(sentence("activation", f"a pair that keeps the shape of z, here {z.shape}", got))
        return a, dsigma

    def with_slope(self, z: Array) -> tuple[Array, Array | None]:
        """(σ(z), σ'(z)), or (σ(z), None) for softmax, whose derivative is a Jacobian."""
        return self.both(z) if self.elementwise else (self.sigma(z), None)


def _identity(z: Array) -> Array:
    """σ(z) = z."""
    return z.copy()


def _identity_prime(z: Array) -> Array:
    """σ'(z) = 1."""
    return np.ones_like(z)


def _sigmoid_both(z: Array) -> Pair:
    """σ(z) = 1 / (1 + e^(-z)), σ'(z) = σ(z) σ(-z) = e / (1 + e)² with e = e^(-|z|) <= 1: no overflow."""
    e = np.abs(z)
    np.exp(np.negative(e, out=e), out=e)  # in place: fresh arrays for each step take five times as long
    r = 1 + e
    np.divide(1, r, out=r)
    a = (z >= 0).astype(z.dtype)
    np.maximum(a, e, out=a)  # 1 if z >= 0, else e
    a *= r
    e *= r
    e *= r
    return a, e


def _sigmoid(z: Array) -> Array:
    if np.iscomplexobj(z):
        e = np.exp(-magnitude(z))
        return np.where(z >= 0, 1, e) / (1 + e)
    return _sigmoid_both(z)[0]


def _sigmoid_prime(z: Array) -> Array:
    return _sigmoid_both(z)[1]


def _tanh_prime(z: Array) -> Array:
    """σ'(z) = 1 / cosh²(z) = 4e / (1 + e)² with e = e^(-2|z|): relatively accurate also for large |z|."""
    e = np.exp(-2 * np.abs(z))
    return 4 * e / ((1 + e) * (1 + e))


def _relu(z: Array) -> Array:
    """σ(z) = max(z, 0)."""
    return np.maximum(z, 0)


def _relu_prime(z: Array) -> Array:
    """σ'(z) = 1 if z > 0, else 0 (the value at 0 is a convention)."""
    return (z > 0).astype(z.dtype)


def _leaky_relu(z: Array) -> Array:
    """σ(z) = z if z > 0, else z / 100."""
    return np.where(z > 0, z, LEAKY_SLOPE * z)


def _leaky_relu_prime(z: Array) -> Array:
    """σ'(z) = 1 if z > 0, else 1 / 100."""
    return np.where(z > 0, z.dtype.type(1), z.dtype.type(LEAKY_SLOPE))


@in_float64
def _elu(z: Array) -> Array:
    """σ(z) = z if z > 0, else e^z - 1."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


@in_float64
def _elu_prime(z: Array) -> Array:
    """σ'(z) = 1 if z > 0, else e^z."""
    return np.exp(np.minimum(z, 0))


@in_float64
def _selu(z: Array) -> Array:
    """σ(z) = λ z if z > 0, else λ α (e^z - 1)."""
    return SELU_LAMBDA * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


@in_float64
def _selu_prime(z: Array) -> Array:
    """σ'(z) = λ if z > 0, else λ α e^z."""
    return SELU_LAMBDA * np.where(z > 0, z.dtype.type(1), SELU_ALPHA * np.exp(np.minimum(z, 0)))


def _gelu_both(z: Array) -> Pair:
    """σ(z) = z Φ(z), σ'(z) = Φ(z) + z φ(z), Φ and φ the standard normal's. Hendrycks & Gimpel 2016, exact form.

    By the Mills ratio M = Φ(-|z|) / φ(z) = √(π/2) erfcx(|z| / √2) and an exact z², the left tail keeps its digits.
    """
    from scipy.special import erfcx

    wide = z.astype(np.float64) if z.dtype == np.float32 else z
    near = np.clip(wide, -64, 64)  # φ(64) is 0 in float64, and z² must not overflow
    high = near.astype(np.float32).astype(near.dtype) if near.dtype == np.float64 else near  # its square is exact
    pdf = np.exp(-0.5 * high * high) * np.exp(-0.5 * (near - high) * (near + high)) / np.sqrt(2 * np.pi)
    mills = np.sqrt(np.pi / 2) * erfcx(magnitude(near) / np.sqrt(2))
    a = np.maximum(wide, -64) * np.where(z < 0, pdf * mills, 1 - pdf * mills)
    dsigma = np.where(z < 0, pdf * (near + mills), 1 + pdf * (near - mills))
    return a.astype(z.dtype), dsigma.astype(z.dtype)


def _gelu(z: Array) -> Array:
    return _gelu_both(z)[0]


def _gelu_prime(z: Array) -> Array:
    return _gelu_both(z)[1]


def _silu_both(z: Array) -> Pair:
    """σ(z) = z s(z), σ'(z) = s(z) (1 + z s(-z)), s the sigmoid; for z < 0 as s(z) s(-z) (1 + z + e^z), less cancels."""
    e = np.exp(-magnitude(z))
    r = 1 / (1 + e)
    er = e * r
    s, s_minus = np.where(z >= 0, r, er), np.where(z >= 0, er, r)
    a = np.maximum(z, FLAT) * s
    near = np.clip(z, FLAT, -FLAT)
    return a, np.where(z >= 0, s + np.minimum(a, -FLAT) * s_minus, s * s_minus * (1 + near + e))


def _silu(z: Array) -> Array:
    return np.maximum(z, FLAT) * _sigmoid(z)


def _silu_prime(z: Array) -> Array:
    return _silu_both(z)[1]


def _mish_parts(z: Array) -> tuple[Array, Array, Array]:
    """tanh(log(1 + e^z)) = n / d, and e = e^(-|z|): both sides of 0 divided so that nothing overflows."""
    e = np.exp(-magnitude(z))
    up = z >= 0
    n = np.where(up, 1 + 2 * e, e * (e + 2))
    d = n + np.where(up, 2 * e * e, 2)
    return n, d, e


def _mish_both(z: Array) -> Pair:
    """σ(z) = z t, t = tanh(log(1 + e^z)); σ'(z) = t + z (1 - t²) s(z), s the sigmoid, over one denominator. Misra 2019.

    With u = e^z: σ' = u (4 (z + 1) + u (4 z + 6 + u (4 + u))) / (2 + 2 u + u²)², which cancels least at its zero.
    """
    n, d, e = _mish_parts(z)
    near = np.clip(z, FLAT, -FLAT)
    first, second = 4 * (near + 1), 4 * near + 6
    up = 1 + e * (4 + e * (second + e * first))
    down = e * (first + e * (second + e * (4 + e)))
    return np.maximum(z, FLAT) * (n / d), np.where(z >= 0, up, down) / (d * d)


def _mish(z: Array) -> Array:
    n, d, _ = _mish_parts(z)
    return np.maximum(z, FLAT) * (n / d)


def _mish_prime(z: Array) -> Array:
    return _mish_both(z)[1]


@in_float64
def _softplus(z: Array) -> Array:
    """σ(z) = log(1 + e^z) = max(z, 0) + log(1 + e^(-|z|)); σ' is the sigmoid."""
    return np.maximum(z, 0) + log1p(np.exp(-magnitude(z)))


@in_float64
def _softplus_prime(z: Array) -> Array:
    """σ'(z) = 1 / (1 + e^(-z)), the sigmoid."""
    return _sigmoid(z)


@in_float64
def _exp(z: Array) -> Array:
    """σ(z) = σ'(z) = e^z, the inverse of the log link: for Poisson outputs. Overflows to Inf."""
    with np.errstate(over="ignore"):
        return np.exp(z)


def log_sum_exp(z: Array) -> Array:
    """log Σ_k e^(z_k) over the units of each column, without overflow; (n, m) gives (m,)."""
    top = z.max(axis=0)
    return top + np.log(np.exp(z - top).sum(axis=0))


def _softmax(z: Array) -> Array:
    """a_k = e^(z_k) / Σ_j e^(z_j) over the units of each column."""
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def softmax_jacobian(a: Array) -> Array:
    """J[k, j] = ∂a_k/∂z_j = a_k ([k = j] - a_j); a (n, m) gives (n, n, m)."""
    jacobian = -a[:, None, :] * a[None, :, :]
    units = np.arange(a.shape[0])
    jacobian[units, units] += a
    return jacobian


def _no_elementwise_prime(z: Array) -> Array:
    raise AssertionError("softmax has a Jacobian, not an elementwise derivative")


SOFTMAX = Activation("softmax", _softmax, _no_elementwise_prime, elementwise=False)

ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("identity", _identity, _identity_prime),
        Activation("sigmoid", _sigmoid, _sigmoid_prime, fused=_sigmoid_both),
        Activation("tanh", np.tanh, _tanh_prime),
        Activation("relu", _relu, _relu_prime, kinks=(0.0,), init="he"),
        Activation("leaky_relu", _leaky_relu, _leaky_relu_prime, kinks=(0.0,), init="he"),
        Activation("elu", _elu, _elu_prime, init="he"),
        Activation("selu", _selu, _selu_prime, kinks=(0.0,), init="lecun"),
        Activation("gelu", _gelu, _gelu_prime, fused=_gelu_both, init="he"),
        Activation("silu", _silu, _silu_prime, fused=_silu_both, init="he"),
        Activation("mish", _mish, _mish_prime, fused=_mish_both, init="he"),
        Activation("softplus", _softplus, _softplus_prime, init="he"),
        Activation("exp", _exp, _exp),
    )
}
OUTPUTS = {**ACTIVATIONS, SOFTMAX.name: SOFTMAX}
