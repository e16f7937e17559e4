"""How another code lays out its arrays: rows or columns as examples, W as in the book or transposed, and containers.

A different layout is not a mistake: it is recognised, named, and converted here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltaprop._types import Array

Lists = tuple[list[Any], list[Any]]


@dataclass(frozen=True)
class Layout:
    """Whether examples are columns, and whether W^l is (n_(l-1), n_l), the transpose of the book's."""

    name: str
    says: str
    columns: bool
    transposed: bool

    def rows_to_theirs(self, X: Array) -> Array:
        """Rows (m, n) as this code takes them, a fresh copy."""
        return (X.T if self.columns and X.ndim == 2 else X).copy()

    def W(self, W: Array) -> Array:
        """The book's W^l (n_l, n_(l-1)) as this code has it, a fresh copy."""
        return (W.T if self.transposed else W).copy()

    def b(self, b: Array) -> Array:
        """b^l (n_l,) as this code has it, a fresh copy."""
        return (b[:, None] if self.columns else b).copy()

    def W_to_book(self, dW: Array) -> Array:
        """∂C/∂W^l of this code as (n_l, n_(l-1))."""
        return dW.T if self.transposed else dW

    def weight_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """The shape that W^l of the book's shape (n_l, n_(l-1)) has here."""
        return (shape[1], shape[0]) if self.transposed else shape

    def bias_shapes(self, n: int) -> tuple[tuple[int, ...], ...]:
        """The shapes that ∂C/∂b^l may have: b^l's own; for rows (1, n) as well, which subtracts from b^l alike."""
        return ((n, 1),) if self.columns else ((n,), (1, n))


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("rows", "examples are rows, z = X @ W + b, W^l is (n_(l-1), n_l)", False, True),
        Layout("rows-book", "examples are rows, z = X @ W.T + b, W^l is (n_l, n_(l-1)) as in the book", False, False),
        Layout("columns", "examples are columns, z = W @ a + b, all as in the book", True, False),
    )
}


def _pairs(W: list[Array], b: list[Array]) -> Any:
    return list(zip(W, b, strict=True))


def _dict(W: list[Array], b: list[Array]) -> Any:
    return {f"{name}{l}": array for name, arrays in (("W", W), ("b", b)) for l, array in enumerate(arrays, 1)}


def _lists(W: list[Array], b: list[Array]) -> Any:
    return W, b


def _flat(W: list[Array], b: list[Array]) -> Any:
    return [array for pair in zip(W, b, strict=True) for array in pair]


CONTAINERS: dict[str, Callable[[list[Array], list[Array]], Any]] = {
    "pairs": _pairs,  # [(W1, b1), (W2, b2), ...]
    "dict": _dict,  # {"W1": W1, "b1": b1, ...}
    "lists": _lists,  # ([W1, W2, ...], [b1, b2, ...])
    "flat": _flat,  # [W1, b1, W2, b2, ...]
}


def split(grads: Any, W: list[Array], b: list[Array], biases_first: bool = False) -> Lists | None:
    """(∂C/∂W^1.., ∂C/∂b^1..) out of any known container; None if they cannot be distinguished.

    Of several possible readings the one whose shapes fit best: (nabla_b, nabla_w) and (dW, db) are both lists.
    `biases_first` decides if both fit.
    """
    readings = [reading for reading in _readings(grads, len(W), biases_first) if reading is not None]
    if not readings:
        return None

    def fit(reading: Lists) -> int:
        pairs = [*zip(reading[0], W, strict=True), *zip(reading[1], b, strict=True)]
        shaped = [(got, array) for got, array in pairs if hasattr(got, "shape")]
        return sum((np.size(got) == array.size) + (got.shape == array.shape) for got, array in shaped)

    return max(readings, key=fit)


def _readings(grads: Any, L: int, biases_first: bool) -> list[Lists | None]:
    if isinstance(grads, Mapping):
        return [_from_mapping(grads, L)]
    if not _is_list(grads):
        return []
    items = [_from_one(item, L) for item in _from_one(grads, 2 * L)]
    found: list[Lists | None] = []
    if len(items) == 2 and all(_is_list(item, L) for item in items):
        orders = [(list(items[0]), list(items[1])), (list(items[1]), list(items[0]))]
        found += orders[::-1] if biases_first else orders
    if len(items) == L and all(isinstance(item, Mapping) for item in items):
        found.append(_from_mapping({f"{k}{l}": v for l, item in enumerate(items, 1) for k, v in item.items()}, L))
    if len(items) == L and all(_is_list(item, 2) for item in items):
        found.append(([item[0] for item in items], [item[1] for item in items]))
    if len(items) == 2 * L and not any(_is_list(item) for item in items):
        found.append((items[::2], items[1::2]))
    return found


def _from_one(item: Any, L: int) -> Any:
    """A list without the None that some put at index 0, so that index l is the book's."""
    return item[1:] if _is_list(item, L + 1) and item[0] is None else item


def _is_list(item: object, length: int | None = None) -> bool:
    listed = isinstance(item, Sequence) and not isinstance(item, str)
    stacked = isinstance(item, np.ndarray) and item.dtype == object
    return (listed or stacked) and length in (None, len(item))  # type: ignore[arg-type]


def _from_mapping(grads: Mapping[str, Any], L: int) -> Lists | None:
    for W, b in (("W", "b"), ("dW", "db"), ("w", "b"), ("dw", "db")):
        if all(f"{name}{l}" in grads for name in (W, b) for l in range(1, L + 1)):
            return [grads[f"{W}{l}"] for l in range(1, L + 1)], [grads[f"{b}{l}"] for l in range(1, L + 1)]
    for W, b in (("weights", "biases"), ("W", "b"), ("dW", "db")):
        if W in grads and b in grads:
            return list(grads[W]), list(grads[b])
    return None
