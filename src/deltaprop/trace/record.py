"""The trace: every quantity of one forward and one backward pass, for every layer and every example.

Rows are examples. δ^l is ∂C/∂z^l of the batch's C (the weighted mean), so dW and db are exactly BP4 and BP3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.activations import softmax_jacobian
from deltaprop.core.border import columns, shares
from deltaprop.core.sparse import Inputs, dense
from deltaprop.core.spec import Spec
from deltaprop.engines.reference import output_error
from deltaprop.errors import ArgumentError, sentence

VERSION = 1


@dataclass(frozen=True, eq=False)
class TraceLayer:
    """Layer l of a trace.

    W (n_l, n_(l-1)), b (n_l,); z, a, delta (m, n_l); a_prev (m, n_(l-1)); dW and db like W and b. sigma_prime is
    (m, n_l), or for softmax the Jacobian (m, n_l, n_l) with [i, k, j] = ∂a_k/∂z_j of example i.
    """

    l: int
    W: Array
    b: Array
    z: Array
    a: Array
    a_prev: Array
    sigma_prime: Array
    delta: Array
    dW: Array
    db: Array


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
    """l itself where 1 <= l <= L; else an error that says where layer 0 is to be found."""
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
    """The trace of checked rows X, Y; `masks` are the dropout factors of the hidden layers, where there are any.

    It is dense: sparse rows are written out.
    """
    x = dense(X)
    W, b = spec.weights(theta), spec.biases(theta)
    z, a, dsigma = _forward(spec, W, b, x.T, masks or {})
    y, share = columns(Y, spec), shares(weight, len(x), spec.dtype)
    cost, delta_L = output_error(spec, z[-1], y, share)
    deltas = _backward(W, delta_L, dsigma)
    layers = tuple(
        TraceLayer(
            l=l,
            W=W[l - 1].copy(),
            b=b[l - 1].copy(),
            z=z[l - 1].T,
            a=a[l].T,
            a_prev=a[l - 1].T,
            sigma_prime=np.moveaxis(dsigma[l - 1], -1, 0),
            delta=deltas[l - 1].T,
            dW=eq.bp4(deltas[l - 1], a[l - 1]),
            db=eq.bp3(deltas[l - 1]),
        )
        for l in range(1, spec.L + 1)
    )
    return Trace(x=x, y=y.T, grad_a=(spec.cost.grad_a(a[-1], y) * share).T, cost=cost, layers=layers)


def _forward(
    spec: Spec, W: list[Array], b: list[Array], x: Array, masks: dict[int, Array]
) -> tuple[list[Array], list[Array], list[Array]]:
    """z^1..z^L, a^0..a^L and σ'(z^1)..σ'(z^L), columns; for softmax the Jacobian stands for σ'."""
    z: list[Array] = []
    a, dsigma = [x], []
    for l, activation in enumerate(spec.activations, 1):
        z.append(eq.weighted_input(W[l - 1], a[-1], b[l - 1]))
        if activation.elementwise:
            a_l, dsigma_l = activation.both(z[-1])
        else:
            a_l = activation.sigma(z[-1])
            dsigma_l = softmax_jacobian(a_l)
        a.append(a_l * masks[l] if l in masks else a_l)
        dsigma.append(dsigma_l * masks[l] if l in masks else dsigma_l)
    return z, a, dsigma


def _backward(W: list[Array], delta_L: Array, dsigma: list[Array]) -> list[Array]:
    """δ^1..δ^L, columns."""
    deltas = [delta_L]
    for l in range(len(W) - 1, 0, -1):
        deltas.insert(0, eq.bp2(W[l], deltas[0], dsigma[l - 1]))
    return deltas
