"""The native engine: a thin adapter over the compiled core in native/, without mathematics."""

from __future__ import annotations

import numpy as np

from deltaprop import _native
from deltaprop._types import Array
from deltaprop.core.activations import ACTIVATIONS, OUTPUTS
from deltaprop.core.costs import BINARY, CATEGORICAL, COSTS, Cost, parameter
from deltaprop.core.sparse import Inputs, SparseRows, packed
from deltaprop.core.spec import Spec
from deltaprop.engines import limits as limits  # threadpoolctl is told of our threads
from deltaprop.engines.protocol import Rules, Steps
from deltaprop.errors import EngineError
from deltaprop.optim.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

RULES: dict[type[Optimizer], str] = {SGD: "sgd", RMSprop: "rmsprop", Adam: "adam", AdamW: "adam"}
INSTRUCTION_SETS: tuple[str, ...] = tuple(_native.instruction_sets())


def unsupported(spec: Spec) -> str | None:
    """What of this network the compiled core does not know: a user's own σ or C; None where it knows all."""
    for activation in spec.activations:
        if activation not in (ACTIVATIONS.get(activation.name), OUTPUTS.get(activation.name)):
            return f"the activation {activation.name!r}"
    return f"the cost {spec.cost.name!r}" if _cost(spec.cost) is None else None


def _cost(cost: Cost) -> tuple[str, float] | None:
    """The core's name for a built-in cost, with its number; None for a user's own."""
    if (known := parameter(cost)) is not None:
        return known
    named = {BINARY: "binary", CATEGORICAL: "categorical"}.get(cost)
    if named is None and cost == COSTS.get(cost.name):
        named = cost.name
    return None if named is None else (named, 1.0)


class NativePlan:
    """A plan of the compiled core (the protocol's Plan)."""

    def __init__(self, spec: Spec, batch: int, n_threads: int, instruction_set: str) -> None:
        self.spec = spec
        self.batch = max(1, batch)
        self.grad = np.zeros(spec.n_parameters, spec.dtype)
        cost, threshold = _cost(spec.cost) or ("", 0.0)
        self._plan = _native.Plan(
            instruction_set=instruction_set,
            sizes=list(spec.sizes),
            activations=[_native.ACTIVATIONS[activation.name] for activation in spec.activations],
            cost=_native.COSTS[cost],
            threshold=threshold,
            canonical=spec.canonical,
            batch=self.batch,
            is_double=spec.dtype == np.float64,
            threads=n_threads,
        )

    def forward(self, theta: Array, X: Inputs) -> Array:
        """a^L of every row, (m, n_L)."""
        out = np.empty((len(X), self.spec.sizes[-1]), self.spec.dtype)
        self._plan.forward(theta, _rows(X), out)
        return out

    def evaluate(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> tuple[float, Array]:
        """(C, a^L of every row)."""
        out = np.empty((len(X), self.spec.sizes[-1]), self.spec.dtype)
        return self._plan.evaluate(theta, _rows(X), packed(Y), _weight(weight), out), out

    def gradients(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> float:
        """C of the weighted mean over the rows; its gradient lies in `grad`."""
        return self._plan.gradients(theta, _rows(X), packed(Y), _weight(weight), self.grad, None)

    def input_gradient(self, theta: Array, X: Inputs, Y: Array, weight: Array | None) -> Array:
        """∂C/∂x of every row, (m, n_0)."""
        dX = np.empty(X.shape, self.spec.dtype)
        self._plan.gradients(theta, _rows(X), packed(Y), _weight(weight), None, dX)
        return dX

    def train(self, theta: Array, slots: tuple[Array, ...], rules: Rules, steps: Steps) -> int:
        """Run the steps in place; how many were completed before one that is not finite."""
        examples = _rows(steps.X), packed(steps.Y), _weight(steps.weight)
        order, bounds, rates = packed(steps.order), packed(steps.bounds), packed(steps.rates)
        counted = steps.first, steps.costs, steps.penalties if rules.by_weight else None
        return self._plan.train(theta, slots, _rules(rules), *examples, order, bounds, rates, *counted)


def _rows(X: Inputs) -> _native.Rows:
    """Rows as the core reads them: any strides of whole elements, a copy of what lies in memory otherwise; or CSR."""
    if isinstance(X, SparseRows):
        return X.data, X.indices, X.indptr
    flags = X.flags
    if not flags.aligned or not (flags.c_contiguous or all(stride % X.itemsize == 0 for stride in X.strides)):
        return X.copy()
    return X


def _weight(weight: Array | None) -> Array | None:
    return None if weight is None else packed(weight)


def _rules(rules: Rules) -> _native.Rules:
    """The rules as numbers."""
    optimizer = rules.optimizer
    return _native.Rules(
        rule=_native.RULES[_rule(optimizer)],
        momentum=getattr(optimizer, "momentum", 0.0),
        nesterov=getattr(optimizer, "nesterov", False),
        beta1=getattr(optimizer, "beta1", 0.0),
        beta2=getattr(optimizer, "beta2", getattr(optimizer, "rho", 0.0)),
        epsilon=getattr(optimizer, "epsilon", 0.0),
        decay=optimizer.weight_decay,
        l1=rules.l1,
        l2=rules.l2,
        clip_norm=-1.0 if rules.clip_norm is None else rules.clip_norm,
        dropout=list(rules.dropout),
        seed=rules.seed,
        by_weight=rules.by_weight,
    )


def _rule(optimizer: Optimizer) -> str:
    """The core's name for a rule; a user's own, though it stands on one of ours, is refused."""
    name = RULES.get(type(optimizer))
    if name is None:
        raise EngineError(f"The native engine has no update rule {type(optimizer).__name__}. Use engine='reference'.")
    return name


class NativeEngine:
    """BP1..BP4 compiled for this processor."""

    name = "native"

    def __init__(self, n_threads: int, instruction_set: str) -> None:
        self.n_threads, self.instruction_set = n_threads, instruction_set

    def plan(self, spec: Spec, batch: int) -> NativePlan:
        """A plan of this network for up to `batch` examples at once."""
        return NativePlan(spec, batch, self.n_threads, self.instruction_set)
