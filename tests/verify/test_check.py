"""dp.check: what is compared, what is sampled, what is said."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.verify.check import TOLERANCE, check_gradient


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
    assert report.tolerance == TOLERANCE["float64"]


def test_the_report_reads_as_text(net, rows):
    text = str(dp.check(net, *rows))
    assert text.startswith("gradients ok: 243 elements against central differences in float64, tolerance 1e-06")
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
    assert dp.check(net, *rows, weight).worst.difference != dp.check(net, *rows).worst.difference


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


def test_an_activation_of_ones_own_with_a_wrong_derivative_is_caught(rows):
    X, Y = rows
    cube = dp.Activation("cube", lambda z: z**3, lambda z: 2.001 * z**2)
    net = dp.Network([4, 3, 3], activation=cube, dtype="float64", seed=0)
    report = dp.check(net, X, Y)
    assert not report.ok
    assert report.worst.layer == 1  # layer 2's own gradients do not pass through the wrong σ'
