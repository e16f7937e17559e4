"""Labels as text, and matching the labels of another file with the classes of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deltaprop._types import Array, Indices
from deltaprop.data.names import listed
from deltaprop.errors import DataError, sentence

_SHOWN = 5


def label_text(value: Any) -> str:
    """The text of a label or category: true or false for a boolean, 3 for 3.0; text is stripped."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def match_labels(labels: Array | Sequence[Any], classes: Array | Sequence[Any]) -> tuple[Indices, NDArray[np.bool_]]:
    """The index in `classes` of every label (-1 if unknown), and the mask of the unknown labels.

    Labels and classes are compared as `label_text`, so that 1, 1.0 and "1" are the same label. If there is no exact
    match, one full stop at the end is ignored: the test file of the Adult census has "<=50K." for "<=50K".
    Shapes: labels (m,), classes (K,) -> (m,), (m,).
    """
    index = {label_text(label): k for k, label in enumerate(classes)}
    distinct, inverse = _distinct(labels)
    found = np.array([_find(text, index) for text in distinct], dtype=np.intp)
    indices = found[inverse] if len(distinct) else np.empty(0, np.intp)
    return indices, indices < 0


def _find(text: str, index: dict[str, int]) -> int:
    return index.get(text, index.get(text.removesuffix("."), -1))


def _distinct(labels: Array | Sequence[Any]) -> tuple[list[str], Indices]:
    """The distinct texts of the labels, and the index of each label's text."""
    values = np.asarray(labels)
    if values.dtype.kind in "OSU":
        codes: dict[str, int] = {}
        raw: dict[Any, int] = {}
        inverse = np.empty(len(values), np.intp)
        for row, value in enumerate(values.tolist()):
            if value not in raw:
                raw[value] = codes.setdefault(label_text(value), len(codes))
            inverse[row] = raw[value]
        return list(codes), inverse
    numbers, places = np.unique(values, return_inverse=True)
    return [label_text(number) for number in numbers], places


def unknown_labels(
    labels: Array | Sequence[Any], unknown: NDArray[np.bool_], classes: Array | Sequence[Any], target: str
) -> DataError:
    """The error for labels without a class: each label with its number of rows, and the first such row (from 1)."""
    rows = np.flatnonzero(unknown)
    texts, places = _distinct(np.asarray(labels)[rows])
    counts = np.bincount(places, minlength=len(texts))
    shown = ", ".join(f"{texts[k]!r} in {_rows(int(counts[k]))}" for k in np.argsort(-counts, kind="stable")[:_SHOWN])
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    must = f"one of the labels of training ({listed(label_text(label) for label in classes)})"
    return DataError(sentence(target, must, f"{shown}{more}; the first is row {rows[0] + 1}"))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
