"""Small networks on which the steps are verified where nobody gives one: each step applies to one at least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deltaprop.derivation.steps import Step
from deltaprop.derivation.verifying import StepCheck, Verification, verify
from deltaprop.network import Network

ROWS, SIZES = 5, (3, 4, 3, 2)
KINDS = (("sigmoid", "quadratic"), ("softmax", "quadratic"), ("softmax", "cross_entropy"))


def verify_examples(steps: Sequence[Step]) -> Verification:
    """Each step on these networks: its largest residual, or the failure."""
    found = [_verify(steps, output, cost) for output, cost in KINDS]
    worst = tuple(max(checks, key=_gravity) for checks in zip(*(one.steps for one in found), strict=True))
    kinds = " or ".join(f"{output} with {cost}" for output, cost in KINDS)
    return Verification(f"example networks {' - '.join(map(str, SIZES))}, tanh, then {kinds}", ROWS, ROWS, 0, worst)


def _verify(steps: Sequence[Step], output: str, cost: str) -> Verification:
    net = Network(SIZES, activation="tanh", output=output, cost=cost, dtype="float64", seed=1)
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((ROWS, SIZES[0])), rng.dirichlet(np.ones(SIZES[-1]), ROWS)
    return verify(steps, net, X, Y, rng.uniform(1, 2, ROWS))


def _gravity(check: StepCheck) -> tuple[bool, float]:
    return check.verified is False, -1.0 if check.residual is None else check.residual
