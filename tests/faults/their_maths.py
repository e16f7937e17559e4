"""The mathematics of the planted codes, written as people write it, and independently of deltaprop.

`along` is the axis of the units: 0 where examples are columns, 1 where they are rows.
"""

from __future__ import annotations

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def tanh_prime(z):
    return 1 - np.tanh(z) ** 2


def relu(z):
    return np.maximum(0, z)


def relu_prime(z):
    return (z > 0) * 1.0


def leaky(z):
    return np.where(z > 0, z, 0.01 * z)


def leaky_prime(z):
    return np.where(z > 0, 1.0, 0.01)


def softplus(z):
    return np.log1p(np.exp(z))


def silu(z):
    return z * sigmoid(z)


def silu_prime(z):
    s = sigmoid(z)
    return s + z * s * (1 - s)


def softmax(z, along):
    e = np.exp(z - z.max(axis=along, keepdims=True))
    return e / e.sum(axis=along, keepdims=True)


F = {
    "sigmoid": (sigmoid, sigmoid_prime),
    "tanh": (np.tanh, tanh_prime),
    "relu": (relu, relu_prime),
    "leaky_relu": (leaky, leaky_prime),
    "softplus": (softplus, sigmoid),
    "silu": (silu, silu_prime),
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
}


def prime_by_a(name, a):
    """σ' by a = σ(z) of the sigmoid or tanh."""
    return a * (1 - a) if name == "sigmoid" else 1 - a * a


def grad_a(cost, a, y):
    """∇_a C of the costs that are not paired with their own output."""
    if cost == "quadratic":
        return a - y
    if cost == "poisson":
        return 1 - y / a
    if cost == "huber":
        return np.clip(a - y, -1, 1)
    if cost == "absolute":
        return np.sign(a - y)
    raise ValueError(cost)


def output(kind, z, along):
    return softmax(z, along) if kind.output == "softmax" else F[kind.output][0](z)


def delta_L(kind, z, a, y, along):
    """BP1, right."""
    if kind.cost == "cross_entropy":
        return a - y
    g = grad_a(kind.cost, a, y)
    if kind.output == "softmax":
        return a * (g - (a * g).sum(axis=along, keepdims=True))
    return g * F[kind.output][1](z)


def cost(kind, a, y, along):
    """C of every example."""
    if kind.cost == "quadratic":
        return 0.5 * ((a - y) ** 2).sum(axis=along)
    if kind.cost == "poisson":
        return (a - y * np.log(a)).sum(axis=along)
    if kind.cost == "huber":
        r = abs(a - y)
        return np.where(r <= 1, r * r / 2, r - 0.5).sum(axis=along)
    if kind.cost == "absolute":
        return abs(a - y).sum(axis=along)
    if kind.output == "softmax":
        return -(y * np.log(a)).sum(axis=along)
    return -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(axis=along)
