"""`train`: epochs of mini-batches (or L-BFGS iterations), validation, stopping, callbacks.

The engine takes the steps; this module decides which examples, which rate, and whether to go on. Ctrl-C, the time limit
and callbacks are answered between two calls of the engine, about CHUNK_SECONDS apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.engines.protocol import Data, Steps, Training
from deltaprop.network import Network
from deltaprop.optim.optimizers import LBFGS, Optimizer
from deltaprop.optim.schedules import Schedule
from deltaprop.training.batches import batch_bounds, batch_weights
from deltaprop.training.blame import nonfinite_step, step_trace
from deltaprop.training.events import OnEpoch, OnProgress, OnStep, StepEvent
from deltaprop.training.history import History
from deltaprop.training.lbfgs import run_lbfgs
from deltaprop.training.run import Run
from deltaprop.training.settings import Examples, Settings, check_settings
from deltaprop.training.state import Epoch, TrainingState
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
    validation: Data | None = None,
    state: TrainingState | None = None,
) -> History:
    """`train` with checked arguments; goes on from `state`, also from the middle of an epoch."""
    state = state or TrainingState.fresh(net, settings.optimizer, settings.seed)
    run = Run(net, settings, validation, state)
    driver = run_lbfgs if isinstance(settings.optimizer, LBFGS) else run_minibatches
    with run:
        driver(run, data)
    return run.history


def run_minibatches(run: Run, data: Examples) -> None:
    """Take the steps of all epochs that are left, unless the run must stop."""
    net, settings, state = run.net, run.settings, run.state
    bounds = batch_bounds(len(data.rows), settings.batch_size)
    plan = net.new_plan(settings.batch_size, settings.rules)
    training = plan.begin(net.theta, tuple(state.slots.values()), settings.rules, data)
    pace = Pace()
    try:
        while state.epochs < settings.epochs:
            if not state.epoch.begun:
                state.epoch = Epoch.begin(settings.order(data.rows, state.epochs), len(bounds) - 1)
            if not finish_epoch(run, training, data, bounds, pace) or run.must_stop():
                return
    finally:
        training.close()


def finish_epoch(run: Run, training: Training, data: Examples, bounds: Indices, pace: Pace) -> bool:
    """Take the steps of this epoch that are left, and end it; False if the run must stop before."""
    epoch, before = run.state.epoch, run.state.epochs
    rates = run.rates(before, len(bounds) - 1)
    while epoch.steps < len(rates):
        if run.must_stop():
            return False
        s = epoch.steps
        stop = s + (1 if run.settings.on_step else min(pace.steps, len(rates) - s))
        steps = Steps(epoch.order, bounds[s : stop + 1], rates[s:stop], run.state.updates)
        run_steps(run, training, data, steps, pace)
        for callback in run.settings.on_progress:
            callback(before + epoch.steps / len(rates))
    weights = batch_weights(data.weight, epoch.order, bounds)
    loss = float((epoch.costs + epoch.penalties) @ np.diff(bounds) / bounds[-1])
    run.end_epoch(float(epoch.costs @ weights / weights.sum()), loss, float(rates[-1]))
    return True


def run_steps(run: Run, training: Training, data: Data, steps: Steps, pace: Pace) -> None:
    """Call the engine once; if there are step callbacks, for one step, and call them."""
    net, settings, state, epoch = run.net, run.settings, run.state, run.state.epoch
    before = net.theta.copy() if settings.on_step else None
    begun = perf_counter()
    report = training.run(steps)
    pace.learn(perf_counter() - begun, report.done)
    done = slice(epoch.steps, epoch.steps + report.done)
    epoch.costs[done], epoch.penalties[done] = report.costs[: report.done], report.penalties[: report.done]
    epoch.steps = done.stop
    run.history.steps += report.done
    state.updates += report.done
    if report.done < len(steps):
        slots = tuple(state.slots.values())
        raise nonfinite_step(net, settings.rules, data, slots, steps, report.done, state.epochs + 1)
    if before is not None:
        call_step_callbacks(run, data, steps, float(report.costs[0]), before)


class Pace:
    """How many steps one call of the engine should do to last about CHUNK_SECONDS."""

    def __init__(self) -> None:
        self.steps = 1

    def learn(self, seconds: float, steps: int) -> None:
        """Take into account a call that did this many steps."""
        if steps:
            fitting = int(CHUNK_SECONDS / max(seconds / steps, 1e-9))
            self.steps = max(1, min(fitting, 4 * self.steps))


def call_step_callbacks(run: Run, data: Data, steps: Steps, cost: float, before: Array) -> None:
    """Hand a step's event to the step callbacks; its trace is of the parameters `before` the update."""
    event = StepEvent(
        step=steps.first + 1,
        epoch=run.state.epochs + 1,
        cost=cost,
        learning_rate=float(steps.rates[0]),
        net=run.net,
        trace=lambda: step_trace(run.net.spec, run.settings.rules, data, steps, 0, before),
        stop=run.stop,
    )
    for callback in run.settings.on_step:
        callback(event)
