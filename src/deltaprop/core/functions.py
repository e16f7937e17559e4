"""σ and C by name, and the one answer to whether a σ or C is built in."""

from __future__ import annotations

import re
from functools import partial

from deltaprop.core.activations import ACTIVATIONS, OUTPUTS, Activation
from deltaprop.core.costs import CATEGORICAL, COSTS, FAMILIES, FORMULAS, Cost
from deltaprop.errors import ArgumentError, one_of, sentence

NUMBERED = re.compile(rf"({'|'.join(FAMILIES)})\(([0-9]+\.?[0-9]*(e[+-]?[0-9]+)?)\)")


def get_activation(activation: str | Activation, *, name: str = "activation", output: bool = False) -> Activation:
    """The activation of that name, or the one given; softmax is offered to the output layer alone."""
    if isinstance(activation, Activation):
        return activation
    table = OUTPUTS if output else ACTIVATIONS
    if activation not in table:
        raise one_of(name, activation, table)
    return table[activation]


def get_cost(cost: str | Cost, output: str) -> Cost:
    """The cost of that name for that output activation, or the one given. "huber(2.5)" and "quantile(0.9)" too."""
    if isinstance(cost, Cost):
        if cost.name in COSTS and not built_in(cost):
            must = "a built-in cost, or your own under a name of its own"
            raise ArgumentError(sentence("cost", must, repr(cost.name)))
        return cost
    numbered = NUMBERED.fullmatch(str(cost))
    if numbered:
        return FAMILIES[numbered[1]](float(numbered[2]))
    if not isinstance(cost, str) or cost not in COSTS:
        raise one_of("cost", cost, COSTS)
    return CATEGORICAL if (cost, output) == ("cross_entropy", "softmax") else COSTS[cost]


def check_output(cost: Cost, output: Activation) -> None:
    """Refuse a built-in output activation whose range does not fit the cost's logarithm."""
    if cost.outputs is not None and built_in(output) and output.name not in cost.outputs:
        fits = "softmax (one class) or sigmoid (yes/no)" if cost.name == "cross_entropy" else " or ".join(cost.outputs)
        raise ArgumentError(sentence("output", f"{fits} for the cost {cost.name}", repr(output.name)))


def built_in(function: Activation | Cost) -> bool:
    """Whether a σ or C is one of this package's own, not a user's, nor a changed copy."""
    if isinstance(function, Activation):
        return OUTPUTS.get(function.name) == function
    return formula(function) is not None


def formula(cost: Cost) -> tuple[str, float] | None:
    """A built-in cost's key in FORMULAS and its number, ("huber", 2.5) or ("binary", 1.0); None for any other cost."""
    for key, known in FORMULAS.items():
        if key in FAMILIES and isinstance(cost.C, partial) and cost.C.func == known.C.func:  # type: ignore[attr-defined]
            (number,) = cost.C.keywords.values()
            return (key, number) if _same(cost, FAMILIES[key](number)) else None
        if cost == known:
            return key, 1.0
    return None


def _same(cost: Cost, other: Cost) -> bool:
    """Equality that sees through `partial`, which compares by identity."""
    return all(
        (f.func, f.args, f.keywords) == (g.func, g.args, g.keywords) if isinstance(f, partial) else f == g
        for f, g in ((getattr(cost, name), getattr(other, name)) for name in Cost.__dataclass_fields__)
    )
