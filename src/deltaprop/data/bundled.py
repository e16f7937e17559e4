"""The data sets that scikit-learn includes; they need no file and no download."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltaprop._types import Array

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")
"""Names that `load` accepts instead of a path."""


def read_bundled(name: str) -> tuple[Any, Array]:
    """X and y of a bundled set: an array for digits, otherwise an Arrow table."""
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    if name == "digits":
        return data.data, data.target
    import pyarrow as pa

    columns = [np.ascontiguousarray(column) for column in data.data.T]
    X = pa.table(columns, names=[str(feature) for feature in data.feature_names])
    classes = getattr(data, "target_names", None)
    if classes is None or name == "diabetes":
        return X, data.target
    return X, np.array([str(classes[index]) for index in data.target], dtype=object)
