"""Another code's backprop, judged: `check_code` calls it, and says which equation is wrong, in which layer, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost
from deltaprop.core.spec import Spec, make_spec
from deltaprop.errors import ArgumentTypeError, CodeError, NonFiniteError, sentence
from deltaprop.verify.findings import Finding
from deltaprop.verify.seen import Seen
from deltaprop.verify.truth import Truth, true_pass
from deltaprop.verify.usercode.collect import Manner, Reply, collect
from deltaprop.verify.usercode.conventions import Judgement, Said, judge
from deltaprop.verify.usercode.hints import other_network, repeatable
from deltaprop.verify.usercode.question import Question, ask
from deltaprop.verify.usercode.shapes import before_numbers
from deltaprop.verify.usercode.theirs import UserCode

COARSE = float(np.finfo(np.float32).eps)
VERDICTS = {"right": "right", "convention": "right up to a convention", "wrong": "WRONG"}


@dataclass(frozen=True)
class CodeReport:
    """What was found: `verdict` is "right", "convention" (a question is open: say the option it names) or "wrong".

    `findings` has the mistakes from the last layer to the first; `first` is where to begin. `questions` name the
    options that settle them, `remarks` say what was recognised; `called` is how the code was called. `compared` says
    that shapes were right and numbers were compared; `failure` how it failed before all layers were made equally wide.
    """

    verdict: str
    network: str
    examples: int
    called: str
    layers: int
    findings: tuple[Finding, ...] = ()
    questions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    compared: bool = True
    failure: str = field(default="", repr=False)

    @property
    def ok(self) -> bool:
        """Whether every equation holds, in a convention that is settled."""
        return self.verdict == "right"

    @property
    def first(self) -> Finding | None:
        """The first mistake that backpropagation meets: the one to mend first."""
        return self.findings[0] if self.findings else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "ok": self.ok,
            "verdict": self.verdict,
            "network": self.network,
            "examples": self.examples,
            "called": self.called,
            "findings": [finding.to_dict() for finding in self.findings],
            "questions": list(self.questions),
            "remarks": list(self.remarks),
            "compared": self.compared,
            "failure": self.failure,
        }

    def __str__(self) -> str:
        head = f"backprop {VERDICTS[self.verdict]}: {self.network}, {self.examples} examples, {self.called}"
        return "\n".join([head, *map(str, self.findings), *self.questions, *self.remarks])


def check_code(
    function: Callable[..., Any] | object,
    sizes: Sequence[int],
    *,
    activation: str | Activation | Sequence[str | Activation] = "sigmoid",
    output: str | Activation | None = None,
    cost: str | Cost = "quadratic",
    dtype: object = "float64",
    theta: object = None,
    X: object = None,
    Y: object = None,
    seed: int = 0,
    style: str | None = None,
    layout: str | None = None,
    container: str | None = None,
    targets: str | None = None,
    batch: str | None = None,
    cost_factor: float | None = None,
    l2: float | None = None,
) -> CodeReport:
    """Judge a hand-written backprop: which of BP1..BP4 it gets wrong, in which layer, and by which known mistake.

    `function` is a function, a class, an object or a bound method in one of the styles of docs/check-your-code.md; it
    is called in this process. `output` is by default the hidden layers' activation. θ, X and Y are drawn by `seed`
    where they are not given. The rest says how the code is to be called, and in which convention it is meant. CodeError
    where it cannot be called or gives no arrays.
    """
    spec = described(sizes, activation, output, cost, dtype)
    said = Said(batch, cost_factor, l2).checked()
    if not callable(function) and not hasattr(function, "__dict__"):
        raise ArgumentTypeError(sentence("function", "a function, a class or an object", repr(function)))
    question = ask(spec, theta, X, Y, seed)
    reply = collect(UserCode(function), question, Manner(style, layout, container, targets).checked())
    return report(question, reply, said)


def described(sizes: object, activation: Any, output: Any, cost: Any, dtype: object) -> Spec:
    """The network that the code computes; its output is by default of the hidden layers' kind."""
    hidden = list(activation) if isinstance(activation, (list, tuple)) else activation
    last = hidden[-1] if isinstance(hidden, list) and hidden else hidden
    return make_spec(sizes, hidden, last if output is None else output, cost, dtype)


