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
    "adam": lambda parameters, rate: Adam(rate, parameters.beta_1, parameters.beta_2, parameters.epsilon),
    "adamw": lambda parameters, rate: AdamW(rate, parameters.beta_1, parameters.beta_2, parameters.epsilon),
    "rmsprop": lambda parameters, rate: RMSprop(rate, epsilon=parameters.epsilon),
    "sgd": lambda parameters, rate: SGD(rate, parameters.momentum, bool(parameters.nesterovs_momentum)),
    "lbfgs": lambda parameters, _: LBFGS(
        tolerance=parameters.tol, relative_tolerance=LBFGS_FALL, max_evaluations=int(parameters.max_fun)
    ),
}


def optimizer_of(parameters: Parameters) -> Optimizer:
    """The update rule of the solver."""
    return OPTIMIZERS[parameters.solver](parameters, float(parameters.learning_rate_init))


def settings_of(
    parameters: Parameters,
    spec: Spec,
    m: int,
    account: Account,
    orders: ShuffledOrders,
    score: Score,
    *,
    partial: bool,
) -> Settings:
    """The settings of a training on m rows, which takes them in these orders and enters its epochs into the account."""
    dropout = check_dropout(parameters.dropout, spec)
    seed = int(orders.random.randint(np.iinfo(np.int32).max)) if dropout else 0  # drawn only if it is needed
    rules = Rules(optimizer_of(parameters), l2=float(parameters.alpha), dropout=dropout, seed=seed, by_weight=True)
    check_lbfgs(rules, Constant())
    add_epoch = bound(account.add_epoch, parameters=parameters, rows=0 if parameters.solver == "lbfgs" else m)
    return Settings(
        epochs=1 if partial else int(parameters.max_iter),
        batch_size=_batch_size(parameters, m),
        rules=rules,
        schedule=_schedule(parameters, account, partial=partial),
        early_stopping=None,
        on_step=callbacks("on_step", parameters.on_step),
        on_epoch=(add_epoch, *callbacks("on_epoch", parameters.on_epoch)),
        on_progress=(),
        order=orders,
        time_limit=parameters.time_limit,
        score=score,
    )


def _batch_size(parameters: Parameters, m: int) -> int:
    if parameters.solver == "lbfgs":
        return m
    return min(200 if parameters.batch_size == "auto" else int(parameters.batch_size), m)


def _schedule(parameters: Parameters, account: Account, *, partial: bool) -> Any:
    """scikit-learn's rates by the account, deltaprop's by the epochs of this fit, or of all partial fits."""
    if parameters.learning_rate in RATES:
        return SklearnRates(account, parameters)
    if parameters.solver == "lbfgs":
        must, got = "left out with solver='lbfgs', which has no learning rate", repr(parameters.learning_rate)
        raise ParameterError(sentence("learning_rate", must, got))
    schedule = get_schedule(parameters.learning_rate)
    if not isinstance(schedule, ReduceOnPlateau):
        return ContinuedSchedule(schedule, len(account.loss_curve) if partial else 0, int(parameters.max_iter))
    if partial:
        remedy = "Use learning_rate='adaptive' with solver='sgd'."
        raise ParameterError(sentence("learning_rate", "no plateau rule in partial_fit", repr(schedule), remedy))
    return schedule
