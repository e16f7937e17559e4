"""MLPRegressor: numbers from numbers, with scikit-learn's names."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d, validate_data

from deltaprop._types import Array
from deltaprop.estimators._base import BaseMLP


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A fully connected network that predicts numbers, trained by BP1-BP4 on the squared error ½ ‖a - y‖².

    float32 inputs are computed in float32, all else in float64. Parameters and attributes have scikit-learn's names
    and meanings; `network_` is the deltaprop Network, `history_` what happened in training, `engine` where it runs,
    `n_threads` on how many threads at most.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on rows X (m, n_features), dense or sparse, and numbers y, (m,) or (m, n_outputs)."""
        number = [np.float64, np.float32]
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=number, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._one_output = y.ndim == 1
        Y = y.reshape(len(y), -1).astype(X.dtype)
        return self._fit(X, Y, Y.shape[1], "identity", "quadratic", sample_weight, None)

    def predict(self, X: Any) -> Array:
        """The predicted numbers of each row, shaped as y was."""
        a = self._outputs(X)
        return a.ravel() if self._one_output else a
