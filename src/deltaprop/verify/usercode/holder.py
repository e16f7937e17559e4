"""An object that keeps its own parameters: they are found, set, read, and restored afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deltaprop._types import Array
from deltaprop.errors import CodeError, sentence
from deltaprop.verify.usercode.layouts import CONTAINERS

PARAMETERS = (("weights", "biases"), ("W", "b"), ("Ws", "bs"), ("w", "b"))
CONTAINER_NAMES = ("params", "parameters")


def keeps_parameters(thing: Any) -> bool:
    """Whether this object has weights and biases of its own."""
    pairs = (*PARAMETERS, *((name,) for name in CONTAINER_NAMES))
    return any(all(hasattr(thing, name) for name in names) for names in pairs)


@dataclass
class Holder:
    """An object that keeps its weights and biases in attributes, or in one dictionary."""

    thing: Any

    def names(self) -> tuple[str, str] | str:
        """The names of two attributes, or that of the dictionary."""
        for pair in PARAMETERS:
            if all(hasattr(self.thing, name) for name in pair):
                return pair
        for name in CONTAINER_NAMES:
            if hasattr(self.thing, name):
                return name
        has = ", ".join(name for name in vars(self.thing) if not name.startswith("_")) or "none"
        must = "an object with the attributes `weights` and `biases`, two lists of arrays"
        raise CodeError(sentence(type(self.thing).__name__, must, f"the attributes {has}"))

    def put(self, W: list[Array], b: list[Array]) -> None:
        """Give it these parameters."""
        names = self.names()
        if isinstance(names, str):
            container = "dict" if isinstance(getattr(self.thing, names), dict) else "pairs"
            setattr(self.thing, names, CONTAINERS[container](W, b))
        else:
            for name, arrays in zip(names, (W, b), strict=True):
                old = getattr(self.thing, name)
                from_one = isinstance(old, list) and len(old) == len(arrays) + 1 and old[0] is None
                setattr(self.thing, name, [None, *arrays] if from_one else list(arrays))
        if hasattr(self.thing, "sizes"):
            self.thing.sizes = [b[0].size if not W else _inputs(W[0], b[0]), *(array.size for array in b)]

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The object may be changed inside, and is afterwards as it was."""
        here = getattr(self.thing, "__dict__", {})
        kept = dict(here)
        try:
            yield
        finally:
            for name in set(here) - set(kept):
                del here[name]
            here.update(kept)

    def get(self) -> Any:
        """The parameters that it has now, in its own container."""
        names = self.names()
        return getattr(self.thing, names) if isinstance(names, str) else [getattr(self.thing, name) for name in names]


def _inputs(W: Array, b: Array) -> int:
    return int(W.size // b.size)
