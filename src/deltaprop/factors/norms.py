"""Of each example by itself: the norm of its gradient, its gradient towards its inputs, how large its δ is by layer."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core import norms
from deltaprop.core.border import finite
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.trace.nonfinite import find_nonfinite


def gradient_norms(net: Network, X: object, Y: object) -> Array:
    """‖∂C_i/∂θ‖ of each example i as if it were alone, (m,), in float64; NonFiniteError names NaN and Inf.

    One example's ∂C/∂W^l is δ^l (a^(l-1))ᵀ (BP4) and its ∂C/∂b^l is δ^l (BP3), so the square of the norm is
    Σ_l ‖δ^l‖² (‖a^(l-1)‖² + 1): no gradient is formed. Goodfellow 2015, arXiv 1510.01799. A layer of scales adds
    ‖δ^l ⊙ a^(l-1)‖².
    """
    rows, targets, _ = net.examples(X, Y)
    found = net.plan().gradient_norms(net.theta, rows, targets)
    if not finite(found):
        what = find_nonfinite(net.spec, net.theta, rows, targets, otherwise="Inf in the norm of an example's gradient")
        raise NonFiniteError(f"{what}.")
    return found


@np.errstate(over="ignore")  # what is not finite is reported by name
def input_gradients(net: Network, X: object, Y: object) -> Array:
    """∂C_i/∂x of each example i as if it were alone, (m, n_0): BP2 taken one layer further; NonFiniteError as above."""
    share = net.input_gradient(X, Y)
    gradient = share * len(share)
    if not finite(gradient):
        raise NonFiniteError("Inf in layer 0, BP2 towards x, of an example by itself.")
    return gradient


def delta_norms(net: Network, X: object, Y: object) -> Array:
    """The root mean square over units and examples of each example's own δ^l, (L,), for layers 1..L in float64."""
    rows, targets, _ = net.examples(X, Y)
    own = norms.delta_norms(net.spec, net.theta, rows, targets)
    return norms.lengths(own.T) / np.sqrt([len(rows) * n for n in net.spec.sizes[1:]])
