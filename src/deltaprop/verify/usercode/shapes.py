"""Gradients of the wrong shape, and gradients that are not finite: the checks before any number is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from deltaprop._types import Array
from deltaprop.core.spec import Spec
from deltaprop.verify.findings import LEFT, Finding, filled, right_formula
from deltaprop.verify.usercode.collect import Answer, Reply
from deltaprop.verify.usercode.layouts import Layout

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Around:
    """The sizes around layer l: n units, p units before it, m examples; `shapes` are those of all layers' arrays."""

    n: int
    p: int
    m: int
    right: Shape
    others: tuple[Shape, ...]


@dataclass(frozen=True)
class ShapeMistake:
    """A mistake that a shape reveals."""

    name: str
    fits: Callable[[Shape, Around], bool]
    says: str


BP3 = (
    ShapeMistake("wrong_axis", lambda s, at: s == (), "it is summed over the units too: sum over the examples alone"),
    ShapeMistake("broadcast", lambda s, at: s == (at.n, at.n) and at.n != at.m,
                 "(n,) against (n, 1) was broadcast to (n, n)"),
    ShapeMistake("broadcast", lambda s, at: s in ((at.n,), (at.n, 1)),
                 "(n,) subtracted from (n, 1) would be broadcast to (n, n)"),
    ShapeMistake("batch_sum_forgotten", lambda s, at: s in ((at.m, at.n), (at.n, at.m)),
                 "the sum over the examples is missing"),
    ShapeMistake("wrong_axis", lambda s, at: s in ((at.m,), (at.m, 1), (1, at.m)),
                 "one number per example: it is summed over the units, not over the examples"),
    ShapeMistake("delta_of_the_wrong_layer", lambda s, at: s in at.others, "it fits another layer: off by one"),
    ShapeMistake("delta_and_a_swapped", lambda s, at: s in ((at.p,), (at.p, 1), (1, at.p)),
                 "it has the shape of a^{p}, not of δ^{l}"),
)  # fmt: skip
BP4 = (
    ShapeMistake("swapped", lambda s, at: s == at.right[::-1], "δ and a are swapped in the outer product"),
    ShapeMistake("activations_of_the_wrong_layer", lambda s, at: s == (at.n, at.n),
                 "it is as wide as a^{l}: a^{p} belongs there"),
    ShapeMistake("delta_of_the_wrong_layer", lambda s, at: s in at.others, "it fits another layer: off by one"),
    ShapeMistake("batch_sum_forgotten", lambda s, at: len(s) == 3 and at.m in s,
                 "the sum over the examples is missing"),
    ShapeMistake("broadcast", lambda s, at: at.m in s, "(m,) against (m, 1) was broadcast to (m, m) in δ^{l}"),
    ShapeMistake("no_outer_product", lambda s, at: len(s) < 2 or 1 in s,
                 "δ and a meet in an outer product, which has n_l rows and n_(l-1) columns"),
)  # fmt: skip


def before_numbers(reply: Reply, spec: Spec) -> list[Finding]:
    """Every gradient that has the wrong shape; if all shapes are right, the first that is not finite."""
    answers = ([reply.batch] if reply.batch else []) + reply.singles[:1]
    for answer, m in zip(answers, (len(reply.singles), 1) if reply.batch else (1,), strict=True):
        found = list(_wrong_shapes(answer, reply.layout, spec, m))
        if found:
            return found
    everything = ([reply.batch] if reply.batch else []) + reply.singles
    return next((found for answer in everything if (found := _not_finite(answer, spec))), [])


def _wrong_shapes(answer: Answer, layout: Layout, spec: Spec, m: int) -> Iterator[Finding]:
    for l in range(spec.L, 0, -1):
        n, p = spec.sizes[l], spec.sizes[l - 1]
        db, dW = answer.db[l - 1].shape, answer.dW[l - 1].shape
        biases = [layout.bias_shapes(k) for k in spec.sizes[1:]]
        if db not in biases[l - 1]:
            others = tuple(shape for shapes in biases for shape in shapes)
            yield _wrong("BP3", l, spec, db, Around(n, p, m, biases[l - 1][0], others))
        weights = [layout.weight_shape(pair) for pair in zip(spec.sizes[1:], spec.sizes[:-1], strict=True)]
        if dW != weights[l - 1]:
            yield _wrong("BP4", l, spec, dW, Around(n, p, m, weights[l - 1], tuple(weights)))


def _wrong(equation: str, l: int, spec: Spec, got: Shape, at: Around) -> Finding:
    table = BP3 if equation == "BP3" else BP4
    known = next((row for row in table if row.fits(got, at)), None)
    left = filled(LEFT[equation], l, spec.L)
    batch = f" for {at.m} examples" if at.m > 1 else " for one example"
    text = f"your {left} must have the shape {at.right}{batch}. Got {got}"
    text += f": {filled(known.says, l, spec.L)}." if known else "."
    return Finding(l, equation, known.name if known else "", text, right_formula(equation, l, spec))


def _not_finite(answer: Answer, spec: Spec) -> list[Finding]:
    for l in range(spec.L, 0, -1):
        bad = [name for name, array in _arrays(answer, l) if not np.isfinite(array).all()]
        if bad:
            delta = "BP1" if l == spec.L else "BP2"
            equation = delta if len(bad) == 2 else bad[0]
            name, array = next((n, a) for n, a in _arrays(answer, l) if n in bad)
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            text = f"your {filled(LEFT[name], l, spec.L)} must be finite. Got {array[at]} at {list(at)}."
            return [Finding(l, equation, "not_finite", text, right_formula(equation, l, spec))]
    return []


def _arrays(answer: Answer, l: int) -> tuple[tuple[str, Array], tuple[str, Array]]:
    return ("BP3", answer.db[l - 1]), ("BP4", answer.dW[l - 1])
