"""What an engine is: it plans a network once, and the plan then runs on buffers that it owns.

A plan works on θ, one vector (core.spec says where W^l and b^l lie in it), changed in place. `train` runs many steps
in one call: the caller has already decided the order of the examples and every step's learning rate, so an engine
needs no random numbers but the dropout masks, no schedules, and no Python between steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.core.sparse import Inputs
from deltaprop.core.spec import Spec
from deltaprop.optim.optimizers import Optimizer


@dataclass(frozen=True)
class Rules:
    """What every step of a training does: the update rule, and what is added to C or done to the gradient.

    The gradient is that of C + ½ l2 ‖W‖² + l1 ‖W‖_1 (biases are not penalised), scaled down to the norm `clip_norm`
    where it is longer. `dropout` holds the hidden layers' probabilities, () for none; `seed` is that of its masks. With
    `by_weight` both penalties are divided by what the batch weighs: its number of examples, or their weights' sum.
    """

    optimizer: Optimizer
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    dropout: tuple[float, ...] = ()
    seed: int = 0
    by_weight: bool = False


@dataclass
class Steps:
    """A run of consecutive steps over rows X (m, n_0), dense or sparse, Y ((m,) or (m, n_L)) and weight ((m,) or None).

    Step s, counted from 0, takes the examples order[bounds[s]:bounds[s + 1]] at the rate rates[s]; `first` is how many
    steps came before this run since training began. `costs[s]` receives C of the step's batch, penalties apart;
    `penalties[s]`, where the rules say `by_weight`, what they came to before the step.
    """

    X: Inputs
    Y: Array
    weight: Array | None
    order: Indices
    bounds: Indices
    rates: Array
    first: int = 0
    costs: Array = field(init=False)
    penalties: Array = field(init=False)

    def __post_init__(self) -> None:
        self.costs = np.full(len(self.rates), np.nan)
        self.penalties = np.zeros(len(self.rates))

    def batch(self, s: int) -> tuple[Inputs, Array, Array | None]:
        """The examples of step s: rows of X, of Y, and their weights."""
        rows = self.order[self.bounds[s] : self.bounds[s + 1]]
        return self.X[rows], self.Y[rows], None if self.weight is None else self.weight[rows]


class Plan(Protocol):
    """One network on one engine. `grad` is a vector laid out like θ that `gradients` fills.

    `batch` is the most examples that pass through the layers at once; longer inputs go in parts, in bounded memory.
    Of sparse rows an engine multiplies what is stored, or writes out no more than such a part.
    """

    spec: Spec
    batch: int
    grad: Array

    def forward(self, theta: Array, X: Inputs) -> Array:
        """a^L of every row, (m, n_L)."""

    def evaluate(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> tuple[float, Array]:
        """(C, a^L of every row), C being the weighted mean over the rows."""

    def gradients(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> float:
        """C of the weighted mean over the rows; its gradient with respect to θ lies in `grad` afterwards."""

    def input_gradient(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> Array:
        """∂C/∂x of every row, (m, n_0), C being the weighted mean over the rows."""

    def train(self, theta: Array, slots: tuple[Array, ...], rules: Rules, steps: Steps) -> int:
        """Run the steps on θ and the optimiser's slots in place; how many were completed.

        Fewer than asked means that the next step's cost, gradient or update is not finite: θ and slots are as before
        that step.
        """


class Engine(Protocol):
    """A kind of hardware that can plan a network."""

    name: str

    def plan(self, spec: Spec, batch: int) -> Plan:
        """A plan of this network for up to `batch` examples at once."""