def report(question: Question, reply: Reply, said: Said) -> CodeReport:
    """Judge the answers of a code."""
    asked = question.square() if reply.square else question
    truth = true_pass(asked.spec, asked.theta, asked.X, asked.Y, _eps(asked, reply))
    if not np.isfinite(truth.error()).all():
        raise NonFiniteError(
            "The true gradient of this network on these examples is not finite: nothing can be judged."
        )
    result = Judgement(before_numbers(reply, asked.spec))
    compared = not result.findings
    if compared:
        seen = columns_of(reply, asked.spec)
        result = _judged(truth, seen, said)
        result.remarks += other_network(truth, asked, seen, result.findings)
        result.remarks += repeatable(reply, result.findings)
    if result.findings and asked.spec.L > 1 and _right_backwards(reply, asked, said):
        text = "your gradients are right, but the last layer's come first: turn the lists round."
        result = Judgement([Finding(0, "order", "layers_reversed", text, "")])
    result.findings += _changed(reply)
    if reply.square and not result.findings:
        raise CodeError(reply.failure)
    verdict = "wrong" if result.findings else "convention" if result.questions else "right"
    return CodeReport(
        verdict=verdict,
        network=asked.spec.architecture(),
        examples=len(asked.X),
        called=_called(reply),
        layers=asked.spec.L,
        findings=tuple(result.findings),
        questions=tuple(result.questions),
        remarks=tuple(result.remarks),
        compared=compared,
        failure=reply.failure,
    )


def _right_backwards(reply: Reply, asked: Question, said: Said) -> bool:
    """Whether the gradients are right with the layers in the opposite order."""
    answers = [replace(a, dW=a.dW[::-1], db=a.db[::-1], deltas=[]) for a in reply.singles]
    turned = replace(reply, singles=answers, batch=None)
    if before_numbers(turned, asked.spec):
        return False
    truth = true_pass(asked.spec, asked.theta, asked.X, asked.Y, _eps(asked, reply))
    return not judge(truth, columns_of(turned, asked.spec), said).findings


def _judged(truth: Truth, seen: Seen, said: Said) -> Judgement:
    """Judged as exactly as the number type allows; as in float32 where nothing but a small inexactness is wrong."""
    result = judge(truth, seen, said)
    if truth.eps >= COARSE or all(finding.mistake for finding in result.findings):
        return result
    coarse = judge(replace(truth, eps=COARSE), seen, said)
    if coarse.findings:
        return result
    coarse.remarks.append(
        "Your numbers agree to about five digits and no better, as with float32 inside, a small number added to a "
        "denominator, or differences for derivatives."
    )
    return coarse


def columns_of(reply: Reply, spec: Spec) -> Seen:
    """The answers in the book's columns."""
    layout, singles, batch = reply.layout, reply.singles, reply.batch
    layers = range(1, spec.L + 1)
    costs = np.array([answer.cost for answer in singles])
    outputs = [answer.outputs.ravel() for answer in singles if answer.outputs is not None]
    deltas = [answer.deltas for answer in singles]
    return Seen(
        db={l: np.stack([a.db[l - 1].ravel() for a in singles], axis=1).astype(float) for l in layers},
        dW={l: np.stack([layout.W_to_book(a.dW[l - 1]) for a in singles]).astype(float) for l in layers},
        delta={l: np.stack([d[l - 1].ravel() for d in deltas], axis=1) for l in layers if all(deltas)},
        batch_db={l: batch.db[l - 1].ravel().astype(float) for l in layers} if batch else {},
        batch_dW={l: layout.W_to_book(batch.dW[l - 1]).astype(float) for l in layers} if batch else {},
        costs=costs if np.isfinite(costs).all() else None,
        batch_cost=batch.cost if batch and np.isfinite(batch.cost) else None,
        outputs=np.stack(outputs, axis=1) if len(outputs) == len(singles) else None,
    )


def _eps(question: Question, reply: Reply) -> float:
    """The rounding of the coarsest number type among the network's and the gradients'."""
    kinds = {array.dtype for answer in reply.singles for array in (*answer.dW, *answer.db) if array.dtype.kind == "f"}
    return max(float(np.finfo(kind).eps) for kind in {question.spec.dtype, *kinds})


def _called(reply: Reply) -> str:
    how = reply.layout.says
    if reply.style == "nielsen":
        return "one at a time as columns"
    container = f", params as {reply.container}" if reply.container else ""
    labels = ", Y as class indices" if reply.targets == "labels" else ""
    return f"each alone and all together; {how}{container}{labels}"


def _changed(reply: Reply) -> list[Finding]:
    """What the code changed in place, as a mistake of no layer."""
    answers = [*reply.singles, *([reply.batch] if reply.batch else [])]
    names = sorted({name for answer in answers for name in answer.changed})
    if not names:
        return []
    text = f"{', '.join(names)} must come back as given. Yours changed {'them' if len(names) > 1 else 'it'} in place."
    hint = " Compute all gradients first, and update in another function." if any("^" in name for name in names) else ""
    return [Finding(0, "inputs", "inputs_changed", text + hint, "")]
