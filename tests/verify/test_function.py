"""dp.check_gradients on functions of any kind: right ones pass, wrong ones are named, kinks are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

import deltaprop as dp
from deltaprop.core.slopes import extrapolate


def relu(x):
    return np.maximum(x, 0)


A = np.random.default_rng(3).standard_normal((4, 4))
RIGHT = {
    "quadratic form": (lambda x: 0.5 * x @ (A + A.T) @ x, lambda x: (A + A.T) @ x, np.array([1.0, -2, 0.5, 3])),
    "a number": (lambda x: np.sin(x) ** 2, lambda x: np.sin(2 * x), np.array(0.7)),
    "matrix": (lambda X: np.exp(X).sum(), np.exp, np.arange(6.0).reshape(2, 3) / 4),
    "one element": (lambda x: float(x[0] ** 3), lambda x: 3 * x**2, np.array([1.5])),
    "math, number by number": (
        lambda x: math.sin(x[0]) * x[1],
        lambda x: [x[1] * np.cos(x[0]), np.sin(x[0])],
        np.ones(2),
    ),
    "not analytic": (lambda x: np.sqrt(np.abs(x) + 1).sum(), lambda x: 0.5 * np.sign(x) / np.sqrt(abs(x) + 1), A),
    "small numbers": (lambda x: np.log(x).sum(), lambda x: 1 / x, np.array([1e-10, 2e-10])),
    "large numbers": (lambda x: (x**2).sum(), lambda x: 2 * x, np.array([1e10, -3e12])),
    "of very different size": (lambda x: np.log(x).sum(), lambda x: 1 / x, np.array([1e-6, 1.0, 1e6])),
    "at the edge of its domain": (lambda x: np.sqrt(x).sum(), lambda x: 0.5 / np.sqrt(x), np.array([1e-9, 1.0])),
    "zero everywhere": (lambda x: 0.0 * x.sum(), np.zeros_like, np.ones(3)),
    "constant": (lambda x: 7.0, np.zeros_like, np.ones(3)),
    "at zero": (lambda x: (x**2).sum(), lambda x: 2 * x, np.zeros(3)),
    "on a pedestal": (lambda x: 1e6 + np.sin(x).sum(), np.cos, np.ones(3)),
    "saturated": (lambda x: np.tanh(x).sum(), lambda x: 1 / np.cosh(x) ** 2, np.array([20.0, -18.0, 0.1])),
    "cancelling": (lambda x: ((x - 1) ** 6).sum(), lambda x: 6 * (x - 1) ** 5, np.array([1 + 1e-3, 0.999, 2.0])),
    "special function": (lambda x: special.gammaln(x).sum(), special.digamma, np.array([0.3, 4.0])),
}


@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_right_gradient_passes(kind, dtype):
    f, grad, x = RIGHT[kind]
    report = dp.check_gradients(f, grad, x.astype(dtype))
    assert report.ok, str(report)
    assert report.checked == x.size


@pytest.mark.parametrize("kind", sorted(set(RIGHT) - {"zero everywhere", "constant", "at zero"}))
def test_a_gradient_with_one_element_off_is_caught_there(kind):
    f, grad, x = RIGHT[kind]
    largest = np.unravel_index(np.argmax(np.abs(grad(x))), x.shape)

    def off(x):
        g = np.array(grad(x), float)
        g[largest] *= 1.01
        return g

    report = dp.check_gradients(f, off, x)
    assert not report.ok
    place = ", ".join(str(int(i)) for i in largest)
    assert report.worst.element == (f"dx[{place}]" if place else "dx")
    assert report.worst.error == pytest.approx(0.01, rel=0.02)


def test_an_analytic_function_is_held_to_complex_steps():
    x = np.array([0.3, -1.2])
    report = dp.check_gradients(lambda x: np.sin(x).sum(), np.cos, x)
    assert report.how == "complex steps in float64"
    assert report.worst.error < 1e-15
    assert not dp.check_gradients(lambda x: np.sin(x).sum(), lambda x: np.cos(x) * (1 + 1e-8), x).ok


def test_kinks_are_counted_and_left_out():
    x = np.array([0.0, 1.0, -1.0, 0.0])
    for f in (lambda x: relu(x).sum(), lambda x: np.abs(x).sum() / 2 + x.sum() / 2):
        report = dp.check_gradients(f, lambda x: (x > 0).astype(float), x)
        assert report.ok, str(report)
        assert (report.checked, report.kinks) == (2, 2)
        assert "2 at kinks left out" in str(report)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-8, 1e-10, 1e-13, 1e-16])
def test_a_kink_close_by_raises_no_alarm(distance):
    x = np.array([distance, -distance, 1.0])
    report = dp.check_gradients(lambda x: np.abs(x).sum(), np.sign, x)
    assert report.ok, str(report)


def test_a_wrong_slope_beside_a_kink_is_still_caught():
    x = np.array([1e-5, 1.0])
    assert not dp.check_gradients(lambda x: np.abs(x).sum(), lambda x: np.array([-1.0, 1.0]), x).ok


def test_a_network_written_by_hand_at_relu_kinks(rng):
    W = rng.standard_normal((5, 3))
    x = rng.standard_normal(3)
    W[0] = 0

    def grad(x):
        return W.T @ ((W @ x) > 0)

    assert dp.check_gradients(lambda x: relu(W @ x).sum(), grad, x).ok
    assert not dp.check_gradients(lambda x: relu(W @ x).sum(), lambda x: W.T @ np.ones(5), x).ok


def test_a_nan_in_the_gradient_is_wrong():
    report = dp.check_gradients(lambda x: x.sum(), lambda x: np.array([1.0, np.nan]), np.ones(2))
    assert (report.ok, report.worst.element) == (False, "dx[1]")


def test_a_big_array_is_compared_along_directions(rng):
    x = rng.standard_normal((30, 40))

    def grad(x):
        g = np.cos(x)
        g[17, 5] *= 1.001
        return g

    assert dp.check_gradients(lambda x: np.sin(x).sum(), np.cos, x).directions == 2
    report = dp.check_gradients(lambda x: np.sin(x).sum(), grad, x)
    assert (report.ok, report.worst.element) == (False, "dx[17, 5]")
    report = dp.check_gradients(lambda x: np.sqrt(1 + np.abs(np.sin(x)) ** 2).sum(), lambda x: x, x)
    assert not report.ok


def test_x_is_not_changed_by_functions_that_change_what_they_get():
    x = np.ones(3)

    def f(x):
        x *= 2
        return x.sum()

    def grad(x):
        x[:] = 2
        return x

    assert dp.check_gradients(f, grad, x).ok
    np.testing.assert_array_equal(x, 1)


def test_networks_of_this_package_pass(rng):
    net = dp.Network([3, 4, 2], activation="relu", seed=0)
    X, Y = rng.standard_normal((5, 3)).astype("float32"), np.array([0, 1, 1, 0, 1])
    report = dp.check_gradients(lambda x: net.cost(x, Y), lambda x: net.input_gradient(x, Y), X)
    assert report.ok, str(report)
    assert report.how.startswith("central differences in float64, f being exact to ")


def test_jax_functions_and_jax_arrays(rng):
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def f(x):
        return jnp.sum(jax.nn.relu(x) ** 2) + jnp.tanh(x[0]).sum()

    x = jnp.asarray(rng.standard_normal((3, 2)), "float32")
    report = dp.check_gradients(f, jax.grad(f), x)
    assert report.ok, str(report)
    report = dp.check_gradients(f, lambda x: jax.grad(f)(x).at[2, 1].multiply(1.1), x + 3)
    assert (report.ok, report.worst.element) == (False, "dx[2, 1]")


ONE = np.ones(2)
BAD_F = {
    "an array": (
        lambda x: x,
        r"`f` must be a function that gives one number\. Got ndarray of shape \(2,\)\. For a sum",
    ),
    "None": (lambda x: None, r"`f` must be a function that gives one number\. Got None\."),
    "a list": (lambda x: [1.0, [2.0]], r"`f` must be a function that gives one number\. Got list"),
    "text": (lambda x: "1", r"`f` must be a function that gives one number\. Got str"),
    "NaN": (lambda x: np.nan, r"`f` must be finite at x\. Got nan"),
    "Inf": (lambda x: -np.inf, r"`f` must be finite at x\. Got -inf"),
    "an error": (lambda x: 1 // 0, r"`f` must be a function that gives one number for x\. Got ZeroDivisionError: "),
}


@pytest.mark.parametrize("kind", BAD_F)
def test_an_f_that_gives_no_number_is_refused(kind):
    f, message = BAD_F[kind]
    with pytest.raises(dp.DeltapropError, match=message):
        dp.check_gradients(f, np.ones_like, ONE)


BAD_GRAD = {
    "the wrong shape": (lambda x: np.ones((2, 1)), r"`grad\(x\)` must be of x's shape, \(2,\)\. Got shape \(2, 1\)"),
    "a number": (lambda x: 1.0, r"`grad\(x\)` must be of x's shape, \(2,\)\. Got shape \(\)"),
    "None": (lambda x: None, r"`grad\(x\)` must be an array of numbers of x's shape, \(2,\)\. Got None"),
    "a ragged list": (lambda x: [[1.0], 2.0], r"`grad\(x\)` must be an array of numbers of x's shape"),
    "an error": (lambda x: x["a"], r"`grad` must be a function that gives an array of x's shape\. Got IndexError: "),
}


@pytest.mark.parametrize("kind", BAD_GRAD)
def test_a_grad_that_gives_no_such_array_is_refused(kind):
    grad, message = BAD_GRAD[kind]
    with pytest.raises(dp.DeltapropError, match=message):
        dp.check_gradients(lambda x: x.sum(), grad, ONE)


BAD_X = {
    "empty": (np.empty((0, 3)), r"`x` must be an array with at least one element\. Got shape \(0, 3\)"),
    "whole numbers": (
        np.arange(3),
        r"`x` must be an array of float32 or float64\. Got dtype int64\. Use x.astype\(float\)",
    ),
    "half precision": (np.ones(3, "float16"), r"`x` must be an array of float32 or float64\. Got dtype float16"),
    "NaN": (np.array([1.0, np.nan]), r"`x` must be finite numbers\. Got nan"),
    "text": ("abc", r"`x` must be an array of float32 or float64\. Got dtype <U3"),
}


@pytest.mark.parametrize("kind", BAD_X)
def test_an_x_that_cannot_be_moved_is_refused(kind):
    x, message = BAD_X[kind]
    with pytest.raises(dp.DeltapropError, match=message):
        dp.check_gradients(lambda x: 1.0, lambda x: x, x)


def test_the_traceback_of_the_users_code_is_kept():
    with pytest.raises(dp.ArgumentError) as caught:
        dp.check_gradients(lambda x: {}["missing"], np.ones_like, ONE)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-5, 1e-2, 1.0])
def test_a_ladder_finds_the_slope_beside_a_kink_and_none_at_it(distance):
    slope, doubt, kink = extrapolate(lambda t: abs(distance + t) + 3 * t, 1e-4, 14, 1e-16)
    assert kink == (distance == 0)
    assert kink or abs(slope - 4) <= doubt


def test_a_ladder_beyond_every_edge_finds_none():
    assert extrapolate(lambda t: math.nan if t else 1.0, 1e-4, 14, 1e-16)[2]
