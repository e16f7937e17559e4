"""Wrong backprops as classes with weights, forward and backward: rows or columns, W one way or the other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from kinds import planted
from their_maths import F, delta_L, grad_a, output


class Rows:
    """Examples are rows, W is (n_in, n_out); forward keeps what backward needs."""

    kind = None

    def __init__(self, sizes):
        self.weights = [np.zeros(pair) for pair in pairwise(sizes)]
        self.biases = [np.zeros(n) for n in sizes[1:]]

    def forward(self, X):
        self.A, self.Z = [X], []
        for i, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            self.Z.append(self.A[-1] @ W + b)
            last = i == len(self.weights) - 1
            self.A.append(output(self.kind, self.Z[-1], 1) if last else F[self.kind.activation][0](self.Z[-1]))
        return self.A[-1]

    def prime(self, i):
        return F[self.kind.activation][1](self.Z[i])

    def error(self, Y):
        return delta_L(self.kind, self.Z[-1], self.A[-1], Y, 1)


class Columns:
    """Examples are columns, W is the book's, b is (n, 1)."""

    kind = None

    def __init__(self, sizes):
        self.W = [np.zeros((n, k)) for k, n in pairwise(sizes)]
        self.b = [np.zeros((n, 1)) for n in sizes[1:]]

    def forward(self, X):
        self.a, self.z = {0: X}, {}
        for l in range(1, len(self.W) + 1):
            self.z[l] = self.W[l - 1] @ self.a[l - 1] + self.b[l - 1]
            last = l == len(self.W)
            self.a[l] = output(self.kind, self.z[l], 0) if last else F[self.kind.activation][0](self.z[l])
        return self.a[len(self.W)]

    def error(self, Y):
        L = len(self.W)
        return delta_L(self.kind, self.z[L], self.a[L], Y, 0)


class Params:
    """Examples are rows, W is the book's (as in z = X @ W.T + b), all in one dictionary."""

    kind = None

    def __init__(self, sizes):
        self.L = len(sizes) - 1
        self.params = {f"W{l}": np.zeros((n, k)) for l, (k, n) in enumerate(pairwise(sizes), 1)}
        self.params.update({f"b{l}": np.zeros(n) for l, n in enumerate(sizes[1:], 1)})

    def forward(self, X):
        self.cache = {"a0": X}
        a = X
        for l in range(1, self.L + 1):
            z = a @ self.params[f"W{l}"].T + self.params[f"b{l}"]
            a = output(self.kind, z, 1) if l == self.L else F[self.kind.activation][0](z)
            self.cache[f"z{l}"], self.cache[f"a{l}"] = z, a
        return a


