"""Right backprops of many hands: three styles, five layouts, loops and products, sums and means: none is accused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from their_maths import F, cost, delta_L, output


class Book:
    """Nielsen's, with his indices from the end."""

    kind = None

    def __init__(self, sizes):
        self.sizes, self.num_layers = sizes, len(sizes)
        self.biases = [np.zeros((n, 1)) for n in sizes[1:]]
        self.weights = [np.zeros((n, k)) for k, n in pairwise(sizes)]

    def feedforward(self, x):
        activation, activations, zs = x, [x], []
        for b, w in zip(self.biases, self.weights, strict=True):
            z = np.dot(w, activation) + b
            zs.append(z)
            last = len(zs) == len(self.weights)
            activation = output(self.kind, z, 0) if last else F[self.kind.activation][0](z)
            activations.append(activation)
        return zs, activations

    def zeros(self):
        return [np.zeros(b.shape) for b in self.biases], [np.zeros(w.shape) for w in self.weights]

    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * F[self.kind.activation][1](zs[-l])
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return nabla_b, nabla_w


class InOneLoop(Book):
    """The output layer in the same loop as the others."""

    def backprop(self, x, y):
        nabla_b, nabla_w = self.zeros()
        zs, activations = self.feedforward(x)
        delta = delta_L(self.kind, zs[-1], activations[-1], y, 0)
        for l in range(1, self.num_layers):
            if l > 1:
                delta = np.dot(self.weights[1 - l].T, delta) * F[self.kind.activation][1](zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w


class WeightDecay(Book):
    """λ W in every gradient of the weights."""

    def backprop(self, x, y):
        nabla_b, nabla_w = super().backprop(x, y)
        return nabla_b, [gradient + 0.05 * W for gradient, W in zip(nabla_w, self.weights, strict=True)]


class ElementByElement(Book):
    """The four equations with a loop for every index, and the weights' gradients first."""

    def backprop(self, x, y):
        a, z = [x[:, 0]], [None]
        for l, (W, b) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            z.append(np.array([sum(W[j, k] * a[-1][k] for k in range(W.shape[1])) + b[j, 0] for j in range(len(b))]))
            f = F[self.kind.activation][0]
            a.append(output(self.kind, z[l], 0) if l == len(self.weights) else f(z[l]))
        delta = delta_L(self.kind, z[-1], a[-1], y[:, 0], 0)
        dW, db = [], []
        for l in range(len(self.weights), 0, -1):
            db.insert(0, np.array([[d] for d in delta]))
            dW.insert(0, np.array([[d * k for k in a[l - 1]] for d in delta]))
            if l > 1:
                W = self.weights[l - 1]
                back = np.array([sum(W[j, k] * delta[j] for j in range(len(delta))) for k in range(W.shape[1])])
                delta = back * F[self.kind.activation][1](z[l - 1])
        return dW, db


class KeepsItsDeltas(Book):
    """Shows its own δ, as a list."""

    def backprop(self, x, y):
        grads = super().backprop(x, y)
        self.deltas = [b.copy() for b in grads[0]]
        return grads


class Rows:
    """forward and backward, rows, W (n_in, n_out), mean over the batch, gradients in attributes."""

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

    def backward(self, X, Y):
        n = len(self.weights)
        self.grad_weights, self.grad_biases = [None] * n, [None] * n
        delta = delta_L(self.kind, self.Z[-1], self.A[-1], Y, 1) / len(X)
        for i in reversed(range(n)):
            self.grad_weights[i], self.grad_biases[i] = self.A[i].T @ delta, delta.sum(axis=0)
            if i:
                delta = delta @ self.weights[i].T * F[self.kind.activation][1](self.Z[i - 1])


class MeanAtTheEnd(Rows):
    """Divides by m only in the gradients, keeps (1, n) biases' gradients, and takes the output as an argument."""

    def backward(self, X, y, output):
        m, n = len(X), len(self.weights)
        delta = delta_L(self.kind, self.Z[-1], output, y, 1)
        dW, db = [None] * n, [None] * n
        for i in range(n - 1, -1, -1):
            dW[i] = np.einsum("mi,mo->io", self.A[i], delta) / m
            db[i] = delta.mean(axis=0, keepdims=True)
            delta = np.einsum("mo,io->mi", delta, self.weights[i])
            if i:
                delta *= F[self.kind.activation][1](self.Z[i - 1])
        return dW, db


class Torchlike:
    """Rows, W as in the book, everything in a dictionary; backward(Y) returns the gradients."""

    kind = None

    def __init__(self, sizes):
        self.L = len(sizes) - 1
        self.params = {f"W{l}": np.zeros((n, k)) for l, (k, n) in enumerate(pairwise(sizes), 1)}
        self.params.update({f"b{l}": np.zeros(n) for l, n in enumerate(sizes[1:], 1)})

    def forward(self, X):
        self.a, self.z = [X], [None]
        for l in range(1, self.L + 1):
            self.z.append(self.a[-1] @ self.params[f"W{l}"].T + self.params[f"b{l}"])
            f = F[self.kind.activation][0]
            self.a.append(output(self.kind, self.z[l], 1) if l == self.L else f(self.z[l]))
        return self.a[-1]

    def backward(self, Y):
        grads = {}
        delta = delta_L(self.kind, self.z[-1], self.a[-1], Y, 1) / len(Y)
        for l in range(self.L, 0, -1):
            grads[f"dW{l}"] = delta.T @ self.a[l - 1]
            grads[f"db{l}"] = delta.sum(axis=0)
            if l > 1:
                delta = delta @ self.params[f"W{l}"] * F[self.kind.activation][1](self.z[l - 1])
        return grads


class KeepsItsGrads(Torchlike):
    """In an attribute, under the names of the parameters."""

    def backward(self, Y):
        self.grads = {name.removeprefix("d"): gradient for name, gradient in super().backward(Y).items()}


class ColumnsOfABatch:
    """All examples as columns at once, attributes W and b."""

    kind = None

    def __init__(self, sizes):
        self.W = [np.zeros((n, k)) for k, n in pairwise(sizes)]
        self.b = [np.zeros((n, 1)) for n in sizes[1:]]

    def forward(self, X):
        self.a, self.z = [X], []
        for W, b in zip(self.W, self.b, strict=True):
            self.z.append(W @ self.a[-1] + b)
            last = len(self.z) == len(self.W)
            self.a.append(output(self.kind, self.z[-1], 0) if last else F[self.kind.activation][0](self.z[-1]))
        return self.a[-1]

    def backward(self, X, Y):
        m, dW, db = X.shape[1], [], []
        delta = delta_L(self.kind, self.z[-1], self.a[-1], Y, 0) / m
        for l in range(len(self.W) - 1, -1, -1):
            dW.insert(0, delta @ self.a[l].T)
            db.insert(0, delta.sum(axis=1, keepdims=True))
            if l:
                delta = self.W[l].T @ delta * F[self.kind.activation][1](self.z[l - 1])
        return dW, db


class KeepsItsLists(ColumnsOfABatch):
    """In attributes."""

    def backward(self, X, Y):
        self.dW, self.db = super().backward(X, Y)


class DecayedColumns(ColumnsOfABatch):
    """λ W in every gradient of the weights."""

    def backward(self, X, Y):
        dW, db = super().backward(X, Y)
        return [gradient + 0.01 * W for gradient, W in zip(dW, self.W, strict=True)], db


def _forward(kind, Ws, bs, X):
    A, Zs = [X], []
    for i, (W, b) in enumerate(zip(Ws, bs, strict=True)):
        Zs.append(A[-1] @ W + b)
        A.append(output(kind, Zs[-1], 1) if i == len(Ws) - 1 else F[kind.activation][0](Zs[-1]))
    return Zs, A


def pairs_and_mean(kind, params, X, Y):
    Ws, bs = zip(*params, strict=True)
    Zs, A = _forward(kind, Ws, bs, X)
    D, grads = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X), []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = D @ Ws[i].T * F[kind.activation][1](Zs[i - 1])
    return np.mean(cost(kind, A[-1], Y, 1)), grads[::-1]


