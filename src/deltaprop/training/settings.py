"""The arguments of `train`, checked: frozen settings, and the examples that they apply to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.core.dropout import check_dropout
from deltaprop.core.sparse import Inputs, SparseRows, packed
from deltaprop.engines.protocol import Data
from deltaprop.errors import ArgumentError, ArgumentTypeError, sentence
from deltaprop.network import Network, check_seed
from deltaprop.optim.optimizers import LBFGS, Optimizer, get_optimizer
from deltaprop.optim.rules import Rules
from deltaprop.optim.schedules import Constant, Schedule, get_schedule
from deltaprop.training.batches import epoch_order, split
from deltaprop.training.events import OnEpoch, OnProgress, OnStep
from deltaprop.training.stopping import EarlyStopping

Order = Callable[[Indices, int], Indices]  # of the rows in an epoch counted from 0
Score = Callable[[Array, Array, Array | None], float]  # of outputs, targets and weights; None: accuracy or R²


@dataclass(frozen=True, eq=False)
class Examples(Data):
    """Checked examples, and which of their rows take part."""

    rows: Indices

    def taken(self) -> Data:
        """The rows that take part; nothing is copied if all do."""
        return self if len(self.rows) == len(self) else self.take(self.rows)


@dataclass(frozen=True)
class Settings:
    """Checked settings of one training."""

    epochs: int
    batch_size: int
    rules: Rules
    schedule: Schedule
    early_stopping: EarlyStopping | None
    on_step: tuple[OnStep, ...]
    on_epoch: tuple[OnEpoch, ...]
    on_progress: tuple[OnProgress, ...]
    order: Order
    time_limit: float | None
    score: Score | None = None

    @property
    def optimizer(self) -> Optimizer:
        """The update rule."""
        return self.rules.optimizer

    @property
    def seed(self) -> int:
        """The seed of order, split and dropout."""
        return self.rules.seed


def check_settings(
    net: Network, X: object, Y: object, sample_weight: object, validation: object, **given: Any
) -> tuple[Settings, Examples, Data | None]:
    """The settings, the training examples and the validation examples, checked."""
    seed = check_seed(given["seed"])
    seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1) if seed is None else seed
    train_on, validate_on = _examples(net, X, Y, sample_weight, validation, seed)
    batch_size = given["batch_size"]
    if batch_size is not None:
        whole("batch_size", batch_size, 1)
    m = len(train_on.rows)
    settings = Settings(
        epochs=whole("epochs", given["epochs"], 1),
        batch_size=m if batch_size is None else min(int(batch_size), m),
        rules=Rules(
            optimizer=get_optimizer(given["optimizer"]),
            l1=number("l1", given["l1"]),
            l2=number("l2", given["l2"]),
            clip_norm=_positive("clip_norm", given["clip_norm"]),
            dropout=check_dropout(given["dropout"], net.spec),
            seed=seed,
        ),
        schedule=get_schedule(given["schedule"]),
        early_stopping=_early_stopping(given["early_stopping"], validate_on is not None),
        on_step=callbacks("on_step", given["on_step"]),
        on_epoch=callbacks("on_epoch", given["on_epoch"]),
        on_progress=callbacks("on_progress", given["on_progress"]),
        order=partial(epoch_order, seed=seed, shuffle=_flag("shuffle", given["shuffle"])),
        time_limit=_positive("time_limit", given["time_limit"]),
    )
    check_lbfgs(settings.rules, settings.schedule)
    if isinstance(settings.optimizer, LBFGS) and net.spec.rates:
        rates = {(l, name): rate for l, name, rate in net.spec.rates}
        raise ArgumentError(sentence("rates", "left out with L-BFGS, which has no learning rate", repr(rates)))
    return settings, train_on, validate_on


def _examples(
    net: Network, X: object, Y: object, sample_weight: object, validation: object, seed: int
) -> tuple[Examples, Data | None]:
    data = examples(net, X, Y, sample_weight)
    if validation is None:
        return data, None
    if isinstance(validation, (int, float, np.floating)) and not isinstance(validation, bool):
        if not 0 < validation < 1:
            raise ArgumentError(sentence("validation", "a fraction between 0 and 1, or (X, Y)", repr(validation)))
        if len(data) < 2:
            raise ArgumentError(sentence("X", "at least 2 rows, to hold some out for validation", "1 row"))
        inside, outside = split(len(data), float(validation), seed)
        for part, of in ((outside, "validation"), (inside, "training")):
            check_share(data.weight, part, of)
        return replace(data, rows=inside), replace(data, rows=outside).taken()
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        must = "a fraction, (X, Y) or (X, Y, sample_weight)"
        raise ArgumentTypeError(sentence("validation", must, type(validation).__name__))
    return data, examples(net, *validation, of="validation ")


def examples(net: Network, X: object, Y: object, sample_weight: object = None, *, of: str = "") -> Examples:
    """These rows, targets and weights, checked, all of them taking part; errors call them `{of}X` and so on."""
    checked = net.examples(X, Y, sample_weight, of=of)
    return Examples(*gatherable(*checked), np.arange(len(checked[1])))


def check_share(weight: Array | None, part: Indices, of: str) -> None:
    """Refuse a part of the rows that weighs nothing."""
    if weight is not None and not weight[part].any():
        raise ArgumentError(sentence("sample_weight", f"positive for some of the {of} rows", "only zeros"))


def gatherable(X: Inputs, Y: Array, weight: Array | None) -> tuple[Inputs, Array, Array | None]:
    """Copy once, before the first step, arrays from which gathering rows is slow.

    That is X whose rows are no run of numbers in memory (Fortran order, every second column), and Y and weights with
    gaps. Rows that lie apart, or in any order, stay where they are.
    """
    return _runs(X), packed(Y), None if weight is None else packed(weight)


def _runs(X: Inputs) -> Inputs:
    if isinstance(X, SparseRows):
        return X
    run = X.flags.aligned and (X.shape[1] == 1 or X.strides[1] == X.itemsize) and X.strides[0] % X.itemsize == 0
    return X if run else X.copy(order="C")


def whole(name: str, value: object, least: int) -> int:
    """A whole number that is at least this, or an error."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentTypeError(sentence(name, "a whole number", repr(value)))
    if value < least:
        raise ArgumentError(sentence(name, f"{least} or more", repr(value)))
    return int(value)


