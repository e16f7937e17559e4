"""What a step of the derivation is: sides that are equal, a reason, shapes; and the sections that the steps form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from deltaprop._types import Array
from deltaprop.core.blocks import KINDS
from deltaprop.derivation.notation import Term, equal, infix, prose, sym
from deltaprop.derivation.setting import Setting

Value = Callable[[Setting, int], Array]
Layers = Literal["output", "hidden", "first", "every", "dense", "scale", "below scale", "first scale"]
Output = Literal["any", "elementwise", "softmax", "canonical"]


@dataclass(frozen=True)
class Side:
    """One side of an equality: its formula, and its value in a setting at layer l."""

    term: Term
    value: Value


@dataclass(frozen=True)
class Quantity:
    """A term with its shape: `dims` names layers ("l" stands for n_l), "m" the examples; () is a single number.

    `value` gives it for every example, on a last axis, unless it is `whole`: of the batch, without that axis.
    """

    term: Term
    dims: tuple[str, ...]
    value: Value
    whole: bool = False

    @property
    def shape(self) -> Term:
        """The shape as a formula: a vector is a column."""
        if not self.dims:
            return prose("a number")
        names = [sym("m") if dim == "m" else sym("n", sub=dim) for dim in self.dims]
        return infix("×", *names) if len(names) > 1 else infix("×", names[0], sym("1"))


@dataclass(frozen=True)
class Step:
    """A step: `sides` that are all equal, the reason in one sentence, the shapes of its terms.

    `layers` says for which l it holds and `output` for which output activations; `batch` that it is about several
    examples. `left` and `right` are the first and the last side; the steps between them are sides as well.
    """

    key: str
    heading: str
    reason: Term
    sides: tuple[Side, ...]
    shapes: tuple[Quantity, ...]
    layers: Layers = "every"
    output: Output = "any"
    batch: bool = False

    @property
    def statement(self) -> Term:
        """The equality, in Unicode, LaTeX and MathML."""
        return equal(*(side.term for side in self.sides))

    @property
    def left(self) -> Value:
        """The left side as a function of a setting and a layer."""
        return self.sides[0].value

    @property
    def right(self) -> Value:
        """The right side as a function of a setting and a layer."""
        return self.sides[-1].value

    def at(self, kinds: Sequence[str]) -> list[int]:
        """The layers l that the step is about, in a network whose layers 1..L are of these kinds."""
        L = len(kinds)
        found = {"output": [L], "hidden": range(1, L), "first": [1], "every": range(1, L + 1)}
        for kind in KINDS:
            layers = found[kind] = [l for l, own in enumerate(kinds, 1) if own == kind]
            found[f"below {kind}"] = [l - 1 for l in layers if l > 1]
            found[f"first {kind}"] = layers[:1] if kinds[0] == kind else []
        return list(found[self.layers])


@dataclass(frozen=True)
class Section:
    """A heading of the derivation: the goal, a word before it begins, the steps."""

    key: str
    heading: str
    goal: Term
    before: Term
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """The heading with the equation's name."""
        return f"{self.key}: {self.heading}" if self.key.startswith("BP") else self.heading
