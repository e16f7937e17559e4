"""What goes wrong between one example and many: the sums over the batch in BP3 and BP4, the mean in BP1.

A code that is right for every example alone is compared with itself: the gradients of the batch must be the mean (or,
by its own convention, the sum) of its gradients of the examples one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from deltaprop._types import Array
from deltaprop.core import equations as eq
from deltaprop.verify.findings import LEFT, Finding, filled, right_formula, worst
from deltaprop.verify.localise import ratio, same
from deltaprop.verify.seen import Seen
from deltaprop.verify.truth import Truth, rtol

AXES = {"BP3": ("unit",), "BP4": ("row", "column")}
GREEK = {"BP3": "∂C/∂b^{l}", "BP4": "∂C/∂W^{l}"}


@dataclass(frozen=True)
class BatchMistake:
    """A mistake in a sum over the examples: `wrong` takes the examples' own parts, (m, ...), δ (n, m) and a (k, m)."""

    name: str
    wrong: Callable[[Array, Array, Array], Array]
    says: str


def _rolled(parts: Array, delta: Array, a_prev: Array) -> Array:
    return eq.bp4(delta, np.roll(a_prev, 1, axis=1))


SUMS = {
    "BP3": (
        BatchMistake("only_the_last_example", lambda parts, d, a: parts[-1],
                     "only the last example is in it, overwritten where it should be added to"),
        BatchMistake("only_the_first_example", lambda parts, d, a: parts[0], "only the first example is in it"),
        BatchMistake("wrong_axis", lambda parts, d, a: np.full(len(d), d.sum()),
                     "it is summed over the units too, not over the examples alone"),
    ),
    "BP4": (
        BatchMistake("only_the_last_example", lambda parts, d, a: parts[-1],
                     "only the last example is in it, overwritten where it should be added to"),
        BatchMistake("only_the_first_example", lambda parts, d, a: parts[0], "only the first example is in it"),
        BatchMistake("sum_before_product", lambda parts, d, a: np.outer(d.sum(axis=1), a.sum(axis=1)),
                     "δ and a are summed over the examples before their outer product, not after it"),
        BatchMistake("examples_out_of_step", _rolled, "the a of one example meets the δ of another"),
    ),
}  # fmt: skip


def batch_share(truth: Truth, seen: Seen, said: str | None) -> float:
    """Each example's share of this code's batch: 1/m for the mean, 1 for the sum; as given, otherwise as inferred."""
    m = truth.m
    if said is not None or not seen.batch_db:
        return 1 / m if said != "sum" else 1.0
    if seen.costs is not None and seen.batch_cost is not None:  # the cost says what the gradient must be
        c = ratio(np.array([seen.batch_cost]), np.array([seen.costs.sum()]), truth.eps)
        for share in (1 / m, 1.0):
            if c is not None and abs(c / share - 1) < 1e-5:
                return share
    factors = [factor for _, _, factor in _factors(truth, seen, 1 / m)]
    sums = sum(factor is not None and abs(factor - 1) < 1e-4 for factor in factors)
    return 1.0 if 2 * sums > len(factors) else 1 / m


def localise_batch(truth: Truth, seen: Seen, share: float) -> list[Finding]:
    """Every equation that fails on the batch, from the last layer to the first; [] if all hold."""
    factors = {(l, equation): factor for l, equation, factor in _factors(truth, seen, share)}
    if all(_is(factor, share) for factor in factors.values()):
        return []
    broadcast = _broadcast(truth, seen)
    if broadcast:
        return [broadcast]
    found: list[Finding] = []
    expected = share
    for l in range(truth.L, 0, -1):
        b, W = factors[l, "BP3"], factors[l, "BP4"]
        if b is not None and _is(W, b):  # δ^l itself has the factor
            if not _is(b, expected):
                found.append(_delta(truth, seen, l, expected, b))
            expected = b
            continue
        sums = [_sum(truth, seen, l, e, expected) for e in ("BP3", "BP4") if not _is(factors[l, e], expected)]
        if len(sums) == 2 and not all(finding.mistake for finding in sums):  # what both are made of is wrong
            return [*found, _unknown_delta(truth, l, sums[0])]
        found += sums
    return found


def _unknown_delta(truth: Truth, l: int, of: Finding) -> Finding:
    """The finding that δ^l of a batch is wrong in an unknown way; what lies below follows from it."""
    equation, left = "BP1" if l == truth.L else "BP2", filled(LEFT["BP2"], l, truth.L)
    text = (
        f"for one example your {left} is right; for {truth.m} together neither ∂C/∂b^{l} nor ∂C/∂W^{l} is what you "
        f"gave for each alone, so {left} is wrong there, and no known mistake gives these numbers."
    )
    return replace(of, equation=equation, text=text, formula=right_formula(equation, l, truth.spec))


def _is(factor: float | None, expected: float) -> bool:
    return factor is not None and abs(factor / expected - 1) < 1e-4


def _parts(seen: Seen, l: int, equation: str) -> tuple[Array, Array]:
    """(the examples' own gradients, (m, ...), the batch's)."""
    return (seen.db[l].T, seen.batch_db[l]) if equation == "BP3" else (seen.dW[l], seen.batch_dW[l])


