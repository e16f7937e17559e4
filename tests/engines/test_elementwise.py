"""The compiled σ and σ' against mpmath: at most 2 ulp on every instruction set, and what IEEE 754 says at the ends."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from exact import TRUTH, exact, special_points, ulps

from deltaprop.core.activations import ACTIVATIONS, OUTPUTS, SOFTMAX
from deltaprop.core.costs import CATEGORICAL
from deltaprop.core.spec import Spec
from deltaprop.engines.native import NativeEngine
from deltaprop.engines.protocol import Data

_native = pytest.importorskip("deltaprop._native", reason="the native engine is not built here")

BOUND = 2.0  # ulp
SETS = _native.instruction_sets()
both_sets_and_names = pytest.mark.parametrize(("instruction_set", "name"), [(s, n) for s in SETS for n in TRUTH])


def native(instruction_set, name, z):
    a, dsigma = np.full_like(z, 7), np.full_like(z, 7)
    _native.activate(instruction_set, _native.ACTIVATIONS[name], z, a, dsigma)
    return a, dsigma


@cache
def points_and_truth(name, dtype):
    z = special_points(dtype, 1)
    return z, exact(name, z)


def test_every_elementwise_activation_has_its_truth():
    assert set(TRUTH) == set(ACTIVATIONS) == set(_native.ACTIVATIONS) - {"softmax"}


@both_sets_and_names
def test_two_ulp(instruction_set, name, dtype):
    z, truth = points_and_truth(name, dtype)
    for label, got, want in zip(("σ", "σ'"), native(instruction_set, name, z), truth, strict=True):
        error = ulps(got, want)
        worst = error.argmax()
        assert error[worst] <= BOUND, f"{label}({z[worst]!r}) = {got[worst]!r} is {error[worst]} ulp off {want[worst]}"


def test_an_error_of_three_ulp_is_seen():
    want = exact("exp", [1.0, -100.0, 800.0])[0]
    right = np.exp(np.array([1.0, -100.0, 709.0]))
    right[2] = np.inf
    assert (ulps(right, want) <= 1).all()
    wrong = right * (1 + 3 * np.finfo(float).eps)
    wrong[2] = np.finfo(float).max
    assert (ulps(wrong, want) > 2).all()


# σ and σ' at -Inf, -0, +0 and +Inf; the signs of zeros count.
LIMITS = {
    "identity": ((-np.inf, -0.0, 0.0, np.inf), (1, 1, 1, 1)),
    "sigmoid": ((0.0, 0.5, 0.5, 1.0), (0, 0.25, 0.25, 0)),
    "tanh": ((-1.0, -0.0, 0.0, 1.0), (0, 1, 1, 0)),
    "relu": ((0.0, -0.0, 0.0, np.inf), (0, 0, 0, 1)),
    "leaky_relu": ((-np.inf, -0.0, 0.0, np.inf), (0.01, 0.01, 0.01, 1)),
    "elu": ((-1.0, -0.0, 0.0, np.inf), (0, 1, 1, 1)),
    "selu": ((-1.7580993408473766, -0.0, 0.0, np.inf), (0, 1.7580993408473766, 1.7580993408473766, 1.0507009873554805)),
    "gelu": ((-0.0, -0.0, 0.0, np.inf), (-0.0, 0.5, 0.5, 1)),
    "silu": ((-0.0, -0.0, 0.0, np.inf), (-0.0, 0.5, 0.5, 1)),
    "mish": ((-0.0, -0.0, 0.0, np.inf), (-0.0, 0.6, 0.6, 1)),
    "softplus": ((0.0, np.log(2), np.log(2), np.inf), (0, 0.5, 0.5, 1)),
    "exp": ((0.0, 1.0, 1.0, np.inf), (0, 1, 1, np.inf)),
}


@both_sets_and_names
def test_infinities_and_zeros(instruction_set, name, dtype):
    got = native(instruction_set, name, np.array([-np.inf, -0.0, 0.0, np.inf], dtype))
    for values, limits in zip(got, LIMITS[name], strict=True):
        want = np.array(limits, dtype)
        np.testing.assert_array_max_ulp(values, want, 1)
        assert list(np.signbit(values)) == list(np.signbit(want))


@both_sets_and_names
def test_nan_stays_nan(instruction_set, name, dtype):
    z = np.array([np.nan, -np.nan, 1.0], dtype)
    for i, values in enumerate(native(instruction_set, name, z)):
        constant = name == "identity" and i == 1  # σ' = 1 whatever z is, as in core/activations.py
        assert list(np.isnan(values)) == ([False] * 3 if constant else [True, True, False])


@both_sets_and_names
def test_the_smallest_and_the_largest_numbers(instruction_set, name, dtype):
    info = np.finfo(dtype)
    small = np.array([info.smallest_subnormal, info.smallest_normal, 3 * info.smallest_subnormal], dtype)
    z = np.concatenate([small, -small, [info.max, -info.max, info.max / 2, -info.max / 2]]).astype(dtype)
    large = np.where(np.abs(z) > 1, np.sign(z) * 2000, z)  # beyond it nothing changes but what is z itself
    for got, want in zip(native(instruction_set, name, z[:6]), exact(name, z[:6]), strict=True):
        assert ulps(got, want).max() <= BOUND
    with np.errstate(all="ignore"):
        a, dsigma = ACTIVATIONS[name].both(z[6:])
    got, slope = native(instruction_set, name, z[6:])
    np.testing.assert_array_max_ulp(got, a, 2)
    np.testing.assert_array_max_ulp(slope, np.array(native(instruction_set, name, large[6:])[1]), 1)
    np.testing.assert_array_max_ulp(slope, dsigma, 2)


@both_sets_and_names
def test_as_the_reference_within_a_few_ulp(instruction_set, name, dtype, rng):
    z = rng.normal(0, 3, 1001).astype(dtype)
    z = z[(z > -8) & (np.abs(z + 1) > 0.5)]  # apart from the zeros of σ', where the reference cancels
    for got, want in zip(native(instruction_set, name, z), ACTIVATIONS[name].both(z), strict=True):
        np.testing.assert_allclose(got, want, rtol=100 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 257])
def test_any_length_gives_the_same_bits(instruction_set, count, dtype, rng):
    z = rng.normal(0, 2, 272).astype(dtype)
    whole, slopes = native(instruction_set, "gelu", z)
    a, dsigma = native(instruction_set, "gelu", z[:count])
    assert a.tobytes() == whole[:count].tobytes()
    assert dsigma.tobytes() == slopes[:count].tobytes()
    alone = np.full_like(a, 7)
    _native.activate(instruction_set, _native.ACTIVATIONS["gelu"], z[:count], alone, None)
    assert alone.tobytes() == a.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation": 12}, "activation must be one of ACTIVATIONS, and elementwise."),
        ({"activation": -1}, "activation must be one of ACTIVATIONS, and elementwise."),
        ({"z": np.ones(3, np.int32)}, "z must be a contiguous vector of float32 or float64."),
        ({"z": np.ones((3, 1))}, "z must be a contiguous vector of float32 or float64."),
        ({"z": np.ones(6)[::2]}, "z must be a contiguous vector of float32 or float64."),
        ({"a": np.ones(3, np.float32)}, "a must be a contiguous vector like z."),
        ({"a": np.ones(4)}, "a must be a contiguous vector like z."),
        ({"dsigma": np.ones(2)}, "dsigma must be a contiguous vector like z."),
        ({"instruction_set": "mmx"}, "this processor, or this build, has no instruction set mmx"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given = {"instruction_set": "base", "activation": 1, "z": np.ones(3), "a": np.ones(3), "dsigma": np.ones(3)}
    with pytest.raises(ValueError, match=message):
        _native.activate(**given | change)


def softmax_plan(instruction_set, n, dtype):
    """A network of one input, n softmax units and cross-entropy; n may be 1, which make_spec refuses."""
    return NativeEngine(1, instruction_set).plan(Spec((1, n), (SOFTMAX,), CATEGORICAL, np.dtype(dtype)), 1)


def softmax(instruction_set, z):
    """softmax(z) by a network whose weights are 0 and whose biases are z."""
    plan = softmax_plan(instruction_set, len(z), z.dtype)
    return plan.forward(np.concatenate([np.zeros_like(z), z]), np.zeros((1, 1), z.dtype))[0]


@pytest.mark.parametrize("instruction_set", SETS)
@pytest.mark.parametrize("n", [1, 2, 10, 16, 17, 300])
@pytest.mark.parametrize("spread", [0.1, 5.0, 60.0])
def test_softmax_within_two_and_a_half_ulp(instruction_set, n, spread, dtype, rng):
    z = (rng.normal(0, spread, n) + 10).astype(dtype)
    powers = exact("exp", z)[0]
    total = sum(powers)
    error = ulps(softmax(instruction_set, z), [power / total for power in powers])
    assert error.max() <= 2.5, f"{error.max()} ulp"


@pytest.mark.parametrize("instruction_set", SETS)
def test_softmax_at_the_ends(instruction_set, dtype):
    top = np.finfo(dtype).max
    assert softmax(instruction_set, np.array([-top, 0, -np.inf, 0], dtype)).tolist() == [0, 0.5, 0, 0.5]
    assert softmax(instruction_set, np.array([top, 0], dtype)).tolist() == [1, 0]
    assert np.isnan(softmax(instruction_set, np.array([np.inf, 0], dtype))).all()
    assert np.isnan(softmax(instruction_set, np.array([np.nan, 0, 1], dtype))).all()
    assert set(OUTPUTS) - set(ACTIVATIONS) == {"softmax"}


@pytest.mark.parametrize("instruction_set", SETS)
def test_the_cost_of_a_confident_net_is_not_lost(instruction_set, dtype):
    """log Σ e^z - z_y = log(1 + e^-30), far below the ulp of z."""
    plan = softmax_plan(instruction_set, 2, dtype)
    theta, one = np.array([0, 0, 5, -25], dtype), np.zeros((1, 1), dtype)
    cost, _ = plan.evaluate(theta, Data(one, np.array([0]), None))
    assert abs(cost / np.log1p(np.exp(-30)) - 1) < 4 * np.finfo(dtype).eps
