"""dp.check: what is compared, what is sampled, what is said."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from mutants import past_the_check

import deltaprop as dp
from deltaprop.core import equations
from deltaprop.verify.check import check_gradient
from deltaprop.verify.derivatives import ComplexSteps
from deltaprop.verify.shadow import Shadow


@pytest.fixture
def net():
    return dp.Network([4, 30, 3], activation="tanh", dtype="float64", seed=2)


@pytest.fixture
def rows(rng):
    return rng.standard_normal((8, 4)), rng.integers(0, 3, 8)


def test_every_array_has_its_row_in_the_order_of_the_layers(net, rows):
    report = dp.check(net, *rows)
    assert [(row.layer, row.equation) for row in report.rows] == [(1, "BP4"), (1, "BP3"), (2, "BP4"), (2, "BP3")]
    assert report.checked == net.spec.n_parameters
    assert report.worst.error == max(row.error for row in report.rows)
    assert report.tolerance == ComplexSteps.tolerance["float64"]


def test_the_report_reads_as_text(net, rows):
    text = str(dp.check(net, *rows))
    assert text.startswith("gradients ok: 243 elements against complex steps in float64, tolerance 1e-10")
    assert len(text.splitlines()) == 5


def test_a_big_array_is_sampled_with_its_largest_gradients(net, rows):
    X, Y, weight = net.examples(*rows)
    vector = net.backprop(X, Y).vector
    largest = int(np.abs(vector[:120]).argmax())
    vector[largest] *= 1.5
    report = check_gradient(net, vector, X, Y, weight, elements=8)
    assert report.checked == 8 + 8 + 8 + 3
    assert not report.ok
    place = f"dW^1[{largest // 4}, {largest % 4}]"
    assert report.worst.element == place


def test_the_sample_is_drawn_by_the_seed(net, rows):
    same = [dp.check(net, *rows, elements=5, seed=s).rows for s in (0, 0, 1)]
    assert same[0] == same[1]
    assert same[0] != same[2]


def test_at_most_max_rows_take_part(net, rows):
    X, Y = rows
    few = dp.check(net, X, Y, max_rows=3)
    assert few.rows == dp.check(net, X[:3], Y[:3]).rows


def test_sample_weights_take_part(net, rows, rng):
    weight = rng.uniform(0.1, 2, 8)
    assert dp.check(net, *rows, weight).ok
    assert dp.check(net, *rows, weight).worst.truth != dp.check(net, *rows).worst.truth


def test_the_network_is_left_as_it_was(net, rows):
    before = net.theta.copy()
    dp.check(net, *rows)
    np.testing.assert_array_equal(net.theta, before)


def test_a_nan_in_a_gradient_is_the_worst_error(net, rows):
    X, Y, weight = net.examples(*rows)
    vector = net.backprop(X, Y).vector
    vector[7] = np.nan
    report = check_gradient(net, vector, X, Y, weight)
    assert not report.ok
    assert report.rows[0].element == "dW^1[1, 3]"


def test_a_cost_that_is_not_finite_has_no_gradient_to_check(rows):
    net = dp.Network([4, 3], activation="relu", output="identity", cost="quadratic", dtype="float64", seed=0)
    net.theta[:] = 1e300
    with pytest.raises(dp.NonFiniteError):
        dp.check(net, rows[0], np.zeros((8, 3)))


def test_one_example_and_one_parameter_pair_are_enough():
    net = dp.Network([1, 1], output="identity", cost="quadratic", dtype="float64", seed=0)
    report = dp.check(net, [[2.0]], [[1.0]])
    assert report.ok
    assert report.checked == 2


def test_no_rows_are_refused(net):
    with pytest.raises(dp.ArgumentError, match=r"`X` must be at least one row. Got 0 rows"):
        dp.check(net, np.empty((0, 4)), np.empty(0, int))


def with_wrong_slope(factor, sizes=(4, 3, 3)):
    """A network whose σ' is off, past the check that meets it in the constructor."""
    right = dp.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    net = dp.Network(list(sizes), activation=right, dtype="float64", seed=0)
    wrong = replace(right, sigma_prime=lambda z: factor * 3 * z**2)
    return past_the_check(net, activations=(wrong, *net.spec.activations[1:]))


def test_a_wrong_derivative_is_named_with_layer_and_example(rows):
    X, Y = rows
    report = dp.check(with_wrong_slope(1.001), X, Y)
    assert not report.ok
    assert report.worst.layer == 1  # layer 2's own gradients do not pass through the wrong σ'
    assert report.worst.error == pytest.approx(1e-3, rel=0.01)
    share = [dp.check(with_wrong_slope(1.001), X[i : i + 1], Y[i : i + 1]).worst for i in range(8)]
    assert abs(share[report.example].gradient) > 0
    assert str(report).splitlines()[-1].endswith(f"most of it from row {report.example} of X")


