"""coefs_ and intercepts_: a network's own arrays, in a list whose items can be assigned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from deltaprop._types import Array
from deltaprop.core.border import check_finite
from deltaprop.errors import ArgumentTypeError, ShapeError, sentence


class Views(list[Array]):
    """Arrays that are views of a network: an assignment to an item writes into the network."""

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
        if not isinstance(values, Iterable):
            raise ArgumentTypeError(sentence(self._name, "a list of arrays, one per layer", repr(values)))
        self._write(self, list(values))

    def _write(self, places: list[Array], values: list[Any]) -> None:
        if len(values) != len(places):
            raise ShapeError(sentence(self._name, f"made of {len(places)} arrays, one per layer", len(values)))
        arrays = [np.array(value) for value in values]  # copies: one place's value may be another place
        for place, array in zip(places, arrays, strict=True):
            if array.dtype.kind not in "fiub":
                raise ArgumentTypeError(sentence(self._name, "made of arrays of numbers", f"dtype {array.dtype}"))
            if array.shape != place.shape:
                raise ShapeError(sentence(self._name, f"of shape {place.shape} in this layer", f"shape {array.shape}"))
            check_finite(array, self._name)
        for place, array in zip(places, arrays, strict=True):
            place[...] = array
