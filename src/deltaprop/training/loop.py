"""`train`: epochs of mini-batches (or L-BFGS iterations), validation, stopping, callbacks.

The plan does the steps; here it is decided which examples, which rate, and whether to go on. Between two calls of the
plan, at most about CHUNK_SECONDS apart, Ctrl-C, the time limit and callbacks are answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from deltaprop._types import Array
from deltaprop.engines.protocol import Plan, Steps
from deltaprop.engines.reference import add_penalty, clip, masks, penalties_of
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.optim.optimizers import LBFGS, Optimizer, apply_update
from deltaprop.optim.schedules import Schedule
from deltaprop.trace.nonfinite import first_nonfinite
from deltaprop.trace.record import Trace, record
from deltaprop.training.batches import batch_bounds, batch_weights
from deltaprop.training.events import OnEpoch, OnProgress, OnStep, StepEvent
from deltaprop.training.history import History
from deltaprop.training.lbfgs import run_lbfgs
from deltaprop.training.run import OptimizerState, Run
from deltaprop.training.settings import Examples, Settings, check_settings
from deltaprop.training.stopping import EarlyStopping

CHUNK_SECONDS = 0.04


def train(
    net: Network,
    X: object,
    Y: object,
    *,
    epochs: int = 10,
    batch_size: int | None = 32,
    optimizer: str | Optimizer = "adam",
    schedule: str | Schedule = "constant",
    l1: float = 0.0,
    l2: float = 0.0,
    clip_norm: float | None = None,
    dropout: float | Sequence[float] = 0.0,
    sample_weight: object = None,
    validation: float | tuple[object, ...] | None = None,
    early_stopping: bool | int | EarlyStopping | None = None,
    on_step: OnStep | Sequence[OnStep] = (),
    on_epoch: OnEpoch | Sequence[OnEpoch] = (),
    on_progress: OnProgress | Sequence[OnProgress] = (),
    shuffle: bool = True,
    time_limit: float | None = None,
    seed: int | None = None,
) -> History:
    """Train the network in place on rows X (m, n_0) and targets Y; returns what happened, epoch by epoch.

    Each step descends C + ½ l2 ‖W‖² + l1 ‖W‖_1, C the weighted mean of its batch's costs: weights compare the examples
    of one batch, and count for less the smaller the batches are (as in scikit-learn and PyTorch). `batch_size=None`
    takes all rows at once. X may be a SciPy sparse matrix, here and in `validation`; it is not copied, unless its rows
    are no run of numbers in memory (Fortran order): then once. `validation` is (X, Y), (X, Y, sample_weight), or a
    fraction to hold out. `early_stopping` is a patience in epochs or a rule, and keeps the best weights. `time_limit`
    is in seconds. `on_step` and `on_epoch` get a StepEvent and an EpochEvent, `on_progress` the epochs done as a
    fraction, about every 40 ms. The same seed and data give the same bits on one machine; with the reference engine
    only for one number of BLAS threads (OPENBLAS_NUM_THREADS), whose sums it takes over. Ctrl-C ends it between two
    steps and returns. NonFiniteError names step, layer and equation.
    """
    settings, data, validation_data = check_settings(
        net,
        X,
        Y,
        sample_weight,
        validation,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        schedule=schedule,
        l1=l1,
        l2=l2,
        clip_norm=clip_norm,
        dropout=dropout,
        early_stopping=early_stopping,
        on_step=on_step,
        on_epoch=on_epoch,
        on_progress=on_progress,
        shuffle=shuffle,
        time_limit=time_limit,
        seed=seed,
    )
    return run_training(net, settings, data, validation_data)


def run_training(
    net: Network,
    settings: Settings,
    data: Examples,
    validation: Examples | None = None,
    state: OptimizerState | None = None,
) -> History:
    """`train` on what is checked already; `state` is that of the optimiser, taken up where it was left."""
    run = Run(net, settings, validation, state)
    driver = run_lbfgs if isinstance(settings.optimizer, LBFGS) else run_minibatches
    with run:
        driver(run, data)
    return run.history


def run_minibatches(run: Run, data: Examples) -> None:
    """All epochs of mini-batch steps, until the run says stop."""
    net, settings = run.net, run.settings
    bounds = batch_bounds(len(data.rows), settings.batch_size)
    plan = net.new_plan(settings.batch_size)
    chunk = Chunk()
    for epoch in range(settings.epochs):
        order = settings.order(data.rows, epoch)
        rates = run.rates(epoch, len(bounds) - 1)
        costs, penalties = np.empty(len(rates)), np.empty(len(rates))
        s = 0
        while s < len(rates):
            if run.must_stop():
                return
            stop = s + (1 if settings.on_step else min(chunk.steps, len(rates) - s))
            steps = Steps(data.X, data.Y, data.weight, order, bounds[s : stop + 1], rates[s:stop], run.state.steps)
            _run_steps(run, plan, steps, epoch, chunk)
            costs[s:stop], penalties[s:stop] = steps.costs, steps.penalties
            s = stop
            for callback in settings.on_progress:
                callback(epoch + s / len(rates))
        weights = batch_weights(data.weight, order, bounds)
        loss = float((costs + penalties) @ np.diff(bounds) / bounds[-1])
        run.end_epoch(epoch + 1, float(costs @ weights / weights.sum()), loss, float(rates[-1]))
        if run.must_stop():
            return


def _run_steps(run: Run, plan: Plan, steps: Steps, epoch: int, chunk: Chunk) -> None:
    """One call of the plan; tells the step callbacks, for whom it is one step."""
    net, settings, slots = run.net, run.settings, run.state.slots
    before = net.theta.copy() if settings.on_step else None
    begun = perf_counter()
    done = plan.train(net.theta, slots, settings.rules, steps)
    chunk.took(perf_counter() - begun, done)
    run.history.steps += done
    run.state.steps += done
    if done < len(steps.rates):
        raise _nonfinite(net, settings, slots, steps, done, epoch)
    if before is not None:
        _tell_step(run, steps, epoch, before)


class Chunk:
    """How many steps one call of the plan should do to last about CHUNK_SECONDS."""

    def __init__(self) -> None:
        self.steps = 1

    def took(self, seconds: float, steps: int) -> None:
        """Learn from a call that did this many steps."""
        if steps:
            fitting = int(CHUNK_SECONDS / max(seconds / steps, 1e-9))
            self.steps = max(1, min(fitting, 4 * self.steps))


def step_trace(net: Network, settings: Settings, steps: Steps, s: int, theta: Array) -> Trace:
    """The trace of step s of these steps at θ, with its batch and its dropout masks."""
    X, Y, weight = steps.batch(s)
    return record(net.spec, theta, X, Y, weight, masks(net.spec, settings.rules, steps.first + s, len(X)))


def _tell_step(run: Run, steps: Steps, epoch: int, before: Array) -> None:
    event = StepEvent(
        step=steps.first + 1,
        epoch=epoch + 1,
        cost=float(steps.costs[0]),
        learning_rate=float(steps.rates[0]),
        net=run.net,
        trace=lambda: step_trace(run.net, run.settings, steps, 0, before),
        stop=run.stop,
    )
    for callback in run.settings.on_step:
        callback(event)


def _nonfinite(
    net: Network, settings: Settings, slots: tuple[Array, ...], steps: Steps, s: int, epoch: int
) -> NonFiniteError:
    trace = step_trace(net, settings, steps, s, net.theta)
    where = first_nonfinite(trace) or _in_update(net, settings, slots, steps, s, trace)
    step = steps.first + s + 1
    fact = f"Training stopped at step {step} (epoch {epoch + 1}): {where}."
    remedy = "Try a lower learning rate, clip_norm, or inputs of a smaller scale."
    return NonFiniteError(f"{fact} The network has the parameters from before that step. {remedy}", fact)


@np.errstate(all="ignore")
def _in_update(net: Network, settings: Settings, slots: tuple[Array, ...], steps: Steps, s: int, trace: Trace) -> str:
    """Where a step whose gradient is finite goes wrong after it: in the penalty, or in the update of some layer."""
    rules, spec = settings.rules, net.spec
    g = np.concatenate([*(layer.dW.ravel() for layer in trace), *(layer.db for layer in trace)])
    rows = slice(int(steps.bounds[s]), int(steps.bounds[s + 1]))
    weight = None if steps.weight is None else steps.weight[steps.order[rows]]
    add_penalty(g, net.theta, penalties_of(rules, weight, rows.stop - rows.start), spec.n_weights)
    if not np.isfinite(g).all():
        return "Inf in the gradient with its penalty"
    clip(g, rules.clip_norm)
    theta, moved = net.theta.copy(), tuple(slot.copy() for slot in slots)
    apply_update(rules.optimizer, theta, g, moved, float(steps.rates[s]), steps.first + s + 1, spec.n_weights)
    for v in (theta, *moved):
        for l, (W, b) in enumerate(zip(spec.weights(v), spec.biases(v), strict=True), 1):
            if not (np.isfinite(W).all() and np.isfinite(b).all()):
                return f"an overflow in layer {l}, the update of W and b by {rules.optimizer.name}"
    return "an overflow in the update of W and b"
