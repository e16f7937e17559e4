"""Activations against mpmath: values and derivatives in both number types, from subnormal to ±1e4 and ±Inf."""

from __future__ import annotations

import numpy as np
import pytest
from exact import TRUTH, exact, mp
from hypothesis import given
from hypothesis import strategies as st
from strategies import nm

import deltaprop as dp
from deltaprop.core.activations import (
    ACTIVATIONS,
    OUTPUTS,
    SELU_ALPHA,
    SELU_LAMBDA,
    SOFTMAX,
    log_sum_exp,
    softmax_jacobian,
)
from deltaprop.core.functions import get_activation

UNITS = 8.0  # the largest relative error, of eps
# σ' of these changes sign, so near its zero the error is against the terms that cancel, about 1.
CANCELLING = {"gelu", "silu", "mish"}

POINTS = [0.0, 5e-324, -5e-324, 1e-40, -1e-40, 1e-6, -1e-6, 0.3, -0.3, 1.0, -1.0, -1.25, 2.5, -2.5, 7.0, -7.0]
POINTS += [17.0, -17.0, 37.0, -37.0, 80.0, -80.0, 1e4, -1e4]
LIMITS = {  # (σ(-Inf), σ(+Inf), σ'(-Inf), σ'(+Inf))
    "identity": (-np.inf, np.inf, 1, 1),
    "sigmoid": (0, 1, 0, 0),
    "tanh": (-1, 1, 0, 0),
    "relu": (0, np.inf, 0, 1),
    "leaky_relu": (-np.inf, np.inf, 0.01, 1),
    "elu": (-1, np.inf, 0, 1),
    "selu": (-SELU_LAMBDA * SELU_ALPHA, np.inf, 0, SELU_LAMBDA),
    "gelu": (0, np.inf, 0, 1),
    "silu": (0, np.inf, 0, 1),
    "mish": (0, np.inf, 0, 1),
    "softplus": (0, np.inf, 0, 1),
    "exp": (0, np.inf, 0, np.inf),
}
every = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


def points(dtype):
    return np.array(POINTS).astype(dtype)


def agree(got, want, units, dtype, floor=0.0):
    """|got - want| <= units eps (|want| + floor), give or take the smallest numbers of the type."""
    info = np.finfo(dtype)
    for value, truth in zip(got.tolist(), want, strict=True):
        if abs(truth) > info.max:
            assert value == np.inf * mp.sign(truth)
            continue
        allowed = units * info.eps * (abs(truth) + floor) + 8 * info.smallest_subnormal / info.eps
        assert abs(mp.mpf(value) - truth) <= allowed, f"{value} for {mp.nstr(truth, 20)}"


@every
def test_sigma_and_its_derivative_are_what_they_say(name, dtype):
    z = points(dtype)
    want, slopes = exact(name, z)
    agree(ACTIVATIONS[name].sigma(z), want, UNITS, dtype)
    agree(ACTIVATIONS[name].sigma_prime(z), slopes, UNITS, dtype, floor=float(name in CANCELLING))


@every
def test_the_exact_derivative_is_that_of_the_exact_function(name):
    sigma, prime = TRUTH[name]
    for z in (-37.0, -2.5, -1e-6, 0.3, 17.0):
        assert abs(mp.diff(sigma, z) - prime(mp.mpf(z))) < 1e-20


@every
def test_both_is_the_pair_bit_for_bit(name, dtype, rng):
    activation = ACTIVATIONS[name]
    z = np.concatenate([points(dtype), [np.inf, -np.inf], 30 * rng.standard_normal(500)]).astype(dtype)
    a, dsigma = activation.both(z)
    np.testing.assert_array_equal(a, activation.sigma(z))
    np.testing.assert_array_equal(dsigma, activation.sigma_prime(z))


@every
def test_infinite_inputs_give_the_limits(name, dtype):
    activation = ACTIVATIONS[name]
    z = np.array([-np.inf, np.inf], dtype)
    np.testing.assert_allclose(activation.sigma(z), LIMITS[name][:2], rtol=1e-6)
    np.testing.assert_allclose(activation.sigma_prime(z), LIMITS[name][2:], rtol=1e-6)


@every
def test_one_infinite_unit_leaves_the_others_as_they_are(name, dtype):
    z = np.array([1e3, -3.0, 5.0], dtype)
    with_inf = np.append(z, [np.inf, -np.inf]).astype(dtype)
    for alone, among in zip(ACTIVATIONS[name].both(z), ACTIVATIONS[name].both(with_inf), strict=True):
        np.testing.assert_array_equal(among[:3], alone)


@every
def test_nan_stays_nan_or_is_flat(name):
    a = ACTIVATIONS[name].sigma(np.array([np.nan]))
    assert np.isnan(a).all(), "a NaN must never look like a good number"


@every
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (4, 5), (3,)])
def test_shape_and_number_type_are_kept_and_the_input_is_not_touched(name, dtype, shape):
    z = np.full(shape, 0.7, dtype)
    z.setflags(write=False)
    for result in (*ACTIVATIONS[name].both(z), ACTIVATIONS[name].sigma(z), ACTIVATIONS[name].sigma_prime(z)):
        assert result.shape == shape
        assert result.dtype == dtype
        assert not np.shares_memory(result, z)


@every
def test_kinks_are_where_sigma_prime_jumps(name):
    activation = ACTIVATIONS[name]
    below, above = activation.sigma_prime(np.array([-1e-9, 1e-9]))
    assert (abs(above - below) > 1e-3) == (0.0 in activation.kinks)


@given(z=nm(bound=700.0), shift=st.floats(-500, 500))
def test_softmax_is_a_distribution_and_does_not_see_a_shift(z, shift):
    a = SOFTMAX.sigma(z)
    np.testing.assert_allclose(a.sum(axis=0), 1, rtol=1e-14)
    assert (a >= 0).all()
    np.testing.assert_allclose(SOFTMAX.sigma(z + shift), a, rtol=1e-11, atol=1e-300)


def test_softmax_and_log_sum_exp_do_not_overflow(dtype):
    z = np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4], [-1e4, 1e4, 0]], dtype)
    a = SOFTMAX.sigma(z)
    np.testing.assert_array_equal(a, np.array([[0.5, 0, 0.5], [0.5, 0.5, 0], [0, 0.5, 0.5]], dtype))
    assert a.dtype == dtype
    np.testing.assert_allclose(log_sum_exp(z), np.array([1e4, 1e4, 0]) + np.log(2), rtol=4 * np.finfo(dtype).eps)


@given(z=nm(bound=20.0))
def test_softmax_jacobian_is_its_derivative(z):
    a, h = SOFTMAX.sigma(z), 1e-6
    jacobian = softmax_jacobian(a)
    for j in range(len(z)):
        step = np.zeros_like(z)
        step[j] = h
        difference = (SOFTMAX.sigma(z + step) - SOFTMAX.sigma(z - step)) / (2 * h)
        np.testing.assert_allclose(jacobian[:, j], difference, atol=1e-8)
    np.testing.assert_allclose(jacobian.sum(axis=0), 0, atol=1e-15)


def test_softmax_of_no_examples_is_empty():
    assert SOFTMAX.sigma(np.empty((3, 0))).shape == (3, 0)


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(dp.ArgumentError, match=r"`activation` must be one of .* Got 'rleu'\. Did you mean 'relu'\?"):
        get_activation("rleu")


def test_softmax_is_offered_to_the_output_alone():
    assert get_activation("softmax", output=True) is OUTPUTS["softmax"]
    with pytest.raises(dp.ArgumentError, match=r"Got 'softmax'"):
        get_activation("softmax")
