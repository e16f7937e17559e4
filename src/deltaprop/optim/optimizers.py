"""The update rules: how θ moves, given the gradient.

A rule is data (its numbers) and one function on flat vectors, so that the reference engine runs it as written and a
compiled engine reads the numbers. η is the step's learning rate, g the gradient, t = 1, 2, ... the step. Every rule
can decay the weights apart from the gradient (`weight_decay`, W <- W (1 - η λ); Loshchilov & Hutter, arXiv 1711.05101).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, ArgumentTypeError, one_of, sentence


@dataclass(frozen=True)
class Optimizer:
    """What all rules have: the learning rate η, the decoupled decay λ, and the names of the vectors that they keep."""

    learning_rate: float
    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        for number in fields(self):
            check = _check_flag if isinstance(number.default, bool) else _check_number
            check(number.name, getattr(self, number.name))

    @property
    def name(self) -> str:
        """The name that selects it as a string."""
        return type(self).__name__.lower()

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the vectors that the rule keeps from step to step, each as long as θ and 0 at first."""
        return ()

    def update(self, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int) -> None:
        """Move θ one step in place, at step t = 1, 2, ...; all arrays are pieces of the same length."""
        must = "a class with the method update(theta, g, slots, rate, t), which moves theta in place"
        raise ArgumentTypeError(sentence("optimizer", must, f"{type(self).__name__}, which has no update"))


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(sentence(name, "True or False", repr(value)))


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ArgumentTypeError(sentence(name, "a number", repr(value)))
    if not np.isfinite(value):
        raise ArgumentError(sentence(name, "finite", repr(value)))
    if name in ("learning_rate", "epsilon") and value <= 0:
        raise ArgumentError(sentence(name, "greater than 0", repr(value)))
    if name == "momentum" and not 0 <= value <= 1:
        raise ArgumentError(sentence(name, "from 0 to 1", repr(value)))
    if name in ("beta1", "beta2", "rho") and not 0 <= value < 1:
        raise ArgumentError(sentence(name, "at least 0 and less than 1", repr(value)))
    if name in ("weight_decay", "tolerance", "relative_tolerance") and value < 0:
        raise ArgumentError(sentence(name, "0 or more", repr(value)))
    least = {"memory": 1, "max_evaluations": 0}.get(name)
    if least is not None and (value < least or value != int(value)):
        raise ArgumentError(sentence(name, f"a whole number, {least} or more", repr(value)))


@dataclass(frozen=True)
class SGD(Optimizer):
    """θ <- θ + v, v <- μ v - η g; Nesterov: θ <- θ + μ v - η g with the new v. Sutskever et al., ICML 2013."""

    learning_rate: float = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """v, if there is momentum."""
        return ("v",) if self.momentum else ()

    def update(self, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int) -> None:
        """v <- μ v - η g; θ <- θ + v."""
        change = g * -rate
        if self.momentum:
            (v,) = slots
            v *= self.momentum
            v += change
            change = self.momentum * v + change if self.nesterov else v
        theta += change


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """v <- ρ v + (1 - ρ) g²; θ <- θ - η g / (√v + ε). Tieleman & Hinton 2012, lecture 6.5."""

    learning_rate: float = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-8

    @property
    def slots(self) -> tuple[str, ...]:
        """v, the decaying mean of g²; another name than the velocity of SGD, which does not go on as this mean."""
        return ("mean_square",)

    def update(self, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int) -> None:
        """v <- ρ v + (1 - ρ) g²; θ <- θ - η g / (√v + ε)."""
        (v,) = slots
        _decaying_mean(v, g * g, self.rho)
        theta -= rate * g / (np.sqrt(v) + self.epsilon)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: m <- β1 m + (1 - β1) g, v <- β2 v + (1 - β2) g², θ <- θ - η_t m / (√v + ε).

    η_t = η √(1 - β2^t) / (1 - β1^t). Kingma & Ba, arXiv 1412.6980, in the order of the end of its section 2.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    @property
    def slots(self) -> tuple[str, ...]:
        """m and v, the decaying means of g and g²."""
        return ("m", "v")

    def update(self, theta: Array, g: Array, slots: tuple[Array, ...], rate: float, t: int) -> None:
        """θ <- θ - η_t m / (√v + ε)."""
        m, v = slots
        _decaying_mean(m, g, self.beta1)
        _decaying_mean(v, g * g, self.beta2)
        rate_t = rate * float(np.sqrt(1 - self.beta2**t)) / (1 - self.beta1**t)
        step = np.sqrt(v)
        step += self.epsilon
        np.divide(m, step, out=step)
        step *= rate_t
        theta -= step


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay, 0.01 by default. Loshchilov & Hutter, arXiv 1711.05101."""

    weight_decay: float = field(default=0.01, kw_only=True)


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Limited-memory BFGS on the whole batch, through SciPy; one epoch is one of its iterations.

    `memory` pairs are kept; it stops if the largest gradient element is below `tolerance`. There is no
    learning rate: a line search finds each step's length. It also stops if one step lowers the cost by less than
    `relative_tolerance` of it, or after `max_evaluations` of the gradient (0: twenty per epoch).
    """

    learning_rate: float = field(default=1.0, init=False, repr=False)
    weight_decay: float = field(default=0.0, init=False, repr=False)
    memory: int = 10
    tolerance: float = 1e-6
    relative_tolerance: float = 0.0
    max_evaluations: int = 0


def _decaying_mean(mean: Array, value: Array, beta: float) -> None:
    """mean <- β mean + (1 - β) value, in place."""
    mean *= beta
    mean += (1 - beta) * value


OPTIMIZERS: dict[str, type[Optimizer]] = {  # every rule of this module, by its name in lower case
    rule.__name__.lower(): rule
    for rule in list(globals().values())
    if isinstance(rule, type) and issubclass(rule, Optimizer) and rule is not Optimizer
}


def get_optimizer(optimizer: str | Optimizer, **numbers: float) -> Optimizer:
    """The rule of that name with these numbers, or the one given; refuses a number that the rule does not have."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise one_of("optimizer", optimizer, OPTIMIZERS)
    rule = OPTIMIZERS[optimizer]
    known = {number.name for number in fields(rule) if number.init}
    for name, value in numbers.items():
        if name not in known:
            raise ArgumentError(sentence(name, f"left out with {optimizer}, which has none", repr(value)))
    return rule(**numbers)
