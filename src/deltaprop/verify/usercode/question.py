"""What the other code is asked: a network's parameters and a few examples, drawn so that a mistake shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import check_inputs, check_targets, columns
from deltaprop.core.sparse import dense
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, ShapeError, sentence
from deltaprop.network import check_seed

SQUARE = 4  # the width of all layers if the code fails on layers of different widths
MOST_ROWS = 64


@dataclass(frozen=True, eq=False)
class Question:
    """A network (spec, θ) and examples as rows, X (m, n_0) and Y (m, n_L)."""

    spec: Spec
    theta: Array
    X: Array
    Y: Array

    def square(self) -> Question:
        """The same kind of network with all layers equally wide, so that a forgotten transpose keeps its shapes."""
        spec = replace(self.spec, sizes=(SQUARE,) * len(self.spec.sizes))
        return ask(spec, None, None, None, 0)


def ask(spec: Spec, theta: object, X: object, Y: object, seed: int) -> Question:
    """A question with these parameters and examples, or with random ones if they are None.

    The number of random examples differs from every width, so that a sum over the wrong axis has the wrong shape.
    """
    rng = np.random.default_rng(check_seed(seed))
    m = next(m for m in range(5, 5 + len(spec.sizes) + 1) if m not in spec.sizes)
    parameters = _parameters(spec, theta, rng)
    rows = rng.standard_normal((m, spec.sizes[0])).astype(spec.dtype) if X is None else dense(check_inputs(X, spec))
    if not 1 <= len(rows) <= MOST_ROWS:
        raise ArgumentError(sentence("X", f"1 to {MOST_ROWS} examples", f"{len(rows)} rows"))
    if Y is None:
        targets = _targets(spec, len(rows), rng)
    else:
        checked = check_targets(Y, spec, len(rows))
        targets = np.ascontiguousarray(columns(checked, spec).T)
    return Question(spec, parameters, rows, targets.astype(spec.dtype))


def _parameters(spec: Spec, theta: object, rng: np.random.Generator) -> Array:
    if theta is not None:
        given = np.asarray(theta, spec.dtype)
        if given.shape != (spec.n_parameters,):
            must = f"a vector of {spec.n_parameters:,} parameters, laid out as W^1..W^L, b^1..b^L"
            raise ShapeError(sentence("theta", must, f"shape {given.shape}"))
        return given
    drawn = np.empty(spec.n_parameters)
    for block in spec.blocks:
        width = 0.5 if block.name == "b" else 1 / np.sqrt(block.shape[1])
        block.of(drawn)[...] = width * rng.standard_normal(block.shape)
    return drawn.astype(spec.dtype)


def _targets(spec: Spec, m: int, rng: np.random.Generator) -> Array:
    n_L, output = spec.sizes[-1], spec.output.name
    if spec.cost.targets == "probability" and output == "softmax":
        return np.eye(n_L)[rng.integers(0, n_L, m)]
    if spec.cost.targets == "probability":
        return rng.integers(0, 2, (m, n_L)).astype(float)
    if spec.cost.targets == "count":
        return rng.integers(0, 4, (m, n_L)).astype(float)
    if output in ("sigmoid", "softmax"):
        return rng.uniform(0, 1, (m, n_L))
    return rng.uniform(-1, 1, (m, n_L))
