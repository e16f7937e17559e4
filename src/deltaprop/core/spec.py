"""The description of a network: sizes, kinds of layers, activations, cost, number type, and the layout of θ.

θ is one vector, described by blocks (core.blocks). Of a network of dense layers it holds W^1, ..., W^L one after
another (each row by row), then b^1, ..., b^L. An optimiser is a few operations on one vector, and W^l and b^l are
views.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import SOFTMAX, Activation
from deltaprop.core.blocks import KINDS, Arrays, Block, Kind, Part, Rates, lay_out, parts
from deltaprop.core.costs import CANONICAL, Cost
from deltaprop.core.functions import built_in, check_output, get_activation, get_cost
from deltaprop.errors import ArgumentError, ArgumentTypeError, one_of, sentence

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Spec:
    """The description of a network: n_0..n_L, σ of layers 1..L, the cost, the number type.

    `kinds` names the kind of each layer 1..L (() for all dense). `rates` holds (layer, parameter, factor) for the
    blocks of θ whose learning rate is multiplied by another factor than 1.
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    cost: Cost
    dtype: np.dtype[np.floating]
    kinds: tuple[str, ...] = ()
    rates: Rates = ()

    def __post_init__(self) -> None:
        if not self.kinds:
            object.__setattr__(self, "kinds", ("dense",) * (len(self.sizes) - 1))

    @property
    def L(self) -> int:
        """The number of layers with parameters."""
        return len(self.sizes) - 1

    @property
    def output(self) -> Activation:
        """σ of layer L."""
        return self.activations[-1]

    def kind(self, l: int) -> Kind:
        """The kind of layer l."""
        return KINDS[self.kinds[l - 1]]

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The arrays in θ, in order."""
        return lay_out(self.sizes, self.kinds, self.rates)

    def blocks_of(self, l: int) -> tuple[Block, ...]:
        """The blocks of layer l."""
        return self._by_layer[l - 1]

    def arrays(self, vector: Array, l: int) -> Arrays:
        """The parameters of layer l by name, as views of θ (or the like in any vector laid out like θ)."""
        return {block.name: block.of(vector) for block in self._by_layer[l - 1]}

    @cached_property
    def _by_layer(self) -> tuple[tuple[Block, ...], ...]:
        return tuple(tuple(block for block in self.blocks if block.layer == l) for l in range(1, self.L + 1))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """θ in as few parts as decay and learning rates allow."""
        return parts(self.blocks)

    @cached_property
    def decaying(self) -> tuple[slice, ...]:
        """The slices of θ that penalties and decay act on: the weights."""
        return tuple(part.at for part in self.parts if part.decays)

    @cached_property
    def n_parameters(self) -> int:
        """The length of θ."""
        return self.blocks[-1].at.stop

    @property
    def categorical(self) -> bool:
        """Whether a class index stands for a target: the outputs are one score per class."""
        return self.sizes[-1] > 1 and self.output.name in ("softmax", "sigmoid")

    @cached_property
    def canonical(self) -> bool:
        """Whether BP1 takes its canonical form δ^L = a^L - y: a canonical pair of built-in σ and C."""
        pair = self.output.name, self.cost.name
        if pair not in CANONICAL or not built_in(self.output):
            return False
        return self.cost == get_cost(self.cost.name, self.output.name)

    def architecture(self) -> str:
        """One line: 784 - 30 sigmoid - 10 softmax, cross_entropy, float32."""
        rows = zip(self.kinds, self.sizes[1:], self.activations, strict=True)
        layers = " - ".join(f"{'' if kind == 'dense' else kind + ' '}{n} {s.name}" for kind, n, s in rows)
        return f"{self.sizes[0]} - {layers}, {self.cost.name}, {self.dtype.name}"


def make_spec(
    sizes: object,
    activation: str | Activation | list[str | Activation] | tuple[str | Activation, ...],
    output: str | Activation,
    cost: str | Cost,
    dtype: object,
    kinds: object = "dense",
    rates: Mapping[tuple[int, str], float] | None = None,
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
    check_output(chosen, last)
    if last.name == "softmax" and widths[-1] == 1:
        raise ArgumentError(
            sentence("output", "sigmoid for a single output", "'softmax'", "Softmax of one unit is always 1.")
        )
    layers = (*map(get_activation, names), last)
    _check_elementwise(layers)
    spec = Spec(widths, layers, chosen, checked_dtype(dtype), _checked_kinds(kinds, widths))
    return spec if rates is None else replace(spec, rates=_checked_rates(rates, spec))


def _check_elementwise(layers: tuple[Activation, ...]) -> None:
    """BP2's Hadamard product needs an elementwise σ; the output may also be softmax, whose Jacobian is known."""
    for l, activation in enumerate(layers, 1):
        name = "output" if l == len(layers) else "activation"
        if not activation.elementwise and (name, activation) != ("output", SOFTMAX):
            raise ArgumentError(sentence(name, "elementwise, or for the output softmax", repr(activation.name)))


def _checked_kinds(kinds: object, sizes: tuple[int, ...]) -> tuple[str, ...]:
    """One kind for all layers, or one per layer."""
    L = len(sizes) - 1
    named = (kinds,) * L if isinstance(kinds, str) else tuple(kinds) if isinstance(kinds, Iterable) else ()
    if len(named) != L:
        got = f"{len(named)} for {L} layers" if named else repr(kinds)
        raise ArgumentError(sentence("kinds", "one kind of layer, or one per layer 1..L", got))
    for l, kind in enumerate(named, 1):
        if not isinstance(kind, str) or kind not in KINDS:
            raise one_of("kinds", kind, KINDS)
        if KINDS[kind].square and sizes[l] != sizes[l - 1]:
            must = f"such that layer {l}, of kind {kind}, has the {sizes[l - 1]} units of the layer below"
            raise ArgumentError(sentence("sizes", must, f"{sizes[l]} units"))
    return named


def _checked_rates(rates: Mapping[tuple[int, str], float], spec: Spec) -> Rates:
    if not isinstance(rates, Mapping):
        raise ArgumentTypeError(sentence("rates", "a dict {(layer, parameter): factor}", repr(rates)))
    known = {(block.layer, block.name) for block in spec.blocks}
    for place, factor in rates.items():
        got = f"{place!r}: {factor!r}"
        whole = isinstance(place, tuple) and len(place) == 2 and type(place[0]) is int
        if not whole or place not in known:
            must = f"keyed by (layer, parameter) of this network, such as {min(known)}"
            raise ArgumentError(sentence("rates", must, got))
        if isinstance(factor, bool) or not isinstance(factor, (int, float, np.integer, np.floating)):
            raise ArgumentTypeError(sentence("rates", "made of numbers", got))
        if not 0 <= factor < np.inf:
            raise ArgumentError(sentence("rates", "made of finite numbers, 0 or more", got))
    return tuple(sorted((l, name, float(factor)) for (l, name), factor in rates.items() if factor != 1))


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