def pairs_and_sum(kind, params, X, Y):
    """Its cost is the sum over the batch, and so is its gradient."""
    loss, grads = pairs_and_mean(kind, params, X, Y)
    return loss * len(X), [(dW * len(X), db * len(X)) for dW, db in grads]


def dictionary(kind, params, X, Y):
    L = len(params) // 2
    Ws, bs = [params[f"W{l + 1}"] for l in range(L)], [params[f"b{l + 1}"] for l in range(L)]
    loss, grads = pairs_and_mean(kind, list(zip(Ws, bs, strict=True)), X, Y)
    named = {f"dW{l}": dW for l, (dW, _) in enumerate(grads, 1)} | {f"db{l}": db for l, (_, db) in enumerate(grads, 1)}
    return loss, named


def dictionary_of_the_same_names(kind, params, X, Y):
    loss, grads = dictionary(kind, params, X, Y)
    return loss, {name.removeprefix("d"): gradient for name, gradient in grads.items()}


def columns_in_a_dictionary(kind, params, X, Y):
    """As in many courses: X (n, m), W1 (n_1, n_0), b1 (n_1, 1)."""
    L, m = len(params) // 2, X.shape[1]
    A, Z = [X], [None]
    for l in range(1, L + 1):
        Z.append(np.dot(params["W" + str(l)], A[-1]) + params["b" + str(l)])
        A.append(output(kind, Z[l], 0) if l == L else F[kind.activation][0](Z[l]))
    grads, dZ = {}, delta_L(kind, Z[L], A[L], Y, 0)
    for l in range(L, 0, -1):
        grads["dW" + str(l)] = (1 / m) * np.dot(dZ, A[l - 1].T)
        grads["db" + str(l)] = (1 / m) * np.sum(dZ, axis=1, keepdims=True)
        if l > 1:
            dZ = np.multiply(np.dot(params["W" + str(l)].T, dZ), F[kind.activation][1](Z[l - 1]))
    return np.mean(cost(kind, A[L], Y, 0)), grads


