"""Hints if no known mistake gives the numbers: another network that does, or a code that does not repeat itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from deltaprop._types import Array
from deltaprop.core.activations import ACTIVATIONS, OUTPUTS
from deltaprop.core.costs import COSTS
from deltaprop.core.functions import check_output, get_cost
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError
from deltaprop.verify.findings import Finding
from deltaprop.verify.localise import localise
from deltaprop.verify.seen import Seen
from deltaprop.verify.truth import Truth, true_pass
from deltaprop.verify.usercode.collect import Reply
from deltaprop.verify.usercode.question import Question


def other_network(truth: Truth, question: Question, seen: Seen, findings: list[Finding]) -> list[str]:
    """A sentence that names the activation, output or cost whose gradients these are exactly, if there is one."""
    if not any(finding.mistake == "" for finding in findings):
        return []
    without_biases = question.theta.copy()
    for block in truth.spec.blocks:
        if block.name == "b":
            block.of(without_biases)[...] = 0
    if _fits(truth.spec, without_biases, question, seen, truth.eps):
        return ["Your gradients are exactly those of a network without biases: forward leaves b^l out."]
    for spec, options in _neighbours(truth.spec):
        if _fits(spec, question.theta, question, seen, truth.eps):
            return [f"Your gradients are exactly those of another network: say {options}, if that is what you mean."]
    return []


def _fits(spec: Spec, theta: Array, question: Question, seen: Seen, eps: float) -> bool:
    """Whether these are the gradients of that network; by its δ^L first, for the rest takes a hundred times as long."""
    with np.errstate(all="ignore"):
        other = true_pass(spec, theta, question.X, question.Y, eps)
        low, high, slack = other.output_error_range()
        last = seen.db[other.L]
        likely = ((last >= low - slack) & (last <= high + slack)).all()
        return bool(likely and np.isfinite(other.error()).all() and not localise(other, seen))


def _neighbours(spec: Spec) -> Iterator[tuple[Spec, str]]:
    """Networks that differ in the hidden activation, in the output, or in the output and the cost."""
    hidden = len(spec.activations) - 1
    for name, activation in ACTIVATIONS.items():
        if hidden:
            yield replace(spec, activations=(*[activation] * hidden, spec.output)), f"--activation {name}"
            if activation != spec.output:
                yield replace(spec, activations=(activation,) * (hidden + 1)), f"--activation {name} --output {name}"
    for name, output in OUTPUTS.items():
        for cost in COSTS:
            chosen = get_cost(cost, name)
            try:
                check_output(chosen, output)
            except ArgumentError:
                continue
            if name != "softmax" or spec.sizes[-1] > 1:
                activations = (*spec.activations[:-1], output)
                yield replace(spec, activations=activations, cost=chosen), f"--output {name} --cost {cost}"


def repeatable(reply: Reply, findings: list[Finding]) -> list[str]:
    """A sentence if the same example gave other gradients the second time, and no known mistake explains it."""
    if reply.repeats or all(finding.mistake for finding in findings):
        return []
    return ["The same example gave other gradients the second time: your code keeps something between calls, or draws "
            "random numbers."]  # fmt: skip
