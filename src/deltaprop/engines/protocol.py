"""What an engine is: it plans a network once; the plan runs passes, and begins trainings, on buffers that it owns.

A plan works on θ, one vector (core.blocks describes its layout). A training changes θ in place. `run` does
many steps in one call: the caller has already decided the order of the examples and every step's learning rate, so an
engine needs no random numbers but the dropout masks, no schedules, and no Python between steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from deltaprop._types import Array, Indices
from deltaprop.core.sparse import Inputs
from deltaprop.core.spec import Spec
from deltaprop.optim.rules import Rules


@dataclass(frozen=True, eq=False)
class Data:
    """Checked examples: rows X (m, n_0), dense or sparse, targets Y ((m,) or (m, n_L)), weights ((m,) or None)."""

    X: Inputs
    Y: Array
    weight: Array | None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Indices | slice) -> Data:
        """These rows, in this order."""
        return Data(self.X[rows], self.Y[rows], None if self.weight is None else self.weight[rows])

    @property
    def total(self) -> float:
        """What all rows weigh: their number, or the sum of their weights."""
        return float(len(self.X) if self.weight is None else self.weight.sum())


@dataclass(frozen=True, eq=False)
class Steps:
    """A run of consecutive steps.

    Step s, counted from 0, takes the examples order[bounds[s]:bounds[s + 1]] at the rate rates[s]; `first` is the
    number of steps that training took before this run. `shares`, one per place in `order`, replace weight / Σ weight
    as each example's share of its step's cost.
    """

    order: Indices
    bounds: Indices
    rates: Array
    first: int = 0
    shares: Array | None = None

    def __len__(self) -> int:
        return len(self.rates)

    def places(self, s: int) -> slice:
        """Where `order` holds the examples of step s."""
        return slice(int(self.bounds[s]), int(self.bounds[s + 1]))

    def rows(self, s: int) -> Indices:
        """The examples of step s."""
        return self.order[self.places(s)]


@dataclass(frozen=True, eq=False)
class Report:
    """What a run of steps tells: how many of them were taken, and the numbers of those.

    `costs[s]` is C of the batch of step s without penalties; `penalties[s]` is the value of the penalty before step
    s, if the rules say `by_weight`, else 0.
    """

    done: int
    costs: Array
    penalties: Array


@dataclass(frozen=True, eq=False)
class Sums:
    """Σ_i w_i C_i, Σ_i w_i and Σ_i w_i ∂C_i/∂θ over the examples of one step: the sums of a batch's parts add up."""

    cost: float
    weight: float
    gradient: Array

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.cost + other.cost, self.weight + other.weight, self.gradient + other.gradient)


class Training(Protocol):
    """A training of one network on one engine: θ, the optimiser's vectors, the rules and the data are fixed."""

    def run(self, steps: Steps) -> Report:
        """Take the steps, changing θ and the optimiser's vectors in place.

        If fewer are done than asked, the cost, gradient or update of the next step is not finite: θ and the vectors are
        as before that step.
        """

    def gradient(self, steps: Steps) -> Sums:
        """The sums over the examples of a single step, θ unchanged; `shares` replace the weights.

        Dropout masks go by the place of a row among these: only without dropout do sums of parts add up to the batch's.
        """

    def apply(self, sums: Sums, rate: float, step: int) -> bool:
        """One step, counted from 0, from the gradient Σ / Σ w: penalties, clipping, update; whether it was taken."""

    def close(self) -> None:
        """Let go of the data and of what was made for this training, which cannot be used any more."""


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

    def evaluate(self, theta: Array, data: Data) -> tuple[float, Array]:
        """(C, a^L of every row), C being the weighted mean over the rows."""

    def gradients(self, theta: Array, data: Data) -> float:
        """C of the weighted mean over the rows; its gradient with respect to θ is in `grad` afterwards."""

    def input_gradient(self, theta: Array, data: Data) -> Array:
        """∂C/∂x of every row, (m, n_0), C being the weighted mean over the rows."""

    def gradient_norms(self, theta: Array, X: Inputs, Y: Array) -> Array:
        """‖∂C_i/∂θ‖ of every row as if it were alone, (m,), in float64; not finite if a number on the way is not."""

    def begin(self, theta: Array, slots: tuple[Array, ...], rules: Rules, data: Data) -> Training:
        """A training of θ by these rules; θ and the optimiser's vectors `slots` are changed in place."""


class Engine(Protocol):
    """A kind of hardware that can plan a network."""

    name: str

    def unsupported(self, spec: Spec, rules: Rules | None = None) -> str | None:
        """What of this network or of these rules the engine does not know, as a noun; None if it knows all."""

    def plan(self, spec: Spec, batch: int) -> Plan:
        """A plan of this network for up to `batch` examples at once."""


@dataclass(frozen=True)
class Probe:
    """An engine on this machine: whether it can run, why or why not, and how it is made for a number of threads."""

    available: bool
    why: str
    make: Callable[[int], Engine]
