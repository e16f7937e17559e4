"""σ and σ' of every elementwise activation to 60 digits, by mpmath, and the distance from them in ulps."""

from __future__ import annotations

import mpmath
import numpy as np

from deltaprop.core.activations import SELU_ALPHA, SELU_LAMBDA

mp = mpmath.mp.clone()
mp.dps = 60
ZERO, ONE = mp.mpf(0), mp.mpf(1)
LAMBDA, ALPHA = mp.mpf(SELU_LAMBDA), mp.mpf(SELU_ALPHA)


def piecewise(up, down):
    return lambda z: up(z) if z > 0 else down(z)


def sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * sigmoid(-z)


def normal(z):
    return mp.erfc(-z / mp.sqrt(2)) / 2


def density(z):
    return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)


def softplus(z):
    return mp.log1p(mp.exp(-abs(z))) + max(z, ZERO)


def mish_parts(z):
    """tanh(log(1 + e^z)) and its derivative, both divided so that nothing cancels."""
    e = mp.exp(-abs(z))
    n, d = (e * (2 + e), 2 + e * (2 + e)) if z < 0 else (1 + 2 * e, 1 + 2 * e * (1 + e))
    return n / d, 4 * e * (1 + e) * (1 if z < 0 else e) / d**2


def mish_prime(z):
    t, slope = mish_parts(z)
    return t + z * slope


TRUTH = {
    "identity": (lambda z: z, lambda z: ONE),
    "sigmoid": (sigmoid, sigmoid_prime),
    "tanh": (mp.tanh, lambda z: 4 * sigmoid_prime(2 * z)),
    "relu": (piecewise(lambda z: z, lambda z: ZERO), piecewise(lambda z: ONE, lambda z: ZERO)),
    "leaky_relu": (piecewise(lambda z: z, lambda z: z / 100), piecewise(lambda z: ONE, lambda z: ONE / 100)),
    "elu": (piecewise(lambda z: z, mp.expm1), piecewise(lambda z: ONE, mp.exp)),
    "selu": (
        piecewise(lambda z: LAMBDA * z, lambda z: LAMBDA * ALPHA * mp.expm1(z)),
        piecewise(lambda z: LAMBDA, lambda z: LAMBDA * ALPHA * mp.exp(z)),
    ),
    "gelu": (lambda z: z * normal(z), lambda z: normal(z) + z * density(z)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "mish": (lambda z: z * mish_parts(z)[0], mish_prime),
    "softplus": (softplus, sigmoid),
    "exp": (mp.exp, mp.exp),
}
# Where σ' vanishes: there its parts cancel.
ZEROS = {"silu": -1.2784645427610738, "mish": -1.1924312145154952, "gelu": -0.7517915246935645}


def exact(name, z):
    """(σ, σ') of each z, as lists of mpmath numbers."""
    points = [mp.mpf(float(x)) for x in z]
    return tuple([function(x) for x in points] for function in TRUTH[name])


def ulps(got, want):
    """|got - want| of each pair in units in the last place of want, an ulp of a subnormal being the smallest number.

    Where want is beyond the largest number by half an ulp, Inf is right and has no error; any other Inf or NaN has Inf.
    """
    info = np.finfo(got.dtype)
    largest = mp.mpf(float(info.max)) + mp.ldexp(1, int(info.maxexp) - info.nmant - 2)

    def one(g, w):
        if abs(w) >= largest:
            return 0.0 if g == (np.inf if w > 0 else -np.inf) else np.inf
        if not np.isfinite(g):
            return np.inf
        exponent = int(mp.frexp(w)[1]) - 1 if w else int(info.minexp)
        return float(abs(mp.mpf(g) - w) * mp.ldexp(1, info.nmant - max(exponent, int(info.minexp))))

    return np.array([one(float(g), w) for g, w in zip(got, want, strict=True)])


def special_points(dtype, per_binade=8):
    """Points of every binade, about the zeros of σ', at the borders of the range reduction and at the ends."""
    info, rng = np.finfo(dtype), np.random.default_rng(0)
    exponents = np.r_[int(info.minexp) - info.nmant : -70 : 13, -70:13]
    sizes = np.ldexp(1 + rng.random((per_binade, len(exponents))), exponents).ravel()
    near = [
        zero + sign * np.ldexp(1.0 + rng.random(), -k)
        for zero in ZEROS.values()
        for k in range(1, info.nmant + 2)
        for sign in (-1, 1)
    ]
    borders = np.arange(1, 2200 if dtype == np.float64 else 300, 3) * (np.log(2) / 2)
    ends = rng.uniform(*((-746, -690) if dtype == np.float64 else (-105, -84)), 60 * per_binade)
    spans = ((-39, -36), (-36, -20), (-20, -12)) if dtype == np.float64 else ((-14.5, -12), (-12, -8), (-8, -4))
    tails = np.concatenate([rng.uniform(low, high, 60 * per_binade) for low, high in spans])
    middle = rng.uniform(-12, 12, 60 * per_binade)
    around = (borders[:, None] * (1 + info.eps * np.array([-1, 0, 1]))).ravel()
    points = np.r_[
        sizes,
        -sizes,
        near,
        around,
        -around,
        ends,
        tails,
        middle,
        -ends,
        2.0 ** np.arange(-8, 8),
        -(2.0 ** np.arange(-8, 8)),
    ]
    return np.unique(points.astype(dtype))