def test_the_example_is_the_one_that_is_off():
    step = dp.Activation("bent", np.sin, lambda z: np.where(z > 2, -np.cos(z), np.cos(z)))
    net = dp.Network([1, 1, 1], activation="tanh", output="identity", cost="quadratic", dtype="float64", seed=0)
    net.layer(1).W[...] = 1
    net = dp.Network.from_parameters(replace(net.spec, activations=(step, net.spec.output)), net.theta)
    report = dp.check(net, [[0.5], [1.0], [2.5], [-0.7]], [[0.1], [0.2], [0.3], [0.4]])
    assert (report.ok, report.example) == (False, 2)


def test_what_is_right_for_each_example_alone_says_so(rows, monkeypatch):
    net = dp.Network([4, 30, 3], activation="tanh", dtype="float64", seed=2, engine="reference")
    monkeypatch.setattr(equations, "bp3", lambda delta: delta.mean(axis=1))
    report = dp.check(net, *rows)
    assert (report.ok, report.example) == (False, None)
    assert "right for each example alone" in report.culprit


def test_one_wrong_weight_in_a_big_array_is_found_by_halving(rng):
    net = dp.Network([300, 40, 3], activation="tanh", dtype="float64", seed=0)
    X, Y = rng.standard_normal((20, 300)), rng.integers(0, 3, 20)
    vector = net.backprop(X, Y).vector
    small = int(np.argsort(np.abs(vector[:12000]))[4000])
    vector[small] *= 1.0001
    report = check_gradient(net, vector, *net.examples(X, Y))
    assert not report.ok
    assert report.worst.element == f"dW^1[{small // 300}, {small % 300}]"
    assert report.worst.error == pytest.approx(1e-4, rel=1e-3)


def test_directions_are_counted_where_an_array_is_sampled(net, rows):
    assert dp.check(net, *rows).directions == 0
    report = dp.check(net, *rows, elements=100)
    assert report.directions == 2  # dW^1, the only array of more than 100
    assert "elements and 2 random directions against complex steps" in str(report)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e30])
def test_no_absolute_tolerance_lets_a_small_gradient_pass(net, rows, scale):
    X, Y, _ = net.examples(*rows)
    weight = np.full(8, 1.0)
    tiny = dp.Cost("tiny", lambda a, y: scale * (a * y).sum(axis=0), lambda a, y: scale * y)
    small = dp.Network.from_parameters(replace(net.spec, cost=tiny), net.theta)
    targets = np.eye(3)[Y]
    vector = small.backprop(X, targets).vector
    assert check_gradient(small, vector, X, targets, weight).ok
    assert not check_gradient(small, np.zeros_like(vector), X, targets, weight).ok
    assert not check_gradient(small, vector * 1.0001, X, targets, weight).ok


def test_both_zero_passes():
    net = dp.Network([2, 3, 2], activation="relu", output="identity", cost="quadratic", dtype="float64", seed=0)
    net.layer(1).b[...] = -5  # no unit of layer 1 answers
    report = dp.check(net, 0.1 * np.ones((2, 2)), np.ones((2, 2)))
    assert report.ok
    assert report.rows[0].gradient == report.rows[0].truth == report.rows[0].error == 0


def test_a_claim_of_zero_where_the_truth_is_not_fails(net, rows):
    X, Y, weight = net.examples(*rows)
    vector = net.backprop(X, Y).vector
    vector[int(np.abs(vector[:120]).argmin())] = 0
    report = check_gradient(net, vector, X, Y, weight)
    assert not report.ok
    assert report.worst.error == 1


OWN = {
    "takes complex numbers": dp.Activation("soft", lambda z: z / np.sqrt(1 + z * z), lambda z: (1 + z * z) ** -1.5),
    "does not continue": dp.Activation("softsign", lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "drops the imaginary part": dp.Activation("real", lambda z: np.sin(z.real), np.cos),
    "raises at complex numbers": dp.Activation("arctan", lambda z: np.arctan2(z, 1.0), lambda z: 1 / (1 + z * z)),
}


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("takes complex numbers", "complex steps in float64"),
        ("does not continue", "central differences in float64"),
        ("drops the imaginary part", "central differences in float64"),
        ("raises at complex numbers", "central differences in float64"),
    ],
)
def test_an_activation_of_ones_own_gets_the_truth_that_it_can_take(kind, how, rows):
    net = dp.Network([4, 5, 3], activation=OWN[kind], dtype="float64", seed=0)
    report = dp.check(net, *rows)
    assert report.ok, str(report)
    assert report.how == how
    assert report.tolerance == (1e-10 if "complex" in how else 1e-6)


def test_a_cost_of_ones_own_that_does_not_continue_is_checked_by_differences(rows, rng):
    X, _ = rows
    cost = dp.Cost.from_rows(
        "logcosh of |r|", lambda a, y: np.log(np.cosh(abs(a - y))).sum(axis=1), lambda a, y: np.tanh(a - y)
    )
    net = dp.Network([4, 5, 2], activation="tanh", output="identity", cost=cost, dtype="float64", seed=0)
    report = dp.check(net, X, rng.standard_normal((8, 2)))
    assert report.ok, str(report)
    assert report.how == "central differences in float64"


