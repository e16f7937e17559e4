"""The network as people use it: its parameters, its results, and one clear sentence for everything that is wrong."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import assume, given
from strategies import network_mn

import deltaprop as dp
from deltaprop.core.activations import SOFTMAX


def network(sizes=(3, 5, 4, 2), **options):
    return dp.Network(sizes, **{"activation": "tanh", "dtype": "float64", "seed": 4, **options})


@pytest.fixture
def net():
    return network()


@pytest.fixture
def X(rng):
    return rng.standard_normal((6, 3))


@pytest.fixture
def Y(rng):
    return rng.integers(0, 2, 6)


# Parameters


def test_layer_views_are_writable_and_shared_with_theta(net, X):
    layer = net.layer(2)
    assert layer.W.shape == (4, 5)
    assert layer.b.shape == (4,)
    before = net.forward(X)
    layer.W[1, 2], layer.b[3] = 9.0, -7.0
    assert np.shares_memory(layer.W, net.theta)
    assert net.theta[3 * 5 + 1 * 5 + 2] == 9.0
    assert net.layer(2).b[3] == -7.0
    assert not np.array_equal(net.forward(X), before)


def test_theta_is_all_weights_then_all_biases(net):
    parts = [layer.W.ravel() for layer in net] + [layer.b for layer in net]
    np.testing.assert_array_equal(net.theta, np.concatenate(parts))
    assert net.theta.size == net.spec.n_parameters == 3 * 5 + 5 * 4 + 4 * 2 + 5 + 4 + 2


def test_layers_are_counted_as_in_the_book(net):
    assert [layer.l for layer in net] == [1, 2, 3]
    assert len(net) == net.L == 3
    assert [layer.activation.name for layer in net] == ["tanh", "tanh", "softmax"]


def test_layer_0_is_an_error_that_says_where_the_input_is(net, X, Y):
    with pytest.raises(
        dp.ArgumentError, match=r"`l` must be a layer from 1 to 3\. Got 0\. Layer 0 is the input: .* see"
    ):
        net.layer(0)
    with pytest.raises(dp.ArgumentError, match=r"see net.input_gradient"):
        net.backprop(X, Y).layer(0)


@pytest.mark.parametrize("l", [-1, 4, 1.5, True, "2"])
def test_a_layer_that_is_not_there_is_refused(net, l):
    with pytest.raises(dp.ArgumentError, match=r"`l` must be a layer from 1 to 3"):
        net.layer(l)


def test_the_same_seed_gives_the_same_parameters_in_both_number_types():
    wide, narrow = network(seed=9), network(seed=9, dtype="float32")
    np.testing.assert_array_equal(wide.theta.astype(np.float32), narrow.theta)
    assert not np.array_equal(wide.theta, network(seed=10).theta)


def test_repr_says_what_it_is(net):
    assert repr(net).startswith("<Network 3 - 5 tanh - 4 tanh - 2 softmax, cross_entropy, float64, 54 parameters")


# Results


def test_results_have_rows_as_examples(net, X, Y):
    assert net.forward(X).shape == (6, 2)
    assert net.input_gradient(X, Y).shape == (6, 3)
    assert net.jacobian(X).shape == (6, 2, 3)
    assert isinstance(net.cost(X, Y), float)
    assert net.backprop(X, Y).vector.shape == net.theta.shape


def test_no_rows_go_forward_as_no_rows(net):
    empty = np.empty((0, 3))
    assert net.forward(empty).shape == (0, 2)
    assert net.jacobian(empty).shape == (0, 2, 3)


def test_a_gradient_is_not_overwritten_by_the_next(net, X, Y):
    first = net.backprop(X, Y)
    kept = first.vector.copy()
    net.backprop(2 * X, Y)
    np.testing.assert_array_equal(first.vector, kept)


def test_more_rows_than_a_plan_takes_are_the_same_mean(rng):
    net = network()
    X, Y = rng.standard_normal((2500, 3)), rng.integers(0, 2, 2500)
    parts = [net.backprop(X[i : i + 500], Y[i : i + 500]).vector for i in range(0, 2500, 500)]
    np.testing.assert_allclose(net.backprop(X, Y).vector, np.mean(parts, axis=0), rtol=1e-10, atol=1e-13)
    assert net.jacobian(X).shape == (2500, 2, 3)


def central(function, X, h=1e-6):
    """∂f/∂x of each row by differences; f must treat rows apart."""
    columns = []
    for k in range(X.shape[1]):
        step = np.zeros(X.shape[1])
        step[k] = h
        columns.append((function(X + step) - function(X - step)) / (2 * h))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity", "softplus"])
def test_the_jacobian_is_the_derivative_of_forward(output, X):
    net = network(output=output, cost="quadratic")
    np.testing.assert_allclose(net.jacobian(X), central(net.forward, X), rtol=1e-6, atol=1e-9)


def test_the_input_gradient_is_the_derivative_of_the_cost(net, X, Y, rng):
    weight = rng.uniform(0.5, 2, 6)
    got = net.input_gradient(X, Y, weight)
    for i, k in np.ndindex(*X.shape):
        step = np.zeros_like(X)
        step[i, k] = 1e-6
        difference = (net.cost(X + step, Y, weight) - net.cost(X - step, Y, weight)) / 2e-6
        assert got[i, k] == pytest.approx(difference, rel=1e-6, abs=1e-9)


@given(network_mn())
def test_the_input_gradient_is_the_jacobian_applied_to_grad_a(example):
    net, X, Y = example
    grad_a = net.trace(X, Y).grad_a
    assume(np.abs(grad_a).max() < 1e6)  # where σ is saturated, y / a is not finite, or 1 - a has lost its digits
    chained = np.einsum("mk,mki->mi", grad_a, net.jacobian(X))
    scale = max(1.0, float(np.abs(chained).max()))
    np.testing.assert_allclose(net.input_gradient(X, Y), chained, rtol=1e-7, atol=1e-9 * scale)


VIEWS = {
    "every other row": lambda A: A[::2],
    "backwards": lambda A: A[::-1],
    "columns backwards and back": lambda A: np.ascontiguousarray(A[:, ::-1])[:, ::-1],
    "columns in memory": np.asfortranarray,
    "a slice of a wider table": lambda A: np.hstack([A, A])[:, : A.shape[1]],
}


@pytest.mark.parametrize("view", VIEWS)
def test_rows_may_lie_in_memory_in_any_way(net, X, Y, view):
    seen = VIEWS[view](X)
    labels = Y[: len(seen)]
    plain = np.ascontiguousarray(seen)
    np.testing.assert_allclose(net.forward(seen), net.forward(plain), rtol=1e-13)
    np.testing.assert_allclose(net.backprop(seen, labels).vector, net.backprop(plain, labels).vector, rtol=1e-11)


def test_inputs_are_read_and_never_written(net, X, Y):
    before = X.copy()
    for array in (X, Y):
        array.setflags(write=False)
    for method in (net.cost, net.backprop, net.trace, net.input_gradient):
        method(X, Y)
    dp.train(net, X, Y, epochs=2, seed=0)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int8, np.uint64, bool, ">f8", list])
def test_any_numbers_will_do(net, kind):
    whole = np.array([[0, 1, 1], [1, 0, 1]])
    given = whole.tolist() if kind is list else whole.astype(kind)
    np.testing.assert_array_equal(net.forward(given), net.forward(whole.astype(float)))


def test_true_and_false_are_weights_of_1_and_0(net, X, Y):
    keep = np.array([True, False, True, True, False, True])
    assert net.cost(X, Y, keep) == net.cost(X, Y, keep.astype(float))
    assert net.cost(X, Y, keep) == pytest.approx(net.cost(X[keep], Y[keep]), rel=1e-13)


# Copies


def test_a_copy_is_equal_and_apart(net, X):
    net.facts["note"] = "kept"
    twin = net.copy()
    np.testing.assert_array_equal(twin.forward(X), net.forward(X))
    twin.theta[:] = 0
    twin.facts["note"] = "changed"
    assert net.theta.any()
    assert net.facts == {"note": "kept"}


def test_astype_rounds_the_parameters(net, X):
    narrow = net.astype("float32")
    assert narrow.theta.dtype == narrow.forward(X).dtype == np.float32
    np.testing.assert_array_equal(narrow.theta, net.theta.astype(np.float32))
    np.testing.assert_array_equal(narrow.astype("float64").theta, narrow.theta)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("cost", ["quadratic", "huber(2.5)", "cross_entropy"])
def test_a_network_survives_pickle_and_deepcopy(way, cost, X, rng):
    net = network(cost=cost)
    Y = rng.dirichlet([1, 1], 6)
    net.forward(X)  # so that there is a plan
    twin = way(net)
    np.testing.assert_array_equal(twin.backprop(X, Y).vector, net.backprop(X, Y).vector)
    assert not np.shares_memory(twin.theta, net.theta)
    assert twin.spec.canonical == net.spec.canonical


# One's own σ and C


def test_an_activation_of_ones_own(X, Y):
    cube = dp.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    net = network(activation=cube)
    z = X @ net.layer(1).W.T + net.layer(1).b
    np.testing.assert_allclose(net.trace(X, Y).layer(1).a, z**3)
    assert dp.check(net, X, Y).ok


def test_a_cost_of_ones_own_from_rows(X, rng):
    fourth = dp.Cost.from_rows("fourth", lambda A, Y: ((A - Y) ** 4).sum(axis=1), lambda A, Y: 4 * (A - Y) ** 3)
    net = network(output="identity", cost=fourth)
    Y = rng.standard_normal((6, 2))
    assert net.cost(X, Y) == pytest.approx(((net.forward(X) - Y) ** 4).sum(axis=1).mean())
    assert dp.check(net, X, Y).ok


def test_a_copy_of_softmax_under_another_name_is_refused():
    log_softmax = dp.Activation("log_softmax", lambda z: z - 1, lambda z: z, elementwise=False)
    with pytest.raises(
        dp.ArgumentError, match=r"`output` must be elementwise, or for the output softmax. Got 'log_softmax'"
    ):
        network(output=log_softmax, cost="quadratic")
    with pytest.raises(dp.ArgumentError, match=r"`activation` must be elementwise, .* Got 'softmax'"):
        network(activation=SOFTMAX)


def test_an_output_of_ones_own_never_takes_the_canonical_form(X):
    twice = dp.Activation("sigmoid", lambda z: 2 / (1 + np.exp(-z)), lambda z: 2 * np.exp(-z) / (1 + np.exp(-z)) ** 2)
    net = network(output=twice, cost="quadratic")
    assert not net.spec.canonical
    assert dp.check(net, X, np.full((6, 2), 0.5)).ok


# Bad arguments


ARGUMENTS = [
    ({"sizes": [3]}, "`sizes` must be a list of at least two widths"),
    ({"sizes": []}, "`sizes` must be a list of at least two widths"),
    ({"sizes": 3}, "`sizes` must be a list of at least two widths"),
    ({"sizes": "34"}, "`sizes` must be a list of at least two widths"),
    ({"sizes": [3, 0, 2]}, "`sizes` must be a list of positive whole numbers. Got 0"),
    ({"sizes": [3, -4, 2]}, "positive whole numbers. Got -4"),
    ({"sizes": [3, 2.5, 2]}, "`sizes` must be a list of whole numbers. Got 2.5"),
    ({"sizes": [3, "5", 2]}, "`sizes` must be a list of whole numbers. Got '5'"),
    ({"sizes": [3, True, 2]}, "whole numbers. Got True"),
    ({"sizes": [3, None]}, "whole numbers. Got None"),
    ({"activation": "rellu"}, "`activation` must be one of .* Got 'rellu'. Did you mean 'relu'?"),
    ({"activation": "Tanh"}, "Did you mean 'tanh'?"),
    ({"activation": "softmax"}, "`activation` must be one of .* Got 'softmax'"),
    ({"activation": ["relu"]}, "`activation` must be one name, or one per hidden layer. Got 1 for 2 hidden layers"),
    ({"activation": None}, "`activation` must be one of"),
    ({"activation": 7}, "`activation` must be one of"),
    ({"output": "sofmax"}, "`output` must be one of .* Did you mean 'softmax'?"),
    ({"output": None}, "`output` must be one of"),
    ({"cost": "crossentropy"}, "`cost` must be one of .* Did you mean 'cross_entropy'?"),
    ({"cost": None}, "`cost` must be one of"),
    ({"output": "relu"}, r"`output` must be softmax \(one class\) or sigmoid \(yes/no\) for the cost cross_entropy"),
    ({"output": "tanh", "cost": "poisson"}, "`output` must be exp or softplus .* for the cost poisson. Got 'tanh'"),
    ({"sizes": [3, 1], "activation": []}, "`output` must be sigmoid for a single output. .* one unit is always 1"),
    ({"dtype": "float16"}, "`dtype` must be float32 or float64. Got 'float16'"),
    ({"dtype": "int64"}, "`dtype` must be float32 or float64"),
    ({"dtype": "number"}, "`dtype` must be float32 or float64"),
    ({"dtype": None}, "`dtype` must be float32 or float64. Got None"),
    ({"init": "xavier"}, "`init` must be one of auto, book, glorot, he, lecun"),
    ({"seed": -1}, r"`seed` must be a whole number from 0 to 2\^63 - 1, or None. Got -1"),
    ({"seed": 1.5}, "`seed` must be a whole number"),
    ({"seed": True}, "`seed` must be a whole number"),
    ({"engine": "referense"}, "`engine` must be one of .* Did you mean 'reference'?"),
]


@pytest.mark.parametrize(("options", "message"), ARGUMENTS, ids=lambda value: str(value)[:40])
def test_a_bad_argument_gets_one_clear_sentence(options, message):
    with pytest.raises(dp.DeltapropError, match=message) as caught:
        network(**options)
    assert isinstance(caught.value, (dp.ArgumentError, dp.ArgumentTypeError))
    assert "\n" not in str(caught.value)


def test_an_engine_that_does_not_exist_is_refused():
    with pytest.raises(dp.ArgumentError, match=r"`engine` must be one of auto, native, reference\. Got 'torch'"):
        network(engine="torch")


@pytest.mark.parametrize("dtype", ["float32", "f8", np.float64, np.dtype("float32"), ">f8"])
def test_a_number_type_may_be_written_in_any_way(dtype):
    found = network(dtype=dtype).theta.dtype
    assert found.isnative
    assert found.itemsize == np.dtype(dtype).itemsize


# Bad arrays


GOOD = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
INPUTS = [
    ([1.0, 2.0, 3.0], r"`X` must be 2-D, one row per example, \(m, 3\). Got shape \(3,\). .* X.reshape\(1, -1\)"),
    ([[[1.0, 2.0, 3.0]]], r"`X` must be 2-D, .* Got shape \(1, 1, 3\)"),
    (3.0, r"`X` must be 2-D, .* Got shape \(\)"),
    ([[1.0, 2.0]], r"`X` must be of shape \(m, 3\), to meet W\^1 in z\^1 = W\^1 a\^0 \+ b\^1. Got shape \(1, 2\)"),
    ([[1, 2, 3], [4, np.nan, 6]], "`X` must be finite numbers. Got nan in row 1, column 1. Fill or drop missing"),
    ([[np.inf, 2, 3]], "`X` must be finite numbers. Got inf in row 0, column 0"),
    ([["a", "b", "c"]], "`X` must be an array of numbers. Got text. Encode text first"),
    ([[1, 2, "c"]], "`X` must be an array of numbers. Got text"),
    (np.array([[1, "b", 3]], object), "`X` must be an array of numbers. Got text"),
    (np.array([[1, 2, 3]], object), "`X` must be an array of numbers. Got dtype object"),
    ([[1, 2, None]], "`X` must be an array of numbers. Got dtype object"),
    (None, "`X` must be an array of numbers. Got dtype object"),
    ([[1, 2, 3], [4, 5]], "`X` must be an array with rows of one length. Got rows of different lengths"),
    ([[1j, 2, 3]], "`X` must be an array of numbers. Got dtype complex128"),
    (np.array([["2020-01-01"] * 3], "datetime64[D]"), r"`X` must be an array of numbers. Got dtype datetime64\[D\]"),
]


@pytest.mark.parametrize(("X", "message"), INPUTS, ids=range(len(INPUTS)))
def test_bad_inputs_get_one_clear_sentence(net, X, message):
    for method in (net.forward, net.jacobian):
        with pytest.raises(dp.DeltapropError, match=message):
            method(X)


def test_a_number_too_large_for_float32_is_refused():
    net = network(dtype="float32")
    with pytest.raises(dp.ArgumentError, match=r"`X` must be finite numbers. Got inf in row 0, column 2"):
        net.forward([[1.0, 2.0, 1e300]])


def test_the_first_bad_place_is_found_in_a_long_table(net):
    X = np.ones((400_000, 3))
    X[399_999, 2] = np.nan
    with pytest.raises(dp.ArgumentError, match=r"Got nan in row 399999, column 2"):
        net.forward(X)


def methods(net):
    return net.cost, net.backprop, net.trace, net.input_gradient, lambda *a: dp.check(net, *a)


def refused(net, message, *arrays):
    for method in methods(net):
        with pytest.raises(dp.DeltapropError, match=message):
            method(*arrays)


def test_no_rows_are_refused_where_a_mean_is_asked(net):
    refused(
        net, "`X` must be at least one row. Got 0 rows. A mean over no examples", np.empty((0, 3)), np.empty((0, 2))
    )


CATEGORICAL = [
    ([0, 1, 1], "`Y` must be as many rows as the inputs, 2. Got 3 rows"),
    (1, "`Y` must be as many rows as the inputs, 2. Got a single number"),
    ([0, 2], "`Y` must be class indices from 0 to 1. Got 2 in row 1"),
    ([-1, 0], "`Y` must be class indices from 0 to 1. Got -1 in row 0"),
    (
        [0.0, 1.0],
        r"BP1, δ\^L = ∇_a C ⊙ σ'\(z\^L\). Got shape \(2,\). For class indices pass whole numbers",
    ),
    ([[0], [1]], r"Got shape \(2, 1\). For class indices pass whole numbers of shape \(2,\)"),
    ([[1, 0, 0], [0, 1, 0]], r"`Y` must be of shape \(2, 2\), to meet a\^L in BP1"),
    ([[0.5, 0.2], [1, 0]], "`Y` must be rows that sum to 1, .* Got the sum 0.7 in row 0"),
    ([[1.5, -0.5], [1, 0]], "`Y` must be between 0 and 1 for the cost cross_entropy. Got -0.5"),
    ([[np.nan, 1], [1, 0]], "`Y` must be finite numbers. Got nan in row 0, column 0"),
    (["cat", "dog"], "`Y` must be an array of numbers. Got text. Encode text first"),
    ([[1], [0, 1]], "`Y` must be an array with rows of one length"),
]


@pytest.mark.parametrize(("Y", "message"), CATEGORICAL, ids=range(len(CATEGORICAL)))
def test_bad_targets_of_classes_get_one_clear_sentence(net, Y, message):
    refused(net, message, GOOD, Y)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
def test_class_indices_of_any_whole_type(net, kind):
    assert net.cost(GOOD, np.array([1, 0], kind)) == net.cost(GOOD, [[0, 1], [1, 0]])


REAL = [
    ([1.0, 2.0], r"Got shape \(2,\). Use Y.reshape\(-1, 1\): \(2,\) against \(2, 1\) would broadcast to \(2, 2\)"),
    ([1, 2], r"Use Y.reshape\(-1, 1\)"),
    ([[1.0, 2.0], [3.0, 4.0]], r"`Y` must be of shape \(2, 1\), to meet a\^L in BP1"),
    ([[np.inf], [0.0]], "`Y` must be finite numbers. Got inf in row 0, column 0"),
]


@pytest.mark.parametrize(("Y", "message"), REAL, ids=range(len(REAL)))
def test_bad_real_targets_get_one_clear_sentence(Y, message):
    refused(network((3, 4, 1), output="identity", cost="quadratic"), message, GOOD, Y)


def test_negative_counts_are_refused():
    refused(
        network((3, 1), output="exp", cost="poisson"),
        "`Y` must be 0 or more for the cost poisson. Got -2",
        GOOD,
        [[1], [-2]],
    )


WEIGHTS = [
    ([1.0], r"`sample_weight` must be of shape \(2,\), one number per example. Got shape \(1,\)"),
    ([[1.0], [1.0]], r"`sample_weight` must be of shape \(2,\)"),
    (1.0, r"`sample_weight` must be of shape \(2,\)"),
    ([1.0, np.nan], "`sample_weight` must be finite numbers. Got nan in row 1"),
    ([np.inf, 1], "`sample_weight` must be finite numbers. Got inf in row 0"),
    ([1.0, -0.5], "`sample_weight` must be 0 or more, .* Got -0.5 in row 1"),
    ([0.0, 0.0], "`sample_weight` must be 0 or more, .* for all examples"),
    (["a", "b"], "`sample_weight` must be an array of numbers. Got text"),
]


@pytest.mark.parametrize(("weight", "message"), WEIGHTS, ids=range(len(WEIGHTS)))
def test_bad_weights_get_one_clear_sentence(net, weight, message):
    refused(net, message, GOOD, [0, 1], weight)


def test_what_is_refused_leaves_the_network_as_it_was(net):
    before = net.theta.copy()
    with pytest.raises(dp.ArgumentError):
        net.backprop(GOOD, [0, 5])
    np.testing.assert_array_equal(net.theta, before)
