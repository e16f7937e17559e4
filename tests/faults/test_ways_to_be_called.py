"""The many forms in which a right backprop may come, and what is said of those that cannot be called."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import right_codes as codes
from kinds import KINDS, of_kind

import deltaprop as dp

LINE = KINDS["line"]


def loss_and_grads(params, X, Y, f=np.tanh):
    (W1, b1), (W2, b2) = params
    a1 = f(X @ W1 + b1)
    d2 = (a1 @ W2 + b2 - Y) / len(X)
    d1 = d2 @ W2.T * (1 - a1**2)
    return 0.5 * np.sum((a1 @ W2 + b2 - Y) ** 2) / len(X), [(X.T @ d1, d1.sum(axis=0)), (a1.T @ d2, d2.sum(axis=0))]


class Callable:
    def __call__(self, params, X, Y):
        return loss_and_grads(params, X, Y)

    def method(self, params, X, Y):
        return loss_and_grads(params, X, Y)


def object_array(params, X, Y):
    loss, grads = loss_and_grads(params, X, Y)
    return loss, np.array([array for pair in grads for array in pair], dtype=object)


class FromOne(codes.Book):
    """Lists whose index 0 is None, so that W[l] is the book's."""

    kind = LINE

    def __init__(self, sizes):
        super().__init__(sizes)
        self.weights, self.biases = [None, *self.weights], [None, *self.biases]

    def backprop(self, x, y):
        net = codes.Book(self.sizes)
        net.kind, net.weights, net.biases = LINE, self.weights[1:], self.biases[1:]
        nabla_b, nabla_w = net.backprop(x, y)
        return [None, *nabla_b], [None, *nabla_w]


@pytest.mark.parametrize(
    "code",
    [partial(loss_and_grads, f=np.tanh), lambda p, X, Y: loss_and_grads(p, X, Y), Callable(), Callable().method,
     object_array, FromOne, FromOne([4, 6, 2])],
    ids=["partial", "lambda", "callable", "method", "object array", "from one", "an object from one"],
)  # fmt: skip
def test_it_is_called_and_right(code):
    report = dp.check_code(code, LINE.sizes, **LINE.options)
    assert report.ok, str(report)


def changed(change):
    """loss_and_grads whose gradients are changed by this function."""

    def code(params, X, Y):
        loss, grads = loss_and_grads(params, X, Y)
        return change(loss, grads)

    return code


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda loss, grads: (loss, grads, None, None), "Got a tuple of 3, for a network of 2 layers."),
        (lambda loss, grads: (loss, (pair for pair in grads)), "Got a generator, for a network of 2 layers."),
        (lambda loss, grads: (loss, None), "that returns (loss, grads). Got None."),
        (lambda loss, grads: (loss, [(dW + 0j, db) for dW, db in grads]), "Got a ndarray of dtype complex128."),
        (lambda loss, grads: (loss, [(dW, None) for dW, _ in grads]), "`your ∂C/∂b^1` must be an array of numbers"),
        (lambda loss, grads: (loss, [(dW.tolist(), db) for dW, db in grads]), "Got a list. Turn it into one"),
    ],
)
def test_what_it_returns_is_refused_in_a_sentence(change, says):
    with pytest.raises(dp.CodeError) as told:
        dp.check_code(changed(change), LINE.sizes, **LINE.options)
    assert says in told.value.text


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (max, "Got the arguments none."),
        (lambda x: x, "Got the arguments x."),
        (Callable, "must be a class that can be made as Callable([4, 6, 2]). Got TypeError"),
    ],
)
def test_what_cannot_be_called_is_refused_in_a_sentence(code, says):
    with pytest.raises(dp.CodeError) as told:
        dp.check_code(code, LINE.sizes, **LINE.options)
    assert says in told.value.text


def test_its_own_traceback_is_told_and_no_other():
    def fails(params, X, Y):
        return np.linalg.inv(X)

    with pytest.raises(dp.CodeError, match="LinAlgError") as told:
        dp.check_code(fails, LINE.sizes, **LINE.options)
    assert "in fails" in told.value.traceback
    assert "linalg.py" not in told.value.traceback
    assert "collect.py" not in told.value.traceback


def test_a_backward_that_wants_a_gradient_is_told_so():
    class Layerwise(of_kind(codes.Rows, LINE)):
        def backward(self, grad_output):
            return None

    with pytest.raises(dp.CodeError, match=r"must be a method of X and Y, or of Y: what it differentiates is C itself"):
        dp.check_code(Layerwise, LINE.sizes, **LINE.options)
