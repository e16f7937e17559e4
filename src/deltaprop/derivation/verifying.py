"""Every step evaluated on a network and a batch: all its sides in float64, and how far apart they are in ulp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import columns
from deltaprop.core.sparse import dense
from deltaprop.core.spec import Spec
from deltaprop.derivation.floats import FloatSetting, float_setting, magnitudes, sensitivity
from deltaprop.derivation.steps import Step
from deltaprop.errors import ArgumentError, ArgumentTypeError, NonFiniteError, sentence
from deltaprop.network import Network

ELEMENTS = 1 << 21  # of the largest Jacobian of all examples together: 16 MiB
LAYERS = {
    "scale": "layer of scales",
    "below scale": "hidden layer below a layer of scales",
    "first scale": "layer of scales at its input",
}
NOTHING, HUGE = 1e-150, 1e100  # a term below NOTHING may have underflowed on the way, and met a ∇_a C up to HUGE


@dataclass(frozen=True)
class StepCheck:
    """One step on a network: `verified`, or None where it does not apply, as `note` says.

    `residual` is the largest distance of two sides in ulp, where an ulp is that of the sum of the terms' sizes;
    rounding explains up to `tolerance`. `layer` is where it was found, out of `layers`.
    """

    key: str
    verified: bool | None
    residual: float | None
    tolerance: float | None
    layer: int | None
    layers: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True)
class Verification:
    """The steps on a network and a batch.

    Of the `given` rows the first ones take part, as far as memory allows: `rows`, and `left_out` that could not, as
    their ∇_a C is infinite, or nearly.
    """

    network: str
    given: int
    rows: int
    left_out: int
    steps: tuple[StepCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether no step failed; one that does not apply does not count."""
        return all(check.verified is not False for check in self.steps)


def verify(steps: Sequence[Step], net: Network, X: object, Y: object, sample_weight: object = None) -> Verification:
    """Each step on this network and these rows, in float64; as many of the first rows as Jacobians fit into 16 MiB."""
    if not isinstance(net, Network):
        raise ArgumentTypeError(sentence("net", "a deltaprop.Network", type(net).__name__))
    rows, targets, weight = net.examples(X, Y, sample_weight)
    twin = net.astype("float64")
    spec = twin.spec
    widths = zip(spec.sizes[1:], spec.sizes[:-1], strict=True)
    most = max(1, ELEMENTS // max(n * max(n, before) for n, before in widths))
    batch = dense(rows[:most]), targets[:most], None if weight is None else weight[:most]
    used = float_setting(spec, twin.theta, *_finite(twin, *batch))
    checks = tuple(_check(step, spec, used) for step in steps)
    return Verification(net.spec.architecture(), len(rows), used.m, len(batch[0]) - used.m, checks)


def _finite(net: Network, X: Array, Y: Array, weight: Array | None) -> tuple[Array, Array, Array | None]:
    """The examples in float64 whose ∇_a C can be computed with, also when a^L is rounded otherwise."""
    X, Y = X.astype(np.float64), Y if Y.ndim == 1 else Y.astype(np.float64)
    if Y.ndim == 2 and net.spec.canonical and not net.spec.output.elementwise:
        Y = Y / Y.sum(axis=1, keepdims=True)  # softmax.4 supposes 1 exactly; a sum in float32 is 1 to 1e-7
    a, y = net.forward(X).T, columns(Y, net.spec)
    with np.errstate(all="ignore"):
        known = (np.abs(net.spec.cost.grad_a(a, y)) <= HUGE) & np.isfinite(sensitivity(net.spec, a, y))
    good = known.all(axis=0)
    if not good.any():
        got = f"rows at each of which an output at the end of its range takes it beyond {HUGE:g}"
        raise ArgumentError(sentence("X", "rows at which ∇_a C is finite, one at least", got))
    return X[good], Y[good], None if weight is None else weight[good]


def _check(step: Step, spec: Spec, setting: FloatSetting) -> StepCheck:
    layers, note = tuple(step.at(spec.kinds)), why_not(step, spec)
    if note:
        return StepCheck(step.key, None, None, None, None, (), note)
    sizes = magnitudes(setting, spec, with_cancellation=step.output == "canonical")
    residual, layer = max((_residual(step, setting, sizes, l), l) for l in layers)
    tolerance = 2.0 * sum(spec.sizes) + setting.m + 16  # a rounding for each product and sum on either way
    return StepCheck(step.key, bool(residual <= tolerance), residual, tolerance, layer, layers)


def why_not(step: Step, spec: Spec) -> str:
    """Why the step says nothing about this network, in a sentence; "" where it does."""
    output, cost = spec.output.name, spec.cost.name
    if not step.at(spec.kinds):
        return f"This network has no {LAYERS.get(step.layers, f'{step.layers} layer')}."
    if step.output == "elementwise" and not spec.output.elementwise:
        return f"The output is {output}, which is not elementwise: BP1 takes its general form, softmax.1 to softmax.3."
    if step.output == "softmax" and spec.output.elementwise:
        return f"The output is {output}, which is elementwise: BP1 takes its Hadamard form, BP1.1 to BP1.3."
    if step.output == "canonical" and not spec.canonical:
        return f"{output} with {cost} is no canonical pair: BP1 keeps its factors."
    return ""


def _residual(step: Step, setting: FloatSetting, sizes: FloatSetting, l: int) -> float:
    """The largest distance of a side from the first, in ulp of the sides' sizes."""
    with np.errstate(all="ignore"):
        first, *others = (side.value(setting, l) for side in step.sides)
        if any(other.shape != first.shape for other in others):
            return float("inf")
        scale = np.maximum.reduce([np.abs(side.value(sizes, l)) for side in step.sides])
        distance = np.maximum.reduce([np.abs(first - other) for other in others])
    if not (np.isfinite(scale).all() and np.isfinite(distance).all()):
        raise NonFiniteError(f"{step.key} in layer {l}: a side overflows in float64. Scale inputs or weights down.")
    return float((distance / np.spacing(np.maximum(scale, NOTHING))).max())
