"""Rules for when to stop or to lower the rate, and the state of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, ArgumentTypeError, one_of, sentence
from deltaprop.optim.schedules import ReduceOnPlateau

MONITORS = ("validation_cost", "validation_score", "cost")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop if more than `patience` epochs in a row have not improved on the best one by more than `min_delta`.

    An epoch that is better by less is the best one all the same (scikit-learn's rule for `tol`). `monitor`:
    "validation_cost" (falls), "validation_score" (rises) or "cost", the training cost (falls). With `keep_best` the
    network ends with the weights of its best epoch.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "validation_cost"
    keep_best: bool = True

    def __post_init__(self) -> None:
        if self.monitor not in MONITORS:
            raise one_of("monitor", self.monitor, MONITORS)
        if isinstance(self.patience, bool) or not isinstance(self.patience, (int, np.integer)):
            raise ArgumentTypeError(sentence("patience", "a whole number of epochs", repr(self.patience)))
        if self.patience < 0 or not self.min_delta >= 0:
            got = f"patience {self.patience}, min_delta {self.min_delta}"
            raise ArgumentError(sentence("early_stopping", "made of numbers that are 0 or more", got))


@dataclass
class Stopper:
    """The state of an EarlyStopping rule: the best epoch, its weights, and the epochs since without a better one."""

    best: float = np.inf
    best_epoch: int | None = None
    waited: int = 0
    kept: Array | None = None

    def end_epoch(self, rule: EarlyStopping, epoch: int, value: float, theta: Array) -> bool:
        """Record one epoch's number; returns whether it is time to stop."""
        loss = -value if rule.monitor == "validation_score" else value
        first = self.best_epoch is None or np.isnan(self.best)
        self.waited = 0 if first or loss < self.best - rule.min_delta else self.waited + 1
        if first or loss < self.best:
            self.best, self.best_epoch = loss, epoch
            if rule.keep_best:
                self._keep(theta)
        return self.over(rule)

    def over(self, rule: EarlyStopping) -> bool:
        """Whether nothing was better for longer than the rule's patience."""
        return self.waited > rule.patience

    def restore(self, theta: Array) -> int | None:
        """Put the best weights back, if they were kept; returns their epoch."""
        if self.kept is None:
            return None
        theta[...] = self.kept
        return self.best_epoch

    def _keep(self, theta: Array) -> None:
        if self.kept is None:
            self.kept = theta.copy()
        else:
            self.kept[...] = theta


@dataclass
class Plateau:
    """The state of a ReduceOnPlateau rule: the factor that it has put on the learning rate so far."""

    factor: float = 1.0
    best: float = np.inf
    waited: int = 0

    def end_epoch(self, rule: ReduceOnPlateau, cost: float) -> None:
        """Record one epoch's cost."""
        if cost < self.best - rule.min_delta:
            self.best, self.waited = cost, 0
            return
        self.waited += 1
        if self.waited >= rule.patience:
            self.factor, self.waited = max(self.factor * rule.gamma, rule.floor), 0
