"""The description of a mistake: its layer, its equation, a sentence, and the element that is furthest off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.spec import Spec

RIGHT = {
    "BP1": "δ^{L} = ∇_a C ⊙ σ'(z^{L})",
    "BP2": "δ^{l} = ((W^{n})ᵀ δ^{n}) ⊙ σ'(z^{l})",
    "BP3": "∂C/∂b^{l} = δ^{l}",
    "BP4": "∂C/∂W^{l} = δ^{l} (a^{p})ᵀ",
}
RIGHT_SOFTMAX = "δ^{L} = (∂a^{L}/∂z^{L})ᵀ ∇_a C"
RIGHT_CANONICAL = "δ^{L} = a^{L} - y, as σ' cancels"
LEFT = {"BP1": "δ^{l}", "BP2": "δ^{l}", "BP3": "∂C/∂b^{l}", "BP4": "∂C/∂W^{l}"}


@dataclass(frozen=True)
class Finding:
    """One mistake: `mistake` is its name in the tables, "" if no known one gives these numbers.

    `text` is the sentence, `formula` the book's equation; `place`, `right` and `yours` are the element that is furthest
    off; `number` is what a mistake with an unknown number in it was found to have.
    """

    layer: int
    equation: str
    mistake: str
    text: str
    formula: str
    place: str = ""
    right: float = 0.0
    yours: float = 0.0
    number: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        place = f"layer {self.layer}, {self.equation}" if self.layer else self.equation
        return f"{place}: {self.text}"


def filled(text: str, l: int, L: int, c: float | None = None) -> str:
    """A text of the tables with its layers and its number filled in."""
    layers = {"l": l, "n": l + 1, "n2": l + 2, "p": l - 1, "p2": l - 2, "L": L}
    return text.format(**layers, c="" if c is None else f"{c:.6g}")


def right_formula(equation: str, l: int, spec: Spec) -> str:
    """The book's equation for this layer, BP1 in the form that σ and C allow."""
    text = RIGHT[equation]
    if equation == "BP1" and spec.canonical:
        text = RIGHT_CANONICAL
    elif equation == "BP1" and not spec.output.elementwise:
        text = RIGHT_SOFTMAX
    return filled(text, l, spec.L)


def worst(right: Array, got: Array, name: str, axes: tuple[str, ...]) -> dict[str, Any]:
    """The element that is furthest off, as the fields of a Finding: "δ^2, unit 3, example 1"."""
    gap = np.abs(got - right)
    at = np.unravel_index(int(np.nanargmax(np.where(np.isfinite(gap), gap, np.inf))), gap.shape)
    place = ", ".join([name, *(f"{axis} {int(i) + 1}" for axis, i in zip(axes, at, strict=True))])
    return {"place": place, "right": float(right[at]), "yours": float(got[at])}
