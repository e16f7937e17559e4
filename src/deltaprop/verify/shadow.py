"""The network in float64 as a function of its parameters: C and its derivatives, with no backpropagation in them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.border import columns, shares
from deltaprop.core.functions import built_in
from deltaprop.core.objective import costs
from deltaprop.core.pairs import WRONG, slope_of
from deltaprop.core.spec import Spec
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.trace.record import Trace, record
from deltaprop.verify.rounding import rounding

DOUBLE = np.dtype(np.float64)
IMAGINARY = 2.0**-100  # its square is nothing beside any z
Move = tuple[slice, Array, Array]  # r units of a layer, dW (r, n_(l-1)), db (r,)
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
        arrays = [spec.arrays(self.theta, l) for l in range(1, spec.L + 1)]
        self.layers = [(p["W"], p["b"], s) for p, s in zip(arrays, spec.activations, strict=True)]
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

    def slopes(self, layer: int, moves: Sequence[Move]) -> tuple[Array, Array, Array]:
        """∂C_i/∂t of each example's share of C, (k, m), for k moves of W^l and b^l; (kink, noise) of each move, (k,).

        A complex step, Im C(θ + i h v) / h, which subtracts nothing and so loses nothing (Squire & Trapp 1998, SIAM
        Review 40). z^l is linear in W^l and b^l: its imaginary part is h times z^l of the move. The moves go side by
        side, as columns. `kink` says whether a move changes a unit at a kink, `noise` what underflow may do to a slope.
        """
        a, (n, m) = self.a_prev[layer - 1], self.z[layer - 1].shape
        dz = np.zeros((n, len(moves), m))
        for k, (units, dW, db) in enumerate(moves):
            dz[units, k] = eq.weighted_input(dW, a, db)
        h = IMAGINARY / np.maximum(1.0, np.abs(dz).max(axis=(0, 2)))
        C, kink, farthest = self._complex_costs(layer, dz, h)
        if (farthest > FAR).any():  # large weights follow
            h = h * np.minimum(1.0, IMAGINARY / farthest)
            C, kink, _ = self._complex_costs(layer, dz, h)
        return C.imag / h[:, None], kink, LOST / h * self.onward

    @np.errstate(all="ignore")
    def _complex_costs(self, layer: int, dz: Array, h: Array) -> tuple[Array, Array, Array]:
        """From z^l + i h dz on, dz (n_l, k, m): each example's share of C, (k, m); per move, (k,), whether it changes
        a unit at a kink, and the largest imaginary part of a z.
        """  # fmt: skip
        _, k, m = dz.shape
        z = self.z[layer - 1][:, None, :] + 1j * h[:, None] * dz
        kink, farthest, a = np.zeros(k, bool), np.zeros(k), z
        for l, (W, b, activation) in enumerate(self.layers[layer - 1 :], layer):
            if l > layer:
                z = eq.weighted_input(W, a.reshape(-1, k * m), b).reshape(-1, k, m)
            kink |= _moved(z, self._near[l - 1]) | _crossed(z, self.z[l - 1], activation.kinks)
            farthest = np.fmax(farthest, np.abs(z.imag).max(axis=(0, 2)))
            a = activation.sigma(z.reshape(-1, k * m)).reshape(z.shape)
        C = costs(self.spec, z.reshape(-1, k * m), a.reshape(-1, k * m), np.tile(self.y, k))
        return C.reshape(k, m) * self.share, kink | _moved(a, self._near_y), farthest

    def _is_analytic(self, a: Array) -> bool:
        """The built-in σ and C take complex steps; those of one's own are tried on every z and a of the batch."""
        spec = self.spec
        own = [(s, z) for s, z in zip(spec.activations, self.z, strict=True) if not built_in(s)]
        return all(takes_complex_steps(s.sigma, z) for s, z in own) and (
            built_in(spec.cost) or takes_complex_steps(lambda at: spec.cost.C(at, self.y), a)
        )


@np.errstate(all="ignore")
def takes_complex_steps(function: Callable[[Array], Array], at: Array) -> bool:
    """Whether a function's complex step is its slope, wherever that can be told, and it can be told somewhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "casting complex values to real discards the imaginary part"
            stepped = np.asarray(function(at + 1j * IMAGINARY))
        slope, sure = slope_of(function, at, np.ones_like(at))
        here = np.asarray(function(at))
    except Exception:  # whatever a function of real numbers raises at complex ones
        return False
    if stepped.shape != here.shape or not np.iscomplexobj(stepped):
        return False
    close = np.abs(stepped.imag / IMAGINARY - slope) <= WRONG * np.abs(slope)
    same = (stepped.real == here) | (np.abs(stepped.real - here) <= 1e-12 * np.abs(here)) | ~np.isfinite(here)
    return bool(sure.any() and close[sure].all() and same.all())


def _onward(spec: Spec, trace: Trace) -> float:
    """How far C moves if the z and a of all units and examples move by 1 each: Σ |∂C/∂z| + |∂C/∂a|; 1 or more."""
    slopes = [layer.delta for layer in trace] + [layer.delta @ layer.W for layer in trace]
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
