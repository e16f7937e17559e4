"""The known mistakes in BP1..BP4, as data: the wrong formula, and its value.

Each row is a wrong formula with an explanation. `wrong` takes a `Here` and gives the value
that the mistake would give, for every example: (n_l, m) for δ^l and ∂C/∂b^l, (m, n_l, n_(l-1)) for ∂C/∂W^l. Most are
the right equation with a wrong argument. A row whose shapes do not fit in this network raises ValueError or KeyError,
and is skipped. In `formula` and `says`, {l} is the layer, {n} the next, {p} the one before, {L} the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.activations import ACTIVATIONS
from deltaprop.core.costs import COSTS
from deltaprop.verify.here import Here
from deltaprop.verify.truth import each


@dataclass(frozen=True)
class Mistake:
    """A row of the table."""

    name: str
    formula: str
    wrong: Callable[[Here], Array]
    says: str


@dataclass(frozen=True)
class Fitted:
    """A mistake with one unknown number c: the right value + c `direction`; {c} stands for it in the texts."""

    name: str
    formula: str
    direction: Callable[[Here], Array]
    says: str


def _slope_of_a_at_z(h: Here) -> Array:
    """σ' written as a function of a, evaluated at z."""
    z = h.z(h.l)
    of_a = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a * a}
    return of_a[h.truth.spec.activations[h.l - 1].name](z)


def _softmax_twice(h: Here) -> Array:
    if h.truth.spec.output.elementwise:
        raise ValueError("no softmax")
    return eq.bp1_softmax(h.truth.error(), h.a(h.l))


def _softmax_elementwise(h: Here) -> Array:
    a = h.a(h.l)
    if h.truth.spec.output.elementwise:
        raise ValueError("no softmax")
    return eq.bp1(h.truth.grad_a, a * (1 - a))


def _softmax_over_examples(h: Here) -> Array:
    if h.truth.spec.output.elementwise:
        raise ValueError("no softmax")
    return 1 - h.truth.y  # softmax of one example over the examples is 1 for every unit


def _broadcast(h: Here, axis: int) -> Array:
    """a - y with shapes (n, 1) and (n,) is (n, n), [j, k] = a_j - y_k; summed again over one axis."""
    a, y = h.a(h.l), h.truth.y
    if len(a) == 1:
        raise ValueError("one unit alone")
    total = len(a) * a - y.sum(axis=0) if axis else a.sum(axis=0) - len(a) * y
    return eq.bp1(total, h.slope(h.l)) if h.truth.spec.output.elementwise else total


def _other_sigma(name: str, l_is_output: bool) -> Callable[[Here], Array]:
    def wrong(h: Here) -> Array:
        with np.errstate(all="ignore"):
            slope = ACTIVATIONS[name].both(h.z(h.l))[1]
        if l_is_output:
            return eq.bp1(h.truth.grad_a, slope)
        return eq.bp2(h.W_next, h.delta_next, slope)

    return wrong


def _other_cost(name: str) -> Callable[[Here], Array]:
    def wrong(h: Here) -> Array:
        with np.errstate(all="ignore"):
            return eq.bp1(COSTS[name].grad_a(h.a(h.l), h.truth.y), h.slope(h.l))

    return wrong