@planted("BP1", "sigma_prime_forgotten", kinds="book deep counts robust one")
class OutputWithoutSigmaPrime(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = grad_a(self.kind.cost, self.A[-1], Y)
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta / m, delta.mean(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP2", "sigma_prime_forgotten", kinds="book deep yesno")
class HiddenWithoutSigmaPrime(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        self.dW, self.db = [None] * L, [None] * L
        delta = self.error(Y) / m
        for l in range(L, 0, -1):
            self.dW[l - 1] = delta @ self.a[l - 1].T
            self.db[l - 1] = delta.sum(axis=1, keepdims=True)
            delta = self.W[l - 1].T @ delta


@planted("BP1", "sigma_prime_of_a", kinds="book deep one")
class OutputPrimeOfTheActivation(Params):
    def backward(self, Y):
        m, c, grads = len(Y), self.cache, {}
        delta = (c[f"a{self.L}"] - Y) * F[self.kind.output][1](c[f"a{self.L}"]) / m
        for l in range(self.L, 0, -1):
            grads[f"dW{l}"], grads[f"db{l}"] = delta.T @ c[f"a{l - 1}"], delta.sum(axis=0)
            if l > 1:
                delta = (delta @ self.params[f"W{l}"]) * F[self.kind.activation][1](c[f"z{l - 1}"])
        return grads


@planted("BP2", "sigma_prime_of_a", kinds="book classes counts")
class HiddenPrimeOfTheActivation(Params):
    def backward(self, Y):
        m, c, self.grads = len(Y), self.cache, {}
        L = self.L
        delta = delta_L(self.kind, c[f"z{L}"], c[f"a{L}"], Y, 1) / m
        for l in range(L, 0, -1):
            self.grads[f"W{l}"], self.grads[f"b{l}"] = delta.T @ c[f"a{l - 1}"], delta.sum(axis=0)
            if l > 1:
                delta = (delta @ self.params[f"W{l}"]) * F[self.kind.activation][1](c[f"a{l - 1}"])


@planted("BP2", "transpose_missing", kinds="book square squares")
class NotTransposed(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        dW, db, delta = [], [], self.error(Y) / m
        for l in range(L, 0, -1):
            dW.insert(0, delta @ self.a[l - 1].T)
            db.insert(0, delta.sum(axis=1, keepdims=True))
            if l > 1:
                delta = (self.W[l - 1] @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP2", "transpose_missing", kinds="book classes")
class RowsOfTheBookWronglyTransposed(Params):
    def backward(self, Y):
        m, c, grads = len(Y), self.cache, {}
        L = self.L
        delta = delta_L(self.kind, c[f"z{L}"], c[f"a{L}"], Y, 1) / m
        for l in range(L, 0, -1):
            grads[f"dW{l}"], grads[f"db{l}"] = delta.T @ c[f"a{l - 1}"], delta.sum(axis=0)
            if l > 1:
                delta = (delta @ self.params[f"W{l}"].T) * F[self.kind.activation][1](c[f"z{l - 1}"])
        return grads


@planted("BP2", "updated_too_early", kinds="book deep classes")
class TrainsInBackward(Rows):
    def backward(self, X, Y, lr):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y)
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta / m, delta.mean(axis=0)
            self.weights[i] -= lr * dW[i]
            self.biases[i] -= lr * db[i]
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP4", "swapped", kinds="book classes squares")
class Swapped(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        dW, db, delta = [], [], self.error(Y) / m
        for l in range(L, 0, -1):
            dW.insert(0, self.a[l - 1] @ delta.T)
            db.insert(0, delta.sum(axis=1, keepdims=True))
            if l > 1:
                delta = (self.W[l - 1].T @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP1", "mean_forgotten", kinds="book classes", batch="mean")
class MeanForgotten(Rows):
    def backward(self, X, Y):
        n = len(self.weights)
        self.grad_weights, self.grad_biases = [None] * n, [None] * n
        delta = self.error(Y)
        for i in range(n - 1, -1, -1):
            self.grad_weights[i], self.grad_biases[i] = self.A[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)


@planted("BP1", "mean_twice", kinds="book deep")
class MeanTwice(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        dW, db, delta = [None] * L, [None] * L, self.error(Y) / m
        for l in range(L, 0, -1):
            dW[l - 1] = delta @ self.a[l - 1].T / m
            db[l - 1] = delta.sum(axis=1, keepdims=True) / m
            if l > 1:
                delta = (self.W[l - 1].T @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP4", "mean_forgotten", kinds="book yesno classes")
class WeightsNotAveraged(Rows):
    def backward(self, X, Y):
        n = len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y)
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta, delta.mean(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP3", "wrong_axis", kinds="book classes")
class BiasOverTheWrongAxis(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        dW, db, delta = [], [], self.error(Y) / m
        for l in range(L, 0, -1):
            dW.insert(0, delta @ self.a[l - 1].T)
            db.insert(0, delta.sum(axis=0, keepdims=True))
            if l > 1:
                delta = (self.W[l - 1].T @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP3", "wrong_axis", kinds="book deep")
class BiasSummedToOneNumber(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta, np.sum(delta)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP1", "factor", kinds="book line deep", cost_factor=1)
class FactorTwo(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = 2 * self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP1", "sign", kinds="book classes yesno")
class WrongWay(Params):
    def backward(self, Y):
        m, c, grads = len(Y), self.cache, {}
        L = self.L
        delta = -delta_L(self.kind, c[f"z{L}"], c[f"a{L}"], Y, 1) / m
        for l in range(L, 0, -1):
            grads[f"dW{l}"], grads[f"db{l}"] = delta.T @ c[f"a{l - 1}"], delta.sum(axis=0)
            if l > 1:
                delta = (delta @ self.params[f"W{l}"]) * F[self.kind.activation][1](c[f"z{l - 1}"])
        return grads


@planted("BP4", "sign", kinds="book classes")
class WeightsTheWrongWay(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = -self.A[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP1", "softmax_elementwise", kinds="classes soft single")
class SoftmaxElementwise(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        p = self.a[L]
        g = -Y / p if self.kind.cost == "cross_entropy" else p - Y
        dW, db, delta = [], [], g * p * (1 - p) / m
        for l in range(L, 0, -1):
            dW.insert(0, delta @ self.a[l - 1].T)
            db.insert(0, delta.sum(axis=1, keepdims=True))
            if l > 1:
                delta = (self.W[l - 1].T @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP4", "activations_of_the_wrong_layer", kinds="square squares book")
class OffByOne(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        dW, db, delta = [], [], self.error(Y) / m
        for l in range(L, 0, -1):
            dW.insert(0, delta @ self.a[l].T)
            db.insert(0, delta.sum(axis=1, keepdims=True))
            if l > 1:
                delta = (self.W[l - 1].T @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP2", "weights_of_the_wrong_layer", kinds="square squares")
class WeightsOffByOne(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i - 1].T) * self.prime(i - 1)
        return dW, db


@planted("BP1", "broadcast", kinds="yesno")
class TargetsFlattened(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = np.sum(self.A[-1] - Y.reshape(-1), axis=1, keepdims=True) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP4", "penalty", kinds="book classes", l2=0)
class PenaltyCountedIn(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta + 0.01 * self.weights[i], delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP4", "penalty_left_out", kinds="book classes", l2=0.01)
class PenaltyLeftOut(Columns):
    def backward(self, X, Y):
        m, L = X.shape[1], len(self.W)
        dW, db, delta = [], [], self.error(Y) / m
        for l in range(L, 0, -1):
            dW.insert(0, delta @ self.a[l - 1].T)
            db.insert(0, delta.sum(axis=1, keepdims=True))
            if l > 1:
                delta = (self.W[l - 1].T @ delta) * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


@planted("BP4", "stale_activations", layer=1, kinds="book deep")
class StaleHiddenActivations(Rows):
    """The inputs are kept from the first forward of all: each call sees those of the call before."""

    def forward(self, X):
        before = getattr(self, "inputs", X)
        out = super().forward(X)
        self.inputs, self.below = X, before if before.shape == X.shape else X
        return out

    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        dW, db = [None] * n, [None] * n
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = (self.below if i == 0 else self.A[i]).T @ delta, delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)
        return dW, db


@planted("BP3", "accumulated", kinds="book classes")
class GradientsNeverZeroed(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        if not hasattr(self, "dW"):
            self.dW, self.db = [0.0 * W for W in self.weights], [0.0 * b for b in self.biases]
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            self.dW[i] = self.dW[i] + self.A[i].T @ delta
            self.db[i] = self.db[i] + delta.sum(axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * self.prime(i - 1)


@planted("BP2", "sigma_prime_of_the_wrong_layer", kinds="book deep")
class PrimeAfterTheSum(Rows):
    def backward(self, X, Y):
        m, n = len(X), len(self.weights)
        primes = [self.prime(i) for i in range(n - 1)] + [F[self.kind.output][1](self.Z[-1])]
        dW, db = [None] * n, [None] * n
        delta = self.error(Y) / m
        for i in range(n - 1, -1, -1):
            dW[i], db[i] = self.A[i].T @ delta, delta.sum(axis=0)
            delta = (delta * primes[i]) @ self.weights[i].T
        return dW, db
