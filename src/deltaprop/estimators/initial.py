"""The weights and the orders that scikit-learn would draw: the same random_state, the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

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
    for l, name in enumerate(names, 1):
        W, b = spec.arrays(theta, l).values()
        bound = np.sqrt((2.0 if name == "sigmoid" else 6.0) / sum(W.shape))
        W[...] = random.uniform(-bound, bound, W.T.shape).T
        b[...] = random.uniform(-bound, bound, b.shape)
    return theta


@dataclass
class ShuffledOrders:
    """The order of the rows in each epoch: the order before, shuffled by the generator. A part of the training's state.

    `places` is the order of the epoch before, as places in the rows.
    """

    random: np.random.RandomState
    shuffle: bool
    places: Indices | None = None

    def __call__(self, rows: Indices, epoch: int) -> Indices:
        """These rows in the order of the next epoch."""
        if not self.shuffle:
            return rows
        moved = np.arange(len(rows))
        self.random.shuffle(moved)
        self.places = moved if self.places is None else self.places[moved]
        return rows[self.places]
