"""The trace: every quantity of one forward and one backward pass, for every layer and every example.

Rows are examples. δ^l is ∂C/∂z^l of the batch's C (the weighted mean), so dW and db are exactly BP4 and BP3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import softmax_jacobian
from deltaprop.core.blocks import Arrays
from deltaprop.core.border import columns, shares
from deltaprop.core.objective import costs
from deltaprop.core.passes import backward, forward
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, sentence

VERSION = 1


class NamedArrays:
    """The arrays of one layer as attributes: W, b, s for its `parameters`, dW, db, ds for their `gradients`."""

    l: int
    kind: str

    def __getattr__(self, name: str) -> Array:
        have, held = self._arrays(), self.__dict__  # empty while a copy is being made
        if name not in have:
            of = f"Layer {held.get('l')}, of kind {held.get('kind')}"
            raise AttributeError(f"{of}, has no {name!r}; it has {', '.join(have)}.")
        return have[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._arrays()})

    def _arrays(self) -> Arrays:
        held = self.__dict__
        gradients = {f"d{name}": array for name, array in held.get("gradients", {}).items()}
        return {**held.get("parameters", {}), **gradients}


@dataclass(frozen=True, eq=False)
class TraceLayer(NamedArrays):
    """Layer l of a trace.

    z, a, delta (m, n_l); a_prev (m, n_(l-1)). sigma_prime is (m, n_l), or for softmax the Jacobian (m, n_l, n_l) with
    [i, k, j] = ∂a_k/∂z_j of example i. `parameters` and `gradients` hold the layer's arrays by name, and each is also
    an attribute: W (n_l, n_(l-1)), b (n_l,), dW, db of a dense layer; s (n_l,), ds of a layer of scales.
    """

    l: int
    kind: str
    z: Array
    a: Array
    a_prev: Array
    sigma_prime: Array
    delta: Array
    parameters: Arrays
    gradients: Arrays


@dataclass(frozen=True, eq=False)
class Trace:
    """One pass: `layer(l)` for l = 1..L, in the book's count; iterating gives layers 1..L in order.

    x (m, n_0); y (m, n_L), class indices written out; grad_a (m, n_L) is ∇_a C, with each example's share of the mean
    in it; cost is C.
    """

    x: Array
    y: Array
    grad_a: Array
    cost: float
    layers: tuple[TraceLayer, ...]
    version: int = field(default=VERSION)

    @property
    def L(self) -> int:
        """The number of layers with weights."""
        return len(self.layers)

    def layer(self, l: int) -> TraceLayer:
        """Layer l, 1 <= l <= L."""
        return self.layers[layer_index(l, self.L, "trace.x") - 1]

    def __iter__(self) -> Iterator[TraceLayer]:
        return iter(self.layers)

    def __len__(self) -> int:
        return self.L


def layer_index(l: int, L: int, where_inputs_are: str) -> int:
    """l itself if 1 <= l <= L; else an error that says where layer 0 is to be found."""
    if isinstance(l, bool) or not isinstance(l, (int, np.integer)) or not 1 <= l <= L:
        zero = not isinstance(l, bool) and l == 0
        remedy = f"Layer 0 is the input: it has no W, b or delta; see {where_inputs_are}." if zero else ""
        raise ArgumentError(sentence("l", f"a layer from 1 to {L}", repr(l), remedy))
    return int(l)


@np.errstate(all="ignore")
def record(
    spec: Spec,
    theta: Array,
    X: Inputs,
    Y: Array,
    weight: Array | None = None,
    masks: dict[int, Array] | None = None,
) -> Trace:
    """The trace of checked rows X, Y; `masks` are the dropout factors of the hidden layers, if there are any.

    It is dense: sparse rows are written out.
    """
    x = dense(X)
    y, share = columns(Y, spec), shares(weight, len(x), spec.dtype)
    passed = forward(spec, theta, x.T, masks)
    cost = float(costs(spec, passed.z[-1], passed.a[-1], y) @ share)
    layers = []
    for l, delta in backward(spec, theta, passed, y, share):
        dsigma, a = passed.dsigma[l], passed.a[l]
        gradients = {block.name: np.empty(block.shape, spec.dtype) for block in spec.blocks_of(l)}
        spec.kind(l).gradients(delta, passed.a[l - 1], gradients)
        layer = TraceLayer(
            l=l,
            kind=spec.kinds[l - 1],
            z=passed.z[l].T,
            a=a.T,
            a_prev=passed.a[l - 1].T,
            sigma_prime=np.moveaxis(softmax_jacobian(a) if dsigma is None else dsigma, -1, 0),
            delta=delta.T,
            parameters={name: array.copy() for name, array in spec.arrays(theta, l).items()},
            gradients=gradients,
        )
        layers.append(layer)
    grad_a = (spec.cost.grad_a(passed.a[-1], y) * share).T
    return Trace(x=x, y=y.T, grad_a=grad_a, cost=cost, layers=tuple(reversed(layers)))
