"""Class labels as the targets of a network, and outputs as labels again."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, sentence


class Labels:
    """What a classifier knows of its labels: two classes have one output, more one each, yes/no labels one each."""

    def __init__(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)

    @property
    def classes(self) -> Array:
        """The classes in order; for yes/no labels their numbers."""
        return np.asarray(self._binarizer.classes_)

    @property
    def several(self) -> bool:
        """Whether a row has several yes/no labels."""
        return str(self._binarizer.y_type_).startswith("multilabel")

    @property
    def n_outputs(self) -> int:
        """One for two classes (or one), else one per class or label."""
        return len(self.classes) if self.several or len(self.classes) > 2 else 1

    def encode(self, y: Any, name: str = "y") -> Array:
        """Class indices (m,) if the outputs are one distribution, else 0 and 1, (m, n_outputs)."""
        if self.several:
            return np.asarray(self._binarizer.transform(y), np.float64)
        labels, classes = np.asarray(y), self.classes
        indices = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
        unknown = classes[indices] != labels
        if unknown.any():
            raise ArgumentError(sentence(name, f"made of the classes {classes}", f"{labels[unknown.argmax()]!s}"))
        return indices.reshape(-1, 1).astype(np.float64) if self.n_outputs == 1 else indices

    def soften(self, Y: Array, smoothing: float) -> Array:
        """(1 - ε) y + ε / K, towards chance, K being 2 for a yes/no output. Szegedy et al., arXiv 1512.00567."""
        K = self.n_outputs if Y.ndim == 1 else 2
        if Y.ndim == 2:
            return (1 - smoothing) * Y + smoothing / K
        rows = np.full((len(Y), K), smoothing / K)
        rows[np.arange(len(Y)), Y] += 1 - smoothing
        return rows

    def decode(self, a: Array) -> Any:
        """The most probable class of each row, (m,); of yes/no labels those above one half, (m, n_labels)."""
        return self._binarizer.inverse_transform(a.ravel() if self.n_outputs == 1 else a)

    def probabilities(self, a: Array) -> Array:
        """(m, n_classes), in the order of `classes`."""
        if self.several or self.n_outputs > 1:
            return a
        return np.hstack([1 - a, a]) if len(self.classes) == 2 else np.ones_like(a)
