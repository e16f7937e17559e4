"""L-BFGS: SciPy's, over the gradient of all examples. One iteration is one epoch of the history."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import NonFiniteError
from deltaprop.optim.optimizers import LBFGS
from deltaprop.optim.penalty import add_penalty, penalty
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.trace.record import record
from deltaprop.training.events import StepEvent
from deltaprop.training.run import Run
from deltaprop.training.settings import Examples


class _Stop(Exception):
    """Ends SciPy's loop."""


def run_lbfgs(run: Run, data: Examples) -> None:
    """Iterate until L-BFGS converges, the epochs are used up, or the run must stop.

    Liu & Nocedal 1989; scipy.optimize.minimize(method="L-BFGS-B") without bounds. θ only ever holds accepted iterates.
    """
    from scipy.optimize import minimize

    rule = run.settings.optimizer
    assert isinstance(rule, LBFGS)
    left = run.settings.epochs - run.state.epochs
    problem = _Problem(run, data)
    start = run.net.theta.astype(np.float64)
    problem.check(start)
    options = {
        "maxiter": left,
        "maxfun": rule.max_evaluations or 20 * left,
        "maxcor": int(rule.memory),
        "gtol": rule.tolerance,
        "ftol": rule.relative_tolerance,
    }
    try:
        result = minimize(
            problem.function, start, jac=True, method="L-BFGS-B", callback=problem.iteration, options=options
        )
    except _Stop:
        return
    if not run.must_stop() and result.status != 1:  # 1: out of iterations; else converged, or no better point found
        run.stop("converged")


class _Problem:
    """The function that SciPy minimises, and what follows each of its iterations."""

    def __init__(self, run: Run, data: Examples) -> None:
        self.run, self.batch = run, data.taken()
        self.plan = run.net.new_plan(min(len(self.batch), 1024))
        self.penalties = run.settings.rules.penalties(self.batch.total)
        self.cost = self.accepted = np.nan  # C of the latest evaluation, and of the iterate before this iteration
        self.total = np.nan  # C of the latest evaluation with its penalty

    @np.errstate(over="ignore")
    def function(self, theta64: Array) -> tuple[float, Array]:
        """C + ½ l2 ‖W‖² and its gradient, in float64."""
        spec = self.run.net.spec
        theta = theta64.astype(spec.dtype)
        self.cost = self.plan.gradients(theta, self.batch)
        add_penalty(spec, self.plan.grad, theta, self.penalties)
        self.total = self.cost + penalty(spec, theta, self.penalties)
        return self.total, self.plan.grad.astype(np.float64)

    def check(self, start: Array) -> None:
        """Refuse a start at which C or its gradient is not finite."""
        total, gradient = self.function(start)
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            net, batch = self.run.net, self.batch
            otherwise = "Inf in the gradient with its penalty"
            place = find_nonfinite(net.spec, net.theta, batch.X, batch.Y, batch.weight, otherwise=otherwise)
            raise NonFiniteError(f"Training stopped at step 1: {place}.")
        self.accepted = self.cost

    def iteration(self, theta64: Array) -> None:
        """Copy the accepted iterate into the network, end the epoch, and call the callbacks."""
        run = self.run
        before = run.net.theta.copy() if run.settings.on_step else None
        run.net.theta[...] = theta64
        run.history.steps += 1
        run.state.updates += 1
        if before is not None:
            self._call_step_callbacks(before)
        self.accepted = self.cost
        run.end_epoch(self.cost, self.total, 1.0)
        for callback in run.settings.on_progress:
            callback(float(run.history.steps))
        if run.must_stop():
            raise _Stop

    def _call_step_callbacks(self, before: Array) -> None:
        run, batch = self.run, self.batch
        event = StepEvent(
            step=run.history.steps,
            epoch=run.history.steps,
            cost=self.accepted,
            learning_rate=1.0,
            net=run.net,
            trace=lambda: record(run.net.spec, before, batch.X, batch.Y, batch.weight),
            stop=run.stop,
        )
        for callback in run.settings.on_step:
            callback(event)