BP1 = (
    Mistake("forgotten", "0", lambda h: np.zeros_like(h.truth.grad_a), "it was never filled in"),
    Mistake("sigma_prime_forgotten", "∇_a C", lambda h: h.truth.grad_a, "σ'(z^{L}) is missing"),
    Mistake("softmax_elementwise", "∇_a C ⊙ a^{L} ⊙ (1 - a^{L})", _softmax_elementwise,
            "softmax is treated as elementwise; every a_k depends on every z_j, so it takes the whole Jacobian"),
    Mistake("sigma_prime_too_many", "(a^{L} - y) ⊙ σ'(z^{L})",
            lambda h: eq.bp1(h.a(h.l) - h.truth.y, h.slope(h.l)),
            "with this cost σ' cancels, and δ^{L} is a^{L} - y alone; this is the δ^{L} of the quadratic cost"),
    Mistake("softmax_twice", "(∂a^{L}/∂z^{L})ᵀ (a^{L} - y)", _softmax_twice,
            "a^{L} - y has softmax's Jacobian in it already, and it is multiplied in once more"),
    Mistake("sigma_prime_of_a", "∇_a C ⊙ σ'(a^{L})",
            lambda h: eq.bp1(h.truth.grad_a, h.truth.sigma_prime(h.l, h.a(h.l))), "σ' takes z^{L}, not a^{L}"),
    Mistake("sigma_prime_of_a_at_z", "∇_a C ⊙ f(z^{L}), f(a) = σ' as a function of a",
            lambda h: eq.bp1(h.truth.grad_a, _slope_of_a_at_z(h)),
            "this σ' is written in terms of a, and was given z^{L}"),
    Mistake("sigma_prime_of_the_wrong_layer", "∇_a C ⊙ σ'(z^{p})",
            lambda h: eq.bp1(h.truth.grad_a, h.slope(h.l - 1)), "σ' is taken at layer {p}, not {l}"),
    Mistake("sigma_for_sigma_prime", "∇_a C ⊙ a^{L}", lambda h: eq.bp1(h.truth.grad_a, h.a(h.l)),
            "σ stands where σ' belongs"),
    Mistake("sigma_prime_squared", "∇_a C ⊙ σ'(z^{L}) ⊙ σ'(z^{L})",
            lambda h: eq.bp1(eq.bp1(h.truth.grad_a, h.slope(h.l)), h.slope(h.l)), "σ'(z^{L}) is multiplied in twice"),
    Mistake("a_minus_y", "a^{L} - y", lambda h: h.a(h.l) - h.truth.y,
            "that is right for a canonical pair of σ and C, such as softmax and cross_entropy, and not for this one"),
    Mistake("softmax_over_the_examples", "1 - y", _softmax_over_examples,
            "softmax is normalised over the examples, not over the units"),
    Mistake("broadcast", "Σ_k (a_j - y_k)", lambda h: _broadcast(h, 1),
            "a (n, 1) and y (n,) were broadcast to (n, n)"),
    Mistake("broadcast", "Σ_k (a_k - y_j)", lambda h: _broadcast(h, 0),
            "a (n, 1) and y (n,) were broadcast to (n, n)"),
    Mistake("stale_activations", "BP1 with a^{L} and z^{L} of the call before",
            lambda h: eq.bp1_canonical(h.stale("a", h.l), h.truth.y, 1.0) if h.truth.spec.canonical
            else eq.bp1(h.truth.spec.cost.grad_a(h.stale("a", h.l), h.truth.y),
                        h.truth.sigma_prime(h.l, h.stale("z", h.l))),
            "the activations are stale: forward did not run for this example"),
    Mistake("stale_activations", "∇_a C ⊙ σ'(z^{L} of the call before)",
            lambda h: eq.bp1(h.truth.grad_a, h.truth.sigma_prime(h.l, h.stale("z", h.l))),
            "z^{L} is stale: forward did not run for this example"),
    *(Mistake("sigma_prime_of_another_activation", f"∇_a C ⊙ σ'(z^{{L}}) with σ = {name}", _other_sigma(name, True),
              f"σ' is that of {name}") for name in ACTIVATIONS if name != "identity"),
    Mistake("sigma_prime_incomplete", "∇_a C ⊙ (1 - a^{L})", lambda h: eq.bp1(h.truth.grad_a, 1 - h.a(h.l)),
            "1 - a^{L} alone is not σ'(z^{L})"),
    *(Mistake("another_cost", f"∇_a C ⊙ σ'(z^{{L}}) with C = {name}", _other_cost(name),
              f"∇_a C is that of the cost {name}") for name in COSTS),
)  # fmt: skip

