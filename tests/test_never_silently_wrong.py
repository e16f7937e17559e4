"""What would give wrong numbers without a word: each case was once found by trying."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.core.border import check_weight
from deltaprop.trace.nonfinite import BLOCK

X = np.linspace(-1, 1, 18, dtype=np.float32).reshape(6, 3)
Y = np.array([0, 1, 0, 1, 1, 0])
ROWS = np.linspace(0, 1, 12).reshape(6, 2)


def network(**given):
    return dp.Network([3, 4, 2], **{"seed": 0, **given})


def overflowing():
    net = network()
    net.theta[:] = 3e38
    return net


def test_threads_that_share_a_network_do_not_share_its_buffers(rng):
    net = dp.Network([50, 300, 10], seed=0)
    data = [(rng.normal(size=(200, 50)), rng.integers(0, 10, 200)) for _ in range(4)]
    alone = [net.backprop(*examples).vector for examples in data]
    wrong = []

    def work(i):
        for _ in range(30):
            if not np.array_equal(net.backprop(*data[i]).vector, alone[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_network_that_has_run_can_be_copied(twin):
    net = network()
    before = net.backprop(X, Y).vector
    np.testing.assert_array_equal(twin(net).backprop(X, Y).vector, before)


@pytest.mark.parametrize(
    "ask",
    [
        lambda net: net.forward(X),
        lambda net: net.cost(X, Y),
        lambda net: net.backprop(X, Y),
        lambda net: net.input_gradient(X, Y),
    ],
)
def test_what_is_not_finite_is_named(ask):
    with pytest.raises(dp.NonFiniteError, match=r"^Inf in layer 1, forward, z\^1 = W\^1 a\^0 \+ b\^1\.$"):
        ask(overflowing())


def test_it_is_found_in_a_late_block_of_rows():
    many = np.zeros((BLOCK + 5, 1), np.float32)
    many[-1] = 1e38
    net = dp.Network([1, 1], output="identity", cost="quadratic", seed=0)
    net.layer(1).W[...] = 100
    with pytest.raises(dp.NonFiniteError, match=r"^Inf in layer 1, forward, z\^1"):
        net.forward(many)


def test_weights_whose_sum_overflows_are_refused():
    with pytest.raises(
        dp.ArgumentError, match=r"`sample_weight` must be of a finite sum. Got a largest weight of 1e\+308"
    ):
        check_weight([1e308, 1e308], 2)


@pytest.mark.parametrize("n", [0, 10, 27])
def test_parameters_of_another_length_are_refused(n):
    with pytest.raises(dp.ShapeError, match=rf"`theta` must be a vector of 26 parameters, .* Got shape \({n},\)"):
        dp.Network.from_parameters(network().spec, np.zeros(n))


def test_a_narrower_number_type_that_cannot_hold_the_parameters_is_refused():
    net = network(dtype="float64")
    net.layer(1).W[0, 0] = 1e300
    with pytest.raises(dp.ArgumentError, match=r"`dtype` must be wide enough for the parameters\. Got 'float32'"):
        net.astype("float32")


def test_another_number_type_keeps_the_facts():
    net = network()
    net.facts = {"rows": 6}
    assert net.astype("float64").facts == {"rows": 6}


@pytest.mark.parametrize("sigma_prime", [lambda z: 1.0, lambda z: z.sum(axis=0)])
def test_a_derivative_that_would_be_broadcast_is_refused(sigma_prime):
    net = network(activation=dp.Activation("own", np.tanh, sigma_prime))
    with pytest.raises(dp.ShapeError, match="`activation` must be a pair that keeps the shape of z"):
        net.backprop(X, Y)


@pytest.mark.parametrize(
    ("C", "grad_a", "said"),
    [
        (lambda a, y: ((a - y) ** 2).mean(), lambda a, y: a - y, r"`C` must be one cost per example"),
        (lambda a, y: (a - y) ** 2, lambda a, y: a - y, r"`C` must be one cost per example"),
        (
            lambda a, y: (a - y).sum(1),
            lambda a, y: (a - y).sum(1),
            r"`grad_a` must be one number per example and output",
        ),
    ],
)
def test_a_cost_of_the_wrong_shape_is_refused(C, grad_a, said):
    net = network(output="identity", cost=dp.Cost.from_rows("own", C, grad_a))
    with pytest.raises(dp.ShapeError, match=said):
        net.backprop(X, ROWS)


def test_a_file_that_could_not_tell_two_activations_apart_is_not_written(tmp_path):
    own = dp.Activation("relu", np.sin, np.cos)
    net = dp.Network([3, 4, 4, 2], activation=[own, "relu"])
    with pytest.raises(dp.ArgumentError, match=r"two different ones named 'relu'\. Rename one"):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [{"elements": 0}, {"elements": -3}, {"max_rows": 0}])
def test_a_check_of_nothing_is_refused(given):
    with pytest.raises(dp.ArgumentError, match=f"`{next(iter(given))}` must be 1 or more"):
        dp.check(network(), X, Y, **given)


def test_an_update_that_overflows_is_named_even_where_the_run_stops():
    with pytest.raises(dp.NonFiniteError, match="an overflow in layer 1, the update of W and b by sgd"):
        dp.train(network(), X * 100, Y, batch_size=3, optimizer=dp.SGD(3e38), on_step=lambda event: event.stop())


def test_an_error_in_the_validation_examples_says_that_it_is_there():
    with pytest.raises(dp.ShapeError, match="`validation X` must be of shape"):
        dp.train(network(), X, Y, validation=(X[:, :2], Y))
