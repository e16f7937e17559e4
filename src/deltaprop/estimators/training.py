"""One call of fit or partial_fit as a function: parameters and rows in, everything that the call made out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from deltaprop._types import Array, Indices
from deltaprop.core.pairs import check_own_pairs
from deltaprop.core.spec import make_spec
from deltaprop.engines.protocol import Data
from deltaprop.errors import NonFiniteError, sentence
from deltaprop.estimators.account import Account
from deltaprop.estimators.checks import ParameterError
from deltaprop.estimators.encoding import EncodedRows, Encoding
from deltaprop.estimators.initial import ShuffledOrders, initial_theta
from deltaprop.estimators.parameters import Parameters
from deltaprop.estimators.rules import optimizer_of, settings_of
from deltaprop.network import Network
from deltaprop.optim.penalty import penalty
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.training.history import History
from deltaprop.training.loop import run_training
from deltaprop.training.settings import Examples, Settings, check_share, examples
from deltaprop.training.state import TrainingState

FEWEST_HELD = 2
ANEW = "Use warm_start=False to start again."


@dataclass(frozen=True)
class FitResult:
    """The result of a call of fit: all that an estimator shows, and all that the next call continues from."""

    encoding: Encoding
    network: Network
    engine: tuple[str, int | None]
    state: TrainingState
    warnings: tuple[tuple[str, type[Warning]], ...]

    @property
    def account(self) -> Account:
        """The part of the state that follows the progress."""
        account: Account = self.state.parts["account"]
        return account


def check_goes_on(parameters: Parameters, before: FitResult) -> None:
    """Refuse parameters with which the network of the call before cannot be trained further."""
    dtype, imputes = before.network.spec.dtype.name, before.encoding.imputer is not None
    if parameters.dtype is not None and np.dtype(parameters.dtype).name != dtype:
        raise ParameterError(sentence("dtype", f"{dtype!r} as in the previous call", repr(parameters.dtype), ANEW))
    if parameters.impute_missing != imputes:
        got = repr(parameters.impute_missing)
        raise ParameterError(sentence("impute_missing", f"{imputes} as in the previous call", got, ANEW))


def train_network(
    parameters: Parameters,
    encoding: Encoding,
    rows: EncodedRows,
    validation: EncodedRows | None,
    before: FitResult | None,
    *,
    partial: bool,
) -> FitResult:
    """Train a new network, or the network of the call `before` in place; `partial` for one epoch.

    If a validation score decides what is best, the network ends with the best weights. After an error the network and
    the result of the call before are as they were.
    """
    orders = ShuffledOrders(check_random_state(parameters.random_state), bool(parameters.shuffle))
    net = _network(parameters, encoding, orders.random, before)
    with _theta_restored_on_failure(net.theta):
        account = _account(parameters, net.theta, before, partial=partial, other_rows=validation is not None)
        inside = np.arange(len(rows.Y))
        if parameters.watches_scores and validation is None:
            seed = account.seed_of_split(orders.random) if partial else orders.random
            strata = encoding.targets.strata(rows.Y)
            inside, outside = _hold_out(inside, strata, parameters.validation_fraction, seed)
            validation = rows.take(outside)
        check_share(rows.weight, inside, "training")
        data = replace(examples(net, rows.X, rows.Y_train, rows.weight), rows=inside)
        held = None
        if validation is not None:
            held = examples(net, validation.X, validation.Y, validation.weight, of="validation ")
        score = encoding.targets.score
        settings = settings_of(parameters, net.spec, len(inside), account, orders, score, partial=partial)
        state = _state(net, settings, before)
        state.parts = {"account": account, "orders": orders}
        history = _run(net, settings, data, held, state)
        if not len(history):  # ended within its first epoch
            account.loss = _loss(net, settings, data)
        if parameters.watches_scores and account.best_theta is not None and (not partial or account.stopped):
            net.theta[...] = account.best_theta
            history.best_epoch = account.best_epoch
    del state.parts["orders"]  # the next call draws its own
    warnings = tuple(_warnings(parameters, history, len(inside), partial=partial))
    return FitResult(encoding, net, (parameters.engine, parameters.n_threads), state, warnings)


@contextmanager
def _theta_restored_on_failure(theta: Array) -> Iterator[None]:
    """Put θ back in place after an error, because coefs_ that a user holds are views of it."""
    kept = theta.copy()
    try:
        yield
    except BaseException:
        theta[...] = kept
        raise


def _network(
    parameters: Parameters, encoding: Encoding, random: np.random.RandomState, before: FitResult | None
) -> Network:
    """A new network with scikit-learn's first weights, or the network before with today's parameters."""
    n_outputs, output, cost = encoding.targets.head()
    spec = make_spec(
        [encoding.n_inputs, *parameters.widths, n_outputs], parameters.hidden_activations, output, cost, encoding.dtype
    )
    check_own_pairs(spec)
    engine = parameters.engine, parameters.n_threads
    if before is None:
        return Network.from_parameters(spec, initial_theta(spec, random), *engine)
    sizes = before.network.spec.sizes
    if spec.sizes != sizes:
        must = f"such that the network stays {'-'.join(map(str, sizes))} as in the previous call"
        raise ParameterError(sentence("hidden_layer_sizes", must, f"a network {'-'.join(map(str, spec.sizes))}", ANEW))
    if (spec, engine) == (before.network.spec, before.engine):
        return before.network
    return Network.from_parameters(spec, before.network.theta, *engine)


def _account(
    parameters: Parameters, theta: Array, before: FitResult | None, *, partial: bool, other_rows: bool
) -> Account:
    if before is None:
        return Account()
    other_rule = tuple(before.state.slots) != optimizer_of(parameters).slots
    return before.account.continued(theta, partial=partial, other_rows=other_rows, other_rule=other_rule)


def _state(net: Network, settings: Settings, before: FitResult | None) -> TrainingState:
    """The state of a new training; the optimiser's vectors are those of the call before if the rule keeps the same."""
    if before is not None and tuple(before.state.slots) == settings.optimizer.slots:
        return before.state.anew(net.theta, settings.seed)
    return TrainingState.fresh(net, settings.optimizer, settings.seed)


