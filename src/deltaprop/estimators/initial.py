"""The weights and the orders that scikit-learn would draw: the same random_state, the same numbers."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.core.spec import Spec


def initial_theta(spec: Spec, random: np.random.RandomState) -> Array:
    """θ by Glorot & Bengio 2010: U(±√(6 / (n_in + n_out))), 2 for 6 under a sigmoid; biases too, as scikit-learn does.

    The output layer takes the bound of the last hidden one, scikit-learn's activation being that of the whole network.
    """
    theta = np.empty(spec.n_parameters, spec.dtype)
    hidden = [activation.name for activation in spec.activations[:-1]]
    names = [*hidden, hidden[-1] if hidden else ""]
    for W, b, name in zip(spec.weights(theta), spec.biases(theta), names, strict=True):
        bound = np.sqrt((2.0 if name == "sigmoid" else 6.0) / sum(W.shape))
        W[...] = random.uniform(-bound, bound, W.T.shape).T
        b[...] = random.uniform(-bound, bound, b.shape)
    return theta


class ShuffledOrders:
    """The order of the rows in each epoch: each shuffles the one before, from the state of the generator."""

    def __init__(self, random: np.random.RandomState, shuffle: bool) -> None:
        self._random, self._shuffle = random, shuffle
        self._places: Indices | None = None

    def __call__(self, rows: Indices, epoch: int) -> Indices:
        """These rows as this epoch takes them."""
        if not self._shuffle:
            return rows
        moved = np.arange(len(rows))
        self._random.shuffle(moved)
        self._places = moved if self._places is None else self._places[moved]
        return rows[self._places]
