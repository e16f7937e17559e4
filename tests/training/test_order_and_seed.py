"""The seed alone decides: which rows come when, which are held out, which units drop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deltaprop as dp
from deltaprop.training.batches import batch_bounds, batch_weights, epoch_order, split

EVERYTHING = {"dropout": 0.3, "validation": 0.2, "l2": 1e-3, "clip_norm": 1.0, "schedule": "cosine"}


def test_the_same_seed_gives_the_same_bits(trained):
    first, told = trained(**EVERYTHING)
    again, told_again = trained(**EVERYTHING)
    np.testing.assert_array_equal(first.theta, again.theta)
    assert (told.cost, told.validation_cost) == (told_again.cost, told_again.validation_cost)


def test_another_seed_gives_another_network(trained):
    assert not np.array_equal(trained(seed=5)[0].theta, trained(seed=6)[0].theta)


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_seeds_reach_from_0_to_the_largest(trained, seed):
    first, history = trained(seed=seed, **EVERYTHING)
    assert history.seed == seed
    np.testing.assert_array_equal(first.theta, trained(seed=seed, **EVERYTHING)[0].theta)


def test_the_history_of_a_run_without_seed_has_the_seed_that_repeats_it(trained):
    first, history = trained(seed=None)
    np.testing.assert_array_equal(trained(seed=history.seed)[0].theta, first.theta)


def test_two_runs_without_seed_differ(trained):
    assert trained(seed=None)[1].seed != trained(seed=None)[1].seed


def test_float32_follows_its_float64_twin(trained):
    wide, narrow = trained(dropout=0.3)[0], trained(dropout=0.3, dtype="float32")[0]
    assert narrow.theta.dtype == np.float32
    np.testing.assert_allclose(narrow.theta, wide.theta, rtol=1e-4, atol=1e-5)


def test_the_global_random_state_is_neither_read_nor_changed(trained):
    state = np.random.get_state()
    try:
        first, _ = trained(**EVERYTHING)
        np.testing.assert_array_equal(np.random.get_state()[1], state[1])
        np.random.random(100)
        np.testing.assert_array_equal(trained(**EVERYTHING)[0].theta, first.theta)
    finally:
        np.random.set_state(state)


def test_watching_every_step_changes_no_bit(trained):
    """With on_step the plan runs one step a call, without it many: the same steps all the same."""
    np.testing.assert_array_equal(trained(on_step=lambda event: None)[0].theta, trained()[0].theta)


@pytest.mark.parametrize(("batch_size", "sizes"), [(16, [16, 16, 16, 12]), (60, [60]), (99, [60]), (None, [60])])
def test_every_example_comes_once_per_epoch_and_the_last_batch_may_be_short(trained, blobs, batch_size, sizes):
    seen = {1: [], 2: []}
    trained(epochs=2, batch_size=batch_size, on_step=lambda event: seen[event.epoch].append(event.trace().x))
    for batches in seen.values():
        assert [len(rows) for rows in batches] == sizes
        rows = np.concatenate(batches)
        np.testing.assert_array_equal(rows[np.lexsort(rows.T)], blobs[0][np.lexsort(blobs[0].T)])
    assert not np.array_equal(seen[1][0], seen[2][0])


def test_without_shuffling_the_rows_come_as_they_lie(trained, blobs):
    seen = []
    trained(shuffle=False, epochs=1, on_step=lambda event: seen.append(event.trace().x))
    np.testing.assert_array_equal(np.concatenate(seen), blobs[0])


def test_one_row_is_enough(classifier):
    net = classifier()
    assert dp.train(net, np.ones((1, 4)), [2], epochs=2).steps == 2


def test_no_rows_are_refused(classifier):
    with pytest.raises(dp.ArgumentError, match=r"`X` must be at least one row\. Got 0 rows"):
        dp.train(classifier(), np.empty((0, 4)), np.empty(0, int))


@given(m=st.integers(1, 200), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 10**6))
def test_the_order_is_a_permutation_given_by_seed_and_epoch(m, seed, epoch):
    order = epoch_order(np.arange(m), epoch, seed=seed, shuffle=True)
    np.testing.assert_array_equal(np.sort(order), np.arange(m))
    np.testing.assert_array_equal(order, epoch_order(np.arange(m), epoch, seed=seed, shuffle=True))


@given(m=st.integers(1, 100), batch_size=st.integers(1, 120))
def test_bounds_cut_all_rows_into_batches_of_which_only_the_last_is_short(m, batch_size):
    lengths = np.diff(batch_bounds(m, batch_size))
    assert lengths.sum() == m
    assert (lengths[:-1] == batch_size).all()
    assert 1 <= lengths[-1] <= batch_size


@given(m=st.integers(2, 300), fraction=st.floats(0, 1, exclude_min=True, exclude_max=True), seed=st.integers(0, 99))
def test_a_split_leaves_no_row_out_and_neither_side_empty(m, fraction, seed):
    inside, outside = split(m, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.append(inside, outside)), np.arange(m))
    assert len(inside) >= 1
    assert len(outside) >= 1
    assert abs(len(outside) - m * fraction) <= 1


def test_the_split_is_not_drawn_from_the_stream_of_the_order():
    order = epoch_order(np.arange(60), 0, seed=5, shuffle=True)
    assert sorted(order[:15]) != split(60, 0.25, 5)[1].tolist()


def test_batches_count_by_their_weights():
    order, bounds = np.array([3, 1, 0, 2]), np.array([0, 3, 4])
    assert batch_weights(None, order, bounds).tolist() == [3, 1]
    assert batch_weights(np.array([1.0, 2, 4, 8]), order, bounds).tolist() == [11, 4]


@pytest.mark.parametrize("value", ["no", 1, None])
def test_shuffle_is_a_flag(value):
    with pytest.raises(dp.ArgumentTypeError, match=r"`shuffle` must be True or False\. Got "):
        dp.train(dp.Network([4, 3], seed=0), np.ones((4, 4)), [0, 1, 2, 0], shuffle=value)
