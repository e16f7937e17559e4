"""The reference engine: core.equations over NumPy. Obvious, and the oracle that the other engines are held to.

NumPy's BLAS may add in another order with another number of threads: bits repeat for one number of them. Sparse rows
are written out, zeros too, a batch at a time.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.activations import softmax_jacobian
from deltaprop.core.border import columns, finite, shares
from deltaprop.core.costs import CANONICAL
from deltaprop.core.dropout import mask
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec
from deltaprop.engines.protocol import Rules, Steps
from deltaprop.optim.optimizers import Optimizer, apply_update

Masks = dict[int, Array]


class ReferencePlan:
    """A plan in NumPy (the protocol's Plan): a gradient vector, and per batch what the equations need."""

    def __init__(self, spec: Spec, batch: int) -> None:
        self.spec = spec
        self.batch = max(1, batch)
        self.grad = np.zeros(spec.n_parameters, spec.dtype)
        self._dW, self._db = spec.weights(self.grad), spec.biases(self.grad)

    @np.errstate(all="ignore")
    def forward(self, theta: Array, X: Inputs) -> Array:
        """a^L of every row, (m, n_L)."""
        out = np.empty((len(X), self.spec.sizes[-1]), self.spec.dtype)
        for part in self._parts(len(X)):
            out[part] = self.spec.output.sigma(self._z_last(theta, X[part])).T
        return out

    @np.errstate(all="ignore")
    def evaluate(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> tuple[float, Array]:
        """(C, a^L of every row)."""
        spec, share, cost = self.spec, shares(weight, len(X), self.spec.dtype), 0.0
        out = np.empty((len(X), spec.sizes[-1]), spec.dtype)
        for part in self._parts(len(X)):
            z = self._z_last(theta, X[part])
            a = spec.output.sigma(z)
            out[part] = a.T
            cost += float(costs(spec, z, a, columns(Y[part], spec)) @ share[part])
        return cost, out

    @np.errstate(all="ignore")  # what is not finite is reported by name, not by a warning
    def gradients(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> float:
        """C of the weighted mean over the rows; its gradient lies in `grad`."""
        m = len(X)
        share = shares(weight, m, self.spec.dtype)
        if m <= self.batch:
            return self._backprop(theta, X, Y, share, {})
        cost, total = 0.0, np.zeros_like(self.grad)
        for part in self._parts(m):
            cost += self._backprop(theta, X[part], Y[part], share[part], {})
            total += self.grad
        self.grad[...] = total
        return cost

    @np.errstate(all="ignore")
    def input_gradient(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> Array:
        """∂C/∂x of every row, (m, n_0): BP2 taken one layer further."""
        share = shares(weight, len(X), self.spec.dtype)
        dX = np.empty(X.shape, self.spec.dtype)
        for part in self._parts(len(X)):
            self._backprop(theta, X[part], Y[part], share[part], {})
            dX[part] = eq.bp2_input(self.spec.weights(theta)[0], self._delta).T
        return dX

    @np.errstate(all="ignore")
    def train(self, theta: Array, slots: tuple[Array, ...], rules: Rules, steps: Steps) -> int:
        """Run the steps in place; how many were completed before one that is not finite."""
        spec = self.spec
        for s, rate in enumerate(steps.rates.tolist()):
            X, Y, weight = steps.batch(s)
            t = steps.first + s
            share = shares(weight, len(X), spec.dtype)
            cost = self._backprop(theta, X, Y, share, masks(spec, rules, t, len(X)))
            penalties = penalties_of(rules, weight, len(X))
            add_penalty(self.grad, theta, penalties, spec.n_weights)
            if not (np.isfinite(cost) and finite(self.grad)):
                return s
            if rules.by_weight:
                steps.penalties[s] = penalty(theta, penalties, spec.n_weights)
            clip(self.grad, rules.clip_norm)
            if not update(rules.optimizer, theta, self.grad, slots, rate, t + 1, spec.n_weights):
                return s
            steps.costs[s] = cost
        return len(steps.rates)

    def _parts(self, m: int) -> list[slice]:
        return [slice(start, start + self.batch) for start in range(0, m, self.batch)]

    def _z_last(self, theta: Array, X: Inputs) -> Array:
        """z^L of these rows, as columns."""
        W, b = self.spec.weights(theta), self.spec.biases(theta)
        a = dense(X).T
        for l, activation in enumerate(self.spec.activations[:-1]):
            a = activation.sigma(eq.weighted_input(W[l], a, b[l]))
        return eq.weighted_input(W[-1], a, b[-1])

    def _backprop(self, theta: Array, X: Inputs, Y: Array, share: Array, masks: Masks) -> float:
        """Forward, then BP1..BP4 from the last layer to the first; fills `grad`, returns Σ share C."""
        spec, L = self.spec, self.spec.L
        x = dense(X).T
        nothing = x[:0]
        W, b = [nothing, *spec.weights(theta)], [nothing, *spec.biases(theta)]  # so that index l is the book's
        a, dsigma = [x], [nothing]
        for l in range(1, L):
            z = eq.weighted_input(W[l], a[l - 1], b[l])
            a_l, dsigma_l = spec.activations[l - 1].both(z)
            if l in masks:
                a_l, dsigma_l = a_l * masks[l], dsigma_l * masks[l]
            a.append(a_l)
            dsigma.append(dsigma_l)
        z = eq.weighted_input(W[L], a[L - 1], b[L])
        cost, delta = output_error(spec, z, columns(Y, spec), share)
        for l in range(L, 0, -1):
            if l < L:
                delta = eq.bp2(W[l + 1], delta, dsigma[l])
            self._db[l - 1][...] = eq.bp3(delta)
            eq.bp4(delta, a[l - 1], out=self._dW[l - 1])
        self._delta = delta
        return cost


def costs(spec: Spec, z: Array, a: Array, y: Array) -> Array:
    """C of each example, (m,), from z^L where the pair of σ and C is canonical (stable), else from a^L."""
    if spec.canonical:
        return CANONICAL[spec.output.name, spec.cost.name](z, y)
    return spec.cost.C(a, y)


def output_error(spec: Spec, z: Array, y: Array, share: Array, general: bool = False) -> tuple[float, Array]:
    """(Σ share C, δ^L) from z^L: BP1 in the form that the pair of σ and C allows, or in its general form."""
    if spec.output.elementwise:
        a, dsigma = spec.output.both(z)
    else:
        a, dsigma = spec.output.sigma(z), None
    cost = float(costs(spec, z, a, y) @ share)
    if spec.canonical and not general:
        if spec.output.name == "sigmoid":
            return cost, eq.bp1_sigmoid(a, spec.output.sigma(-z), y, share)
        return cost, eq.bp1_canonical(a, y, share)
    grad_a = spec.cost.grad_a(a, y) * share
    if dsigma is not None:
        return cost, eq.bp1(grad_a, dsigma)
    return cost, eq.bp1_general(softmax_jacobian(a), grad_a) if general else eq.bp1_softmax(grad_a, a)


def masks(spec: Spec, rules: Rules, step: int, m: int) -> Masks:
    """The dropout masks of this step, by layer."""
    dropped = (l for l, p in enumerate(rules.dropout, 1) if p)
    return {l: mask(spec, rules.dropout, rules.seed, step, l, m) for l in dropped}


def penalties_of(rules: Rules, weight: Array | None, m: int) -> tuple[float, float]:
    """(l1, l2) of a batch of m examples of these weights; 0 for a batch that weighs nothing."""
    if not rules.by_weight:
        return rules.l1, rules.l2
    total = float(m if weight is None else weight.sum())
    return (rules.l1 / total, rules.l2 / total) if total > 0 else (0.0, 0.0)


def penalty(theta: Array, penalties: tuple[float, float], n_weights: int) -> float:
    """½ l2 ‖W‖² + l1 ‖W‖_1."""
    l1, l2 = penalties
    W = theta[:n_weights].astype(np.float64)
    return (0.5 * l2 * float(W @ W) if l2 else 0.0) + (l1 * float(np.abs(W).sum()) if l1 else 0.0)


def add_penalty(grad: Array, theta: Array, penalties: tuple[float, float], n_weights: int) -> None:
    """Add the gradient of ½ l2 ‖W‖² + l1 ‖W‖_1: l2 W + l1 sign(W), on the weights alone."""
    l1, l2 = penalties
    if l2:
        grad[:n_weights] += l2 * theta[:n_weights]
    if l1:
        grad[:n_weights] += l1 * np.sign(theta[:n_weights])


def clip(grad: Array, norm: float | None) -> None:
    """Scale the gradient down to this norm where it is longer. Pascanu et al., arXiv 1211.5063."""
    if norm is not None:
        length = _norm(grad)
        if length > norm:
            grad *= norm / length


def update(
    optimizer: Optimizer, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int, n_weights: int
) -> bool:
    """One step of the rule, taken only if θ and the slots stay finite; whether it was."""
    moved = (theta, *slots)
    reach = rate * (1 + optimizer.weight_decay) / getattr(optimizer, "epsilon", 1.0)
    if reach < 1e8 and all(float(v @ v) < 1e16 for v in (g, *moved)):  # no rule makes of these what float32 cannot hold
        apply_update(optimizer, theta, g, slots, rate, t, n_weights)
        return True
    kept = [v.copy() for v in moved]
    apply_update(optimizer, theta, g, slots, rate, t, n_weights)
    if all(map(finite, moved)):
        return True
    for v, before in zip(moved, kept, strict=True):
        v[...] = before
    return False


def _norm(grad: Array) -> float:
    length = float(np.linalg.norm(grad))
    if np.isfinite(length):
        return length
    top = np.abs(grad).max()  # the squares overflowed, the gradient did not
    return float(top) * float(np.linalg.norm(grad / top))


class ReferenceEngine:
    """NumPy on the CPU."""

    name = "reference"

    def plan(self, spec: Spec, batch: int) -> ReferencePlan:
        """A plan of this network for up to `batch` examples at once."""
        return ReferencePlan(spec, batch)
