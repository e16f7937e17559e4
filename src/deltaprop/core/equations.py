"""Forward and the four equations of backpropagation, in the columns and symbols of the book.

Column i of an array is example i: a^l, z^l and δ^l have shape (n_l, m), W^l (n_l, n_(l-1)), b^l (n_l,).
C is the cost of the whole batch, so its mean over the examples enters through ∇_a C, and BP3 and BP4 are plain
sums over the columns. Source: shared derivation of BP1-BP4, after M. Nielsen, Neural Networks and Deep Learning,
chapter 2. Every function holds for any arrays with `@`, `.T`, `*`, `+` and `sum`: floats, fractions, symbols.
"""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array


def weighted_input(W: Array, a: Array, b: Array) -> Array:
    """z^l = W^l a^(l-1) + b^l. W (n_l, n_(l-1)), a (n_(l-1), m), b (n_l,); gives (n_l, m)."""
    return W @ a + b[:, None]


def scaled_input(s: Array, a: Array) -> Array:
    """z^l = s^l ⊙ a^(l-1): a layer whose W is diag(s), without biases. s (n_l,), a (n_l, m); gives (n_l, m)."""
    return s[:, None] * a


def bp1(grad_a: Array, dsigma: Array) -> Array:
    """BP1, elementwise σ: δ^L = ∇_a C ⊙ σ'(z^L). Both (n_L, m); gives (n_L, m)."""
    return grad_a * dsigma  # BP1


def bp1_general(jacobian: Array, grad_a: Array) -> Array:
    """BP1, any σ: δ^L = (∂a^L/∂z^L)ᵀ ∇_a C. jacobian[k, j] = ∂a_k/∂z_j, (n_L, n_L, m); gives (n_L, m)."""
    return (jacobian * grad_a[:, None, :]).sum(axis=0)  # BP1


def bp1_softmax(grad_a: Array, a: Array) -> Array:
    """BP1 for softmax: the general form with ∂a/∂z = diag(a) - a aᵀ multiplied out, a ⊙ (∇_a C - aᵀ∇_a C)."""
    return a * (grad_a - (a * grad_a).sum(axis=0))  # BP1


def bp1_canonical(a: Array, y: Array, weight: Array | float) -> Array:
    """BP1 for a canonical pair of σ and C, whose factors cancel: δ^L = (a^L - y) weight, weight (m,)."""
    return (a - y) * weight  # BP1


def bp1_sigmoid(a: Array, rest: Array, y: Array, weight: Array | float) -> Array:
    """The same for sigmoid and cross-entropy, rest = 1 - a = σ(-z^L): a - y = (1 - y) a - y rest cancels no digits."""
    return ((1 - y) * a - y * rest) * weight  # BP1


def bp2(W_next: Array, delta_next: Array, dsigma: Array) -> Array:
    """BP2: δ^l = ((W^(l+1))ᵀ δ^(l+1)) ⊙ σ'(z^l). W_next (n_(l+1), n_l); gives (n_l, m)."""
    return (W_next.T @ delta_next) * dsigma  # BP2


def bp2_input(W_first: Array, delta_first: Array) -> Array:
    """BP2 taken one layer further, to the input, whose σ is the identity: ∂C/∂x = (W^1)ᵀ δ^1, (n_0, m)."""
    return W_first.T @ delta_first  # BP2


def bp3(delta: Array) -> Array:
    """BP3: ∂C/∂b^l = δ^l, summed over the examples; gives (n_l,)."""
    return delta.sum(axis=1)  # BP3


def bp4(delta: Array, a_prev: Array, out: Array | None = None) -> Array:
    """BP4: ∂C/∂W^l = δ^l (a^(l-1))ᵀ, which sums over the examples; gives (n_l, n_(l-1)), in `out` if given."""
    return np.matmul(delta, a_prev.T, out=out)  # BP4: delta @ a_prev.T


def bp2_scale(s_next: Array, delta_next: Array, dsigma: Array) -> Array:
    """BP2 below a layer of scales: δ^l = (s^(l+1) ⊙ δ^(l+1)) ⊙ σ'(z^l), as diag(s)ᵀ = diag(s); gives (n_l, m)."""
    return (s_next[:, None] * delta_next) * dsigma  # BP2


def bp2_scale_input(s_first: Array, delta_first: Array) -> Array:
    """The same to the input, if layer 1 scales it: ∂C/∂x = s^1 ⊙ δ^1, (n_0, m)."""
    return s_first[:, None] * delta_first  # BP2


def bp4_scale(delta: Array, a_prev: Array) -> Array:
    """BP4 of a layer of scales: ∂C/∂s^l = δ^l ⊙ a^(l-1), summed over the examples; gives (n_l,)."""
    return (delta * a_prev).sum(axis=1)  # BP4
