"""The first quantity of a pass, in the order of the equations, that is NaN or Inf."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import KINDS
from deltaprop.core.sparse import Inputs
from deltaprop.core.spec import Spec
from deltaprop.trace.record import Trace, record

BLOCK = 1024  # rows traced at a time: a trace keeps every quantity, and the rows may be many
FINITE_PARTS = "Inf in the sum over the examples, each of them finite"


def find_nonfinite(
    spec: Spec, theta: Array, X: Inputs, Y: Array, weight: Array | None = None, otherwise: str = FINITE_PARTS
) -> str:
    """The first NaN or Inf of a pass over checked rows, as a clause; `otherwise` if there is none."""
    for start in range(0, len(X), BLOCK):
        part = slice(start, start + BLOCK)
        found = first_nonfinite(record(spec, theta, X[part], Y[part], None if weight is None else weight[part]))
        if found:
            return found
    return otherwise


def first_nonfinite(trace: Trace) -> str | None:
    """The layer and equation of the first quantity that is not finite, as a clause; None if all are finite."""
    steps = [("input", "x", trace.x)]
    for layer in trace:
        l, z = layer.l, KINDS[layer.kind].z.format(l=layer.l, k=layer.l - 1)
        names = " and ".join(layer.parameters)
        steps += [(f"layer {l}", f"the parameters {names}", array) for array in layer.parameters.values()]
        steps.append((f"layer {l}", f"forward, z^{l} = {z}", layer.z))
        steps.append((f"layer {l}", f"forward, a^{l} = σ(z^{l})", layer.a))
    L = trace.L
    steps.append((f"layer {L}", f"the cost C(a^{L}, y)", np.array([trace.cost])))
    equation_of_delta = "BP1"
    for layer in reversed(trace.layers):
        l, kind = layer.l, KINDS[layer.kind]
        steps.append((f"layer {l}", equation_of_delta, layer.delta))
        for p in reversed(kind.parameters(*layer.delta.shape[1:], *layer.a_prev.shape[1:])):
            steps.append((f"layer {l}", f"{p.equation}, ∂C/∂{p.name}^{l}", layer.gradients[p.name]))
        equation_of_delta = f"BP2, δ^{l - 1} = ({kind.below.format(l=l)}) ⊙ σ'(z^{l - 1})"
    for place, equation, values in steps:
        if not np.isfinite(values).all():
            what = "NaN" if np.isnan(values).any() else "Inf"
            return f"{what} in {place}, {equation}"
    return None
