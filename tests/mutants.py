"""Planted mistakes: wrong BP1..BP4, put in the place of the right ones while an engine runs.

Each is a small edit that somebody once made. `equation` and `layers` say what the checker must accuse: BP3 or BP4 where
only that one is wrong, and the layers (of a network with L = 3) whose gradients come out wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

import deltaprop as dp
from deltaprop.core import equations as eq
from deltaprop.core.activations import softmax_jacobian
from deltaprop.engines import reference

RIGHT = {name: getattr(eq, name) for name in dir(eq) if name.startswith("bp")}
ALL = (1, 2, 3)


@dataclass(frozen=True)
class Mutant:
    """What replaces `function` (of core.equations, or of the engine), and what gives it away."""

    name: str
    function: str
    wrong: Callable
    equation: str | None = None
    layers: tuple[int, ...] = ALL
    output: str = "tanh"
    cost: str = "quadratic"
    where: object = eq

    def plant(self, monkeypatch):
        wrong = into_out(self.wrong) if self.function == "bp4" else self.wrong
        monkeypatch.setattr(self.where, self.function, wrong)


def into_out(wrong):
    """BP4 writes into `out` where it is given; so does its mutant."""

    def filled(delta, a_prev, out=None):
        dW = wrong(delta, a_prev)
        if out is None:
            return dW
        out[...] = dW
        return out

    return filled


def scaled(name, factor=1.001):
    return lambda *arrays: RIGHT[name](*arrays) * factor


def bp2_from_the_output_always():
    """δ^2 and δ^1 both from δ^3: the δ of the wrong layer; δ^2 comes out right."""
    kept = []

    def wrong(W_next, delta_next, dsigma):
        kept.append(delta_next)
        delta = kept[0]
        if len(kept) == 2:
            kept.clear()
        return RIGHT["bp2"](W_next, delta, dsigma)

    return wrong


def only_first_example(delta):
    return delta[:, 0].copy()


def rolled(delta, a_prev):
    return RIGHT["bp4"](delta, np.roll(a_prev, 1, axis=1))


def softmax_without_its_coupling(grad_a, a):
    return grad_a * a * (1 - a)


def softmax_jacobian_of_the_wrong_sign(grad_a, a):
    return RIGHT["bp1_general"](-softmax_jacobian(a), grad_a)


def sum_for_mean(weight, m, dtype):
    return np.ones(m, dtype)


def unweighted(weight, m, dtype):
    return np.full(m, 1 / m, dtype)


SOFT = {"output": "softmax", "cost": "cross_entropy"}
YES_OR_NO = {"output": "sigmoid", "cost": "cross_entropy"}
MUTANTS = [
    Mutant("bp1 times 1.001", "bp1", scaled("bp1")),
    Mutant("bp1 without sigma'", "bp1", lambda grad_a, dsigma: grad_a * 1),
    Mutant("bp1 of the wrong sign", "bp1", lambda grad_a, dsigma: -grad_a * dsigma),
    Mutant("bp1 with sigma' squared", "bp1", lambda grad_a, dsigma: grad_a * dsigma**2),
    Mutant("bp1 canonical, y - a", "bp1_canonical", lambda a, y, weight: (y - a) * weight, **SOFT),
    Mutant("bp1 canonical times 1.001", "bp1_canonical", scaled("bp1_canonical"), **SOFT),
    Mutant("bp1 canonical, mean forgotten", "bp1_canonical", lambda a, y, weight: a - y, **SOFT),
    Mutant("bp1 sigmoid, y - a", "bp1_sigmoid", lambda a, rest, y, weight: (y - a) * weight, **YES_OR_NO),
    Mutant("bp1 sigmoid times 1.001", "bp1_sigmoid", scaled("bp1_sigmoid"), **YES_OR_NO),
    Mutant("bp1 sigmoid, targets of 0 forgotten", "bp1_sigmoid", lambda a, r, y, weight: -y * r * weight, **YES_OR_NO),
    Mutant("bp1 softmax as if elementwise", "bp1_softmax", softmax_without_its_coupling, output="softmax"),
    Mutant("bp1 softmax, -J", "bp1_softmax", softmax_jacobian_of_the_wrong_sign, output="softmax"),
    Mutant("bp2 times 1.001", "bp2", scaled("bp2"), layers=(1, 2)),
    Mutant("bp2 without sigma'", "bp2", lambda W, delta, dsigma: W.T @ delta, layers=(1, 2)),
    Mutant("bp2 with W not transposed", "bp2", lambda W, delta, dsigma: (W @ delta) * dsigma, layers=(1, 2)),
    # twice the wrong sign is the right one, so layer 1 comes out right
    Mutant("bp2 of the wrong sign", "bp2", lambda W, delta, dsigma: -RIGHT["bp2"](W, delta, dsigma), layers=(2,)),
    Mutant("bp2 with the delta of another layer", "bp2", bp2_from_the_output_always(), layers=(1,)),
    Mutant("bp2 with |W|", "bp2", lambda W, delta, dsigma: RIGHT["bp2"](abs(W), delta, dsigma), layers=(1, 2)),
    Mutant("bp3 times 1.001", "bp3", scaled("bp3"), equation="BP3"),
    Mutant("bp3 without the sum over the batch", "bp3", only_first_example, equation="BP3"),
    Mutant("bp3 takes the mean again", "bp3", lambda delta: delta.mean(axis=1), equation="BP3"),
    Mutant("bp3 forgotten", "bp3", lambda delta: np.zeros(len(delta)), equation="BP3"),
    Mutant("bp4 times 1.001", "bp4", scaled("bp4"), equation="BP4"),
    Mutant("bp4 of the wrong sign", "bp4", lambda delta, a: -RIGHT["bp4"](delta, a), equation="BP4"),
    Mutant("bp4 with the examples out of step", "bp4", rolled, equation="BP4"),
    Mutant("bp4 of the first example alone", "bp4", lambda d, a: RIGHT["bp4"](d[:, :1], a[:, :1]), equation="BP4"),
    Mutant("bp4 transposed", "bp4", lambda d, a: RIGHT["bp4"](d, a).T, equation="BP4"),
    Mutant("the sum for the mean", "shares", sum_for_mean, where=reference),
    Mutant("the weights of the examples forgotten", "shares", unweighted, where=reference),
]


def past_the_check(net, **fields):
    """The network with fields of its spec replaced: a wrong pair that its constructor would have refused."""
    return dp.Network.from_parameters(replace(net.spec, **fields), net.theta)
