"""Where NaN or Inf first appeared: the first quantity, in the order of the equations, that is not finite."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.sparse import Inputs
from deltaprop.core.spec import Spec
from deltaprop.trace.record import Trace, record

BLOCK = 1024  # rows traced at a time: a trace keeps every quantity, and the rows may be many
FINITE_PARTS = "Inf in the sum over the examples, each of them finite"


def find_nonfinite(
    spec: Spec, theta: Array, X: Inputs, Y: Array, weight: Array | None = None, otherwise: str = FINITE_PARTS
) -> str:
    """Where NaN or Inf first appears in a pass over checked rows, block by block; `otherwise` where it does not."""
    for start in range(0, len(X), BLOCK):
        part = slice(start, start + BLOCK)
        found = first_nonfinite(record(spec, theta, X[part], Y[part], None if weight is None else weight[part]))
        if found:
            return found
    return otherwise


def first_nonfinite(trace: Trace) -> str | None:
    """The layer and equation of the first quantity that is not finite, as a clause; None where all are finite."""
    steps = [("input", "x", trace.x)]
    for layer in trace:
        l, prev = layer.l, layer.l - 1
        steps.append((f"layer {l}", "the parameters W and b", np.append(layer.W, layer.b)))
        steps.append((f"layer {l}", f"forward, z^{l} = W^{l} a^{prev} + b^{l}", layer.z))
        steps.append((f"layer {l}", f"forward, a^{l} = σ(z^{l})", layer.a))
    L = trace.L
    steps.append((f"layer {L}", f"the cost C(a^{L}, y)", np.array([trace.cost])))
    for layer in reversed(trace.layers):
        l = layer.l
        bp = "BP1" if l == L else f"BP2, δ^{l} = ((W^{l + 1})ᵀ δ^{l + 1}) ⊙ σ'(z^{l})"
        steps.append((f"layer {l}", bp, layer.delta))
        steps.append((f"layer {l}", f"BP3, ∂C/∂b^{l}", layer.db))
        steps.append((f"layer {l}", f"BP4, ∂C/∂W^{l}", layer.dW))
    for where, equation, values in steps:
        if not np.isfinite(values).all():
            kind = "NaN" if np.isnan(values).any() else "Inf"
            return f"{kind} in {where}, {equation}"
    return None
