"""dp.check: a network's gradients against the truth, layer by layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deltaprop._types import Array
from deltaprop.core.blocks import Block
from deltaprop.core.sparse import dense
from deltaprop.errors import ArgumentError, sentence
from deltaprop.network import Network
from deltaprop.verify.compare import Comparison
from deltaprop.verify.derivatives import CentralDifferences, ComplexSteps, Slopes
from deltaprop.verify.exact import exact_gradient, ulps
from deltaprop.verify.report import CheckReport
from deltaprop.verify.shadow import Shadow

ROWS, SAMPLE = 100, 200


def check(
    net: Network,
    X: object,
    Y: object,
    sample_weight: object = None,
    *,
    elements: int = SAMPLE,
    max_rows: int = ROWS,
    seed: int = 0,
    ulp: bool = False,
) -> CheckReport:
    """Compare the network's own gradients with the truth; at most `elements` per array, `max_rows` rows.

    The truth is computed in float64 without backpropagation, by complex steps ∂C/∂θ = Im C(θ + i h) / h, or where σ or
    C is not analytic (one of your own may not be) by central differences. Elements that move a unit at a kink have no
    gradient: they are counted and left out. `ulp` adds each array's largest error in units in the last place, against
    mpmath (seconds for small networks, hours for big ones).
    """
    for name, number in (("elements", elements), ("max_rows", max_rows)):
        if number < 1:
            raise ArgumentError(sentence(name, "1 or more", repr(number)))
    rows, targets, weight = net.examples(X, Y, sample_weight)
    batch = dense(rows[:max_rows]), targets[:max_rows], None if weight is None else weight[:max_rows]
    gradient = net.backprop(*batch).vector
    shadow = Shadow(net, *batch)
    report, culprit = _compare(shadow, gradient, net.spec.dtype.name, elements, seed)
    if not report.ok and culprit is not None:
        report = replace(report, example=_worst_example(net, shadow, culprit, *batch))
    return _with_ulps(report, net, gradient, *batch) if ulp else report


def check_gradient(
    net: Network, gradient: Array, X: Array, Y: Array, weight: Array | None, *, elements: int = SAMPLE, seed: int = 0
) -> CheckReport:
    """The same for any gradient vector laid out like θ, on checked rows."""
    return _compare(Shadow(net, X, Y, weight), gradient, net.spec.dtype.name, elements, seed)[0]


def _compare(
    shadow: Shadow, gradient: Array, dtype: str, elements: int, seed: int
) -> tuple[CheckReport, tuple[Block, int] | None]:
    """The report, and the worst element of all, where the truth can be split by examples."""
    truth: Slopes = ComplexSteps(shadow) if shadow.analytic else CentralDifferences(shadow, dtype)
    tolerance, rng = truth.tolerance[dtype], np.random.default_rng(seed)
    arrays = [Comparison(block, gradient, shadow.noise, truth, tolerance) for block in shadow.spec.blocks]
    for array in arrays:
        array.compare(elements, rng)
    arrays.sort(key=lambda array: (array.block.layer, array.block.name))
    rows = tuple(array.row for array in arrays)
    worst = max(arrays, key=lambda array: array.row.error)
    report = CheckReport(
        ok=all(row.error <= tolerance for row in rows),
        tolerance=tolerance,
        checked=sum(array.checked for array in arrays),
        kinks=sum(array.kinks for array in arrays),
        directions=sum(array.directions for array in arrays),
        rows=rows,
        how=truth.how,
    )
    return report, (worst.block, worst.at) if shadow.analytic and worst.at is not None else None


def _worst_example(
    net: Network, shadow: Shadow, culprit: tuple[Block, int], X: Array, Y: Array, weight: Array | None
) -> int | None:
    """The row for which this element is furthest off when it is alone in its batch; None where it is right for each."""
    block, i = culprit
    truth = ComplexSteps(shadow).examples(block, np.array([i]))[0][0]
    share = shadow.share
    alone = [net.backprop(X[r : r + 1], Y[r : r + 1]).vector[block.at][i] for r in range(len(X))]
    gap = np.abs(np.array(alone, np.float64) * share - truth)
    allowed = ComplexSteps.tolerance[net.spec.dtype.name] * np.abs(truth) + shadow.noise[block.at][i]
    return int(gap.argmax()) if (gap > allowed).any() else None


def _with_ulps(
    report: CheckReport, net: Network, gradient: Array, X: Array, Y: Array, weight: Array | None
) -> CheckReport:
    off = ulps(gradient, exact_gradient(net.spec, net.theta, X, Y, weight).theta)
    largest = {(block.layer, block.equation): float(block.of(off).max()) for block in net.spec.blocks}
    return replace(report, rows=tuple(replace(row, ulp=largest[row.layer, row.equation]) for row in report.rows))
