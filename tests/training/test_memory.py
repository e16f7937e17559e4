"""Peak memory of a training: the data once. X of 40 MB is never copied as a whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import deltaprop as dp

ROWS, WIDTH = 100_000, 100
NETWORK = {"sizes": [WIDTH, 4, 2], "seed": 0}


@pytest.fixture(scope="module")
def big():
    X = np.random.default_rng(0).random((ROWS, WIDTH), dtype=np.float32)
    assert X.nbytes == 40_000_000
    return X, (X[:, 0] > 0.5).astype(int)


@pytest.fixture
def peak(big):
    """The most memory that a training held at once on top of what was there, in bytes of X."""

    def measure(*, rows=ROWS, lay=lambda X: X, **given):
        net = dp.Network(**NETWORK)
        X, y = lay(big[0][:rows]), big[1][:rows]
        y = y[: len(X)]
        tracemalloc.start()
        try:
            dp.train(net, X, y, **{"epochs": 1, "batch_size": 1000, "seed": 0, **given})
            return tracemalloc.get_traced_memory()[1] / X.nbytes
        finally:
            tracemalloc.stop()

    return measure


def test_training_copies_no_data(peak):
    assert peak() < 0.25


def test_rows_that_lie_apart_are_not_copied(peak):
    assert peak(lay=lambda X: X[::-2]) < 0.25
    assert peak(lay=lambda X: np.broadcast_to(X[0], X.shape)) < 0.25


def test_rows_that_are_no_run_of_numbers_are_copied_once(peak):
    assert 1 < peak(lay=np.asfortranarray, epochs=3) < 1.25


def test_given_validation_data_are_not_copied(peak, big):
    assert peak(rows=50_000, validation=(big[0][50_000:], big[1][50_000:])) < 0.25


def test_a_fraction_held_out_is_copied_alone(peak):
    assert peak(validation=0.2) < 0.2 + 0.25


def test_l_bfgs_copies_no_data(peak):
    assert peak(optimizer="lbfgs", batch_size=None) < 0.25


def test_a_weight_per_row_is_no_weight_per_number(peak):
    assert peak(sample_weight=np.ones(ROWS)) < 0.25


def test_callbacks_keep_nothing(peak):
    assert peak(on_step=lambda event: None, on_epoch=lambda event: None) < 0.25