def number(name: str, value: Any) -> float:
    """A finite number, 0 or more, or an error."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise ArgumentTypeError(sentence(name, "a number", repr(value)))
    if not (np.isfinite(value) and value >= 0):
        raise ArgumentError(sentence(name, "finite and 0 or more", repr(value)))
    return float(value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentTypeError(sentence(name, "True or False", repr(value)))
    return bool(value)


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if number(name, value) == 0:
        raise ArgumentError(sentence(name, "greater than 0, or None", repr(value)))
    return float(value)


def _early_stopping(given: Any, validated: bool) -> EarlyStopping | None:
    if given is None or given is False:
        return None
    rule = given if isinstance(given, EarlyStopping) else EarlyStopping() if given is True else EarlyStopping(given)
    if rule.monitor.startswith("validation") and not validated:
        got = f"a rule that watches the {rule.monitor.replace('_', ' ')}, and no validation"
        remedy = "Give validation=0.2, or EarlyStopping(monitor='cost')."
        raise ArgumentError(sentence("early_stopping", "matched by validation data", got, remedy))
    return rule


def callbacks(name: str, given: Any) -> tuple[Callable[[Any], object], ...]:
    """None, a function or several, as a tuple, or an error."""
    found = () if given is None else tuple(given) if isinstance(given, Sequence) else (given,)
    for callback in found:
        if not callable(callback):
            raise ArgumentTypeError(sentence(name, "a function, or a list of them", repr(callback)))
    return found


def several(value: Any) -> tuple[Any, ...]:
    """The items of a list, an array or another iterable; one number, name or object stands for one item."""
    listed = isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) > 0
    return tuple(value) if listed else (value,)


def check_lbfgs(rules: Rules, schedule: Schedule) -> None:
    """Refuse what L-BFGS cannot use: it needs one smooth function of θ."""
    if not isinstance(rules.optimizer, LBFGS):
        return
    for name, good in (
        ("l1", not rules.l1),
        ("dropout", not rules.dropout),
        ("clip_norm", rules.clip_norm is None),
        ("schedule", isinstance(schedule, Constant)),
    ):
        if not good:
            raise ArgumentError(sentence(name, "left out with L-BFGS, which needs one smooth function", "a value"))
