"""The network in float64 as a function of its parameters: C and its derivatives, with no backpropagation in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.blocks import Block
from deltaprop.core.border import columns, shares
from deltaprop.core.functions import built_in
from deltaprop.core.objective import costs
from deltaprop.core.slopes import IMAGINARY, takes_complex_steps
from deltaprop.core.spec import Spec
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.trace.record import Trace, record
from deltaprop.verify.rounding import rounding

DOUBLE = np.dtype(np.float64)
FAR = 2.0**-40  # an imaginary part beyond it bends what should be straight
LOST = 2.0**-1060  # what underflow may take from an imaginary part, with room for a few thousand of them


class Shadow:
    """The float64 copy of a network on one batch, and what is known of its numbers before any parameter is moved.

    `noise` says how far rounding may move each element of a gradient computed in the network's number type, laid out
    like θ; `analytic` whether σ and C take complex steps.
    """

    def __init__(self, net: Network, X: Array, Y: Array, weight: Array | None) -> None:
        twin = net.astype("float64")
        self.spec, self.theta = twin.spec, twin.theta
        spec, rows = self.spec, X.astype(DOUBLE)
        targets = Y if Y.ndim == 1 else Y.astype(DOUBLE)
        self.y, self.share = columns(targets, spec), shares(weight, len(X), DOUBLE)
        trace = record(spec, self.theta, rows, targets, weight)
        self.a_prev = [layer.a_prev.T for layer in trace]  # what lies below a changed parameter stays as it is
        self.z = [layer.z.T for layer in trace]
        a_last = trace.layer(spec.L).a.T
        self.cost = float(costs(spec, self.z[-1], a_last, self.y) @ self.share)
        if not np.isfinite(self.cost):
            raise NonFiniteError(
                "The cost of this network on these rows is not finite, so it has no gradient to check."
            )
        own = rounding(spec, trace, self.share, DOUBLE)
        theirs = own if net.spec.dtype == DOUBLE else rounding(spec, trace, self.share, net.spec.dtype)
        self.noise = np.maximum(own.gradient, theirs.gradient)
        self.onward = _onward(spec, trace)
        self._near = [_near_kink(z, s.kinks, e) for z, s, e in zip(self.z, spec.activations, own.z, strict=True)]
        self._near_y = _near_kink(a_last - self.y, spec.cost.kinks, own.a)
        self.analytic = self._is_analytic(a_last)

    def moved(self, block: Block, moves: Sequence[Array]) -> Array:
        """How far z of the block's layer moves, (n_l, k, m), if the block moves by each v: z is linear in it."""
        a_prev = self.a_prev[block.layer - 1]
        none = {other.name: np.zeros(other.shape) for other in self.spec.blocks_of(block.layer)}
        dz = np.zeros((self.spec.sizes[block.layer], len(moves), a_prev.shape[1]))
        for k, v in enumerate(moves):
            W, b = self.spec.kind(block.layer).dense({**none, block.name: v})
            units = W.any(axis=1) | (b != 0)
            dz[units, k] = eq.weighted_input(W[units], a_prev, b[units])
        return dz

    def slopes(self, block: Block, moves: Sequence[Array]) -> tuple[Array, Array, Array]:
        """∂C_i/∂t of each example's share of C, (k, m), if a block moves by t v; (kink, noise) of each move v, (k,).

        A complex step, Im C(θ + i h v) / h, which subtracts nothing and so loses nothing (Squire & Trapp 1998, SIAM
        Review 40). The moves go side by side, as columns. `kink` says whether a move changes a unit at a kink, `noise`
        what underflow may do to a slope.
        """
        dz = self.moved(block, moves)
        h = IMAGINARY / np.maximum(1.0, np.abs(dz).max(axis=(0, 2)))
        C, kink, farthest = self._complex_costs(block.layer, dz, h)
        if (farthest > FAR).any():  # large weights follow
            h = h * np.minimum(1.0, IMAGINARY / farthest)
            C, kink, _ = self._complex_costs(block.layer, dz, h)
        return C.imag / h[:, None], kink, LOST / h * self.onward

    def layers_above(self, layer: int, z: Array) -> Iterator[tuple[int, Array, Array]]:
        """(l, z^l, a^l) for l = layer..L, for any z of that layer, (n_l, m) or more columns."""
        a = self.spec.activations[layer - 1].sigma(z)
        yield layer, z, a
        for l in range(layer + 1, self.spec.L + 1):
            z = self.spec.kind(l).weighted_input(self.spec.arrays(self.theta, l), a)
            a = self.spec.activations[l - 1].sigma(z)
            yield l, z, a

    @np.errstate(all="ignore")
    def _complex_costs(self, layer: int, dz: Array, h: Array) -> tuple[Array, Array, Array]:
        """From z^l + i h dz on, dz (n_l, k, m): each example's share of C, (k, m); per move, (k,), whether it changes
        a unit at a kink, and the largest imaginary part of a z.
        """  # fmt: skip
        n, k, m = dz.shape
        first = self.z[layer - 1][:, None, :] + 1j * h[:, None] * dz
        kink, farthest = np.zeros(k, bool), np.zeros(k)
        for l, z, a in self.layers_above(layer, first.reshape(n, k * m)):  # noqa: B007
            apart = z.reshape(-1, k, m)
            kinks = self.spec.activations[l - 1].kinks
            kink |= _moved(apart, self._near[l - 1]) | _crossed(apart, self.z[l - 1], kinks)
            farthest = np.fmax(farthest, np.abs(apart.imag).max(axis=(0, 2)))
        C = costs(self.spec, z, a, np.tile(self.y, k)).reshape(k, m)
        return C * self.share, kink | _moved(a.reshape(-1, k, m), self._near_y), farthest

    def _is_analytic(self, a: Array) -> bool:
        """The built-in σ and C take complex steps; those of one's own are tried on every z and a of the batch."""
        spec = self.spec
        own = [(s, z) for s, z in zip(spec.activations, self.z, strict=True) if not built_in(s)]
        return all(takes_complex_steps(s.sigma, z) for s, z in own) and (
            built_in(spec.cost) or takes_complex_steps(lambda at: spec.cost.C(at, self.y), a)
        )


