"""One call of fit or partial_fit: which rows train and which are held out, by which rules, and what is said after."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from warnings import warn

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from deltaprop._types import Array, Indices
from deltaprop.core.dropout import check_dropout
from deltaprop.errors import sentence
from deltaprop.estimators._parameters import RATES, ParameterError
from deltaprop.estimators._progress import Continued, Progress, SklearnRates, watches_scores
from deltaprop.estimators._start import Orders
from deltaprop.network import Network
from deltaprop.optim.optimizers import LBFGS, SGD, Adam, AdamW, Optimizer, RMSprop
from deltaprop.optim.penalty import penalty
from deltaprop.optim.rules import Rules
from deltaprop.optim.schedules import Constant, ReduceOnPlateau, get_schedule
from deltaprop.training.history import History
from deltaprop.training.loop import run_training
from deltaprop.training.settings import Examples, Settings, callbacks, check_lbfgs, check_share, gatherable
from deltaprop.training.state import TrainingState

LBFGS_FALL = 2.220446049250313e-09  # SciPy's ftol, which scikit-learn leaves as it is
FEWEST_HELD = 2


@dataclass
class Rows:
    """Checked rows: X, the targets that are learnt from (None where none are) and scored by, weights."""

    X: Any
    Y_train: Array | None
    Y: Array
    weight: Array | None


class Training:
    """An estimator's parameters as the settings of one training of its network."""

    def __init__(self, estimator: Any, random: np.random.RandomState, epochs: int) -> None:
        self._of, self._random = estimator, random
        self._once, self._epochs = epochs > 0, epochs or int(estimator.max_iter)
        self._progress: Progress = estimator._progress
        self._network: Network = estimator.network_

    def run(self, rows: Rows, held: Rows | None) -> History:
        """Train; the network keeps the best weights where a validation score says what is best."""
        of, progress = self._of, self._progress
        self._begin(progress, other_rows=held is not None)
        inside, outside = self._hold_out(rows, held)
        check_share(rows.weight, inside, "training")
        data = self._examples(rows.X, rows.Y_train, rows.weight, inside)
        validation = self._validation(rows, held, outside)
        optimizer = _optimizer(of)
        settings = self._settings(optimizer, len(inside))
        of._state = _state(of, optimizer)
        history = run_training(self._network, settings, data, validation, of._state)
        if not len(history):  # ended within its first epoch
            progress.loss = self._loss(data, settings.rules)
        best = progress.best_theta
        if watches_scores(of) and best is not None and (not self._once or progress.stopped):
            self._network.theta[...] = best
            history.best_epoch = progress.best_epoch
        return history

    def _loss(self, data: Examples, rules: Rules) -> float:
        """The loss of all training rows at the present parameters, the penalty with it."""
        net, taken = self._network, data.taken()
        cost = net.plan().evaluate(net.theta, taken)[0]
        return cost + penalty(net.spec, net.theta, rules.penalties(taken.total))

    def tell(self, history: History) -> None:
        """The warnings that scikit-learn gives where training ends before it has converged."""
        of = self._of
        if history.stopped == "interrupted":
            warn("Training interrupted by user.", UserWarning, stacklevel=4)
        elif history.stopped == "time limit":
            said = f"Training stopped after {of.time_limit:g} seconds (time_limit), before it converged."
            warn(said, ConvergenceWarning, stacklevel=4)
        elif history.stopped == "epochs" and not self._once:
            if of.solver == "lbfgs":
                said = f"lbfgs failed to converge after {len(history)} iteration(s) (status=1):\nRaise max_iter "
                said += f"({of.max_iter}) or max_fun ({of.max_fun}), or scale the data."
            else:
                said = f"Stochastic Optimizer: Maximum iterations ({of.max_iter}) reached and the optimization hasn't "
                said += "converged yet."
            warn(said, ConvergenceWarning, stacklevel=4)

    def _begin(self, progress: Progress, other_rows: bool) -> None:
        best = progress.best_theta
        if best is not None and not self._once and (other_rows or not np.array_equal(best, self._network.theta)):
            progress.forget_best()
        if progress.stopped and self._once:
            progress.no_improvement = 0
        progress.stopped, progress.best_epoch = False, None

    def _hold_out(self, rows: Rows, held: Rows | None) -> tuple[Indices, Indices]:
        """(rows that train, rows that are held out)."""
        of, everything = self._of, np.arange(len(rows.Y))
        if not watches_scores(of) or held is not None:
            return everything, everything[:0]
        random: Any = self._random
        if self._once:  # the same rows are held out where the same rows come again
            if not hasattr(of, "_split_seed"):
                of._split_seed = int(self._random.randint(np.iinfo(np.int32).max))
            random = of._split_seed
        spread = rows.Y if rows.Y.ndim == 2 and rows.Y.shape[1] == 1 and hasattr(of, "classes_") else None
        inside, outside = train_test_split(
            everything, random_state=random, test_size=of.validation_fraction, stratify=spread
        )
        if len(outside) < FEWEST_HELD:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return inside, outside

    def _validation(self, rows: Rows, held: Rows | None, outside: Indices) -> Examples | None:
        if held is not None:
            return self._examples(held.X, held.Y, held.weight, np.arange(len(held.Y)), of="validation ")
        if not len(outside):
            return None
        weight = None if rows.weight is None else rows.weight[outside]
        return self._examples(rows.X[outside], rows.Y[outside], weight, np.arange(len(outside)), of="validation ")

    def _examples(self, X: Any, Y: Any, weight: Array | None, rows: Indices, of: str = "") -> Examples:
        return Examples(*gatherable(*self._network.examples(X, Y, weight, of=of)), rows)

    def _settings(self, optimizer: Optimizer, m: int) -> Settings:
        of = self._of
        dropout = check_dropout(of.dropout, self._network.spec)
        seed = int(self._random.randint(np.iinfo(np.int32).max)) if dropout else 0  # drawn only where it is needed
        rules = Rules(optimizer, l2=float(of.alpha), dropout=dropout, seed=seed, by_weight=True)
        check_lbfgs(rules, Constant())
        saw = partial(self._progress.saw, given=of, rows=0 if of.solver == "lbfgs" else m)
        return Settings(
            epochs=self._epochs,
            batch_size=_batch_size(of, m),
            rules=rules,
            schedule=self._schedule(),
            early_stopping=None,
            on_step=callbacks("on_step", of.on_step),
            on_epoch=(saw, *callbacks("on_epoch", of.on_epoch)),
            on_progress=(),
            order=Orders(self._random, bool(of.shuffle)),
            time_limit=of.time_limit,
            score=of._score,
        )

    def _schedule(self) -> Any:
        """scikit-learn's rates by the progress, deltaprop's by the epochs of this fit, or of all partial fits."""
        of = self._of
        if of.learning_rate in RATES:
            return SklearnRates(self._progress, of)
        if of.solver == "lbfgs":
            must, got = "left out with solver='lbfgs', which has no learning rate", repr(of.learning_rate)
            raise ParameterError(sentence("learning_rate", must, got))
        schedule = get_schedule(of.learning_rate)
        if isinstance(schedule, ReduceOnPlateau):
            if self._once:
                remedy = "Use learning_rate='adaptive' with solver='sgd'."
                raise ParameterError(
                    sentence("learning_rate", "no plateau rule in partial_fit", repr(schedule), remedy)
                )
            return schedule
        return Continued(schedule, len(self._progress.loss_curve) if self._once else 0, int(of.max_iter))


