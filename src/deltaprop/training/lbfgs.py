"""L-BFGS: SciPy's, over the gradient of all examples. One iteration is one epoch of the history."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.engines.reference import add_penalty
from deltaprop.errors import NonFiniteError
from deltaprop.optim.optimizers import LBFGS
from deltaprop.trace.nonfinite import first_nonfinite
from deltaprop.training.events import StepEvent
from deltaprop.training.run import Run
from deltaprop.training.settings import Examples


class _Stop(Exception):
    """Carries a wish to stop out of SciPy."""


def run_lbfgs(run: Run, data: Examples) -> None:
    """Iterations of L-BFGS until it converges, the epochs are used up, or the run says stop.

    Liu & Nocedal 1989; scipy.optimize.minimize(method="L-BFGS-B") without bounds. θ only ever holds accepted iterates.
    """
    from scipy.optimize import minimize

    net, settings = run.net, run.settings
    rule = settings.optimizer
    assert isinstance(rule, LBFGS)
    X, Y, weight = _all(data)
    plan = net.new_plan(min(len(X), 1024))
    n_weights, costs = net.spec.n_weights, {"last": np.nan}

    def function(theta64: Array) -> tuple[float, Array]:
        theta = theta64.astype(net.spec.dtype)
        cost = plan.gradients(theta, X, Y, weight)
        add_penalty(plan.grad, theta, settings.rules, n_weights)
        costs["last"] = cost
        total = cost + 0.5 * settings.rules.l2 * float(theta[:n_weights] @ theta[:n_weights])
        return total, plan.grad.astype(np.float64)

    def iteration(theta64: Array) -> None:
        before = net.theta.copy() if settings.on_step else None
        net.theta[...] = theta64
        run.history.steps += 1
        if before is not None:
            _tell(run, (X, Y, weight), costs["last"], before)
        run.end_epoch(run.history.steps, costs["last"], 1.0)
        if run.must_stop():
            raise _Stop

    start = net.theta.astype(np.float64)
    cost, gradient = function(start)
    if not (np.isfinite(cost) and np.isfinite(gradient).all()):
        raise NonFiniteError(f"Training stopped at step 1: {first_nonfinite(net.trace(X, Y, weight))}.")
    options = {
        "maxiter": settings.epochs,
        "maxfun": 20 * settings.epochs,
        "maxcor": rule.memory,
        "gtol": rule.tolerance,
    }
    try:
        result = minimize(function, start, jac=True, method="L-BFGS-B", callback=iteration, options=options)
    except _Stop:
        return
    if result.status != 1:  # 1: out of iterations; otherwise it converged or found no better point
        run.stop("converged")


def _all(data: Examples) -> tuple[Array, Array, Array | None]:
    if len(data.rows) == len(data.X):
        return data.X, data.Y, data.weight
    weight = None if data.weight is None else data.weight[data.rows]
    return data.X[data.rows], data.Y[data.rows], weight


def _tell(run: Run, batch: tuple[Array, Array, Array | None], cost: float, before: Array) -> None:
    from deltaprop.trace.record import record

    event = StepEvent(
        step=run.history.steps,
        epoch=run.history.steps,
        cost=cost,
        learning_rate=1.0,
        net=run.net,
        trace=lambda: record(run.net.spec, before, *batch),
        stop=run.stop,
    )
    for callback in run.settings.on_step:
        callback(event)
