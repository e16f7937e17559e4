"""One training under way: its history, whether to go on, and the end of each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Self

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.optim.optimizers import Optimizer
from deltaprop.optim.schedules import ReduceOnPlateau
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.training.events import EpochEvent
from deltaprop.training.history import EpochRecord, History
from deltaprop.training.interrupt import Interrupt
from deltaprop.training.score import score, score_name
from deltaprop.training.settings import Examples, Settings
from deltaprop.training.stopping import Plateau, Stopper


@dataclass
class OptimizerState:
    """What an optimiser carries from step to step: vectors as long as θ, their names, and how many steps it took."""

    names: tuple[str, ...]
    slots: tuple[Array, ...]
    steps: int = 0

    @classmethod
    def fresh(cls, net: Network, optimizer: Optimizer) -> OptimizerState:
        """That of an optimiser which has not moved this network yet."""
        return cls(optimizer.slots, tuple(np.zeros_like(net.theta) for _ in optimizer.slots))

    def copy(self) -> OptimizerState:
        """One that later steps do not move."""
        return OptimizerState(self.names, tuple(slot.copy() for slot in self.slots), self.steps)


class Run:
    """The state of a training between steps. Entered, it answers Ctrl-C; left, it puts the best weights back."""

    def __init__(
        self, net: Network, settings: Settings, validation: Examples | None, state: OptimizerState | None = None
    ) -> None:
        self.net, self.settings, self.validation = net, settings, validation
        self.state = state or OptimizerState.fresh(net, settings.optimizer)
        self.history = History(settings.seed, score_name(net.spec))
        self._stopper = Stopper(settings.early_stopping) if settings.early_stopping else None
        self._plateau = Plateau(settings.schedule) if isinstance(settings.schedule, ReduceOnPlateau) else None
        self._interrupt = Interrupt()
        self._begun = perf_counter()
        self._stopped: str | None = None

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and self._stopper is not None:
            self.history.best_epoch = self._stopper.restore(self.net.theta)
        self._interrupt.__exit__(kind, error, at)

    def stop(self, reason: str = "callback") -> None:
        """End the training as soon as this step or epoch is over."""
        self._stopped = self._stopped or reason
        self.history.stopped = self._stopped

    def must_stop(self) -> bool:
        """Whether something has asked for the end: Ctrl-C, the time limit, a callback, early stopping."""
        if self._interrupt.seen:
            self.stop("interrupted")
        limit = self.settings.time_limit
        if limit is not None and self.seconds >= limit:
            self.stop("time limit")
        return self._stopped is not None

    @property
    def seconds(self) -> float:
        """Since training began."""
        return perf_counter() - self._begun

    def rates(self, epoch: int, n_steps: int) -> Array:
        """The learning rate of every step of this epoch (counted from 0)."""
        settings = self.settings
        e = epoch + (np.arange(n_steps) + 0.5) / n_steps
        factor = settings.schedule.factor(e, settings.epochs)
        return settings.optimizer.learning_rate * factor * (self._plateau.factor if self._plateau else 1.0)

    def end_epoch(self, epoch: int, cost: float, loss: float, rate: float) -> None:
        """Validate, record, tell the callbacks, and follow the rules that may end the training or lower the rate."""
        validation_cost, validation_score = self._validate()
        now = EpochRecord(epoch, cost, validation_cost, validation_score, rate, self.seconds)
        self.history.epochs.append(now)
        if self._plateau:
            self._plateau.saw(cost if validation_cost is None else validation_cost)
        if self._stopper:
            watched = getattr(now, self._stopper.rule.monitor)
            if self._stopper.saw(epoch, watched, self.net.theta):
                self.stop("early stopping")
        for callback in self.settings.on_epoch:
            callback(EpochEvent(now, self.history, self.net, self.stop, loss))

    def _validate(self) -> tuple[float | None, float | None]:
        held = self.validation
        if held is None:
            return None, None
        net = self.net
        cost, a = net.plan().evaluate(net.theta, held.X, held.Y, held.weight)
        if not np.isfinite(cost):
            where = find_nonfinite(net.spec, net.theta, held.X, held.Y, held.weight)
            fact = f"Training stopped after step {self.history.steps}, on the validation examples: {where}."
            remedy = "Look for extreme values among those examples."
            raise NonFiniteError(f"{fact} The network has the parameters from after that step. {remedy}", fact)
        measure = self.settings.score or partial(score, net.spec)
        return cost, measure(a, held.Y, held.weight)