def _hold_out(rows: Indices, strata: Array | None, fraction: float, seed: Any) -> tuple[Indices, Indices]:
    """(rows to train on, rows to hold out)."""
    inside, outside = train_test_split(rows, random_state=seed, test_size=fraction, stratify=strata)
    if len(outside) < FEWEST_HELD:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return inside, outside


def _run(net: Network, settings: Settings, data: Examples, held: Data | None, state: TrainingState) -> History:
    try:
        return run_training(net, settings, data, held, state)
    except NonFiniteError as error:
        remedy = "Try a lower learning_rate_init, or inputs of a smaller scale."
        raise NonFiniteError(f"{error.fact} The estimator is as it was before. {remedy}") from None


def _loss(net: Network, settings: Settings, data: Examples) -> float:
    """The loss of all training rows at the present parameters, with the penalty."""
    taken = data.taken()
    cost = net.plan().evaluate(net.theta, taken)[0]
    if not np.isfinite(cost):
        what = find_nonfinite(net.spec, net.theta, taken.X, taken.Y, taken.weight)
        raise NonFiniteError(f"{what}. The estimator is as it was before. Try inputs and targets of a smaller scale.")
    return cost + penalty(net.spec, net.theta, settings.rules.penalties(taken.total))


def _warnings(
    parameters: Parameters, history: History, m: int, *, partial: bool
) -> Iterator[tuple[str, type[Warning]]]:
    """The warnings of scikit-learn: batches that are clipped, and a training that ends before it has converged."""
    if parameters.solver != "lbfgs" and not isinstance(parameters.batch_size, str) and parameters.batch_size > m:
        yield "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning
    if history.stopped == "interrupted":
        yield "Training interrupted by user.", UserWarning
    elif history.stopped == "time limit":
        text = f"Training stopped after {parameters.time_limit:g} seconds (time_limit), before it converged."
        yield text, ConvergenceWarning
    elif history.stopped == "epochs" and not partial:
        if parameters.solver == "lbfgs":
            text = f"lbfgs failed to converge after {len(history)} iteration(s) (status=1):\nRaise max_iter "
            text += f"({parameters.max_iter}) or max_fun ({parameters.max_fun}), or scale the data."
        else:
            text = f"Stochastic Optimizer: Maximum iterations ({parameters.max_iter}) reached and the optimization "
            text += "hasn't converged yet."
        yield text, ConvergenceWarning