def _onward(spec: Spec, trace: Trace) -> float:
    """How far C moves if the z and a of all units and examples move by 1 each: Σ |∂C/∂z| + |∂C/∂a|; 1 or more."""
    below = [spec.kind(layer.l).bp2_input(layer.parameters, layer.delta.T) for layer in trace]
    slopes = [*below, *(layer.delta for layer in trace)]
    slopes += [] if spec.canonical else [trace.grad_a]
    return 1.0 + sum(float(np.abs(slope[np.isfinite(slope)]).sum()) for slope in slopes)


def _near_kink(values: Array, kinks: tuple[float, ...], e: Array) -> Array | None:
    """Which values lie at a kink, as far as rounding can tell; None where none does."""
    at = [np.abs(values - kink) <= e for kink in kinks]
    found = np.logical_or.reduce(at) if at else np.zeros(0, bool)
    return found if found.any() else None


def _crossed(z: Array, real: Array, kinks: tuple[float, ...]) -> Array:
    """In which moves a unit has changed sides, (k,): h² moves Re z, which counts where z is as small as that."""
    found = np.zeros(z.shape[1], bool)
    for kink in kinks:
        found |= ((z.real > kink) != (real > kink)[:, None]).any(axis=(0, 2))
    return found


def _moved(z: Array, near: Array | None) -> Array:
    """In which moves a unit that lies at a kink was moved, (k,)."""
    return np.zeros(z.shape[1], bool) if near is None else (near[:, None] & (z.imag != 0)).any(axis=(0, 2))
