"""coefs_ and intercepts_: a network's own arrays, in a list whose items can be assigned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.errors import ShapeError, sentence


class Views(list[Array]):
    """Arrays that look into a network: what is assigned to an item is written into the network."""

    def __init__(self, name: str, arrays: Iterable[Array]) -> None:
        super().__init__(arrays)
        self._name = name

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._write(self[index], list(value))
        else:
            self._write([self[index]], [value])

    def assign(self, values: Any) -> None:
        """Write one array per layer, all or none."""
        self._write(self, list(values))

    def _write(self, places: list[Array], values: list[Any]) -> None:
        if len(values) != len(places):
            raise ShapeError(sentence(self._name, f"made of {len(places)} arrays, one per layer", len(values)))
        arrays = [np.asarray(value) for value in values]
        for place, array in zip(places, arrays, strict=True):
            if array.shape != place.shape:
                raise ShapeError(sentence(self._name, f"of shape {place.shape} in this layer", f"shape {array.shape}"))
        for place, array in zip(places, arrays, strict=True):
            place[...] = array
