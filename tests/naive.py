"""The oracle from outside: forward, BP1-BP4 and the update rules, number by number, one example at a time.

Nothing here comes from src: plain Python floats (float64), lists and loops; σ, σ', C and ∇C written again from their
definitions. Softmax takes its full Jacobian, and no cancelled form of BP1 is used unless ∇_a C would divide by 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from math import erf, exp, log1p, pi, sqrt, tanh


def sigmoid(z):
    return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))


def normal_cdf(z):
    return 0.5 * (1 + erf(z / sqrt(2)))


def normal_pdf(z):
    return exp(-z * z / 2) / sqrt(2 * pi)


def softplus(z):
    return max(z, 0.0) + log1p(exp(-abs(z)))


def mish_prime(z):
    t = tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805
SIGMA = {
    "identity": (lambda z: z, lambda z: 1.0),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (tanh, lambda z: 1 - tanh(z) ** 2),
    "relu": (lambda z: max(z, 0.0), lambda z: 1.0 if z > 0 else 0.0),
    "leaky_relu": (lambda z: z if z > 0 else 0.01 * z, lambda z: 1.0 if z > 0 else 0.01),
    "elu": (lambda z: z if z > 0 else exp(z) - 1, lambda z: 1.0 if z > 0 else exp(z)),
    "selu": (
        lambda z: LAMBDA * (z if z > 0 else ALPHA * (exp(z) - 1)),
        lambda z: LAMBDA * (1.0 if z > 0 else ALPHA * exp(z)),
    ),
    "gelu": (lambda z: z * normal_cdf(z), lambda z: normal_cdf(z) + z * normal_pdf(z)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z))),
    "mish": (lambda z: z * tanh(softplus(z)), mish_prime),
    "softplus": (softplus, sigmoid),
    "exp": (exp, exp),
}


def sign(r):
    return 1.0 if r > 0 else -1.0 if r < 0 else 0.0


def ylog(y, a):
    return y * math.log(a) if y else 0.0


def huber(a, y):
    r = abs(a - y)
    return r * r / 2 if r <= 1 else r - 0.5


# (C of one unit, ∂C/∂a of that unit); every cost of the library is a sum over the units.
COST = {
    "quadratic": (lambda a, y: (a - y) ** 2 / 2, lambda a, y: a - y),
    "binary": (lambda a, y: -ylog(y, a) - ylog(1 - y, 1 - a), lambda a, y: (a - y) / (a * (1 - a))),
    "categorical": (lambda a, y: -ylog(y, a), lambda a, y: -y / a),
    "huber": (huber, lambda a, y: max(-1.0, min(1.0, a - y))),
    "poisson": (lambda a, y: a - y + ylog(y, y) - ylog(y, a), lambda a, y: 1 - y / a),
    "quantile": (lambda a, y: abs(a - y) / 2, lambda a, y: sign(a - y) / 2),
    "quantile(0.9)": (
        lambda a, y: max(0.9 * (y - a), -0.1 * (y - a)),
        lambda a, y: -0.9 if a < y else 0.1 if a > y else 0.0,
    ),
    "absolute": (lambda a, y: abs(a - y), lambda a, y: sign(a - y)),
}


@dataclass
class NaiveLayer:
    """W^l as rows, b^l, and the name of σ^l."""

    W: list[list[float]]
    b: list[float]
    sigma: str


@dataclass
class NaivePass:
    """What one batch gives: C, a^L and ∂C/∂x of every example, and the summed dW, db of every layer."""

    cost: float = 0.0
    outputs: list = field(default_factory=list)
    dx: list = field(default_factory=list)
    dW: list = field(default_factory=list)
    db: list = field(default_factory=list)


def cost_name(cost, output):
    if cost == "cross_entropy":
        return "categorical" if output == "softmax" else "binary"
    return cost


def softmax(z):
    top = max(z)
    e = [exp(v - top) for v in z]
    return [v / sum(e) for v in e]


def activate(layer, z):
    return softmax(z) if layer.sigma == "softmax" else [SIGMA[layer.sigma][0](v) for v in z]


def forward_one(layers, x, masks):
    """(z^1..z^L, a^0..a^L) of one example; masks[l] are the factors of a^l."""
    zs, activations = [], [x]
    for l, layer in enumerate(layers, 1):
        a = activations[-1]
        z = [sum(w * v for w, v in zip(row, a, strict=True)) + b for row, b in zip(layer.W, layer.b, strict=True)]
        out = activate(layer, z)
        if l in masks:
            out = [v * k for v, k in zip(out, masks[l], strict=True)]
        zs.append(z)
        activations.append(out)
    return zs, activations


def output_delta(layer, z, a, grad):
    """BP1: δ_j = Σ_k ∂a_k/∂z_j ∂C/∂a_k."""
    n = len(z)
    if layer.sigma == "softmax":
        return [sum(a[k] * ((k == j) - a[j]) * grad[k] for k in range(n)) for j in range(n)]
    return [grad[j] * SIGMA[layer.sigma][1](z[j]) for j in range(n)]


def backward_one(layers, zs, activations, delta, masks, found):
    """BP2, BP3 and BP4 of one example, added into `found`; returns ∂C/∂x."""
    for l in range(len(layers), 0, -1):
        layer, before = layers[l - 1], activations[l - 1]
        for j, d in enumerate(delta):
            found.db[l - 1][j] += d
            for k, v in enumerate(before):
                found.dW[l - 1][j][k] += d * v
        back = [sum(layer.W[j][k] * delta[j] for j in range(len(delta))) for k in range(len(before))]
        if l == 1:
            return back
        prime = SIGMA[layers[l - 2].sigma][1]
        keep = masks.get(l - 1, [1.0] * len(back))
        delta = [v * prime(z) * k for v, z, k in zip(back, zs[l - 2], keep, strict=True)]
    raise ValueError("a network has a layer")


def backprop(layers, X, Y, cost, weight=None, masks=None):
    """One batch; `masks[l][i]` are the factors of a^l for example i."""
    C, grad_C = COST[cost_name(cost, layers[-1].sigma)]
    weight = [1.0] * len(X) if weight is None else weight
    total = sum(weight)
    found = NaivePass(dW=[[[0.0] * len(r) for r in p.W] for p in layers], db=[[0.0] * len(p.b) for p in layers])
    for i, (x, y) in enumerate(zip(X, Y, strict=True)):
        own = {l: rows[i] for l, rows in (masks or {}).items()}
        zs, activations = forward_one(layers, x, own)
        a, share = activations[-1], weight[i] / total
        found.outputs.append(a)
        found.cost += share * sum(C(v, t) for v, t in zip(a, y, strict=True))
        grad = [share * grad_C(v, t) for v, t in zip(a, y, strict=True)]
        delta = output_delta(layers[-1], zs[-1], a, grad)
        found.dx.append(backward_one(layers, zs, activations, delta, own, found))
    return found


# Philox-4x64-10: J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
WORD = (1 << 64) - 1


def philox(counter, key):
    """Ten rounds: four 64-bit words from four words of counter and two of key."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & WORD, (p0 >> 64) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return c0, c1, c2, c3


