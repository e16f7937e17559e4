"""The cost of each example and δ^L: BP1 in the form that the pair of σ and C allows."""

from __future__ import annotations

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.core.activations import softmax_jacobian
from deltaprop.core.costs import CANONICAL
from deltaprop.core.spec import Spec


def costs(spec: Spec, z: Array, a: Array, y: Array) -> Array:
    """C of each example, (m,), from z^L if the pair of σ and C is canonical (stable), else from a^L."""
    if spec.canonical:
        return CANONICAL[spec.output.name, spec.cost.name](z, y)
    return spec.cost.C(a, y)


def output_error(
    spec: Spec, z: Array, a: Array, dsigma: Array | None, y: Array, share: Array, general: bool = False
) -> Array:
    """BP1: δ^L (n_L, m) from z^L, a^L and σ'(z^L), each example's share (m,) of the batch's C in it.

    `dsigma` is None for softmax. `general` asks for the general form even if the pair of σ and C is canonical.
    """
    if general or not spec.canonical:
        return through_output(a, dsigma, spec.cost.grad_a(a, y) * share, general)
    if spec.output.name == "sigmoid":
        return eq.bp1_sigmoid(a, spec.output.sigma(-z), y, share)
    return eq.bp1_canonical(a, y, share)


def through_output(a: Array, dsigma: Array | None, grad_a: Array, general: bool = False) -> Array:
    """BP1 for any ∇_a C (n_L, m): that of a cost, or of one output alone. `dsigma` is None for softmax."""
    if dsigma is not None:
        return eq.bp1(grad_a, dsigma)
    return eq.bp1_general(softmax_jacobian(a), grad_a) if general else eq.bp1_softmax(grad_a, a)
