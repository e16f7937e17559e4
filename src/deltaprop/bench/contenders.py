"""The contenders, our engines and scikit-learn: an epoch of training in one call or step by step, and prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.bench.cases import RATE, Job
from deltaprop.bench.timing import Contender
from deltaprop.engines.protocol import Data, Steps
from deltaprop.errors import EngineError
from deltaprop.network import Network
from deltaprop.optim.optimizers import SGD
from deltaprop.optim.rules import Rules

SCIKIT_LEARN = "scikit-learn"


def our_network(job: Job, engine: str, n_threads: int | None = None) -> Network:
    """The job's network on this engine."""
    net = Network(job.case.sizes, activation="sigmoid", engine=engine, n_threads=n_threads, seed=0)
    net.theta[...] = job.net.theta
    return net


def ours(job: Job, engine: str = "auto", n_threads: int | None = None, *, by_step: bool = False) -> Contender:
    """An epoch in one call of the engine, or in one call per step if `by_step`."""
    net = our_network(job, engine, n_threads)
    batch = job.case.batch
    training = net.new_plan(batch).begin(net.theta, (), Rules(SGD(RATE)), Data(job.X, job.y, None))

    def train(order: Array, bounds: Array) -> Array:
        report = training.run(Steps(order, bounds, np.full(len(bounds) - 1, RATE)))
        if report.done < len(bounds) - 1:
            raise EngineError(f"A cost of the engine {net.engine!r} is not finite on {job.case}.")
        return report.costs

    def run() -> Any:
        return [train(rows, one)[0] for rows in batches] if by_step else train(job.order, job.bounds)

    def reset() -> None:
        net.theta[...] = job.net.theta

    batches, one = job.batches, np.array([0, batch])
    return Contender(net.engine, run, reset)


def our_prediction(job: Job, engine: str = "auto", n_threads: int | None = None) -> Contender:
    """`net.forward` on the unseen rows."""
    net = our_network(job, engine, n_threads)
    return Contender(net.engine, lambda: net.forward(job.unseen))


def scikit_learn(job: Job, *, by_step: bool = False) -> Contender:
    """An epoch in one `partial_fit` over rows that are shuffled beforehand, or in one `partial_fit` per batch.

    In one call it returns only the mean cost of the epoch.
    """
    model = _model(job)
    X, y, batches = job.X[job.order], job.y[job.order], job.batches

    def step(rows: Array) -> float:
        model.partial_fit(job.X[rows], job.y[rows])
        return float(model.loss_)

    def run() -> list[float]:
        if by_step:
            return [step(rows) for rows in batches]
        model.partial_fit(X, y)
        return [float(model.loss_)]

    return Contender(SCIKIT_LEARN, run, lambda: _set_parameters(model, job))


def scikit_learn_prediction(job: Job) -> Contender:
    """`predict_proba` on the unseen rows."""
    model = _model(job)
    return Contender(SCIKIT_LEARN, lambda: model.predict_proba(job.unseen))


def _model(job: Job) -> Any:
    """An MLPClassifier with the job's parameters instead of its own initial ones."""
    from sklearn.neural_network import MLPClassifier

    case = job.case
    model = MLPClassifier(
        case.sizes[1:-1],
        activation="logistic",
        solver="sgd",
        learning_rate_init=RATE,
        momentum=0.0,
        alpha=0.0,
        batch_size=case.batch,
        shuffle=False,
        random_state=0,
    )
    model.partial_fit(job.X[: case.batch], job.y[: case.batch], classes=np.arange(case.sizes[-1]))
    _set_parameters(model, job)
    return model


def _set_parameters(model: Any, job: Job) -> None:
    """Set W and b; scikit-learn stores W^l transposed, (n_(l-1), n_l)."""
    for coef, intercept, W, b in zip(model.coefs_, model.intercepts_, job.W(), job.b(), strict=True):
        coef[...], intercept[...] = W.T, b