def dropout_rows(p, n, m, seed, step, layer):
    """m rows of n factors, 0 or 1 / (1 - p), from the words that the dropout module documents."""
    halves: list[int] = []
    block = 1
    while len(halves) < n * m:
        for word in philox((block, step, layer, 0), (seed, 0x64726F70)):
            halves += [word & 0xFFFFFFFF, word >> 32]
        block += 1
    factors = [1 / (1 - p) if number >= round(p * 2**32) else 0.0 for number in halves]
    return [factors[i * n : (i + 1) * n] for i in range(m)]


@dataclass
class NaiveRule:
    """An update rule's name and numbers."""

    name: str
    numbers: dict[str, float] = field(default_factory=dict)

    def step(self, w, g, slots, rate, t):
        """One number w with gradient g and its own slots, at step t = 1, 2, ...; returns the new w."""
        return getattr(self, self.name)(w, g, slots, rate, t)

    def sgd(self, w, g, slots, rate, t):
        return w - rate * g

    def momentum(self, w, g, slots, rate, t):
        slots[0] = self.numbers["momentum"] * slots[0] - rate * g
        return w + slots[0]

    def nesterov(self, w, g, slots, rate, t):
        slots[0] = self.numbers["momentum"] * slots[0] - rate * g
        return w + self.numbers["momentum"] * slots[0] - rate * g

    def rmsprop(self, w, g, slots, rate, t):
        slots[0] = 0.9 * slots[0] + 0.1 * g * g
        return w - rate * g / (sqrt(slots[0]) + 1e-8)

    def adam(self, w, g, slots, rate, t):
        slots[0] = 0.9 * slots[0] + 0.1 * g
        slots[1] = 0.999 * slots[1] + 0.001 * g * g
        rate_t = rate * sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return w - rate_t * slots[0] / (sqrt(slots[1]) + 1e-8)

    adamw = adam
