"""The native engine: a thin adapter over the compiled core in native/, without mathematics."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.functions import built_in, formula
from deltaprop.core.sparse import Inputs, SparseRows, packed
from deltaprop.core.spec import Spec
from deltaprop.engines.machine import usable_cores
from deltaprop.engines.protocol import Data, Engine, Probe, Report, Steps, Sums
from deltaprop.errors import EngineError, sentence
from deltaprop.optim.optimizers import OPTIMIZERS, Optimizer
from deltaprop.optim.rules import Rules

_native: Any = None
IMPORT_ERROR: str | None = None
try:
    from deltaprop import _native
    from deltaprop.engines import limits as limits  # registers our threads with threadpoolctl
except ImportError as error:
    IMPORT_ERROR = str(error)

FORCED_SET = "DELTAPROP_INSTRUCTION_SET"


def probe() -> Probe:
    """Whether the compiled core is here, and on which instruction set it runs."""
    if IMPORT_ERROR is not None:
        return Probe(False, _why_absent(), _refuse)
    chosen, had = instruction_set(), ", ".join(instruction_sets())
    why = f"named by {FORCED_SET}" if FORCED_SET in os.environ else "the fastest that this processor has"
    cores = usable_cores()
    threads = f"{cores} thread{'s' if cores > 1 else ''} unless n_threads says otherwise"
    told = f"compiled, instruction set {chosen}: {why} ({had}); {threads}"
    return Probe(True, told, lambda n_threads: NativeEngine(n_threads, chosen))


def _refuse(n_threads: int) -> Engine:
    raise EngineError(f"The engine 'native' is not available: {_why_absent()}.")


def _why_absent() -> str:
    try:
        from deltaprop import _native_absent  # CMakeLists.txt writes it if it leaves the compiled core out
    except ImportError:
        return f"its compiled core does not load ({IMPORT_ERROR})"
    return f"not built, since {_native_absent.WHY}"


def instruction_sets() -> list[str]:
    """The instruction sets that this build and this processor have, the fastest first."""
    return list(_native.instruction_sets())


def instruction_set() -> str:
    """The instruction set that plans run on: the fastest, or the one that the environment names."""
    forced, had = os.environ.get(FORCED_SET), instruction_sets()
    if forced is None:
        return had[0]
    if forced not in had:
        raise EngineError(sentence(FORCED_SET, f"{' or '.join(had)} on this machine", repr(forced)))
    return forced


class NativeEngine:
    """BP1..BP4 compiled for this processor."""

    name = "native"

    def __init__(self, n_threads: int, instruction_set: str) -> None:
        self.n_threads, self.instruction_set = n_threads, instruction_set

    def unsupported(self, spec: Spec, rules: Rules | None = None) -> str | None:
        """A σ or C, a kind of layer or an update rule that the compiled core does not know."""
        for activation in spec.activations:
            if not built_in(activation):
                return f"your own activation {activation.name!r}"
            if activation.name not in _native.ACTIVATIONS:
                return f"the activation {activation.name!r}"
        known = formula(spec.cost)
        if known is None:
            return f"your own cost {spec.cost.name!r}"
        if known[0] not in _native.COSTS:
            return f"the cost {spec.cost.name!r}"
        for kind in spec.kinds:
            if kind not in _native.KINDS:
                return f"layers of kind {kind!r}"
        if rules is not None and _rule(rules.optimizer) is None:
            return f"the update rule {type(rules.optimizer).__name__}"
        return None

    def plan(self, spec: Spec, batch: int) -> NativePlan:
        """A plan of this network for up to `batch` examples at once."""
        return NativePlan(spec, batch, self.n_threads, self.instruction_set)


class NativePlan:
    """A plan of the compiled core (the protocol's Plan)."""

    def __init__(self, spec: Spec, batch: int, n_threads: int, instruction_set: str) -> None:
        self.spec = spec
        self.batch = max(1, batch)
        self.grad = np.zeros(spec.n_parameters, spec.dtype)
        cost, number = formula(spec.cost) or ("", 0.0)
        self._plan = _native.Plan(
            instruction_set=instruction_set,
            sizes=list(spec.sizes),
            activations=[_native.ACTIVATIONS[activation.name] for activation in spec.activations],
            kinds=[_native.KINDS[kind] for kind in spec.kinds],
            rates=[block.rate for block in spec.blocks],
            cost=_native.COSTS[cost],
            threshold=number,
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

    def evaluate(self, theta: Array, data: Data) -> tuple[float, Array]:
        """(C, a^L of every row)."""
        out = np.empty((len(data), self.spec.sizes[-1]), self.spec.dtype)
        return self._plan.evaluate(theta, *_examples(data), out), out

    def gradients(self, theta: Array, data: Data) -> float:
        """C of the weighted mean over the rows; its gradient is in `grad`."""
        return self._plan.gradients(theta, *_examples(data), self.grad, None)

    def input_gradient(self, theta: Array, data: Data) -> Array:
        """∂C/∂x of every row, (m, n_0)."""
        dX = np.empty(data.X.shape, self.spec.dtype)
        self._plan.gradients(theta, *_examples(data), None, dX)
        return dX

    def gradient_norms(self, theta: Array, X: Inputs, Y: Array) -> Array:
        """‖∂C_i/∂θ‖ of every row as if it were alone, (m,)."""
        norms = np.empty(len(X))
        self._plan.gradient_norms(theta, _rows(X), packed(Y), norms)
        return norms

    def begin(self, theta: Array, slots: tuple[Array, ...], rules: Rules, data: Data) -> NativeTraining:
        """A training of θ by these rules."""
        return NativeTraining(self._plan, theta, slots, rules, data)


class NativeTraining:
    """A training by the compiled core (the protocol's Training)."""

    def __init__(self, plan: Any, theta: Array, slots: tuple[Array, ...], rules: Rules, data: Data) -> None:
        self._plan, self._theta, self._slots, self._data = plan, theta, slots, data
        self._by_weight, self._rules = rules.by_weight, _rules(rules)
        self._examples = _examples(data)

    def run(self, steps: Steps) -> Report:
        """Take the steps, up to one that is not finite."""
        costs, penalties = np.full(len(steps), np.nan), np.zeros(len(steps))
        order, bounds, rates = packed(steps.order), packed(steps.bounds), packed(steps.rates)
        told = steps.first, costs, penalties if self._by_weight else None
        counted = order, bounds, rates, _shares(steps.shares), *told
        done = self._plan.train(self._theta, self._slots, self._rules, *self._examples, *counted)
        return Report(done, costs, penalties)

    def gradient(self, steps: Steps) -> Sums:
        """The sums over the examples of a single step."""
        at, grad = steps.places(0), np.empty_like(self._theta)
        rows, shares = packed(steps.order[at]), None if steps.shares is None else _shares(steps.shares[at])
        cost = self._plan.gradient(self._theta, self._rules, *self._examples, rows, shares, steps.first, grad)
        return Sums(cost, float(self._weights(rows, shares).sum()), grad)

    def apply(self, sums: Sums, rate: float, step: int) -> bool:
        """One step from the mean gradient; whether it was taken."""
        mean = sums.gradient / (sums.weight if sums.weight > 0 else 1.0)
        return self._plan.apply(self._theta, self._slots, self._rules, packed(mean), sums.weight, rate, step)

    def _weights(self, rows: Array, shares: Array | None) -> Array:
        """What each of these rows weighs in a sum."""
        if shares is not None:
            return shares
        return np.ones(len(rows)) if self._data.weight is None else self._data.weight[rows]

    def close(self) -> None:
        """Let go of the data; the training cannot be used any more."""
        del self._data, self._examples


def _examples(data: Data) -> tuple[Any, Array, Array | None]:
    """(X, Y, weight) as the core reads them."""
    return _rows(data.X), packed(data.Y), None if data.weight is None else packed(data.weight)


def _shares(shares: Array | None) -> Array | None:
    return None if shares is None else packed(shares.astype(np.float64, copy=False))


def _rows(X: Inputs) -> Any:
    """Rows as the core reads them: with any strides of whole elements, else a copy; or CSR."""
    if isinstance(X, SparseRows):
        return X.data, X.indices, X.indptr
    flags = X.flags
    if not flags.aligned or not (flags.c_contiguous or all(stride % X.itemsize == 0 for stride in X.strides)):
        return X.copy()
    return X


def _rules(rules: Rules) -> Any:
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


def _rule(optimizer: Optimizer) -> str | None:
    """The core's name of an update rule: that of the built-in class that defines it; None for a user's own."""
    if type(optimizer) not in OPTIMIZERS.values():
        return None
    owner = next(cls for cls in type(optimizer).__mro__ if "update" in vars(cls))
    name = owner.__name__.lower()
    return name if name in _native.RULES else None