def test_a_wrong_gradient_is_caught_by_differences_too(rows):
    net = dp.Network([4, 5, 3], activation=OWN["does not continue"], dtype="float64", seed=0)
    X, Y, weight = net.examples(*rows)
    report = check_gradient(net, 1.001 * net.backprop(X, Y).vector, X, Y, weight)
    assert not report.ok
    assert {row.error > report.tolerance for row in report.rows} == {True}


def test_ulp_errors_are_those_of_mpmath(net, rows):
    report = dp.check(net, *rows, ulp=True)
    assert report.ok
    assert all(0 <= row.ulp < 1e4 for row in report.rows)
    assert "ulp at worst" in str(report)
    single = dp.check(net.astype("float32"), *rows, ulp=True)
    assert single.ok
    assert any(row.ulp > 1 for row in single.rows)


def test_layers_of_scales_are_checked_like_the_others(rng):
    """Their ds by name, against mpmath too; by central differences if σ takes no complex numbers; kinks counted."""
    scales = {"kinds": ("dense", "scale", "dense"), "dtype": "float64", "seed": 0}
    net = dp.Network([3, 4, 4, 2], activation="relu", **scales)
    X, Y = rng.standard_normal((6, 3)), rng.integers(0, 2, 6)
    report = dp.check(net, X, Y, ulp=True)
    assert report.ok
    assert [(row.layer, row.equation) for row in report.rows][2] == (2, "BP4")
    assert report.rows[2].element.startswith("ds^2[")
    assert all(row.ulp < 1e4 for row in report.rows)
    net.layer(2).s[1] = 0
    assert dp.check(net, X, Y).kinks > 0
    gradient = net.backprop(X, Y)
    gradient.layer(2).ds[0] *= 1.01
    report = check_gradient(net, gradient.vector, *net.examples(X, Y))
    assert (report.worst.layer, report.worst.equation, report.worst.element) == (2, "BP4", "ds^2[0]")
    real = dp.Activation("real", lambda z: np.tanh(z.real), lambda z: 1 - np.tanh(z) ** 2)
    report = dp.check(dp.Network([3, 4, 4, 2], activation=real, **scales), X, Y)
    assert report.ok
    assert report.how == "central differences in float64"


def test_ulp_of_ones_own_activation_is_refused(rows):
    net = dp.Network([4, 5, 3], activation=OWN["takes complex numbers"], seed=0)
    with pytest.raises(dp.ArgumentError, match=r"`ulp` must be False with a sigma or C of your own. Got 'soft'"):
        dp.check(net, *rows, ulp=True)


def test_ulp_without_mpmath_names_the_extra(net, rows, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(dp.MissingExtraError, match=r"pip install 'deltaprop\[exact\]'"):
        dp.check(net, *rows, ulp=True)


def test_a_network_for_digits_is_checked_in_five_seconds(rng):
    net = dp.Network([784, 256, 128, 10], activation="sigmoid", seed=0)
    X, Y = rng.random((100, 784)), rng.integers(0, 10, 100)
    start = time.process_time()
    report = dp.check(net, X, Y)
    assert time.process_time() - start < 5
    assert report.ok
    assert report.checked == 3 * 200 + 200 + 128 + 10
    assert report.directions == 8


@pytest.mark.parametrize("power", [-660, -100, 100, 330])
def test_rounding_is_known_at_any_size_of_the_gradients(net, rows, power):
    """Squares of these under- or overflow; the analysis of rounding must not."""
    X, Y, weight = net.examples(*rows)

    def noise(size):
        cost = dp.Cost("sized", lambda a, y: size * ((a - y) ** 2).sum(axis=0), lambda a, y: 2 * size * (a - y))
        sized = dp.Network.from_parameters(replace(net.spec, cost=cost), net.theta)
        return Shadow(sized, X, np.eye(3)[Y], weight).noise

    np.testing.assert_allclose(noise(2.0**power) / 2.0**power, noise(1.0), rtol=1e-6)


def test_the_noise_covers_what_float32_does_and_no_more_than_needed(rng):
    """The bound is 16 standard errors: what happens lies within it, and within three orders of it."""
    net = dp.Network([20, 30, 20, 5], activation="gelu", seed=4)
    X, Y = rng.standard_normal((40, 20)).astype("float32"), rng.integers(0, 5, 40)
    shadow = Shadow(net, *net.examples(X, Y))
    gap = np.abs(net.backprop(X, Y).vector - net.astype("float64").backprop(X, Y).vector)
    assert (gap <= shadow.noise).all()
    assert np.median(shadow.noise / gap) < 200


def test_a_unit_that_the_imaginary_step_moves_across_a_kink_is_left_out():
    """Re z is off by h², which is more than z itself here."""
    kind = {"activation": ["elu", "relu"], "output": "identity", "cost": "quadratic", "dtype": "float64"}
    net = dp.Network([1, 2, 1, 1], **kind, seed=0)
    net.theta[...] = 0
    net.layer(1).W[...], net.layer(2).W[...], net.layer(3).W[...] = [[1], [2]], [[1, -1]], 1
    report = dp.check(net, [[-1e-90]], [[1.0]])  # z^2 is 1e-90
    assert report.ok
    assert report.kinks > 0
