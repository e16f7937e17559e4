"""MLPClassifier: classes from numbers, with scikit-learn's names."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from deltaprop._types import Array
from deltaprop.errors import ArgumentError, sentence
from deltaprop.estimators._base import BaseMLP


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A fully connected network that tells classes apart, trained by BP1-BP4 on the cross-entropy.

    Two classes have one sigmoid output, more have a softmax output. float32 inputs are computed in float32, all else
    in float64. Parameters and attributes have scikit-learn's names and meanings; `network_` is the deltaprop Network,
    `history_` what happened in training, `engine` where it runs, `n_threads` on how many threads at most.
    """

    classes_: Array

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows X (m, n_features), dense or sparse, and their classes y (m,)."""
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], multi_output=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ArgumentError(sentence("y", "at least two classes", f"1 class, {self.classes_[0]!r}"))
        if len(self.classes_) == 2:
            Y = indices.reshape(-1, 1).astype(X.dtype)
            return self._fit(X, Y, 1, "sigmoid", "cross_entropy", sample_weight, indices)
        return self._fit(X, indices, len(self.classes_), "softmax", "cross_entropy", sample_weight, indices)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, (m, n_classes)."""
        check_is_fitted(self, "network_")
        a = self._outputs(X)
        return np.hstack([1 - a, a]) if a.shape[1] == 1 else a

    def predict(self, X: Any) -> Array:
        """The most probable class of each row, (m,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]
