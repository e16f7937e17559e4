"""The reference engine: core.passes over NumPy. Obvious, and the oracle that the other engines are held to.

NumPy's BLAS may add in another order with another number of threads: bits repeat for one number of them. Sparse rows
are written out, zeros too, a batch at a time.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import columns, finite, shares
from deltaprop.core.dropout import Masks, masks
from deltaprop.core.norms import gradient_norms
from deltaprop.core.objective import costs
from deltaprop.core.passes import backward, forward, input_error
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec
from deltaprop.engines.protocol import Data, Probe, Report, Steps, Sums
from deltaprop.optim.penalty import add_penalty, clip, penalty
from deltaprop.optim.rules import Rules
from deltaprop.optim.update import checked_update


class ReferencePlan:
    """A plan in NumPy (the protocol's Plan)."""

    def __init__(self, spec: Spec, batch: int) -> None:
        self.spec = spec
        self.batch = max(1, batch)
        self.grad = np.zeros(spec.n_parameters, spec.dtype)
        self._grads = [spec.arrays(self.grad, l) for l in range(1, spec.L + 1)]

    @np.errstate(all="ignore")  # what is not finite is reported by name, not by a warning
    def forward(self, theta: Array, X: Inputs) -> Array:
        """a^L of every row, (m, n_L)."""
        out = np.empty((len(X), self.spec.sizes[-1]), self.spec.dtype)
        for part in self._parts(len(X)):
            out[part] = forward(self.spec, theta, dense(X[part]).T, slopes=False).a[-1].T
        return out

    @np.errstate(all="ignore")
    def evaluate(self, theta: Array, data: Data) -> tuple[float, Array]:
        """(C, a^L of every row)."""
        spec, share, cost = self.spec, shares(data.weight, len(data), self.spec.dtype), 0.0
        out = np.empty((len(data), spec.sizes[-1]), spec.dtype)
        for part in self._parts(len(data)):
            passed = forward(spec, theta, dense(data.X[part]).T, slopes=False)
            out[part] = passed.a[-1].T
            cost += float(costs(spec, passed.z[-1], passed.a[-1], columns(data.Y[part], spec)) @ share[part])
        return cost, out

    @np.errstate(all="ignore")
    def gradients(self, theta: Array, data: Data) -> float:
        """C of the weighted mean over the rows; its gradient is in `grad`."""
        return self.weighted_gradient(theta, data, shares(data.weight, len(data), self.spec.dtype), {})

    @np.errstate(all="ignore")
    def input_gradient(self, theta: Array, data: Data) -> Array:
        """∂C/∂x of every row, (m, n_0): BP2 taken one layer further."""
        share = shares(data.weight, len(data), self.spec.dtype)
        dX = np.empty(data.X.shape, self.spec.dtype)
        for part in self._parts(len(data)):
            passed = forward(self.spec, theta, dense(data.X[part]).T)
            *_, (_, delta) = backward(self.spec, theta, passed, columns(data.Y[part], self.spec), share[part])
            dX[part] = input_error(self.spec, theta, delta).T
        return dX

    def gradient_norms(self, theta: Array, X: Inputs, Y: Array) -> Array:
        """‖∂C_i/∂θ‖ of every row as if it were alone, (m,)."""
        return gradient_norms(self.spec, theta, X, Y)

    def begin(self, theta: Array, slots: tuple[Array, ...], rules: Rules, data: Data) -> ReferenceTraining:
        """A training of θ by these rules."""
        return ReferenceTraining(self, theta, slots, rules, data)

    def weighted_gradient(self, theta: Array, data: Data, share: Array, masks: Masks) -> float:
        """Σ share C over the rows, (m,) shares; its gradient is in `grad`. More rows than `batch` go in parts."""
        if len(data) <= self.batch:
            return self._backprop(theta, data, share, masks)
        cost, total = 0.0, np.zeros_like(self.grad)
        for part in self._parts(len(data)):
            dropped = {l: mask[:, part] for l, mask in masks.items()}
            cost += self._backprop(theta, data.take(part), share[part], dropped)
            total += self.grad
        self.grad[...] = total
        return cost

    def _parts(self, m: int) -> list[slice]:
        return [slice(start, start + self.batch) for start in range(0, m, self.batch)]

    def _backprop(self, theta: Array, data: Data, share: Array, masks: Masks) -> float:
        """Forward, then BP1..BP4 from the last layer to the first; fills `grad`, returns Σ share C."""
        spec, y = self.spec, columns(data.Y, self.spec)
        passed = forward(spec, theta, dense(data.X).T, masks)
        cost = float(costs(spec, passed.z[-1], passed.a[-1], y) @ share)
        for l, delta in backward(spec, theta, passed, y, share):
            spec.kind(l).gradients(delta, passed.a[l - 1], self._grads[l - 1])
        return cost


class ReferenceTraining:
    """A training in NumPy (the protocol's Training)."""

    def __init__(self, plan: ReferencePlan, theta: Array, slots: tuple[Array, ...], rules: Rules, data: Data) -> None:
        self._plan, self._theta, self._slots, self._rules, self._data = plan, theta, slots, rules, data

    @np.errstate(all="ignore")
    def run(self, steps: Steps) -> Report:
        """Take the steps, up to one that is not finite."""
        report = Report(0, np.full(len(steps), np.nan), np.zeros(len(steps)))
        for s, rate in enumerate(steps.rates.tolist()):
            data, t = self._data.take(steps.rows(s)), steps.first + s
            share = self._shares(steps, s, data)
            cost = self._plan.weighted_gradient(self._theta, data, share, self._masks(t, len(data)))
            penalties = self._rules.penalties(data.total)
            value = penalty(self._plan.spec, self._theta, penalties) if self._rules.by_weight else 0.0
            if not (np.isfinite(cost) and self._move(self._plan.grad, penalties, rate, t)):
                return Report(s, report.costs, report.penalties)
            report.costs[s], report.penalties[s] = cost, value
        return Report(len(steps), report.costs, report.penalties)

    @np.errstate(all="ignore")
    def gradient(self, steps: Steps) -> Sums:
        """The sums over the examples of a single step."""
        data = self._data.take(steps.rows(0))
        weight = np.ones(len(data)) if data.weight is None else data.weight
        if steps.shares is not None:
            weight = steps.shares[steps.places(0)]
        share, masks = weight.astype(self._plan.spec.dtype), self._masks(steps.first, len(data))
        cost = self._plan.weighted_gradient(self._theta, data, share, masks)
        return Sums(cost, float(weight.sum()), self._plan.grad.copy())

    @np.errstate(all="ignore")
    def apply(self, sums: Sums, rate: float, step: int) -> bool:
        """One step from the mean gradient; whether it was taken."""
        gradient = sums.gradient / (sums.weight if sums.weight > 0 else 1.0)
        return self._move(gradient, self._rules.penalties(sums.weight), rate, step)

    def close(self) -> None:
        """Let go of the data; the training cannot be used any more."""
        del self._data

    def _move(self, gradient: Array, penalties: tuple[float, float], rate: float, step: int) -> bool:
        """Penalties, clipping and the update, if the gradient is finite; whether the step was taken."""
        spec, rules = self._plan.spec, self._rules
        add_penalty(spec, gradient, self._theta, penalties)
        if not finite(gradient):
            return False
        clip(gradient, rules.clip_norm)
        return checked_update(spec, rules.optimizer, self._theta, gradient, self._slots, rate, step + 1)

    def _shares(self, steps: Steps, s: int, data: Data) -> Array:
        if steps.shares is None:
            return shares(data.weight, len(data), self._plan.spec.dtype)
        return steps.shares[steps.places(s)].astype(self._plan.spec.dtype)

    def _masks(self, step: int, m: int) -> Masks:
        return masks(self._plan.spec, self._rules.dropout, self._rules.seed, step, m)


class ReferenceEngine:
    """NumPy on the CPU."""

    name = "reference"

    def unsupported(self, spec: Spec, rules: Rules | None = None) -> None:
        """None: it knows every network and every rule."""

    def plan(self, spec: Spec, batch: int) -> ReferencePlan:
        """A plan of this network for up to `batch` examples at once."""
        return ReferencePlan(spec, batch)


def probe() -> Probe:
    """This engine is always available."""
    return Probe(True, "NumPy, always here", lambda n_threads: ReferenceEngine())
