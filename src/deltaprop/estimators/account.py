"""The progress of a training by scikit-learn's rules: losses, scores, what was best, and whether to stop.

The account continues over warm starts and partial fits. The rules are those of MLPClassifier in scikit-learn 1.9: an
epoch counts against the patience if it is not better than the best by `tol`; more of them than `n_iter_no_change` end
the training, or, with learning_rate="adaptive", divide the learning rate by 5 until it is 1e-6.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from deltaprop._types import Array
from deltaprop.estimators.parameters import Parameters
from deltaprop.optim.schedules import Schedule
from deltaprop.training.events import EpochEvent

SMALLEST_RATE = 1e-6


@dataclass
class Account:
    """The account of one training, a part of its state.

    `best_theta` is kept if a validation score decides what is best.
    """

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
    split_seed: int | None = None  # of the rows that partial fits hold out

    def continued(self, theta: Array, *, partial: bool, other_rows: bool, other_rule: bool) -> Account:
        """The account of the next call, which starts at θ; this one stays as it is.

        Nothing was best yet in a call of fit if other rows decide from now on, or if the weights were assigned since.
        Another update rule starts at the full learning rate.
        """
        account = replace(
            self,
            loss_curve=list(self.loss_curve),
            validation_loss_curve=list(self.validation_loss_curve),
            validation_scores=list(self.validation_scores),
            stopped=False,
            best_epoch=None,
            shrunk=1.0 if other_rule else self.shrunk,
        )
        best = self.best_theta
        if best is not None and not partial and (other_rows or not np.array_equal(best, theta)):
            account.best_score, account.best_theta, account.no_improvement = -np.inf, None, 0
        if self.stopped and partial:
            account.no_improvement = 0
        return account

    def seed_of_split(self, random: np.random.RandomState) -> int:
        """The seed of the rows that partial fits hold out, drawn in the first of them: same data, same rows."""
        if self.split_seed is None:
            self.split_seed = int(random.randint(np.iinfo(np.int32).max))
        return self.split_seed

    def add_epoch(self, event: EpochEvent, *, parameters: Parameters, rows: int) -> None:
        """Enter one epoch over this many rows; stop the training if the rules say so."""
        record = event.record
        self.rows_seen += rows
        self.loss = event.loss
        self.loss_curve.append(event.loss)
        if parameters.verbose:
            print(f"Iteration {record.epoch}, loss = {event.loss:.8f}")
        if record.validation_cost is not None and record.validation_score is not None:
            self.validation_loss_curve.append(record.validation_cost)
            self.validation_scores.append(record.validation_score)
        if parameters.watches_scores:
            self._watch_score(event, parameters)
        else:
            self.no_improvement = self.no_improvement + 1 if event.loss > self.best_loss - parameters.tol else 0
            self.best_loss = min(self.best_loss, event.loss)
        if self.no_improvement > parameters.n_iter_no_change and parameters.solver != "lbfgs":
            self._end_patience(event, parameters)

    def _watch_score(self, event: EpochEvent, parameters: Parameters) -> None:
        score = self.validation_scores[-1]
        if parameters.verbose:
            print(f"Validation score: {score:f}")
        self.no_improvement = self.no_improvement + 1 if score < self.best_score + parameters.tol else 0
        if score > self.best_score or self.best_theta is None:
            self.best_score, self.best_theta, self.best_epoch = score, event.net.theta.copy(), event.record.epoch

    def _end_patience(self, event: EpochEvent, parameters: Parameters) -> None:
        what = "Validation score" if parameters.early_stopping else "Training loss"
        tol, patience = parameters.tol, parameters.n_iter_no_change
        text = f"{what} did not improve more than tol={tol:f} for {patience} consecutive epochs."
        adaptive = parameters.solver == "sgd" and parameters.learning_rate == "adaptive"
        if adaptive and self.shrunk * parameters.learning_rate_init > SMALLEST_RATE:
            self.shrunk /= 5
            self.no_improvement = 0
            text += f" Setting learning rate to {self.shrunk * parameters.learning_rate_init:f}"
        else:
            self.stopped = True
            event.stop("early stopping")
            text += f"{' Learning rate too small.' if adaptive else ''} Stopping."
        if parameters.verbose:
            print(text)


@dataclass
class SklearnRates:
    """scikit-learn's three learning rates as a schedule that follows the account; only sgd has any but constant."""

    account: Account
    parameters: Parameters

    def factor(self, e: Array, epochs: int) -> Array:
        """The factor on learning_rate_init, the same for all steps of an epoch."""
        parameters, ones = self.parameters, np.ones_like(e)
        if parameters.solver != "sgd" or parameters.learning_rate == "constant":
            return ones
        if parameters.learning_rate == "adaptive":
            return ones * self.account.shrunk
        seen = self.account.rows_seen
        return ones / (seen + 1) ** parameters.power_t if seen else ones


@dataclass
class ContinuedSchedule:
    """A schedule whose time began `before` epochs ago, and lasts for `epochs` in all."""

    schedule: Schedule
    before: int
    epochs: int

    def factor(self, e: Array, epochs: int) -> Array:
        """The factor of the schedule."""
        return self.schedule.factor(e + self.before, self.epochs)