def _factors(truth: Truth, seen: Seen, share: float) -> Iterator[tuple[int, str, float | None]]:
    """(l, equation, c) with batch = c Σ examples: `share` if that fits, None if no c does."""
    for l in range(truth.L, 0, -1):
        for equation in ("BP3", "BP4"):
            parts, batch = _parts(seen, l, equation)
            total = parts.sum(axis=0)
            size = np.abs(parts).sum(axis=0)
            yield l, equation, _factor(batch, total, size, truth, share)


def _factor(batch: Array, total: Array, size: Array, truth: Truth, share: float) -> float | None:
    for c in (share, 1 / truth.m, 1.0):
        if (np.abs(batch - c * total) <= rtol(truth.eps) * c * size).all():
            return c
    return ratio(batch, total, truth.eps)


def _delta(truth: Truth, seen: Seen, l: int, expected: float, factor: float) -> Finding:
    """The finding that δ^l of a batch has a factor: the mean forgotten, or taken once more."""
    m, c = truth.m, factor / expected
    equation = "BP1" if l == truth.L else "BP2"
    name, says = "factor", f"a factor {c:.6g} too many"
    if abs(c / m - 1) < 1e-4:
        name, says = "mean_forgotten", f"the mean over the {m} examples is missing: it is the sum"
    elif abs(c * m - 1) < 1e-4:
        name, says = "mean_twice", f"it is divided by the {m} examples once more"
    left = filled(LEFT[equation], l, truth.L)
    text = f"for one example your {left} is right; for {m} together it is {c:.6g} times what it should be: {says}."
    parts, batch = _parts(seen, l, "BP3")
    return _finding(truth, l, equation, name, text, expected * parts.sum(axis=0), batch, "BP3", c)


def _sum(truth: Truth, seen: Seen, l: int, equation: str, share: float) -> Finding:
    """The finding that one sum over the examples is wrong."""
    parts, batch = _parts(seen, l, equation)
    right, left = share * parts.sum(axis=0), filled(GREEK[equation], l, truth.L)
    for name, says, c in _named(truth, seen, l, equation, batch, share):
        text = f"your {left} of {truth.m} examples together is wrong, of each alone right: {says}."
        return _finding(truth, l, equation, name, text, right, batch, equation, c)
    what = "mean" if share < 1 else "sum"
    text = (
        f"your {left} of {truth.m} examples together is not the {what} of what you gave for each alone, "
        "and no known mistake gives these numbers."
    )
    return _finding(truth, l, equation, "", text, right, batch, equation, None)


def _named(
    truth: Truth, seen: Seen, l: int, equation: str, batch: Array, share: float
) -> Iterator[tuple[str, str, float | None]]:
    parts, m = _parts(seen, l, equation)[0], truth.m
    c = ratio(batch, share * parts.sum(axis=0), truth.eps)
    if c is not None:
        usual = {m: ("mean_forgotten", f"the mean over the {m} examples is missing: it is the sum"),
                 1 / m: ("mean_twice", f"it is divided by the {m} examples once more"),
                 -1: ("sign", "the sign is wrong")}  # fmt: skip
        known = [words for number, words in usual.items() if abs(c / number - 1) < 1e-4]
        name, says = known[0] if known else ("factor", f"it has a factor {c:.6g} too many")
        yield name, says, c
    if same(batch, np.zeros_like(batch), truth.eps):
        yield "forgotten", "it is 0, never filled in", None
    for mistake in SUMS[equation]:
        value = mistake.wrong(parts, seen.db[l], truth.a[l - 1])
        if same(batch, value, truth.eps) or ratio(batch, value, truth.eps) is not None:
            yield mistake.name, mistake.says, None


def _broadcast(truth: Truth, seen: Seen) -> Finding | None:
    """BP1 with a (m, 1) against y (m,): (m, m), and then summed or averaged over one side of it."""
    if truth.spec.sizes[-1] != 1 or not truth.spec.output.elementwise:
        return None
    a, y = truth.a[-1], truth.y
    slope = np.ones_like(a) if truth.spec.canonical else truth.dsigma[-1]
    for residual in (truth.m * a - y.sum(), a.sum() - truth.m * y):
        delta = eq.bp1(residual, slope)
        b, W = eq.bp3(delta), eq.bp4(delta, truth.a[-2])
        c = ratio(seen.batch_dW[truth.L], W, truth.eps)
        if c is not None and (not np.abs(b).max() > 1e-9 or same(seen.batch_db[truth.L], c * b, truth.eps)):
            text = "your a (m, 1) minus y (m,) was broadcast to (m, m): every output met every target."
            right = eq.bp3(truth.error()) / truth.m
            return _finding(truth, truth.L, "BP1", "broadcast", text, right, seen.batch_db[truth.L], "BP3", None)
    return None


def _finding(
    truth: Truth, l: int, equation: str, name: str, text: str, right: Array, got: Array, shown: str, c: float | None
) -> Finding:
    place = worst(right, got, f"{filled(GREEK[shown], l, truth.L)} of the batch", AXES[shown])
    return Finding(l, equation, name, text, right_formula(equation, l, truth.spec), number=c, **place)