BP2 = (
    Mistake("forgotten", "0", lambda h: np.zeros_like(h.a(h.l)), "it was never filled in"),
    Mistake("sigma_prime_forgotten", "(W^{n})ᵀ δ^{n}", Here.before_sigma_prime, "σ'(z^{l}) is missing"),
    Mistake("transpose_missing", "W^{n} δ^{n} ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W_next.T, h.delta_next, h.dsigma), "the transpose of W^{n} is missing"),
    Mistake("sigma_prime_of_a", "((W^{n})ᵀ δ^{n}) ⊙ σ'(a^{l})",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.truth.sigma_prime(h.l, h.a(h.l))),
            "σ' takes z^{l}, not a^{l}"),
    Mistake("sigma_prime_of_a_at_z", "((W^{n})ᵀ δ^{n}) ⊙ f(z^{l}), f(a) = σ' as a function of a",
            lambda h: eq.bp2(h.W_next, h.delta_next, _slope_of_a_at_z(h)),
            "this σ' is written in terms of a, and was given z^{l}"),
    Mistake("sigma_prime_of_the_wrong_layer", "(W^{n})ᵀ (δ^{n} ⊙ σ'(z^{n}))",
            lambda h: eq.bp2(h.W_next, eq.bp1(h.delta_next, h.slope(h.l + 1)), np.ones_like(h.a(h.l))),
            "σ' is taken at layer {n}, not {l}, and before the multiplication by (W^{n})ᵀ"),
    Mistake("sigma_prime_of_the_wrong_layer", "((W^{n})ᵀ δ^{n}) ⊙ σ'(z^{n})",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.slope(h.l + 1)), "σ' is taken at layer {n}, not {l}"),
    Mistake("sigma_prime_of_the_wrong_layer", "((W^{n})ᵀ δ^{n}) ⊙ σ'(z^{n})",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.truth.sigma_prime(h.l, h.z(h.l + 1))),
            "σ' is taken at layer {n}, not {l}"),
    Mistake("sigma_prime_of_the_wrong_layer", "((W^{n})ᵀ δ^{n}) ⊙ σ'(z^{p})",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.slope(h.l - 1)), "σ' is taken at layer {p}, not {l}"),
    Mistake("sigma_for_sigma_prime", "((W^{n})ᵀ δ^{n}) ⊙ a^{l}",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.a(h.l)), "σ stands where σ' belongs"),
    Mistake("sigma_prime_squared", "((W^{n})ᵀ δ^{n}) ⊙ σ'(z^{l}) ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.dsigma * h.dsigma), "σ'(z^{l}) is multiplied in twice"),
    Mistake("sigma_prime_incomplete", "((W^{n})ᵀ δ^{n}) ⊙ (1 - a^{l})",
            lambda h: eq.bp2(h.W_next, h.delta_next, 1 - h.a(h.l)), "1 - a^{l} alone is not σ'(z^{l})"),
    Mistake("weights_of_the_wrong_layer", "((W^{l})ᵀ δ^{n}) ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W(h.l), h.delta_next, h.dsigma), "off by one layer: W^{l} stands for W^{n}"),
    Mistake("weights_of_the_wrong_layer", "(W^{l} δ^{n}) ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W(h.l).T, h.delta_next, h.dsigma),
            "off by one layer: W^{l}, not transposed, stands for (W^{n})ᵀ"),
    Mistake("weights_of_the_wrong_layer", "((W^{n2})ᵀ δ^{n}) ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W(h.l + 2), h.delta_next, h.dsigma), "off by one layer: W^{n2} stands for W^{n}"),
    Mistake("delta_of_the_wrong_layer", "((W^{n})ᵀ δ^{n2}) ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W_next, h.deltas[h.l + 2], h.dsigma), "off by one layer: δ^{n2} stands for δ^{n}"),
    Mistake("delta_of_the_wrong_layer", "((W^{n})ᵀ δ^{L}) ⊙ σ'(z^{l})",
            lambda h: eq.bp2(h.W_next, h.deltas[h.truth.L], h.dsigma),
            "δ^{L} stands for δ^{n}: δ is not carried from layer to layer"),
    Mistake("stale_activations", "((W^{n})ᵀ δ^{n}) ⊙ σ'(z^{l} of the call before)",
            lambda h: eq.bp2(h.W_next, h.delta_next, h.truth.sigma_prime(h.l, h.stale("z", h.l))),
            "z^{l} is stale: it was computed for another example"),
    *(Mistake("sigma_prime_of_another_activation", f"((W^{{n}})ᵀ δ^{{n}}) ⊙ σ'(z^{{l}}) with σ = {name}",
              _other_sigma(name, False), f"σ' is that of {name}") for name in ACTIVATIONS if name != "identity"),
)  # fmt: skip

BP3 = (
    Mistake("forgotten", "0", lambda h: np.zeros_like(h.delta), "it was never filled in"),
    Mistake("before_sigma_prime", "δ^{l} before ⊙ σ'(z^{l})", Here.before_sigma_prime,
            "σ'(z^{l}) is missing in it, though ∂C/∂W^{l} has it"),
    Mistake("sigma_prime_squared", "δ^{l} ⊙ σ'(z^{l})", lambda h: eq.bp1(h.delta, h.slope(h.l)),
            "σ'(z^{l}) is in δ^{l} already"),
    Mistake("delta_of_the_wrong_layer", "δ^{n}", lambda h: h.delta_next, "off by one layer: it belongs to layer {n}"),
    Mistake("delta_of_the_wrong_layer", "δ^{L}", lambda h: h.deltas[h.truth.L], "it belongs to layer {L}"),
    Mistake("delta_and_a_swapped", "a^{l}", lambda h: h.a(h.l), "a^{l} stands for δ^{l}"),
    Mistake("delta_and_a_swapped", "a^{p}", lambda h: h.a_prev, "a^{p} stands for δ^{l}"),
    Mistake("product_with_a", "δ^{l} ⊙ a^{l}", lambda h: eq.bp1(h.delta, h.a(h.l)), "∂z/∂b is 1, not a"),
    Mistake("product_with_a", "δ^{l} ⊙ a^{p}", lambda h: eq.bp1(h.delta, h.a_prev), "∂z/∂b is 1, not a"),
    Mistake("product_with_b", "δ^{l} ⊙ b^{l}", lambda h: eq.bp1(h.delta, h.truth.b[h.l][:, None]),
            "∂z/∂b is 1, not b"),
    Mistake("wrong_axis", "Σ_j δ_j^{l} for every unit", lambda h: _over_units(h, "sum"),
            "it is summed over the units, not over the examples"),
    Mistake("wrong_axis", "the mean of δ_j^{l} over the units", lambda h: _over_units(h, "mean"),
            "it is averaged over the units, not over the examples"),
    Mistake("accumulated", "δ^{l} + that of the call before", lambda h: h.delta + _last_got(h, -1),
            "it is not set to 0 between calls"),
)  # fmt: skip

BP4 = (
    Mistake("forgotten", "0", lambda h: np.zeros_like(each(h.delta, h.a_prev)), "it was never filled in"),
    Mistake("swapped", "a^{p} (δ^{l})ᵀ", lambda h: each(h.a_prev, h.delta),
            "δ and a are swapped in the outer product"),
    Mistake("activations_of_the_wrong_layer", "δ^{l} (a^{l})ᵀ", lambda h: each(h.delta, h.a(h.l)),
            "off by one layer: a^{l} stands for a^{p}"),
    Mistake("z_for_a", "δ^{l} (z^{p})ᵀ", lambda h: each(h.delta, h.z(h.l - 1)), "z^{p} stands for a^{p}"),
    Mistake("activations_of_the_wrong_layer", "δ^{l} xᵀ", lambda h: each(h.delta, h.a(0)), "x stands for a^{p}"),
    Mistake("activations_of_the_wrong_layer", "δ^{l} (a^{p2})ᵀ", lambda h: each(h.delta, h.a(h.l - 2)),
            "off by one layer: a^{p2} stands for a^{p}"),
    Mistake("sigma_prime_for_a", "δ^{l} (σ'(z^{p}))ᵀ", lambda h: each(h.delta, h.slope(h.l - 1)),
            "σ'(z^{p}) stands for a^{p}"),
    Mistake("delta_of_the_wrong_layer", "δ^{n} (a^{p})ᵀ", lambda h: each(h.delta_next, h.a_prev),
            "off by one layer: δ^{n} stands for δ^{l}"),
    Mistake("delta_of_the_wrong_layer", "δ^{L} (a^{p})ᵀ", lambda h: each(h.deltas[h.truth.L], h.a_prev),
            "δ^{L} stands for δ^{l}"),
    Mistake("before_sigma_prime", "δ^{l} before ⊙ σ'(z^{l}), times (a^{p})ᵀ",
            lambda h: each(h.before_sigma_prime(), h.a_prev), "σ'(z^{l}) is missing in it, though ∂C/∂b^{l} has it"),
    Mistake("sigma_prime_squared", "(δ^{l} ⊙ σ'(z^{l})) (a^{p})ᵀ",
            lambda h: each(eq.bp1(h.delta, h.slope(h.l)), h.a_prev), "σ'(z^{l}) is in δ^{l} already"),
    Mistake("stale_activations", "δ^{l} (a^{p} of the call before)ᵀ",
            lambda h: each(h.delta, h.stale("a", h.l - 1)), "a^{p} is stale: it was computed for another example"),
    Mistake("accumulated", "δ^{l} (a^{p})ᵀ + that of the call before",
            lambda h: each(h.delta, h.a_prev) + _last_got(h, 0), "it is not set to 0 between calls"),
    Mistake("a_forgotten", "δ^{l} in every column", lambda h: each(h.delta, np.ones_like(h.a_prev)),
            "a^{p} is missing"),
    Mistake("delta_forgotten", "a^{p} in every row", lambda h: each(np.ones_like(h.delta), h.a_prev),
            "δ^{l} is missing"),
)  # fmt: skip

FITTED = {
    "BP2": (
        Fitted("updated_too_early", "((W^{n} - {c} ∂C/∂W^{n})ᵀ δ^{n}) ⊙ σ'(z^{l})",
               lambda h: -eq.bp1((h.delta_next**2).sum(axis=0) * h.a(h.l), h.dsigma),
               "W^{n} was updated before BP2 used it"),
    ),
    "BP3": (
        Fitted("penalty", "δ^{l} + {c} b^{l}", lambda h: np.ones((1, h.truth.m)) * h.truth.b[h.l][:, None],
               "a penalty on b^{l} is counted in"),
    ),
    "BP4": (
        Fitted("penalty", "δ^{l} (a^{p})ᵀ + {c} W^{l}", lambda h: np.stack([h.W(h.l)] * h.truth.m),
               "an L2 penalty on W^{l} is counted in"),
        Fitted("penalty", "δ^{l} (a^{p})ᵀ + {c} sign(W^{l})", lambda h: np.stack([np.sign(h.W(h.l))] * h.truth.m),
               "an L1 penalty on W^{l} is counted in"),
    ),
}  # fmt: skip
MISTAKES = {"BP1": BP1, "BP2": BP2, "BP3": BP3, "BP4": BP4}


def _over_units(h: Here, how: str) -> Array:
    return np.broadcast_to(getattr(h.delta, how)(axis=0), h.delta.shape)


def _last_got(h: Here, axis: int) -> Array:
    """What this code gave for the call before; for the first example, whose call before is not kept, what fits."""
    if h.truth.m < 3:
        raise ValueError("too few calls to see a sum grow")
    right = h.delta if axis else each(h.delta, h.a_prev)
    last = np.roll(h.got, 1, axis=axis)
    first = (slice(None), 0) if axis else (0,)
    last[first] = (h.got - right)[first]
    return last
