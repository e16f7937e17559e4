"""The settings of a table's model: each declared once, with its default, its check and its command-line option."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from deltaprop.core.dropout import check_dropout
from deltaprop.core.functions import get_activation
from deltaprop.core.spec import make_spec
from deltaprop.engines.registry import select
from deltaprop.errors import ArgumentError, one_of, sentence
from deltaprop.network import check_seed
from deltaprop.optim.optimizers import Optimizer, get_optimizer
from deltaprop.optim.rules import Rules
from deltaprop.optim.schedules import Schedule, get_schedule
from deltaprop.training.settings import check_lbfgs, number, several, whole

TASKS = ("auto", "classification", "regression")
Check = Callable[[str, Any], object]  # of a setting's name and value; raises ArgumentError or ArgumentTypeError


def setting(
    default: Any, metavar: str = "", help: str = "", check: Check | None = None, *, option: str = "", switch: str = ""
) -> Any:
    """A dataclass field with its default, its option of `deltaprop train`, and the check of its value alone.

    `metavar` is the option's syntax, "" for no option; `option` its name if not the setting's. With a `switch`, the
    help of one, a second option of the setting's own name turns it off.
    """
    about = {"metavar": metavar, "help": help, "check": check, "option": option, "switch": switch}
    return field(default=default, metadata=about)


def _task(name: str, value: Any) -> None:
    if value not in TASKS:
        raise one_of(name, value, TASKS)


def _widths(name: str, value: Any) -> None:
    for width in several(value):
        whole(name, width, 1)


def _count(name: str, value: Any) -> None:
    if value != "auto" or name != "batch_size":
        whole(name, value, 1)


def _fraction(name: str, value: Any) -> None:
    if number(name, value) >= 1:
        raise ArgumentError(sentence(name, "a fraction below 1", repr(value)))


def _patience(name: str, value: Any) -> None:
    if value is not None:
        whole(name, value, 0)


def _seed(name: str, value: Any) -> None:
    check_seed(value)


@dataclass
class TableSettings:
    """The settings, checked when they are given: each alone, then those that belong together."""

    hidden: Sequence[int] = setting((256, 256), "N,N", "Widths of the hidden layers; none for no layer.", _widths)
    activation: str = setting("relu", "NAME", "Of the hidden layers: relu, sigmoid, tanh, gelu, silu, ...")
    task: str = setting("auto", "NAME", "classification, regression, or auto: by the target's values.", _task)
    epochs: int = setting(100, "N", "Passes over the data, at most.", _count)
    batch_size: int | str = setting("auto", "N|auto", "Examples per step.", _count)
    optimizer: str = setting("adam", "NAME", "adam, adamw, sgd, rmsprop or lbfgs.")
    learning_rate: float | None = setting(None, "X", "Learning rate; by default the optimiser's own.", option="lr")
    schedule: str | Schedule = setting("constant", "NAME", "Of the learning rate: constant, cosine, one_cycle, ...")
    l2: float = setting(0.0, "X", "Add ½ l2 ‖W‖² to the cost (the book's λ is l2 times the rows).", number)
    dropout: float = setting(0.0, "P", "Probability of dropping a hidden unit.")
    validation: float = setting(0.1, "P", "Fraction of the rows that early stopping watches; 0 for none.", _fraction)
    early_stopping: int | None = setting(
        10,
        "N",
        "Epochs to wait for something better.",
        _patience,
        option="patience",
        switch="Stop when validation gets no better; keep the best.",
    )
    categorical: Sequence[str] = setting((), "A,B", "Columns to take as categories.")
    numeric: Sequence[str] = setting((), "A,B", "Columns to take as numbers.")
    drop: Sequence[str] = setting((), "A,B", "Columns to leave out.")
    dtype: str = setting("float32")
    seed: int | None = setting(None, "N", "Repeats the run to the bit.", _seed)
    engine: str = setting("auto")
    n_threads: int | None = setting(None)

    def __post_init__(self) -> None:
        for each in fields(TableSettings):
            if each.metadata["check"] is not None:
                each.metadata["check"](each.name, getattr(self, each.name))
        self.hidden = [int(width) for width in several(self.hidden)]
        spec = make_spec([1, *self.hidden, 1], get_activation(self.activation), "identity", "quadratic", self.dtype)
        select(self.engine, spec, self.n_threads)
        rules = Rules(self.rule(), l2=self.l2, dropout=check_dropout(self.dropout, spec))
        check_lbfgs(rules, get_schedule(self.schedule))

    def rule(self) -> Optimizer:
        """The update rule at the learning rate."""
        rate = {} if self.learning_rate is None else {"learning_rate": self.learning_rate}
        return get_optimizer(self.optimizer, **rate)
