"""The state of a training between two steps, as one object: all that a checkpoint must hold.

It can be copied, compared, and turned into arrays and JSON and back. What follows a training (early stopping, a plateau
rule, an estimator's account, a random stream) keeps its state in `parts`, as a dataclass of numbers, text, arrays and
lists of these.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields, is_dataclass
from math import isfinite
from typing import Any, Self, get_args, get_type_hints

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.errors import ArgumentError, sentence
from deltaprop.network import Network
from deltaprop.optim.optimizers import Optimizer
from deltaprop.training.history import History
from deltaprop.training.score import score_name

Arrays = dict[str, Array]
ARRAY, NUMBER = "$array", "$number"  # keys that stand for an array by name, and for a number that JSON has no name for
CLOCK = "seconds"  # differs from run to run


@dataclass
class Epoch:
    """The epoch that is under way: its order of the examples (empty before it begins), and the costs of its steps."""

    order: Indices = field(default_factory=lambda: np.empty(0, np.intp))
    costs: Array = field(default_factory=lambda: np.empty(0))
    penalties: Array = field(default_factory=lambda: np.empty(0))
    steps: int = 0

    @classmethod
    def begin(cls, order: Indices, n_steps: int) -> Self:
        """An epoch in this order, of which no step is done."""
        return cls(order, np.full(n_steps, np.nan), np.zeros(n_steps))

    @property
    def begun(self) -> bool:
        """Whether its order is drawn."""
        return len(self.order) > 0


@dataclass
class TrainingState:
    """A training between two steps.

    `theta` is the network's own vector. `slots` are the optimiser's vectors by name; `updates` counts the steps that
    it took, those of earlier trainings included. `epochs` counts the epochs that are finished, `epoch` is the one
    under way, and `seconds` is the time spent.
    """

    theta: Array
    slots: Arrays
    history: History
    updates: int = 0
    epochs: int = 0
    epoch: Epoch = field(default_factory=Epoch)
    seconds: float = 0.0
    parts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def fresh(cls, net: Network, optimizer: Optimizer, seed: int) -> Self:
        """The state of a training that has not begun."""
        slots = {name: np.zeros_like(net.theta) for name in optimizer.slots}
        return cls(net.theta, slots, History(seed, score_name(net.spec)))

    def anew(self, theta: Array, seed: int) -> Self:
        """The state of another training, of θ, that goes on with a copy of this optimiser's vectors."""
        slots = {name: slot.copy() for name, slot in self.slots.items()}
        return type(self)(theta, slots, History(seed, self.history.score_name), self.updates)

    def copy(self) -> Self:
        """A state that later steps do not change."""
        return copy.deepcopy(self)

    def same(self, other: TrainingState) -> bool:
        """Whether both hold the same bits; times are not compared."""
        (arrays, plain), (others, other_plain) = self.pack(), other.pack()
        return (
            _timeless(plain) == _timeless(other_plain)
            and arrays.keys() == others.keys()
            and all(_same_bits(array, others[name]) for name, array in arrays.items())
        )

    def pack(self) -> tuple[Arrays, dict[str, Any]]:
        """(arrays by name, plain data for JSON), which together are the state."""
        arrays: Arrays = {}
        return arrays, _packed(self, "", arrays)

    def take_up(self, arrays: Arrays, plain: dict[str, Any]) -> None:
        """Take over a state that `pack` returned, of the same parts; θ is filled in place."""
        if plain["parts"].keys() != self.parts.keys():
            want, have = (", ".join(parts) or "none" for parts in (plain["parts"], self.parts))
            raise ArgumentError(sentence("parts", f"{want}, as in the state that is taken up", have))
        mine = {"theta": self.theta, **{f"slots.{name}": slot for name, slot in self.slots.items()}}
        theirs = {name: array for name, array in arrays.items() if name == "theta" or name.startswith("slots.")}
        if _kinds(mine) != _kinds(theirs):
            raise ArgumentError(sentence("state", f"of a training with {_kinds(mine)}", _kinds(theirs)))
        _take_up(self, _unpacked(plain, arrays))


def _kinds(arrays: Arrays) -> str:
    """Names, number types and shapes of arrays, as text."""
    return ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in sorted(arrays.items()))


def _packed(value: Any, name: str, arrays: Arrays) -> Any:
    if isinstance(value, np.ndarray):
        arrays[name] = value.copy()
        return {ARRAY: name}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if isfinite(value) else {NUMBER: repr(value)}
    if isinstance(value, np.random.RandomState):
        value = value.get_state(legacy=False)
    elif is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, dict):
        return {key: _packed(item, f"{name}.{key}" if name else key, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_packed(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
    return value


def _unpacked(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, dict):
        if value.keys() == {ARRAY}:
            return arrays[value[ARRAY]].copy()
        if value.keys() == {NUMBER}:
            return float(value[NUMBER])
        return {key: _unpacked(item, arrays) for key, item in value.items()}
    return [_unpacked(item, arrays) for item in value] if isinstance(value, list) else value


def _take_up(into: Any, values: dict[str, Any]) -> None:
    """Set the fields of a dataclass: nested dataclasses, generators and θ in place, the others replaced."""
    hints = get_type_hints(type(into))
    for f in fields(into):
        now, new = getattr(into, f.name), values[f.name]
        if f.name == "theta":
            now[...] = new
        elif isinstance(now, np.random.RandomState):
            now.set_state(new)
        elif is_dataclass(now):
            _take_up(now, new)
        elif f.name == "parts":
            for name, part in now.items():
                _take_up(part, new[name])
        else:
            setattr(into, f.name, _records(new, hints[f.name]))


def _records(value: Any, hint: Any) -> Any:
    """A list of dataclasses from a list of dicts, if that is what the type hint says."""
    item: Any = next((arg for arg in get_args(hint) if is_dataclass(arg)), None)
    return [item(**one) for one in value] if isinstance(value, list) and item else value


def _timeless(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: _timeless(item) for key, item in plain.items() if key != CLOCK}
    return [_timeless(item) for item in plain] if isinstance(plain, list) else plain


def _same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
