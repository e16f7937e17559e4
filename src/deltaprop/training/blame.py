"""Which quantity of a step is not finite: the layer and the equation, or the penalty, or the update."""

from __future__ import annotations

import numpy as np

from deltaprop._types import Array
from deltaprop.core.dropout import masks
from deltaprop.core.spec import Spec
from deltaprop.engines.protocol import Data, Steps
from deltaprop.errors import NonFiniteError
from deltaprop.network import Network
from deltaprop.optim.penalty import add_penalty, clip
from deltaprop.optim.rules import Rules
from deltaprop.optim.update import apply_update
from deltaprop.trace.nonfinite import first_nonfinite
from deltaprop.trace.record import Trace, record


def step_trace(spec: Spec, rules: Rules, data: Data, steps: Steps, s: int, theta: Array) -> Trace:
    """The trace of step s of these steps at θ, with its batch and its dropout masks."""
    batch = data.take(steps.rows(s))
    dropped = masks(spec, rules.dropout, rules.seed, steps.first + s, len(batch))
    return record(spec, theta, batch.X, batch.Y, batch.weight, dropped)


def nonfinite_step(
    net: Network, rules: Rules, data: Data, slots: tuple[Array, ...], steps: Steps, s: int, epoch: int
) -> NonFiniteError:
    """The error for step s, which the engine did not take; the network is as before it."""
    trace = step_trace(net.spec, rules, data, steps, s, net.theta)
    place = first_nonfinite(trace) or _in_update(net, rules, data, slots, steps, s, trace)
    fact = f"Training stopped at step {steps.first + s + 1} (epoch {epoch}): {place}."
    remedy = "Try a lower learning rate, clip_norm, or inputs of a smaller scale."
    return NonFiniteError(f"{fact} The network has the parameters from before that step. {remedy}", fact)


@np.errstate(all="ignore")
def _in_update(
    net: Network, rules: Rules, data: Data, slots: tuple[Array, ...], steps: Steps, s: int, trace: Trace
) -> str:
    """What goes wrong in a step whose gradient is finite: the penalty, or the update of some layer."""
    spec, g = net.spec, np.empty_like(net.theta)
    for block in spec.blocks:
        block.of(g)[...] = trace.layer(block.layer).gradients[block.name]
    add_penalty(spec, g, net.theta, rules.penalties(data.take(steps.rows(s)).total))
    if not np.isfinite(g).all():
        return "Inf in the gradient with its penalty"
    clip(g, rules.clip_norm)
    theta, moved = net.theta.copy(), tuple(slot.copy() for slot in slots)
    apply_update(spec, rules.optimizer, theta, g, moved, float(steps.rates[s]), steps.first + s + 1)
    for l in range(1, spec.L + 1):
        arrays = [block.of(v) for v in (theta, *moved) for block in spec.blocks_of(l)]
        if not all(np.isfinite(array).all() for array in arrays):
            names = " and ".join(block.name for block in spec.blocks_of(l))
            return f"an overflow in layer {l}, the update of {names} by {rules.optimizer.name}"
    return "an overflow in the update"