def two_lists(kind, params, X, Y):
    Ws, bs = params
    loss, grads = pairs_and_mean(kind, list(zip(Ws, bs, strict=True)), X, Y)
    return loss, [g[0] for g in grads], [g[1] for g in grads]


def pair_of_lists(kind, params, X, Y):
    loss, *grads = two_lists(kind, params, X, Y)
    return loss, tuple(grads)


def flat_list(kind, params, X, Y):
    Ws, bs = params[::2], params[1::2]
    assert all(b.ndim == 1 for b in bs)
    loss, grads = pairs_and_mean(kind, list(zip(Ws, bs, strict=True)), X, Y)
    return loss, [array for pair in grads for array in pair]


def rows_of_the_book(kind, params, X, Y):
    """W (n_out, n_in), as PyTorch's Linear."""
    loss, grads = pairs_and_mean(kind, [(W.T, b) for W, b in params], X, Y)
    return loss, [(dW.T, db) for dW, db in grads]


def one_by_one(kind, params, X, Y):
    """A loop over the examples that adds up, with no loss returned."""
    total = None
    for x, y in zip(X, Y, strict=True):
        grads = pairs_and_mean(kind, params, x[None], y[None])[1]
        total = grads if total is None else [(a + c, b + d) for (a, b), (c, d) in zip(total, grads, strict=True)]
    return [(dW / len(X), db / len(X)) for dW, db in total]


def with_its_penalty(kind, params, X, Y):
    """½ λ ‖W‖² in the loss, λ W in the gradient."""
    loss, grads = pairs_and_mean(kind, params, X, Y)
    loss += 0.5 * 0.02 * sum(np.sum(W**2) for W, _ in params)
    return loss, [(dW + 0.02 * W, db) for (dW, db), (W, _) in zip(grads, params, strict=True)]


def twice_the_cost(kind, params, X, Y):
    """‖a - y‖² without the ½ (or twice any other cost), in loss and gradient alike."""
    loss, grads = pairs_and_mean(kind, params, X, Y)
    return 2 * loss, [(2 * dW, 2 * db) for dW, db in grads]


def in_float32(kind, params, X, Y):
    """Casts all to float32 inside."""
    small = [(W.astype(np.float32), b.astype(np.float32)) for W, b in params]
    return pairs_and_mean(kind, small, X.astype(np.float32), Y.astype(np.float32))


def columns_function(kind, x, y, weights, biases):
    """Nielsen's as a function of its own."""
    net = Book([1, 1])
    net.kind, net.weights, net.biases, net.num_layers = kind, weights, biases, len(weights) + 1
    return net.backprop(x, y)


CLASSES = (
    Book, InOneLoop, ElementByElement, KeepsItsDeltas, Rows, MeanAtTheEnd, Torchlike, KeepsItsGrads, ColumnsOfABatch,
    KeepsItsLists,
)  # fmt: skip
FUNCTIONS = (
    pairs_and_mean, pairs_and_sum, dictionary, dictionary_of_the_same_names, columns_in_a_dictionary, two_lists,
    pair_of_lists, flat_list, rows_of_the_book, one_by_one, with_its_penalty, twice_the_cost, in_float32,
)  # fmt: skip
DECAYED = (WeightDecay, DecayedColumns)  # right ones for those who say their λ
