"""The three common signatures of a hand-written backprop, and how each is called.

nielsen  `backprop(x, y) -> (nabla_b, nabla_w)`, one example as columns, as in M. Nielsen's book: a method of a class
         with `weights` and `biases`, or a function that takes these too.
rows     `loss_and_grads(params, X, Y) -> (loss, grads)`, a batch.
class    a class with weights, `forward(X)` and `backward(...)`, a batch.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, CodeError, sentence
from deltaprop.verify.usercode.holder import Holder
from deltaprop.verify.usercode.layouts import CONTAINERS, LAYOUTS, Layout, split
from deltaprop.verify.usercode.theirs import UserCode, arguments, their_errors

STYLES = ("nielsen", "rows", "class")
GRADIENTS = (("grad_weights", "grad_biases"), ("dW", "db"), ("dWs", "dbs"), ("nabla_w", "nabla_b"),
             ("dweights", "dbiases"), ("weight_grads", "bias_grads"), ("grads_w", "grads_b"))  # fmt: skip
MEANINGS = {
    "x": {"x", "X", "inputs", "input", "X_batch", "a0", "data"},
    "y": {"y", "Y", "targets", "target", "labels", "t", "Y_batch", "y_true"},
    "output": {"output", "out", "o", "y_hat", "yhat", "Y_hat", "y_pred", "A", "a"},
    "rate": {"lr", "eta", "rate", "learning_rate", "alpha"},
    "W": {"weights", "W", "Ws", "w"},
    "b": {"biases", "b", "bs", "bias"},
}
GRADIENT_ARGUMENTS = {"grad", "grad_output", "dout", "upstream", "dA", "dL", "loss_grad", "error", "delta"}
RATE = 0.1  # what a backward that also updates is given for its learning rate


@dataclass
class Returned:
    """What one call gave: the gradients in the container they came in, and what else the code shows."""

    grads: Any
    cost: Any = None
    outputs: Any = None
    deltas: Any = None


class Caller(Protocol):
    """One code, ready to be called with parameters and examples in its own layout."""

    name: str
    takes_batches: bool
    biases_first: bool
    must: str

    def __call__(self, W: list[Array], b: list[Array], X: Array, Y: Array) -> Returned:
        """One call."""


@dataclass
class NielsenMethod:
    """`net.backprop(x, y)` of an object with weights and biases."""

    holder: Holder
    method: str
    name: str
    takes_batches: bool = False
    biases_first: bool = True
    must: str = "a method of x and y, one example as columns, that returns (nabla_b, nabla_w)"

    def __call__(self, W: list[Array], b: list[Array], X: Array, Y: Array) -> Returned:
        """One call with one example."""
        self.holder.put(W, b)
        grads = getattr(self.holder.thing, self.method)(X, Y)
        return Returned(grads, deltas=getattr(self.holder.thing, "deltas", None))


@dataclass
class NielsenFunction:
    """`backprop(x, y, weights, biases)`, in the order of its own arguments."""

    function: Callable[..., Any]
    order: tuple[str, ...]
    name: str
    takes_batches: bool = False
    biases_first: bool = True
    must: str = "a function of x, y, weights and biases, one example as columns, that returns (nabla_b, nabla_w)"

    def __call__(self, W: list[Array], b: list[Array], X: Array, Y: Array) -> Returned:
        """One call with one example."""
        given = {"x": X, "y": Y, "W": W, "b": b}
        return Returned(self.function(*(given[part] for part in self.order)))


@dataclass
class Rows:
    """`loss_and_grads(params, X, Y)`, which returns (loss, grads), or the grads alone."""

    function: Callable[..., Any]
    container: str
    name: str
    takes_batches: bool = True
    biases_first: bool = False
    must: str = "a function of params, X and Y that returns (loss, grads)"

    def __call__(self, W: list[Array], b: list[Array], X: Array, Y: Array) -> Returned:
        """One call with a batch."""
        value = self.function(CONTAINERS[self.container](W, b), X, Y)
        if isinstance(value, tuple) and len(value) >= 2 and _is_number(value[0]):
            return Returned(value[1] if len(value) == 2 else value[1:], cost=value[0])
        return Returned(value)


@dataclass
class Backward:
    """`net.forward(X)`, then `net.backward(...)`, which returns the gradients or leaves them in attributes."""

    holder: Holder
    name: str
    takes_batches: bool = True
    biases_first: bool = False
    must: str = "a class with weights, forward(X), and backward(X, Y) or backward(Y), which gives (dW, db)"
    order: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        backward = self.holder.thing.backward
        if arguments(backward) and arguments(backward)[0] in GRADIENT_ARGUMENTS:
            must = "a method of X and Y, or of Y: what it differentiates is C itself"
            raise CodeError(sentence(f"{self.name}.backward", must, f"the arguments {', '.join(arguments(backward))}"))
        self.order = _meanings(backward, {1: ("y",), 2: ("x", "y"), 3: ("x", "y", "output")})

    def __call__(self, W: list[Array], b: list[Array], X: Array, Y: Array) -> Returned:
        """One call with a batch."""
        net = self.holder.thing
        self.holder.put(W, b)
        outputs = net.forward(X) if hasattr(net, "forward") else None
        given = {"x": X, "y": Y, "output": outputs, "rate": RATE}
        value = net.backward(*(given[part] for part in self.order))
        cost = value[0] if isinstance(value, tuple) and _is_number(value[0]) else None
        grads = value if cost is None else value[1] if len(value) == 2 else value[1:]
        if grads is None or _is_number(grads):
            cost, grads = grads, _left_behind(net)
        return Returned(grads, cost=cost, outputs=outputs, deltas=getattr(net, "deltas", None))


def _left_behind(net: Any) -> Any:
    for pair in GRADIENTS:
        if all(isinstance(getattr(net, name, None), (list, tuple)) for name in pair):
            return [getattr(net, name) for name in pair]
    for name in ("grads", "gradients"):
        if getattr(net, name, None) is not None:
            return getattr(net, name)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or (hasattr(value, "shape") and value.shape == ())


def _meanings(function: Callable[..., Any], by_count: dict[int, tuple[str, ...]]) -> tuple[str, ...]:
    """What each argument of a function is: by its name where all names are known, else by how many there are."""
    names = arguments(function)
    found = [next((part for part, words in MEANINGS.items() if name in words), None) for name in names]
    if found and all(found) and len(set(found)) == len(found):
        return tuple(part for part in found if part)
    if len(names) not in by_count:
        counts = " or ".join(", ".join(parts) for parts in by_count.values())
        name = getattr(function, "__name__", "function")
        raise CodeError(sentence(name, f"a function of {counts}", f"the arguments {', '.join(names) or 'none'}"))
    return by_count[len(names)]


def style_of(target: UserCode, said: str | None) -> str:
    """nielsen, rows or class: as said, or by the signature."""
    if said is not None:
        return said
    if target.owner is not None and (target.entry or inspect.isclass(target.thing)):
        return "class" if target.entry == "backward" else "nielsen"
    names = arguments(target.thing)
    if len(names) == 3 and names[0] not in MEANINGS["x"]:
        return "rows"
    return "nielsen"


def callers(target: UserCode, style: str, sizes: Sequence[int], containers: Sequence[str]) -> list[Caller]:
    """The ways in which this code may want to be called; several where only trying tells."""
    if style == "rows":
        return [Rows(target.thing, container, target.name) for container in containers]
    if target.owner is None:
        order = _meanings(target.thing, {2: ("x", "y"), 4: ("x", "y", "W", "b")})
        if set(order) == {"x", "y"} and hasattr(sys.modules.get(target.thing.__module__), "weights"):
            return [NielsenMethod(Holder(sys.modules[target.thing.__module__]), target.thing.__name__, target.name)]
        if set(order) != {"x", "y", "W", "b"}:
            must = (
                "a function of x, y, weights and biases, or of x and y in a class or a file that has weights and biases"
            )
            got = f"the arguments {', '.join(arguments(target.thing))}"
            raise CodeError(sentence(target.name, must, got))
        return [NielsenFunction(target.thing, order, target.name)]
    holder = Holder(built(target.owner, sizes))
    with their_errors(target.name, "a class with weights and biases"):
        holder.names()
    if not hasattr(holder.thing, target.entry or "backward"):
        has = [n for n in dir(holder.thing) if not n.startswith("_") and callable(getattr(holder.thing, n))]
        must = "a class with a method backprop(x, y) or backward(...)"
        raise CodeError(sentence(target.name, must, f"the methods {', '.join(has) or 'none'}"))
    if style == "class":
        return [Backward(holder, target.name)]
    return [NielsenMethod(holder, target.entry, target.name)]


def built(owner: Any, sizes: Sequence[int]) -> Any:
    """The object itself, or one made by `Class(sizes)`."""
    if not isinstance(owner, type):
        return owner
    make: Callable[[list[int]], Any] = owner
    with their_errors(owner.__name__, f"a class that can be made as {owner.__name__}({list(sizes)})"):
        return make(list(sizes))


def layouts(target: UserCode, style: str, sizes: Sequence[int], said: str | None) -> list[Layout]:
    """The layouts that this code may have; one where it is said, or where its own arrays show it."""
    if said is not None:
        return [LAYOUTS[said]]
    if style == "nielsen":
        return [LAYOUTS["columns"]]
    if style == "rows":
        return list(LAYOUTS.values())
    distinct = [n + 2 for n in range(len(sizes))] if inspect.isclass(target.owner) else list(sizes)
    return _shown_layout(Holder(built(target.owner, distinct)).get(), distinct)


def _shown_layout(parameters: Any, sizes: Sequence[int]) -> list[Layout]:
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    found = split(parameters, [np.empty(shape) for shape in shapes], [np.empty(n) for n in sizes[1:]])
    if found is None:
        raise ArgumentError(sentence("weights", "a list of one array per layer", f"{type(parameters).__name__}"))
    fitting = []
    for layout in LAYOUTS.values():
        W_fits = all(np.shape(W) == layout.weight_shape(s) for W, s in zip(found[0], shapes, strict=True))
        b_fits = all(np.shape(b) in layout.bias_shapes(s[0]) for b, s in zip(found[1], shapes, strict=True))
        fitting += [layout] if W_fits and b_fits else []
    if not fitting:
        got = ", ".join(str(np.shape(array)) for pair in zip(*found, strict=True) for array in pair)
        must = f"arrays for the layers {' - '.join(map(str, sizes))}, W^l (n_l, n_(l-1)) or its transpose, b^l (n_l,)"
        raise CodeError(sentence("weights and biases", must, f"the shapes {got}"))
    return fitting
