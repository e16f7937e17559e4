"""For every step of the derivation, statements that somebody might take for it and that are wrong.

Each replaces the last side of its step. All keep the shapes in a network whose layers are equally wide, so that it is
the values that must give them away. `numbers` is False where the networks of the tests show no difference: their
output Jacobians are symmetric, and a - y is the gradient of the quadratic cost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from deltaprop.derivation.proof import derive
from deltaprop.derivation.setting import applied, diagonal, each, identity, product, turned
from deltaprop.derivation.steps import Side

STEPS = {step.key: step for step in derive().steps}


def outer(delta, a):
    return delta[:, None, :] * a[None, :, :]


def over(s, l, vector):
    """[j, k, i] = vector[j, i]."""
    return outer(vector, s.a(l - 1) * 0 + 1)


def general(s, l):
    return s.jacobian("a", l, "z", l), s.grad_a() * s.share


def softmax_times(s, l, vector):
    a = s.a(l)
    return a * (vector - (a * vector).sum(axis=0))


def next_error(s, l):
    return s.gradient("z", l + 1)


def scaled(s, l):
    """The scales of layer l, for every example."""
    return s.a(l) * 0 + s.s(l)[:, None]


WRONG = {
    "BP1.1": {
        "the Jacobian forgotten": lambda s, l: s.gradient("a", l),
        "the Jacobian of the layer before": lambda s, l: applied(
            turned(s.jacobian("z", l, "z", l)), s.gradient("a", l)
        ),
    },
    "BP1.2": {
        "sigma' forgotten": lambda s, l: identity(s.sizes[l], s.m),
        "sigma' squared": lambda s, l: diagonal(s.sigma_prime(l) * s.sigma_prime(l)),
        "a for sigma'": lambda s, l: diagonal(s.a(l)),
        "a full matrix": lambda s, l: outer(s.sigma_prime(l), s.sigma_prime(l)),
    },
    "BP1.3": {
        "sigma' forgotten": lambda s, l: s.grad_a() * s.share,
        "grad_a forgotten": lambda s, l: s.sigma_prime(l),
        "the sign turned": lambda s, l: -s.grad_a() * s.share * s.sigma_prime(l),
        "the share forgotten": lambda s, l: s.grad_a() * s.sigma_prime(l),
        "a - y for grad_a": lambda s, l: (s.a(l) - s.y) * s.share * s.sigma_prime(l),
    },
    "BP2.1": {
        "not transposed": lambda s, l: applied(s.jacobian("z", l + 1, "z", l), next_error(s, l)),
        "the error handed on unchanged": next_error,
    },
    "BP2.2": {
        "sigma' forgotten": lambda s, l: each(s.W(l + 1), s.m),
        "the factors swapped": lambda s, l: product(diagonal(s.sigma_prime(l)), each(s.W(l + 1), s.m)),
        "W transposed": lambda s, l: product(turned(each(s.W(l + 1), s.m)), diagonal(s.sigma_prime(l))),
        "W of the layer itself": lambda s, l: product(each(s.W(l), s.m), diagonal(s.sigma_prime(l))),
    },
    "BP2.3": {
        "W not transposed": lambda s, l: s.sigma_prime(l) * (s.W(l + 1) @ next_error(s, l)),
        "the order kept": lambda s, l: s.W(l + 1).T @ (s.sigma_prime(l) * next_error(s, l)),
    },
    "BP2.4": {
        "W not transposed": lambda s, l: (s.W(l + 1) @ next_error(s, l)) * s.sigma_prime(l),
        "sigma' forgotten": lambda s, l: s.W(l + 1).T @ next_error(s, l),
        "sigma' forgotten, and so is W": next_error,
        "a for sigma'": lambda s, l: (s.W(l + 1).T @ next_error(s, l)) * s.a(l),
        "the error of the layer itself": lambda s, l: (s.W(l + 1).T @ s.gradient("z", l)) * s.sigma_prime(l),
        "the weights of the layer itself": lambda s, l: (s.W(l).T @ next_error(s, l)) * s.sigma_prime(l),
        "a little too much": lambda s, l: (s.W(l + 1).T @ next_error(s, l)) * s.sigma_prime(l) * 1001 / 1000,
    },
    "BP3.1": {
        "twice": lambda s, l: 2 * s.gradient("z", l),
        "the error of the activations": lambda s, l: s.gradient("a", l),
    },
    "BP3.2": {
        "zero": lambda s, l: 0 * identity(s.sizes[l], s.m),
        "all ones": lambda s, l: 0 * identity(s.sizes[l], s.m) + 1,
    },
    "BP3.3": {
        "sigma' once more": lambda s, l: s.gradient("a", l),
        "the sign turned": lambda s, l: -s.gradient("z", l),
        "the share once more": lambda s, l: s.gradient("z", l) * s.share,
    },
    "BP4.1": {
        "the error of k": lambda s, l: s.gradient("z", l)[None] * s.weight_slope(l),
        "the error of the activations": lambda s, l: over(s, l, s.gradient("a", l)) * s.weight_slope(l),
    },
    "BP4.2": {
        "the activation of j": lambda s, l: over(s, l, s.a(l - 1)),
        "the weight": lambda s, l: each(s.W(l), s.m),
        "the layer's own activation": lambda s, l: outer(s.a(l - 1) * 0 + 1, s.a(l)),
    },
    "BP4.3": {
        "delta and a swapped": lambda s, l: turned(outer(s.gradient("z", l), s.a(l - 1))),
        "a forgotten": lambda s, l: over(s, l, s.gradient("z", l)),
    },
    "BP4.4": {
        "delta and a swapped": lambda s, l: turned(outer(s.gradient("z", l), s.a(l - 1))),
        "the layer's own activation": lambda s, l: outer(s.gradient("z", l), s.a(l)),
        "the sign turned": lambda s, l: -outer(s.gradient("z", l), s.a(l - 1)),
    },
    "softmax.1": {
        "not transposed": lambda s, l: applied(*general(s, l)),
        "the Jacobian forgotten": lambda s, l: s.grad_a() * s.share,
    },
    "softmax.2": {
        "as if elementwise": lambda s, l: diagonal(s.a(l) * (1 - s.a(l))),
        "the sign turned": lambda s, l: outer(s.a(l), s.a(l)) - diagonal(s.a(l)),
        "the diagonal alone": lambda s, l: diagonal(s.a(l)),
    },
    "softmax.3": {
        "as if elementwise": lambda s, l: s.a(l) * (1 - s.a(l)) * s.grad_a() * s.share,
        "a forgotten": lambda s, l: general(s, l)[1] - (s.a(l) * general(s, l)[1]).sum(axis=0),
        "the sum over k forgotten": lambda s, l: s.a(l) * (general(s, l)[1] - s.a(l) * general(s, l)[1]),
        "twice": lambda s, l: 2 * softmax_times(s, l, s.grad_a() * s.share),
    },
    "softmax.4": {
        "the sign turned": lambda s, l: (s.y - s.a(l)) * s.share,
        "the share forgotten": lambda s, l: s.a(l) - s.y,
        "sigma' left in": lambda s, l: (s.a(l) - s.y) * s.share * s.a(l),
    },
    "batch.1": {
        "the share forgotten": lambda s, l: s.grad_a(),
        "the share twice": lambda s, l: s.grad_a() * s.share * s.share,
    },
    "batch.2": {
        "the share forgotten": lambda s, l: s.alone(l),
        "the examples out of step": lambda s, l: (s.share * s.alone(l))[:, ::-1],
    },
    "batch.3": {
        "the mean once more": lambda s, l: s.gradient("z", l).sum(axis=1) / s.m,
        "the first example alone": lambda s, l: s.gradient("z", l)[:, 0],
    },
    "batch.4": {
        "the mean once more": lambda s, l: s.gradient("z", l) @ s.a(l - 1).T / s.m,
        "the examples out of step": lambda s, l: s.gradient("z", l) @ s.a(l - 1)[:, ::-1].T,
        "delta and a swapped": lambda s, l: s.a(l - 1) @ s.gradient("z", l).T,
    },
    "input.1": {
        "not transposed": lambda s, l: applied(s.jacobian("z", 1, "a", 0), s.gradient("z", 1)),
        "the error handed on unchanged": lambda s, l: s.gradient("z", 1),
    },
    "input.2": {"transposed": lambda s, l: turned(each(s.W(1), s.m))},
    "input.3": {
        "not transposed": lambda s, l: s.W(1) @ s.gradient("z", 1),
        "sigma' where there is none": lambda s, l: (s.W(1).T @ s.gradient("z", 1)) * s.a(0),
    },
    "scale.1": {
        "a for s": lambda s, l: diagonal(s.a(l)),
        "a full matrix": lambda s, l: 0 * diagonal(s.a(l)) + s.s(l + 1)[:, None, None],
        "the scales forgotten": lambda s, l: identity(s.sizes[l], s.m),
    },
    "scale.2": {
        "the scales forgotten": lambda s, l: next_error(s, l) * s.sigma_prime(l),
        "sigma' forgotten": lambda s, l: scaled(s, l + 1) * next_error(s, l),
        "divided by the scales": lambda s, l: next_error(s, l) * s.sigma_prime(l) / scaled(s, l + 1),
        "a for sigma'": lambda s, l: scaled(s, l + 1) * next_error(s, l) * s.a(l),
        "the error of the layer itself": lambda s, l: scaled(s, l + 1) * s.gradient("z", l) * s.sigma_prime(l),
    },
    "scale.3": {
        "the scales forgotten": lambda s, l: s.gradient("z", 1),
        "sigma' where there is none": lambda s, l: scaled(s, 1) * s.gradient("z", 1) * s.a(0),
    },
    "scale.4": {
        "the error of the activations": lambda s, l: s.gradient("a", l) * s.a(l - 1),
        "the Jacobian forgotten": lambda s, l: s.gradient("z", l),
    },
    "scale.5": {
        "the layer's own activation": lambda s, l: diagonal(s.a(l)),
        "the scales": lambda s, l: diagonal(scaled(s, l)),
        "as of a bias": lambda s, l: identity(s.sizes[l], s.m),
    },
    "scale.6": {
        "a forgotten": lambda s, l: s.gradient("z", l),
        "the layer's own activation": lambda s, l: s.gradient("z", l) * s.a(l),
        "the scales once more": lambda s, l: s.gradient("z", l) * s.a(l - 1) * scaled(s, l),
        "the share once more": lambda s, l: s.gradient("z", l) * s.a(l - 1) * s.share,
    },
    "scale.7": {
        "the mean once more": lambda s, l: (s.gradient("z", l) * s.a(l - 1)).sum(axis=1) / s.m,
        "the first example alone": lambda s, l: (s.gradient("z", l) * s.a(l - 1))[:, 0],
        "the examples out of step": lambda s, l: (s.gradient("z", l) * s.a(l - 1)[:, ::-1]).sum(axis=1),
        "summed before the product": lambda s, l: s.gradient("z", l).sum(axis=1) * s.a(l - 1).sum(axis=1),
    },
}
NOT_IN_NUMBERS = {("softmax.1", "not transposed"), ("BP1.3", "a - y for grad_a")}


@dataclass(frozen=True)
class Statement:
    """A wrong statement in the place of a step's right one."""

    key: str
    name: str

    @property
    def step(self):
        step = STEPS[self.key]
        last = step.sides[-1]
        return replace(step, sides=(*step.sides[:-1], Side(last.term, WRONG[self.key][self.name])))

    @property
    def numbers(self):
        return (self.key, self.name) not in NOT_IN_NUMBERS

    def __str__(self):
        return f"{self.key} {self.name}".replace(" ", "_")


STATEMENTS = [Statement(key, name) for key, named in WRONG.items() for name in named]
