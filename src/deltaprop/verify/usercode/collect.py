"""Calls another code and writes down what it gave: one call per example, one for the batch, in a layout that fits.

Every call gets fresh copies, and whether the code changed them is seen afterwards. Before the first example comes one
call with the last, so that every example has a call before its own: a code that uses stale values shows itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import RETURNED, CodeError, one_of, sentence
from deltaprop.verify.truth import Truth, true_pass
from deltaprop.verify.usercode.callers import STYLES, Caller, callers, layouts, style_of
from deltaprop.verify.usercode.holder import Holder
from deltaprop.verify.usercode.layouts import CONTAINERS, LAYOUTS, Layout, split
from deltaprop.verify.usercode.question import Question
from deltaprop.verify.usercode.theirs import UserCode, their_errors

TARGETS = ("rows", "labels")


@dataclass(frozen=True)
class Manner:
    """How the code is to be called, as far as the user says so; None stands for: find out."""

    style: str | None = None
    layout: str | None = None
    container: str | None = None
    targets: str | None = None

    def checked(self) -> Manner:
        """Itself, or an ArgumentError that lists the names."""
        known = {"style": STYLES, "layout": LAYOUTS, "container": CONTAINERS, "targets": TARGETS}
        for name, names in known.items():
            if getattr(self, name) not in (None, *names):
                raise one_of(name, getattr(self, name), names)
        return self


@dataclass(eq=False)
class Answer:
    """What one call gave, in the code's own layout: `dW`, `db` per layer, and what else it shows."""

    dW: list[Array]
    db: list[Array]
    cost: float = np.nan
    outputs: Array | None = None
    deltas: list[Array] = field(default_factory=list)
    changed: tuple[str, ...] = ()


@dataclass(eq=False)
class Reply:
    """The answers: one per example in order, and one for the batch where the code takes batches.

    `square` says that it failed with the sizes asked for, `failure` how, and that these answers are for equal widths.
    """

    style: str
    layout: Layout
    container: str
    targets: str
    singles: list[Answer]
    batch: Answer | None
    repeats: bool = True
    square: bool = False
    failure: str = ""


def collect(target: UserCode, question: Question, manner: Manner) -> Reply:
    """The answers of this code; where it fails on shapes, those for equal widths, if it runs with them."""
    try:
        return _best(target, question, manner)
    except CodeError as error:
        if not error.shapes or len(set(question.spec.sizes)) == 1:
            raise
        try:
            reply = _best(target, question.square(), manner)
        except CodeError:
            raise error from None
        reply.square, reply.failure = True, str(error)
        return reply


def _best(target: UserCode, question: Question, manner: Manner) -> Reply:
    """The answers in the layout and container that fit: those whose own costs are those of the network, if it tells."""
    best: tuple[int, Reply] | None = None
    furthest: CodeError | None = None
    for attempt in _attempts(target, question, manner):
        try:
            reply = _answers(*attempt, question)
        except CodeError as error:
            furthest = error if furthest is None or error.line > furthest.line else furthest
            continue
        fit = _fit(reply, question)
        if best is None or fit > best[0]:
            best = fit, reply
        if fit == 2:
            break
    if best is None:
        raise furthest or CodeError("Nothing could be called.")
    return best[1]


def _attempts(target: UserCode, question: Question, manner: Manner) -> Iterator[tuple[str, Caller, Layout, str, str]]:
    sizes, style = question.spec.sizes, style_of(target, manner.style)
    containers = [manner.container] if manner.container else list(CONTAINERS)
    labels = question.spec.categorical and style != "nielsen"
    kinds = [manner.targets] if manner.targets else [*TARGETS[: 1 + labels]]
    for kind in kinds:
        for caller in callers(target, style, sizes, containers):
            container = caller.container if hasattr(caller, "container") else ""
            for layout in layouts(target, style, sizes, manner.layout):
                yield style, caller, layout, container, kind


def _answers(style: str, caller: Caller, layout: Layout, container: str, kind: str, question: Question) -> Reply:
    with _lent(caller):
        return _asked(style, caller, layout, container, kind, question)


def _asked(style: str, caller: Caller, layout: Layout, container: str, kind: str, question: Question) -> Reply:
    m = len(question.X)
    alone = [slice(i, i + 1) for i in range(m)]
    batch = _call(caller, layout, kind, question, slice(0, m)) if caller.takes_batches else None
    first = _call(caller, layout, kind, question, alone[-1])
    singles = [_call(caller, layout, kind, question, part) for part in alone]
    again = zip([*first.dW, *first.db], [*singles[-1].dW, *singles[-1].db], strict=True)
    repeats = all(np.array_equal(old, new, equal_nan=True) for old, new in again)
    return Reply(style, layout, container, kind, singles, batch, repeats)


def _call(caller: Caller, layout: Layout, kind: str, question: Question, part: slice) -> Answer:
    spec = question.spec
    layers = [spec.arrays(question.theta, l) for l in range(1, spec.L + 1)]
    W, b = [layout.W(p["W"]) for p in layers], [layout.b(p["b"]) for p in layers]
    X = layout.rows_to_theirs(question.X[part])
    rows = question.Y[part]
    Y = rows.argmax(axis=1) if kind == "labels" else layout.rows_to_theirs(rows)
    before = [array.copy() for array in (X, Y, *W, *b)]
    count = part.stop - part.start
    must = f"{caller.must}, here for x {X.shape} and y {Y.shape}"
    with their_errors(caller.name, must), np.errstate(all="ignore"):
        returned = caller(W, b, X, Y)
    found = split(returned.grads, W, b, caller.biases_first)
    if found is None:
        raise CodeError(sentence(caller.name, caller.must, _what(returned.grads, spec.L)), line=RETURNED)
    dW = [_array(f"∂C/∂W^{l}", value, array.shape) for l, (value, array) in enumerate(zip(found[0], W, strict=True), 1)]
    db = [_array(f"∂C/∂b^{l}", value, array.shape) for l, (value, array) in enumerate(zip(found[1], b, strict=True), 1)]
    return Answer(
        dW,
        db,
        cost=_number(returned.cost),
        outputs=_outputs(returned.outputs, (count, spec.sizes[-1])),
        deltas=_deltas(returned.deltas, spec.sizes, count),
        changed=_changed(before, [X, Y, *_now(caller, W, b)], spec.L),
    )


