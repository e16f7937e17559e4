"""When to stop, as rules and as small state machines that follow them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, ArgumentTypeError, one_of, sentence
from deltaprop.optim.schedules import ReduceOnPlateau

MONITORS = ("validation_cost", "validation_score", "cost")


@dataclass(frozen=True)
class EarlyStopping:
    """Stop where no epoch of more than `patience` has improved on the best one before it by more than `min_delta`.

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


class Stopper:
    """Follows an EarlyStopping rule: remembers the best epoch, its weights, and for how long nothing was better."""

    def __init__(self, rule: EarlyStopping) -> None:
        self.rule = rule
        self.best = np.inf
        self.best_epoch: int | None = None
        self.waited = 0
        self._kept: Array | None = None

    def saw(self, epoch: int, value: float, theta: Array) -> bool:
        """Take in one epoch's number; whether it is time to stop."""
        loss = -value if self.rule.monitor == "validation_score" else value
        first = self.best_epoch is None or np.isnan(self.best)
        self.waited = 0 if first or loss < self.best - self.rule.min_delta else self.waited + 1
        if first or loss < self.best:
            self.best, self.best_epoch = loss, epoch
            if self.rule.keep_best:
                self._keep(theta)
        return self.waited > self.rule.patience

    def restore(self, theta: Array) -> int | None:
        """Put the best weights back, where they were kept; the epoch they are of."""
        if self._kept is None:
            return None
        theta[...] = self._kept
        return self.best_epoch

    def _keep(self, theta: Array) -> None:
        if self._kept is None:
            self._kept = theta.copy()
        else:
            self._kept[...] = theta


class Plateau:
    """Follows a ReduceOnPlateau rule: the factor that the plateaus so far have put on the learning rate."""

    def __init__(self, rule: ReduceOnPlateau) -> None:
        self.rule = rule
        self.factor = 1.0
        self._best = np.inf
        self._waited = 0

    def saw(self, cost: float) -> None:
        """Take in one epoch's cost."""
        if cost < self._best - self.rule.min_delta:
            self._best, self._waited = cost, 0
            return
        self._waited += 1
        if self._waited >= self.rule.patience:
            self.factor, self._waited = max(self.factor * self.rule.gamma, self.rule.floor), 0
