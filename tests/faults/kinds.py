"""The networks that the faults are planted in."""

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


def of_kind(code, kind):
    """The code in a network of this kind: a class with its attribute `kind`, or a function with its first argument."""
    if isinstance(code, type):
        return type(code.__name__, (code,), {"kind": kind})

    def loss_and_grads(params, X, Y):
        return code(kind, params, X, Y)

    loss_and_grads.__name__ = code.__name__
    return loss_and_grads
