"""Two small problems, classes and numbers, and the networks for them."""

from __future__ import annotations

import numpy as np
import pytest

import deltaprop as dp


@pytest.fixture
def blobs(rng):
    """60 rows of 4 numbers in 3 classes: X, y."""
    y = rng.integers(0, 3, 60)
    return rng.standard_normal((60, 4)) + 1.5 * np.eye(3, 4)[y], y


@pytest.fixture
def numbers(rng):
    """50 rows of 3 numbers, 2 targets that are nearly linear in them: X, Y."""
    X = rng.standard_normal((50, 3))
    return X, X @ rng.standard_normal((3, 2)) + 0.1 * rng.standard_normal((50, 2)) + [0.5, -1]


@pytest.fixture
def classifier():
    """Makes a 4-6-3 network, always the same one."""

    def make(dtype="float64", **given):
        return dp.Network([4, 6, 3], **{"activation": "tanh", "seed": 3, "dtype": dtype, **given})

    return make


@pytest.fixture
def trained(classifier, blobs):
    """Trains a fresh classifier on the blobs for 3 epochs, in batches of 16 unless said otherwise: net, history."""

    def run(X=None, y=None, *, dtype="float64", **given):
        net = classifier(dtype)
        X, y = blobs if X is None else (X, y)
        return net, dp.train(net, X, y, **{"epochs": 3, "batch_size": 16, "seed": 5, **given})

    return run


@pytest.fixture
def followed(trained):
    """Trains likewise: net, history, θ after every epoch."""

    def run(**given):
        thetas = []
        return *trained(on_epoch=lambda event: thetas.append(event.net.theta.copy()), **given), thetas

    return run


@pytest.fixture
def line():
    """Makes a linear network without hidden layers for the numbers."""

    def make(**given):
        return dp.Network([3, 2], **{"output": "identity", "cost": "quadratic", "dtype": "float64", "seed": 1, **given})

    return make
