"""How far a training has come, by scikit-learn's rules: losses, scores, what was best, and whether to stop.

The account goes on over warm starts and partial fits. The rules are those of MLPClassifier in scikit-learn 1.9: an
epoch counts against the patience where it is not better than the best by `tol`; more of them than `n_iter_no_change`
end the training, or, with learning_rate="adaptive", divide the learning rate by 5 until it is 1e-6.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.optim.schedules import Schedule
from deltaprop.training.events import EpochEvent

SMALLEST_RATE = 1e-6


def watches_scores(given: Any) -> bool:
    """Whether a validation score says what is best; L-BFGS is stopped by SciPy alone, as in scikit-learn."""
    return bool(given.early_stopping) and given.solver != "lbfgs"


@dataclass
class Progress:
    """The account of one training. `best_theta` is kept where a validation score says what is best."""

    loss: float = np.nan
    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    best_loss: float = np.inf
    best_score: float = -np.inf
    best_theta: Array | None = None
    best_epoch: int | None = None  # of the present call
    no_improvement: int = 0
    rows_seen: int = 0
    shrunk: float = 1.0  # what an adaptive rate has left of learning_rate_init
    stopped: bool = False

    def copy(self) -> Progress:
        """One that can be put back: what is appended to this one does not reach it."""
        curves = ("loss_curve", "validation_loss_curve", "validation_scores")
        kept: dict[str, Any] = {name: list(getattr(self, name)) for name in curves}
        return replace(self, **kept)

    def forget_best(self) -> None:
        """Nothing was best yet: the rows that say so, or the weights, are others than before."""
        self.best_score, self.best_theta, self.no_improvement = -np.inf, None, 0

    def saw(self, event: EpochEvent, given: Any, rows: int) -> None:
        """Take in one epoch over this many rows; ends the training where the rules say so."""
        record = event.record
        self.rows_seen += rows
        self.loss = event.loss
        self.loss_curve.append(event.loss)
        if given.verbose:
            print(f"Iteration {record.epoch}, loss = {event.loss:.8f}")
        if record.validation_cost is not None and record.validation_score is not None:
            self.validation_loss_curve.append(record.validation_cost)
            self.validation_scores.append(record.validation_score)
        if watches_scores(given):
            self._watch_score(event, given)
        else:
            self._watch_loss(event.loss, given.tol)
        if self.no_improvement > given.n_iter_no_change and given.solver != "lbfgs":
            self._lost_patience(event, given)

    def _watch_score(self, event: EpochEvent, given: Any) -> None:
        score = self.validation_scores[-1]
        if given.verbose:
            print(f"Validation score: {score:f}")
        self.no_improvement = self.no_improvement + 1 if score < self.best_score + given.tol else 0
        if score > self.best_score or self.best_theta is None:
            self.best_score, self.best_theta, self.best_epoch = score, event.net.theta.copy(), event.record.epoch

    def _watch_loss(self, loss: float, tol: float) -> None:
        self.no_improvement = self.no_improvement + 1 if loss > self.best_loss - tol else 0
        self.best_loss = min(self.best_loss, loss)

    def _lost_patience(self, event: EpochEvent, given: Any) -> None:
        what = "Validation score" if given.early_stopping else "Training loss"
        said = f"{what} did not improve more than tol={given.tol:f} for {given.n_iter_no_change} consecutive epochs."
        adaptive = given.solver == "sgd" and given.learning_rate == "adaptive"
        if adaptive and self.shrunk * given.learning_rate_init > SMALLEST_RATE:
            self.shrunk /= 5
            self.no_improvement = 0
            said += f" Setting learning rate to {self.shrunk * given.learning_rate_init:f}"
        else:
            self.stopped = True
            event.stop("early stopping")
            said += f"{' Learning rate too small.' if adaptive else ''} Stopping."
        if given.verbose:
            print(said)


@dataclass
class SklearnRates:
    """scikit-learn's three learning rates as a schedule: they follow the progress; only sgd has any but constant."""

    progress: Progress
    given: Any

    def factor(self, e: Array, epochs: int) -> Array:
        """The factor on learning_rate_init, the same for all steps of an epoch."""
        given, ones = self.given, np.ones_like(e)
        if given.solver != "sgd" or given.learning_rate == "constant":
            return ones
        if given.learning_rate == "adaptive":
            return ones * self.progress.shrunk
        seen = self.progress.rows_seen
        return ones / (seen + 1) ** given.power_t if seen else ones


@dataclass
class Continued:
    """A schedule whose time began `before` epochs ago, and lasts for `epochs` in all."""

    schedule: Schedule
    before: int
    epochs: int

    def factor(self, e: Array, epochs: int) -> Array:
        """That of the schedule."""
        return self.schedule.factor(e + self.before, self.epochs)
