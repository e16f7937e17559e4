"""The networks of the benchmarks and their data.

Every case uses plain SGD, float32, sigmoid hidden layers, softmax and cross-entropy, and batches of shuffled rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.network import Network

RATE = 0.1
PREDICTION_FLOP = 2e9  # of one prediction, which then takes tens of milliseconds
MOST_ROWS = 16384


@dataclass(frozen=True)
class Case:
    """A network with sizes n_0..n_L, the batch size, and the number of steps per epoch."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int

    @property
    def flop(self) -> int:
        """Operations of one step: 2 m n k per product; 3 products per layer (forward, BP2, BP4), 2 for the first."""
        return 3 * self.batch * self.flop_per_row - 2 * self.batch * self.sizes[0] * self.sizes[1]

    @property
    def flop_per_row(self) -> int:
        """Operations of predicting one row: the products of the forward pass."""
        return 2 * sum(n * k for k, n in pairwise(self.sizes))

    @property
    def rows(self) -> int:
        """The number of rows of one prediction."""
        return max(1024, min(MOST_ROWS, int(PREDICTION_FLOP / self.flop_per_row)))

    def __str__(self) -> str:
        n_0, n_L = self.sizes[0], self.sizes[-1]
        hidden: list[object] = list(self.sizes[1:-1])
        if len(hidden) > 4:
            same = len(set(hidden)) == 1
            hidden = [f"{len(hidden)}x{hidden[0]}"] if same else [hidden[0], "...", hidden[-1]]
        return "-".join(map(str, (n_0, *hidden, n_L)))


CASES = {
    case.name: case
    for case in (
        Case("tiny", (784, 30, 10), 10, 200),
        Case("tab", (100, 256, 256, 10), 256, 20),
        Case("mnist", (784, 256, 128, 10), 128, 20),
        Case("deep", (64, *[64] * 15, 10), 1024, 5),
        Case("wide", (1024, 1024, 1024, 10), 512, 2),
        Case("odd", (37, 101, 53, 3), 77, 50),
        Case("seven", (29, 61, 59, 53, 47, 43, 41, 5), 513, 10),
        Case("single", (129, 257, 65, 11), 1, 200),
    )
}


class Job:
    """A case with its data: rows X, classes y, the order of an epoch, and the initial network."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        m = case.steps * case.batch
        self.case = case
        self.X: Array = rng.standard_normal((m, case.sizes[0]), dtype=np.float32)
        self.y: Indices = rng.integers(0, case.sizes[-1], m)
        self.order: Indices = rng.permutation(m)
        self.bounds: Indices = np.arange(0, m + 1, case.batch)
        self.net = Network(case.sizes, activation="sigmoid", seed=seed, engine="reference")

    @property
    def batches(self) -> list[Indices]:
        """The row numbers of each step of an epoch."""
        return np.split(self.order, self.bounds[1:-1])

    @cached_property
    def unseen(self) -> Array:
        """The rows to predict."""
        return np.random.default_rng(1).standard_normal((self.case.rows, self.case.sizes[0]), dtype=np.float32)

    def W(self) -> list[Array]:
        """A copy of W^1..W^L."""
        return [layer.W.copy() for layer in self.net]

    def b(self) -> list[Array]:
        """A copy of b^1..b^L."""
        return [layer.b.copy() for layer in self.net]
