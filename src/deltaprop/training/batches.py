"""The order of the examples, given by the seed alone."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array, Indices

SHUFFLE, SPLIT = 0x73687566, 0x73706C74  # keys of the random streams


def generator(seed: int, stream: int, epoch: int = 0) -> np.random.Generator:
    """A generator that depends on (seed, stream, epoch) alone: any epoch can be drawn by itself."""
    return np.random.Generator(np.random.Philox(counter=[0, epoch, 0, 0], key=[seed, stream]))


def epoch_order(rows: Indices, epoch: int, *, seed: int, shuffle: bool) -> Indices:
    """The training rows in the order in which this epoch takes them."""
    return generator(seed, SHUFFLE, epoch).permutation(rows) if shuffle else rows


def batch_bounds(m: int, batch_size: int) -> Indices:
    """0, b, 2b, ..., m: batch s takes places bounds[s] to bounds[s + 1]; the last one may be shorter."""
    return np.append(np.arange(0, m, batch_size), m).astype(np.intp)


def split(m: int, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """(training rows, validation rows): a fraction of the rows, at least one of each, drawn by the seed."""
    n = min(max(1, round(m * fraction)), m - 1)
    order = generator(seed, SPLIT).permutation(m)
    return np.sort(order[n:]), np.sort(order[:n])


def batch_weights(weight: Array | None, order: Indices, bounds: Indices) -> Array:
    """The weight of each batch in the epoch's mean cost: its number of examples, or the sum of their weights."""
    if weight is None:
        return np.diff(bounds).astype(np.float64)
    return np.add.reduceat(weight[order], bounds[:-1])
