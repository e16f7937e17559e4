"""Files that a user might bring to `check-code`: right, wrong, and bad in every way."""

RIGHT = """
import numpy as np


class Network:
    def __init__(self, sizes):
        self.weights = [np.zeros((n, k)) for k, n in zip(sizes, sizes[1:])]
        self.biases = [np.zeros((n, 1)) for n in sizes[1:]]

    def backprop(self, x, y):
        a = [x]
        for W, b in zip(self.weights, self.biases):
            a.append(1 / (1 + np.exp(-(W @ a[-1] + b))))
        nabla_b, nabla_w = [None] * len(self.weights), [None] * len(self.weights)
        delta = (a[-1] - y) * a[-1] * (1 - a[-1])
        for l in reversed(range(len(self.weights))):
            nabla_b[l], nabla_w[l] = delta, delta @ a[l].T
            delta = self.back(l, delta) * a[l] * (1 - a[l])
        return nabla_b, nabla_w

    def back(self, l, delta):
        return self.weights[l].T @ delta


class NotTransposed(Network):
    def back(self, l, delta):
        return self.weights[l] @ delta


class Doubled(Network):
    def backprop(self, x, y):
        nabla_b, nabla_w = super().backprop(x, y)
        return [2 * b for b in nabla_b], [2 * w for w in nabla_w]


class Talks(Network):
    def backprop(self, x, y):
        print("here", x.shape)
        return super().backprop(x, y)
"""

BAD = """
import os
import sys

import numpy as np

value = 3


def helper(x):
    raise KeyError("no such layer")


def raises(x, y, weights, biases):
    return helper(x)


def loops(x, y, weights, biases):
    while True:
        pass


def floods(x, y, weights, biases):
    while True:
        print("x" * 1000)


def exits(x, y, weights, biases):
    sys.exit(3)


def leaves(x, y, weights, biases):
    os._exit(4)


def greedy(x, y, weights, biases):
    return np.ones((10**6, 10**6))


def reads(x, y, weights, biases):
    return input()


def none(x, y, weights, biases):
    pass


def number(x, y, weights, biases):
    return 1.0


def lists(x, y, weights, biases):
    return [b.tolist() for b in biases], [w.tolist() for w in weights]


def one_none(x, y, weights, biases):
    return [biases[0], None], weights


def text(x, y, weights, biases):
    return ["a", "b"], weights


def too_few(x, y, weights, biases):
    return biases[:1], weights[:1]


def nan(x, y, weights, biases):
    return [b * np.nan for b in biases], [w * np.nan for w in weights]


def shapes(x, y, weights, biases):
    return [b.T for b in biases], [w.T for w in weights]


def mutates(x, y, weights, biases):
    x += 1
    weights[0] *= 2
    return [b * 0 for b in biases], [w * 0 for w in weights]


def two(x, y):
    return None


def nothing():
    return None


class NoBackprop:
    def __init__(self, sizes):
        self.weights, self.biases = [], []


class WantsMore:
    def __init__(self, sizes, rate):
        pass

    def backprop(self, x, y):
        pass


class NoWeights:
    def __init__(self, sizes):
        self.theta = None

    def backprop(self, x, y):
        pass
"""
