"""The parameters as the rules of one training: update rule, learning rates, batches, settings of the loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial as bound
from typing import Any

import numpy as np

from deltaprop.core.dropout import check_dropout
from deltaprop.core.spec import Spec
from deltaprop.errors import sentence
from deltaprop.estimators.account import Account, ContinuedSchedule, SklearnRates
from deltaprop.estimators.checks import ParameterError
from deltaprop.estimators.initial import ShuffledOrders
from deltaprop.estimators.parameters import RATES, Parameters
from deltaprop.optim.optimizers import LBFGS, SGD, Adam, AdamW, Optimizer, RMSprop
from deltaprop.optim.rules import Rules
from deltaprop.optim.schedules import Constant, ReduceOnPlateau, get_schedule
from deltaprop.training.settings import Score, Settings, callbacks, check_lbfgs

LBFGS_FALL = 2.220446049250313e-09  # SciPy's ftol, which scikit-learn leaves as it is
OPTIMIZERS: dict[str, Callable[[Parameters, float], Optimizer]] = {
    "adam": lambda given, rate: Adam(rate, given.beta_1, given.beta_2, given.epsilon),
    "adamw": lambda given, rate: AdamW(rate, given.beta_1, given.beta_2, given.epsilon),
    "rmsprop": lambda given, rate: RMSprop(rate, epsilon=given.epsilon),
    "sgd": lambda given, rate: SGD(rate, given.momentum, bool(given.nesterovs_momentum)),
    "lbfgs": lambda given, _: LBFGS(
        tolerance=given.tol, relative_tolerance=LBFGS_FALL, max_evaluations=int(given.max_fun)
    ),
}


def optimizer_of(given: Parameters) -> Optimizer:
    """The update rule of the solver."""
    return OPTIMIZERS[given.solver](given, float(given.learning_rate_init))


def settings_of(
    given: Parameters,
    spec: Spec,
    m: int,
    account: Account,
    orders: ShuffledOrders,
    score: Score,
    *,
    partial: bool,
) -> Settings:
    """The settings of a training on m rows, which takes them in these orders and enters its epochs into the account."""
    dropout = check_dropout(given.dropout, spec)
    seed = int(orders.random.randint(np.iinfo(np.int32).max)) if dropout else 0  # drawn only if it is needed
    rules = Rules(optimizer_of(given), l2=float(given.alpha), dropout=dropout, seed=seed, by_weight=True)
    check_lbfgs(rules, Constant())
    add_epoch = bound(account.add_epoch, given=given, rows=0 if given.solver == "lbfgs" else m)
    return Settings(
        epochs=1 if partial else int(given.max_iter),
        batch_size=_batch_size(given, m),
        rules=rules,
        schedule=_schedule(given, account, partial=partial),
        early_stopping=None,
        on_step=callbacks("on_step", given.on_step),
        on_epoch=(add_epoch, *callbacks("on_epoch", given.on_epoch)),
        on_progress=(),
        order=orders,
        time_limit=given.time_limit,
        score=score,
    )


def _batch_size(given: Parameters, m: int) -> int:
    if given.solver == "lbfgs":
        return m
    return min(200 if given.batch_size == "auto" else int(given.batch_size), m)


def _schedule(given: Parameters, account: Account, *, partial: bool) -> Any:
    """scikit-learn's rates by the account, deltaprop's by the epochs of this fit, or of all partial fits."""
    if given.learning_rate in RATES:
        return SklearnRates(account, given)
    if given.solver == "lbfgs":
        must, got = "left out with solver='lbfgs', which has no learning rate", repr(given.learning_rate)
        raise ParameterError(sentence("learning_rate", must, got))
    schedule = get_schedule(given.learning_rate)
    if not isinstance(schedule, ReduceOnPlateau):
        return ContinuedSchedule(schedule, len(account.loss_curve) if partial else 0, int(given.max_iter))
    if partial:
        remedy = "Use learning_rate='adaptive' with solver='sgd'."
        raise ParameterError(sentence("learning_rate", "no plateau rule in partial_fit", repr(schedule), remedy))
    return schedule
