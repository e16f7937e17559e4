"""Small problems that several of these files fit, and a pyplot that draws nowhere."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def X(rng):
    return rng.standard_normal((60, 4))


@pytest.fixture
def y(X, rng):
    """Three classes, one for each of X's first columns, with some noise."""
    return (X[:, :3] + 0.5 * rng.standard_normal((60, 3))).argmax(axis=1)


@pytest.fixture
def classes(rng):
    """300 rows of three features, three classes."""
    y = np.arange(300) % 3
    return rng.normal(size=(300, 3)) + y[:, None], y


@pytest.fixture
def numbers(classes):
    X, y = classes
    return X, X @ [1.0, -1.0, 2.0] + y


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")
