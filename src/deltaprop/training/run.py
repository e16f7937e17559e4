"""A training under way: whether it goes on, and the end of each epoch."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from types import TracebackType
from typing import Self

import numpy as np

from deltaprop._types import Array
from deltaprop.engines.protocol import Data
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.optim.schedules import ReduceOnPlateau
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.training.events import EpochEvent
from deltaprop.training.history import EpochRecord
from deltaprop.training.interrupt import Interrupt
from deltaprop.training.score import score
from deltaprop.training.settings import Settings
from deltaprop.training.state import Epoch, TrainingState
from deltaprop.training.stopping import Plateau, Stopper


class Run:
    """A training under way: its state, and whether it goes on.

    Use it as a context manager: inside, Ctrl-C is noted; on leaving, the best weights are put back.
    """

    def __init__(self, net: Network, settings: Settings, validation: Data | None, state: TrainingState) -> None:
        self.net, self.settings, self.validation, self.state = net, settings, validation, state
        self.history = state.history
        self.history.stopped = "epochs"
        self._interrupt = Interrupt()
        self._begun = perf_counter() - state.seconds
        self._stopped: str | None = None
        if settings.early_stopping and state.parts.setdefault("stopper", Stopper()).over(settings.early_stopping):
            self.stop("early stopping")
        if isinstance(settings.schedule, ReduceOnPlateau):
            state.parts.setdefault("plateau", Plateau())

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and "stopper" in self.state.parts:
            self.history.best_epoch = self.state.parts["stopper"].restore(self.net.theta)
        self._interrupt.__exit__(kind, error, at)

    def stop(self, reason: str = "callback") -> None:
        """End the training as soon as this step or epoch is over."""
        self._stopped = self._stopped or reason
        self.history.stopped = self._stopped

    def must_stop(self) -> bool:
        """Whether Ctrl-C, the time limit, a callback or early stopping has asked for the end."""
        if self._interrupt.seen:
            self.stop("interrupted")
        self.state.seconds = perf_counter() - self._begun
        limit = self.settings.time_limit
        if limit is not None and self.state.seconds >= limit:
            self.stop("time limit")
        return self._stopped is not None

    def rates(self, epoch: int, n_steps: int) -> Array:
        """The learning rate of every step of this epoch (counted from 0)."""
        settings, plateau = self.settings, self.state.parts.get("plateau")
        e = epoch + (np.arange(n_steps) + 0.5) / n_steps
        factor = settings.schedule.factor(e, settings.epochs)
        return settings.optimizer.learning_rate * factor * (plateau.factor if plateau else 1.0)

    def end_epoch(self, cost: float, loss: float, rate: float) -> None:
        """Validate, record, call the callbacks, and follow the rules that may end the training or lower the rate."""
        state, settings = self.state, self.settings
        validation_cost, validation_score = self._validate()
        state.epochs, state.epoch = state.epochs + 1, Epoch()
        state.seconds = perf_counter() - self._begun
        now = EpochRecord(state.epochs, cost, validation_cost, validation_score, rate, state.seconds)
        self.history.epochs.append(now)
        if isinstance(settings.schedule, ReduceOnPlateau):
            watched = cost if validation_cost is None else validation_cost
            state.parts["plateau"].end_epoch(settings.schedule, watched)
        if settings.early_stopping:
            value = getattr(now, settings.early_stopping.monitor)
            if state.parts["stopper"].end_epoch(settings.early_stopping, now.epoch, value, self.net.theta):
                self.stop("early stopping")
        for callback in settings.on_epoch:
            callback(EpochEvent(now, self.history, self.net, self.stop, loss))

    def _validate(self) -> tuple[float | None, float | None]:
        held = self.validation
        if held is None:
            return None, None
        net = self.net
        cost, a = net.plan().evaluate(net.theta, held)
        if not np.isfinite(cost):
            place = find_nonfinite(net.spec, net.theta, held.X, held.Y, held.weight)
            fact = f"Training stopped after step {self.history.steps}, on the validation examples: {place}."
            remedy = "Look for extreme values among those examples."
            raise NonFiniteError(f"{fact} The network has the parameters from after that step. {remedy}", fact)
        measure = self.settings.score or partial(score, net.spec)
        return cost, measure(a, held.Y, held.weight)