def _lent(caller: Caller) -> AbstractContextManager[None]:
    holder = getattr(caller, "holder", None)
    return holder.lent() if isinstance(holder, Holder) else nullcontext()


def _now(caller: Caller, W: list[Array], b: list[Array]) -> list[Array]:
    """The parameters after the call: those that the object has now, or the arrays that were handed over."""
    holder = getattr(caller, "holder", None)
    now = split(holder.get(), W, b) if isinstance(holder, Holder) else None
    return [*W, *b] if now is None else [*now[0], *now[1]]


def _changed(before: list[Array], after: list[Array], L: int) -> tuple[str, ...]:
    names = ["x", "y", *(f"W^{l}" for l in range(1, L + 1)), *(f"b^{l}" for l in range(1, L + 1))]
    pairs = zip(names, before, after, strict=True)
    return tuple(name for name, old, new in pairs if not np.array_equal(old, np.asarray(new)))


def _what(grads: object, L: int) -> str:
    if grads is None:
        return "None"
    try:
        length = f" of {len(grads)}"  # type: ignore[arg-type]
    except TypeError:
        length = ""
    return f"a {type(grads).__name__}{length}, for a network of {L} layers"


def _array(name: str, value: object, shape: tuple[int, ...]) -> Array:
    """A gradient as it came, as an array of numbers; None, lists and text are refused."""
    must = f"an array of numbers of shape {shape}"
    if value is None or isinstance(value, (list, tuple, str, dict)):
        got = "None" if value is None else f"a {type(value).__name__}"
        remedy = "Turn it into one with np.array." if isinstance(value, (list, tuple)) else ""
        raise CodeError(sentence(f"your {name}", must, got, remedy), line=RETURNED)
    try:
        array = np.asarray(value)
    except Exception as error:
        raise CodeError(sentence(f"your {name}", must, f"{type(value).__name__}: {error}"), line=RETURNED) from None
    if array.dtype.kind not in "fiu":
        got = f"a {type(value).__name__} of dtype {array.dtype}"
        raise CodeError(sentence(f"your {name}", must, got), line=RETURNED)
    return array.copy()


def _number(cost: object) -> float:
    try:
        return float(cost)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan


def _outputs(outputs: Any, shape: tuple[int, int]) -> Array | None:
    return np.array(outputs, float) if np.shape(outputs) in (shape, shape[::-1]) else None


def _deltas(deltas: object, sizes: tuple[int, ...], m: int) -> list[Array]:
    """δ^1..δ^L where the code keeps a list of them of just these sizes; [] otherwise."""
    if not isinstance(deltas, (list, tuple)) or len(deltas) != len(sizes) - 1:
        return []
    shapes = [((m, n), (n, m)) for n in sizes[1:]]
    if any(np.shape(delta) not in pair for delta, pair in zip(deltas, shapes, strict=True)):
        return []
    return [np.array(delta, float) for delta in deltas]


def _fit(reply: Reply, question: Question) -> int:
    """2 where shapes and costs are the network's, 1 where the shapes are (and costs are not told), 0 else."""
    spec, layout = question.spec, reply.layout
    answers = [*reply.singles, *([reply.batch] if reply.batch else [])]
    shapes = all(
        dW.shape == layout.W(spec.arrays(question.theta, l)["W"]).shape for a in answers for l, dW in enumerate(a.dW, 1)
    )
    costs = np.array([answer.cost for answer in reply.singles])
    if not np.isfinite(costs).all():
        return int(shapes)
    eps = float(np.finfo(spec.dtype).eps)
    truth = true_pass(spec, question.theta, question.X, question.Y, eps)
    return int(shapes) + (shapes and cost_line(costs, truth) is not None)


def cost_line(costs: Array, truth: Truth) -> tuple[float, float] | None:
    """(α, β) where this code's costs are α C + β, example by example; None where they are not.

    C may be without what depends on y alone: many write a - y log a for Poisson, or the divergence for the entropy.
    """
    y = np.where(truth.y > 0, truth.y, 1.0)
    entropy, total = (truth.y * np.log(y)).sum(axis=0), truth.y.sum(axis=0)
    for C in (truth.costs, truth.costs - entropy + total, truth.costs + entropy):
        found = _line(costs, C, 1e-5 if truth.eps < 1e-12 else 1e-3, truth.spec.sizes[-1])
        if found:
            return found
    return None


def _line(costs: Array, C: Array, tolerance: float, n_L: int) -> tuple[float, float] | None:
    if len(costs) < 3 or not np.ptp(C) > 0:
        usual = (1.0, 2.0, 0.5, 1 / n_L, 2 / n_L, float(n_L))  # too few for a line: a factor that somebody may mean
        return next(((c, 0.0) for c in usual if np.allclose(costs, c * C, rtol=tolerance)), None)
    alpha, beta = np.polyfit(C, costs, 1)
    good = np.allclose(alpha * C + beta, costs, rtol=tolerance, atol=tolerance * float(np.abs(costs).max()))
    return (float(alpha), float(beta)) if good and abs(alpha) > 1e-9 else None
