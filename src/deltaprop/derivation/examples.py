"""Small networks on which the steps are verified if none is given: each step applies to one at least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltaprop.derivation.steps import Step
from deltaprop.derivation.verifying import StepCheck, Verification, verify
from deltaprop.network import Network

ROWS, SIZES = 5, (3, 4, 3, 2)
KINDS = (("sigmoid", "quadratic"), ("softmax", "quadratic"), ("softmax", "cross_entropy"))
SCALED = (3, 3, 4, 4, 2), ("scale", "dense", "scale", "dense")


def verify_examples(steps: Sequence[Step]) -> Verification:
    """Each step on these networks: its largest residual, or the failure."""
    found = [_verify(steps, SIZES, "dense", output, cost) for output, cost in KINDS]
    found.append(_verify(steps, *SCALED, *KINDS[0]))
    worst = tuple(max(checks, key=_gravity) for checks in zip(*(one.steps for one in found), strict=True))
    kinds = " or ".join(f"{output} with {cost}" for output, cost in KINDS)
    network = f"example networks {' - '.join(map(str, SIZES))}, tanh, then {kinds}, and one with layers of scales"
    return Verification(network, ROWS, ROWS, 0, worst)


def _verify(
    steps: Sequence[Step], sizes: Sequence[int], kinds: str | Sequence[str], output: str, cost: str
) -> Verification:
    net = Network(
        sizes, activation="tanh", output=output, cost=cost, kinds=kinds, dtype="float64", seed=1, engine="reference"
    )
    rng = np.random.default_rng(1)
    for layer in net:
        if layer.kind == "scale":
            layer.s[...] = rng.uniform(0.5, 1.5, layer.s.shape)
    X, Y = rng.standard_normal((ROWS, sizes[0])), rng.dirichlet(np.ones(sizes[-1]), ROWS)
    return verify(steps, net, X, Y, rng.uniform(1, 2, ROWS))


def _gravity(check: StepCheck) -> tuple[bool, float]:
    return check.verified is False, -1.0 if check.residual is None else check.residual
