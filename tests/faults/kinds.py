"""The networks that the faults are planted in, and the label that every planted fault wears."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Shapes, activation, output and cost."""

    name: str
    sizes: tuple[int, ...]
    activation: str
    output: str
    cost: str

    @property
    def options(self):
        return {"activation": self.activation, "output": self.output, "cost": self.cost}


KINDS = {
    kind.name: kind
    for kind in (
        Kind("book", (4, 5, 3), "sigmoid", "sigmoid", "quadratic"),
        Kind("deep", (3, 6, 5, 7, 2), "tanh", "tanh", "quadratic"),
        Kind("square", (4, 4, 4, 4), "tanh", "sigmoid", "quadratic"),
        Kind("classes", (5, 6, 4, 3), "tanh", "softmax", "cross_entropy"),
        Kind("squares", (3, 3, 3, 3), "sigmoid", "softmax", "cross_entropy"),
        Kind("yesno", (4, 6, 3, 1), "relu", "sigmoid", "cross_entropy"),
        Kind("counts", (3, 5, 4, 2), "silu", "softplus", "poisson"),
        Kind("line", (4, 6, 2), "tanh", "identity", "quadratic"),
        Kind("robust", (3, 5, 2), "sigmoid", "tanh", "huber"),
        Kind("soft", (4, 5, 3), "leaky_relu", "softmax", "quadratic"),
        Kind("single", (4, 3), "tanh", "softmax", "cross_entropy"),
        Kind("one", (3, 2), "sigmoid", "sigmoid", "quadratic"),
    )
}


@dataclass(frozen=True)
class Label:
    """What must be said: the equation, the layer ("L", "L-1" or a number) where it is first met, the mistake's name."""

    equation: str
    mistake: str
    layer: object = "L"
    kinds: tuple[str, ...] = ("book", "deep", "classes")
    said: tuple[tuple[str, object], ...] = ()

    def layer_of(self, kind):
        L = len(kind.sizes) - 1
        return {"L": L, "L-1": L - 1, "L-2": L - 2}.get(self.layer, self.layer)


def planted(equation, mistake, layer=None, kinds="book deep classes", **said):
    """Label a code: `said` are options of check_code that are given with it."""
    layer = layer or ("L-1" if equation == "BP2" else "L")
    label = Label(equation, mistake, layer, tuple(kinds.split()), tuple(said.items()))

    def put(code):
        code.label = label
        return code

    return put