def _optimizer(of: Any) -> Optimizer:
    rate = float(of.learning_rate_init)
    moments = {"beta1": of.beta_1, "beta2": of.beta_2, "epsilon": of.epsilon}
    rules: dict[str, Any] = {
        "adam": lambda: Adam(rate, **moments),
        "adamw": lambda: AdamW(rate, **moments),
        "rmsprop": lambda: RMSprop(rate, epsilon=of.epsilon),
        "sgd": lambda: SGD(rate, of.momentum, bool(of.nesterovs_momentum)),
        "lbfgs": lambda: LBFGS(tolerance=of.tol, relative_tolerance=LBFGS_FALL, max_evaluations=int(of.max_fun)),
    }
    return rules[of.solver]()


def _state(of: Any, optimizer: Optimizer) -> TrainingState:
    """The training's state, on from the call before if its rule keeps the same vectors."""
    kept: TrainingState | None = getattr(of, "_state", None)
    if kept is not None and tuple(kept.slots) == optimizer.slots:
        kept.theta = of.network_.theta
        return kept.anew(0, {})
    of._progress.shrunk = 1.0
    return TrainingState.fresh(of.network_, optimizer, 0)


def _batch_size(of: Any, m: int) -> int:
    if of.solver == "lbfgs":
        return m
    if of.batch_size == "auto":
        return min(200, m)
    if of.batch_size > m:
        warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            UserWarning,
            stacklevel=6,
        )
    return min(int(of.batch_size), m)
