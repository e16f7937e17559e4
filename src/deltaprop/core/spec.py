"""What a network is: sizes, activations, cost, number type; and where its parameters lie in one vector θ.

θ holds W^1, ..., W^L one after another (each row by row), then b^1, ..., b^L. So the weights alone, which decay
acts on, are one slice, an optimiser is a few operations on one vector, and W^l and b^l are views.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import prod

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import OUTPUTS, SOFTMAX, Activation, get_activation
from deltaprop.core.costs import CANONICAL, COSTS, Cost, check_output, get_cost
from deltaprop.errors import ArgumentError, ArgumentTypeError, sentence

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Spec:
    """The description of a network: n_0..n_L, σ of layers 1..L, the cost, the number type."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    cost: Cost
    dtype: np.dtype[np.floating]

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return len(self.sizes) - 1

    @property
    def output(self) -> Activation:
        """σ of layer L."""
        return self.activations[-1]

    @cached_property
    def weight_shapes(self) -> tuple[tuple[int, int], ...]:
        """(n_l, n_(l-1)) for l = 1..L."""
        return tuple(zip(self.sizes[1:], self.sizes[:-1], strict=True))

    @cached_property
    def n_weights(self) -> int:
        """How many weights there are: the length of θ's first part."""
        return sum(prod(shape) for shape in self.weight_shapes)

    @cached_property
    def n_parameters(self) -> int:
        """The length of θ."""
        return self.n_weights + sum(self.sizes[1:])

    @property
    def categorical(self) -> bool:
        """Whether a class index stands for a target: the outputs are one score per class."""
        return self.sizes[-1] > 1 and self.output.name in ("softmax", "sigmoid")

    @cached_property
    def canonical(self) -> bool:
        """Whether BP1 takes its canonical form δ^L = a^L - y: a pair of built-in σ and C, not of the same names."""
        output, cost = self.output.name, self.cost.name
        own = self.output != OUTPUTS.get(output) or cost not in COSTS or self.cost != get_cost(cost, output)
        return (output, cost) in CANONICAL and not own

    def weights(self, theta: Array) -> list[Array]:
        """W^1..W^L as views of θ (or of any vector laid out like θ)."""
        return [theta[part].reshape(shape) for part, shape in self._weight_parts]

    def biases(self, theta: Array) -> list[Array]:
        """b^1..b^L as views of θ."""
        return [theta[part] for part in self._bias_parts]

    @cached_property
    def _weight_parts(self) -> tuple[tuple[slice, tuple[int, int]], ...]:
        stops = accumulate(map(prod, self.weight_shapes))
        return tuple((slice(stop - prod(s), stop), s) for stop, s in zip(stops, self.weight_shapes, strict=True))

    @cached_property
    def _bias_parts(self) -> tuple[slice, ...]:
        stops = accumulate(self.sizes[1:], initial=self.n_weights)
        return tuple(slice(start, stop) for start, stop in pairwise(stops))

    def architecture(self) -> str:
        """One line: 784 - 30 sigmoid - 10 softmax, cross_entropy, float32."""
        layers = " - ".join(f"{n} {s.name}" for n, s in zip(self.sizes[1:], self.activations, strict=True))
        return f"{self.sizes[0]} - {layers}, {self.cost.name}, {self.dtype.name}"


def make_spec(
    sizes: object,
    activation: str | Activation | list[str | Activation] | tuple[str | Activation, ...],
    output: str | Activation,
    cost: str | Cost,
    dtype: object,
) -> Spec:
    """A checked Spec from what a user writes; `activation` is one for all hidden layers or one per hidden layer."""
    widths = _checked_sizes(sizes)
    hidden = len(widths) - 2
    several = isinstance(activation, (list, tuple))
    names = list(activation) if isinstance(activation, (list, tuple)) else [activation] * hidden
    if len(names) != hidden:
        got = f"{len(names)} for {hidden} hidden layers"
        raise ArgumentError(sentence("activation", "one name, or one per hidden layer", got))
    if not several:
        get_activation(names[0] if names else activation)  # type: ignore[arg-type]
    last = get_activation(output, name="output", output=True)
    chosen = get_cost(cost, last.name)
    check_output(chosen, last.name, last == OUTPUTS.get(last.name))
    if last.name == "softmax" and widths[-1] == 1:
        raise ArgumentError(
            sentence("output", "sigmoid for a single output", "'softmax'", "Softmax of one unit is always 1.")
        )
    layers = (*map(get_activation, names), last)
    _check_elementwise(layers)
    return Spec(widths, layers, chosen, checked_dtype(dtype))


def _check_elementwise(layers: tuple[Activation, ...]) -> None:
    """BP2's Hadamard product needs an elementwise σ; the output may also be softmax, whose Jacobian is known."""
    for l, activation in enumerate(layers, 1):
        name = "output" if l == len(layers) else "activation"
        if not activation.elementwise and (name, activation) != ("output", SOFTMAX):
            raise ArgumentError(sentence(name, "elementwise, or for the output softmax", repr(activation.name)))


def _checked_sizes(sizes: object) -> tuple[int, ...]:
    widths: tuple[object, ...] = tuple(sizes) if isinstance(sizes, Iterable) else ()
    if len(widths) < 2 or isinstance(sizes, str):
        raise ArgumentError(sentence("sizes", "a list of at least two widths, inputs first", repr(sizes)))
    checked = []
    for n in widths:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise ArgumentTypeError(sentence("sizes", "a list of whole numbers", repr(n)))
        if n < 1:
            raise ArgumentError(sentence("sizes", "a list of positive whole numbers", repr(n)))
        checked.append(int(n))
    return tuple(checked)


def checked_dtype(dtype: object) -> np.dtype[np.floating]:
    """float32 or float64; anything else is refused."""
    try:
        found = np.dtype(dtype) if dtype is not None else None  # type: ignore[call-overload]
    except TypeError:
        found = None
    if found is None or found.name not in DTYPES:
        raise ArgumentError(sentence("dtype", "float32 or float64", repr(dtype)))
    return np.dtype(found.name)  # in this machine's byte order
