"""The network that users call: its parameters, forward, cost, gradients, traces, files.

A facade: the maths is in core and engines, the trace in trace, the file in files. Everything here has rows as
examples, and checks what it is given at core.border. X may be a SciPy sparse matrix everywhere: only what it stores
is multiplied.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.blocks import Arrays
from deltaprop.core.border import check_inputs, check_targets, check_weight, finite
from deltaprop.core.costs import Cost
from deltaprop.core.initialization import initialize
from deltaprop.core.objective import through_output
from deltaprop.core.pairs import check_own_pairs
from deltaprop.core.passes import errors_below, forward, input_error
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec, checked_dtype, make_spec
from deltaprop.engines.protocol import Data, Plan
from deltaprop.engines.registry import say_once, select
from deltaprop.errors import ArgumentError, EngineError, NonFiniteError, ShapeError, sentence
from deltaprop.files.format import Stored, read_model, write_model
from deltaprop.optim.rules import Rules
from deltaprop.trace.nonfinite import find_nonfinite
from deltaprop.trace.record import NamedArrays, Trace, layer_index, record

PLAN_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Layer(NamedArrays):
    """Layer l of a network: its parameters, writable views, which are attributes too: W (n_l, n_(l-1)), b (n_l,)."""

    l: int
    kind: str
    activation: Activation
    parameters: Arrays


@dataclass(frozen=True, eq=False)
class GradientLayer(NamedArrays):
    """The gradients of layer l, by the names of its parameters and as attributes: dW (n_l, n_(l-1)), db (n_l,)."""

    l: int
    kind: str
    gradients: Arrays


@dataclass(frozen=True, eq=False)
class Gradient:
    """C and its gradient: `cost`, `layer(l).dW`, `layer(l).db`, and all of it as one `vector` laid out like θ."""

    cost: float
    vector: Array
    spec: Spec = field(repr=False)

    def layer(self, l: int) -> GradientLayer:
        """The gradients of layer l, 1 <= l <= L."""
        layer_index(l, self.spec.L, "net.input_gradient")
        return GradientLayer(l, self.spec.kinds[l - 1], self.spec.arrays(self.vector, l))

    def __iter__(self) -> Iterator[GradientLayer]:
        return (self.layer(l) for l in range(1, self.spec.L + 1))


class Network:
    """A fully connected network: `sizes` n_0..n_L, σ per layer, a cost, parameters.

    `activation` is one for all hidden layers or a list with one per hidden layer; `output` is that of layer L; `init`
    is a scheme of core.initialization; `seed` makes the parameters reproducible; `engine` names the engine that runs
    it, and `n_threads` on how many threads at most (None: on the cores that this process may use). `kinds` is one
    kind of layer or a list with one per layer: "dense" (z = W a + b) or "scale" (z = s ⊙ a). `rates` multiplies the
    learning rate of single parameters: {(1, "W"): 0.1}.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | Activation | Sequence[str | Activation] = "relu",
        output: str | Activation = "softmax",
        cost: str | Cost = "cross_entropy",
        dtype: object = "float32",
        seed: int | None = None,
        engine: str = "auto",
        n_threads: int | None = None,
        init: str = "auto",
        kinds: str | Sequence[str] = "dense",
        rates: Mapping[tuple[int, str], float] | None = None,
    ) -> None:
        several = isinstance(activation, Iterable) and not isinstance(activation, str)
        chosen: Any = list(activation) if several else activation  # type: ignore[arg-type]
        self._spec = make_spec(sizes, chosen, output, cost, dtype, kinds, rates)
        check_own_pairs(self._spec)
        self._choose_engine(engine, n_threads)
        self._theta = initialize(self._spec, init, np.random.default_rng(check_seed(seed)))
        self._plans = threading.local()  # a plan owns its buffers, so every thread gets one of its own
        self.facts: dict[str, Any] = {}

    @classmethod
    def from_parameters(cls, spec: Spec, theta: Array, engine: str = "auto", n_threads: int | None = None) -> Network:
        """A network of this description that starts at a copy of θ."""
        net = cls.__new__(cls)
        if np.shape(theta) != (spec.n_parameters,):
            must = f"a vector of {spec.n_parameters:,} parameters, laid out as spec.blocks says"
            raise ShapeError(sentence("theta", must, f"shape {np.shape(theta)}"))
        net._spec, net._plans, net.facts = spec, threading.local(), {}
        net._choose_engine(engine, n_threads)
        net._theta = np.array(theta, spec.dtype)
        return net

    def _choose_engine(self, engine: str, n_threads: int | None) -> None:
        self._asked = engine, n_threads  # copied and pickled: another machine chooses again
        self._engine = select(engine, self._spec, n_threads)

    @property
    def spec(self) -> Spec:
        """The description: sizes, activations, cost, number type."""
        return self._spec

    @property
    def theta(self) -> Array:
        """All parameters as one vector, W^1..W^L then b^1..b^L; writable. Every layer's arrays are views of it."""
        return self._theta

    @property
    def L(self) -> int:
        """The number of layers with parameters."""
        return self._spec.L

    @property
    def engine(self) -> str:
        """The name of the engine that runs it."""
        return self._engine.name

    def layer(self, l: int) -> Layer:
        """Layer l, 1 <= l <= L; writing to its W and b changes the network."""
        at, spec = layer_index(l, self.L, "the X that you give") - 1, self._spec
        return Layer(l, spec.kinds[at], spec.activations[at], spec.arrays(self._theta, l))

    def __iter__(self) -> Iterator[Layer]:
        return (self.layer(l) for l in range(1, self.L + 1))

    def __len__(self) -> int:
        return self.L

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_plans", "_engine")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _plans=threading.local())
        try:
            self._choose_engine(*self._asked)
        except EngineError as error:  # what it was made for is not on this machine
            say_once(f"A network that asks for the engine {self._asked[0]!r} was loaded for 'auto': {error}")
            self._choose_engine("auto", self._asked[1])

    def __repr__(self) -> str:
        return f"<Network {self._spec.architecture()}, {self._spec.n_parameters:,} parameters, engine {self.engine}>"

    def forward(self, X: object) -> Array:
        """a^L of every row of X, (m, n_L). NonFiniteError names NaN and Inf."""
        rows = check_inputs(X, self._spec)
        a = self.plan().forward(self._theta, rows)
        if not finite(a):
            raise self._nonfinite(rows, np.zeros_like(a))
        return a

    def cost(self, X: object, Y: object, sample_weight: object = None) -> float:
        """C: the (weighted) mean of the examples' costs, penalties apart."""
        examples = self.examples(X, Y, sample_weight)
        cost = self.plan().evaluate(self._theta, Data(*examples))[0]
        if not np.isfinite(cost):
            raise self._nonfinite(*examples)
        return cost

    def backprop(self, X: object, Y: object, sample_weight: object = None) -> Gradient:
        """C and ∂C/∂W^l, ∂C/∂b^l of every layer, by BP1-BP4; nothing else is kept. NonFiniteError names NaN and Inf."""
        rows, targets, weight = self.examples(X, Y, sample_weight)
        plan = self.plan()
        cost = plan.gradients(self._theta, Data(rows, targets, weight))
        if not (np.isfinite(cost) and finite(plan.grad)):
            raise self._nonfinite(rows, targets, weight)
        return Gradient(cost, plan.grad.copy(), self._spec)

    def trace(self, X: object, Y: object, sample_weight: object = None) -> Trace:
        """Every quantity of a pass: `layer(l)` has W b z a a_prev sigma_prime delta dW db; also x, y, grad_a, cost."""
        return record(self._spec, self._theta, *self.examples(X, Y, sample_weight))

    def input_gradient(self, X: object, Y: object, sample_weight: object = None) -> Array:
        """∂C/∂x of every row, (m, n_0): BP2 taken one layer further."""
        examples = self.examples(X, Y, sample_weight)
        dX = self.plan().input_gradient(self._theta, Data(*examples))
        if not finite(dX):
            raise self._nonfinite(*examples)
        return dX

    def jacobian(self, X: object) -> Array:
        """∂a^L/∂x of every row, (m, n_L, n_0): BP2 for each output a_k in turn, with a_k as the cost."""
        spec, rows = self._spec, check_inputs(X, self._spec)
        jacobian = np.empty((len(rows), spec.sizes[-1], spec.sizes[0]), spec.dtype)
        for start in range(0, len(rows), PLAN_ROWS):
            part = slice(start, start + PLAN_ROWS)
            passed = forward(spec, self._theta, dense(rows[part]).T)
            a = passed.a[-1]
            for k in range(len(a)):
                grad_a = np.zeros_like(a)
                grad_a[k] = 1
                delta_L = through_output(a, passed.dsigma[-1], grad_a)
                *_, (_, delta) = errors_below(spec, self._theta, passed, delta_L)
                jacobian[part, k] = input_error(spec, self._theta, delta).T
        return jacobian

    def copy(self) -> Network:
        """A network with the same description and a copy of the parameters."""
        twin = Network.from_parameters(self._spec, self._theta, *self._asked)
        twin.facts = dict(self.facts)
        return twin

    def astype(self, dtype: object) -> Network:
        """A copy whose parameters are of this number type."""
        spec = replace(self._spec, dtype=checked_dtype(dtype))
        with np.errstate(over="ignore"):
            twin = Network.from_parameters(spec, self._theta, *self._asked)
        if not np.isfinite(twin.theta[np.isfinite(self._theta)]).all():
            raise ArgumentError(sentence("dtype", "wide enough for the parameters", repr(spec.dtype.name)))
        twin.facts = dict(self.facts)
        return twin

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file, atomically: a reader sees the old file or the new one."""
        write_model(path, Stored(self._spec, self._theta, self.facts))

    def examples(
        self, X: object, Y: object, sample_weight: object = None, *, of: str = ""
    ) -> tuple[Inputs, Array, Array | None]:
        """X, Y and the weights, checked against this network and each other; errors call them `{of}X` and so on."""
        rows = check_inputs(X, self._spec, f"{of}X")
        m, empty = len(rows), "A mean over no examples is undefined."
        if not m:
            raise ArgumentError(sentence(f"{of}X", "at least one row", "0 rows", empty))
        return rows, check_targets(Y, self._spec, m, f"{of}Y"), check_weight(sample_weight, m, f"{of}sample_weight")

    def plan(self) -> Plan:
        """This thread's plan of this network, made at first use."""
        try:
            return self._plans.here
        except AttributeError:
            self._plans.here = self._engine.plan(self._spec, PLAN_ROWS)
            return self._plans.here

    def new_plan(self, batch: int, rules: Rules | None = None) -> Plan:
        """A plan of its own for up to `batch` examples at once, on an engine that knows these rules."""
        engine = self._engine
        if rules is not None and engine.unsupported(self._spec, rules):
            engine = select(self._asked[0], self._spec, self._asked[1], rules=rules)
        return engine.plan(self._spec, batch)

    def _nonfinite(self, X: Inputs, Y: Array, weight: Array | None = None) -> NonFiniteError:
        return NonFiniteError(f"{find_nonfinite(self._spec, self._theta, X, Y, weight)}.")


def load(
    path: str | os.PathLike[str],
    *,
    custom: Iterable[Activation | Cost] = (),
    engine: str = "auto",
    n_threads: int | None = None,
) -> Network:
    """The network in a model file. Files hold no code: pass your own activations and costs as `custom`."""
    stored = read_model(path, custom)
    check_own_pairs(stored.spec)
    net = Network.from_parameters(stored.spec, stored.theta, engine, n_threads)
    net.facts = stored.facts
    return net


def check_seed(seed: object) -> int | None:
    """A whole number from 0 to 2^63 - 1, or None."""
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise ArgumentError(sentence("seed", "a whole number from 0 to 2^63 - 1, or None", repr(seed)))
    return int(seed)
