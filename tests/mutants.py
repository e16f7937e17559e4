"""Planted mistakes: wrong BP1..BP4 and wrong passes, put in the place of the right ones while an engine runs.

Each is a small edit that somebody once made. `equation` and `layers` say what the checker must accuse: BP3 or BP4 where
only that one is wrong, and the layers (of a network with L = 3) whose gradients come out wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import edits

import deltaprop as dp
from deltaprop.core import equations as eq
from deltaprop.core import passes
from deltaprop.engines import reference

ALL = (1, 2, 3)


@dataclass(frozen=True, eq=False)
class Mutant:
    """Edits {old text: new text} in `function` of `where`, and what gives them away."""

    name: str
    function: str
    edits: dict[str, str]
    equation: str | None = None
    layers: tuple[int, ...] = ALL
    output: str = "tanh"
    cost: str = "quadratic"
    kinds: str | tuple[str, ...] = "dense"
    dropout: tuple[float, ...] = ()
    where: object = eq

    def plant(self, monkeypatch):
        monkeypatch.setattr(self.where, self.function, edits.edited(getattr(self.where, self.function), self.edits))

    def network(self, dtype="float64"):
        """3-3-3-3, so that a forgotten transpose keeps its shapes."""
        kind = {"output": self.output, "cost": self.cost, "kinds": self.kinds, "dtype": dtype}
        return dp.Network([3, 3, 3, 3], activation="tanh", seed=3, engine="reference", **kind)


SOFT = {"output": "softmax", "cost": "cross_entropy"}
YES_OR_NO = {"output": "sigmoid", "cost": "cross_entropy"}
TIMES = {"return ": "return 1.001 * "}
MINUS = {"return ": "return -"}
# fmt: off
MUTANTS = [
    Mutant("bp1 times 1.001", "bp1", TIMES),
    Mutant("bp1 without sigma'", "bp1", {"* dsigma": "* 1"}),
    Mutant("bp1 of the wrong sign", "bp1", MINUS),
    Mutant("bp1 with sigma' squared", "bp1", {"* dsigma": "* dsigma**2"}),
    Mutant("bp1 canonical, y - a", "bp1_canonical", MINUS, **SOFT),
    Mutant("bp1 canonical times 1.001", "bp1_canonical", TIMES, **SOFT),
    Mutant("bp1 canonical, mean forgotten", "bp1_canonical", {"* weight  #": "* 1  #"}, **SOFT),
    Mutant("bp1 sigmoid, y - a", "bp1_sigmoid", MINUS, **YES_OR_NO),
    Mutant("bp1 sigmoid times 1.001", "bp1_sigmoid", TIMES, **YES_OR_NO),
    Mutant("bp1 sigmoid, targets of 0 forgotten", "bp1_sigmoid", {"return ((1 - y) * a": "return (0"}, **YES_OR_NO),
    Mutant("bp1 softmax as if elementwise", "bp1_softmax",
           {"(grad_a - (a * grad_a).sum(axis=0))": "grad_a * (1 - a)"}, output="softmax"),
    Mutant("bp1 softmax, -J", "bp1_softmax", MINUS, output="softmax"),
    Mutant("bp2 times 1.001", "bp2", TIMES, layers=(1, 2)),
    Mutant("bp2 without sigma'", "bp2", {"* dsigma": "* 1"}, layers=(1, 2)),
    Mutant("bp2 with W not transposed", "bp2", {"W_next.T": "W_next"}, layers=(1, 2)),
    # twice the wrong sign is the right one, so layer 1 comes out right
    Mutant("bp2 of the wrong sign", "bp2", MINUS, layers=(2,)),
    Mutant("bp2 with |W|", "bp2", {"W_next.T": "abs(W_next).T"}, layers=(1, 2)),
    Mutant("bp3 times 1.001", "bp3", TIMES, equation="BP3"),
    Mutant("bp3 without the sum over the batch", "bp3", {"delta.sum(axis=1)": "delta[:, 0]"}, equation="BP3"),
    Mutant("bp3 takes the mean again", "bp3", {".sum(": ".mean("}, equation="BP3"),
    Mutant("bp3 forgotten", "bp3", {"return ": "return 0 * "}, equation="BP3"),
    Mutant("bp4 times 1.001", "bp4", {"(delta, a": "(1.001 * delta, a"}, equation="BP4"),
    Mutant("bp4 of the wrong sign", "bp4", {"(delta, a": "(-delta, a"}, equation="BP4"),
    Mutant("bp4 with the examples out of step", "bp4",
           {"(delta, a_prev": "(delta, np.roll(a_prev, 1, axis=1)"}, equation="BP4"),
    Mutant("bp4 of the first example alone", "bp4", {"(delta, a_prev": "(delta[:, :1], a_prev[:, :1]"}, equation="BP4"),
    Mutant("bp4 transposed", "bp4", {"(delta, a_prev.T": "(a_prev, delta.T"}, equation="BP4"),
    Mutant("the sum for the mean", "shares",
           {"1 / max(m, 1)": "1", "weight / (total if total > 0 else 1.0)": "np.ones(m)"}, where=reference),
    Mutant("the weights of the examples forgotten", "shares",
           {"weight / (total if total > 0 else 1.0)": "np.full(m, 1 / m)"}, where=reference),
    Mutant("the shares of the examples forgotten", "output_error", {"(a, y) * share": "(a, y)"}, where=passes),
    Mutant("bp2 with the delta of another layer", "errors_below",
           {"delta = spec": "below = spec", "yield l, delta": "yield l, below"}, layers=(1,), where=passes),
    Mutant("bp2 with the parameters of its own layer", "errors_below",
           {"arrays(theta, l + 1)": "arrays(theta, l)"}, layers=(1, 2), where=passes),
    Mutant("bp2 with sigma' of the layer above", "errors_below",
           {"dsigma[l]": "dsigma[l + 1]"}, layers=(1, 2), where=passes),
    Mutant("bp4 with the activations of its own layer", "_backprop",
           {"a[l - 1]": "a[l]"}, equation="BP4", where=reference.ReferencePlan),
    Mutant("the gradients of the layer below", "_backprop",
           {"_grads[l - 1]": "_grads[l - 2]"}, where=reference.ReferencePlan),
]
SCALES = ("dense", "scale", "dense")
BELOW, OF_SCALES = {"kinds": SCALES, "layers": (1,)}, {"kinds": SCALES, "layers": (2,)}
DROPPED = {"dropout": (0.5, 0.25), "where": reference, "layers": (1, 2)}
# What shows itself only with a layer of scales, dropout, the gradient of the inputs, or a plan that is new.
HIDDEN = [
    Mutant("bp2 never reaches layer 1", "backward",
           {"errors_below(spec, theta, passed, delta)": "list(errors_below(spec, theta, passed, delta))[:-1]"},
           layers=(1,), where=reference),
    Mutant("z of scales, s + a", "scaled_input", {"[:, None] * a": "[:, None] + a"}, layers=(1, 2), kinds=SCALES),
    Mutant("bp2 of scales times 1.001", "bp2_scale", TIMES, **BELOW),
    Mutant("bp2 of scales without s", "bp2_scale", {"(s_next[:, None] * ": "("}, **BELOW),
    Mutant("bp2 of scales, 1 / s", "bp2_scale", {"(s_next[:, None] * ": "(1 / s_next[:, None] * "}, **BELOW),
    Mutant("bp2 of scales without sigma'", "bp2_scale", {" * dsigma": ""}, **BELOW),
    Mutant("bp4 of scales times 1.001", "bp4_scale", TIMES, **OF_SCALES),
    Mutant("bp4 of scales without a", "bp4_scale", {"(delta * a_prev)": "delta"}, **OF_SCALES),
    Mutant("bp4 of scales without the sum over the batch", "bp4_scale", {".sum(axis=1)": "[:, 0]"}, **OF_SCALES),
    Mutant("bp4 of scales takes the mean again", "bp4_scale", {".sum(": ".mean("}, **OF_SCALES),
    Mutant("bp4 of scales with the examples out of step", "bp4_scale",
           {"* a_prev": "* np.roll(a_prev, 1, axis=1)"}, **OF_SCALES),
    Mutant("the mask forgotten in the backward pass", "forward", {"dsigma * masks[l]": "dsigma"}, **DROPPED),
    Mutant("the mask forgotten in the forward pass", "forward", {"= a * masks[l]": "= a"}, **DROPPED),
    Mutant("the mask of another layer", "forward", {"dsigma * masks[l]": "dsigma * masks[3 - l]"}, **DROPPED),
    Mutant("bp2 to the input times 1.001", "bp2_input", TIMES, layers=(0,)),
    Mutant("bp2 to the input with W not transposed", "bp2_input", {"W_first.T": "W_first"}, layers=(0,)),
    Mutant("bp2 to the input of scales without s", "bp2_scale_input",
           {"s_first[:, None] * ": ""}, layers=(0,), kinds=("scale", "dense", "dense")),
    Mutant("bp2 to the input with the parameters of layer 2", "input_error",
           {"arrays(theta, 1)": "arrays(theta, 2)"}, layers=(0,), where=reference),
]
# fmt: on


def past_the_check(net, **fields):
    """The network with fields of its spec replaced: a wrong pair that its constructor would have refused."""
    return dp.Network.from_parameters(replace(net.spec, **fields), net.theta)
