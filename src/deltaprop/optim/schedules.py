"""Learning-rate schedules: the factor on η as a function of time in epochs.

`factor(e, epochs)` takes e = (step + ½) / (steps per epoch), the middle of each step, as an array: all steps of an
epoch come at once, and a schedule means the same for any batch size. Only
`ReduceOnPlateau` depends on what happened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, one_of, sentence


def _need(good: bool, name: str, must: str, got: object) -> None:
    if not good:
        raise ArgumentError(sentence(name, must, repr(got)))


@dataclass(frozen=True)
class Constant:
    """factor = 1."""

    def factor(self, e: Array, epochs: int) -> Array:
        """1 for every step."""
        return np.ones_like(e)


@dataclass(frozen=True)
class StepDecay:
    """factor = gamma^⌊e / every⌋: a fall by gamma every `every` epochs."""

    every: float = 10
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _need(self.every > 0, "every", "a positive number of epochs", self.every)
        _need(0 < self.gamma <= 1, "gamma", "in (0, 1]", self.gamma)

    def factor(self, e: Array, epochs: int) -> Array:
        """gamma^⌊e / every⌋."""
        return np.asarray(self.gamma ** np.floor(e / self.every))


@dataclass(frozen=True)
class InverseScaling:
    """factor = (1 + e)^(-power)."""

    power: float = 0.5

    def __post_init__(self) -> None:
        _need(0 <= self.power < np.inf, "power", "finite and 0 or more", self.power)

    def factor(self, e: Array, epochs: int) -> Array:
        """(1 + e)^(-power)."""
        return np.asarray((1 + e) ** -self.power)


@dataclass(frozen=True)
class Cosine:
    """factor = floor + (1 - floor) ½ (1 + cos(π e / epochs)). Loshchilov & Hutter, arXiv 1608.03983."""

    floor: float = 0.0

    def __post_init__(self) -> None:
        _need(0 <= self.floor <= 1, "floor", "in [0, 1]", self.floor)

    def factor(self, e: Array, epochs: int) -> Array:
        """½ (1 + cos(π e / epochs)), raised to the floor."""
        return np.asarray(self.floor + (1 - self.floor) * 0.5 * (1 + np.cos(np.pi * np.minimum(e / epochs, 1))))


@dataclass(frozen=True)
class OneCycle:
    """Cosine from `start` to 1 over the first `rise` of the epochs, then cosine to 0. Smith, arXiv 1708.07120."""

    rise: float = 0.3
    start: float = 0.04

    def __post_init__(self) -> None:
        _need(0 < self.rise < 1, "rise", "in (0, 1)", self.rise)
        _need(0 <= self.start <= 1, "start", "in [0, 1]", self.start)

    def factor(self, e: Array, epochs: int) -> Array:
        """The rise, then the fall."""
        t = np.minimum(e / epochs, 1)
        up = self.start + (1 - self.start) * 0.5 * (1 - np.cos(np.pi * np.minimum(t / self.rise, 1)))
        down = 0.5 * (1 + np.cos(np.pi * np.clip((t - self.rise) / (1 - self.rise), 0, 1)))
        return np.where(t < self.rise, up, down)


AFTER_WARM_UP = "a Constant, StepDecay, InverseScaling or Cosine"


@dataclass(frozen=True)
class WarmUp:
    """factor = e / epochs_up for the first epochs_up epochs, then that of `then`, whose time starts there."""

    epochs_up: float = 1
    then: Constant | StepDecay | InverseScaling | Cosine = Constant()

    def __post_init__(self) -> None:
        _need(self.epochs_up > 0, "epochs_up", "a positive number of epochs", self.epochs_up)
        _need(isinstance(self.then, Constant | StepDecay | InverseScaling | Cosine), "then", AFTER_WARM_UP, self.then)

    def factor(self, e: Array, epochs: int) -> Array:
        """The straight rise, then the other schedule."""
        later = self.then.factor(np.maximum(e - self.epochs_up, 0), max(1, round(epochs - self.epochs_up)))
        return np.where(e < self.epochs_up, e / self.epochs_up, later)


@dataclass(frozen=True)
class ReduceOnPlateau:
    """The factor is multiplied by `gamma` whenever the watched cost has not fallen for `patience` epochs.

    The watched cost is the validation cost if there is one, else the training cost; `min_delta` is the fall
    that counts. The training loop keeps what happened; this says only the rule.
    """

    gamma: float = 0.2
    patience: int = 5
    min_delta: float = 1e-4
    floor: float = 1e-4

    def __post_init__(self) -> None:
        _need(0 < self.gamma < 1, "gamma", "in (0, 1)", self.gamma)
        _need(self.patience >= 1, "patience", "1 or more", self.patience)
        _need(self.min_delta >= 0, "min_delta", "0 or more", self.min_delta)
        _need(0 <= self.floor <= 1, "floor", "in [0, 1]", self.floor)

    def factor(self, e: Array, epochs: int) -> Array:
        """1: the loop multiplies by the factor of the plateaus so far."""
        return np.ones_like(e)


Schedule = Constant | StepDecay | InverseScaling | Cosine | OneCycle | WarmUp | ReduceOnPlateau
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": StepDecay,
    "inverse_scaling": InverseScaling,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "warm_up": WarmUp,
    "reduce_on_plateau": ReduceOnPlateau,
}


def get_schedule(schedule: str | Schedule) -> Schedule:
    """The schedule of that name with its usual numbers, or the one given."""
    if isinstance(schedule, Schedule):
        return schedule
    if not isinstance(schedule, str) or schedule not in SCHEDULES:
        raise one_of("schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule]()
