"""Reads data files and frames as tables, and encodes tables as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deltaprop.data.arrays import idx_labels_beside, read_idx, read_npz
from deltaprop.data.columns import ColumnInfo
from deltaprop.data.labels import label_text, match_labels, unknown_labels
from deltaprop.data.sources import Source, load
from deltaprop.data.tables import read_table

if TYPE_CHECKING:
    from deltaprop.data.encoder import TableEncoder

__all__ = [
    "ColumnInfo",
    "Source",
    "TableEncoder",
    "idx_labels_beside",
    "label_text",
    "load",
    "match_labels",
    "read_idx",
    "read_npz",
    "read_table",
    "unknown_labels",
]


def __getattr__(name: str) -> Any:
    """`TableEncoder` on first use, because it imports scikit-learn."""
    if name != "TableEncoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from deltaprop.data.encoder import TableEncoder

    return TableEncoder
