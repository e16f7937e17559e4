"""MLPRegressor: numbers from numbers, with scikit-learn's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost, quantile
from deltaprop.errors import ArgumentError, sentence
from deltaprop.estimators._base import BaseMLP
from deltaprop.estimators._inputs import column, validated_pair
from deltaprop.training.score import r2

HEADS = {
    "squared_error": ("identity", "quadratic"),
    "poisson": ("exp", "poisson"),
    "absolute_error": ("identity", "absolute"),
}


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A fully connected network that predicts numbers, trained by BP1-BP4 on the squared error ½ ‖a - y‖².

    Every parameter, attribute and method of scikit-learn 1.9's MLPRegressor, with the same meaning and default, and
    the same numbers from the same `random_state`; of several outputs the loss is the sum, whose gradient is descended
    (scikit-learn reports the mean). Beside those: `loss` also "absolute_error", "huber" ("huber(2.5)" for a threshold
    of 2.5), "quantile" (then `quantile` says which), or a Cost. `activation` may be any of deltaprop's, an Activation,
    or a list with one per hidden layer; `solver` also "adamw" and "rmsprop"; `learning_rate` also a schedule of
    deltaprop's. `dropout`, `impute_missing`, `on_step`, `on_epoch`, `dtype`, `engine`, `n_threads`, `time_limit` and
    the attributes `network_`, `history_`, `validation_loss_curve_`, `early_stopped_`, `imputer_` as in MLPClassifier.
    """

    quantile: float

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        quantile: float = 0.5,
        dropout: Any = 0.0,
        impute_missing: bool = False,
        on_step: Any = None,
        on_epoch: Any = None,
        dtype: Any = None,
        engine: str = "auto",
        n_threads: int | None = None,
        time_limit: float | None = None,
    ) -> None:
        self._take(locals())

    def predict(self, X: Any) -> Array:
        """The predicted numbers of each row: (m,), or (m, n_outputs) for several."""
        a = self._outputs(X)
        return a.ravel() if a.shape[1] == 1 else a

    def _head(self) -> tuple[int, str | Activation, str | Cost]:
        if self.loss == "quantile":
            return self._n_targets, "identity", quantile(self.quantile)
        if isinstance(self.loss, str) and self.loss in HEADS:
            return self._n_targets, *HEADS[self.loss]
        return self._n_targets, "identity", self.loss

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Array]:
        return validated_pair(self, X, y, reset=reset, numeric=True)

    def _learn_targets(self, y: Array, *, first: bool, **more: Any) -> None:
        if first:
            self._n_targets = 1 if y.ndim == 1 else y.shape[1]

    def _encode_targets(self, y: Any, name: str = "y") -> Array:
        numbers = np.asarray(column(y))
        Y = numbers.reshape(len(numbers), -1)
        if Y.shape[1] != self._n_targets:
            must = f"of {self._n_targets} number{'s' if self._n_targets > 1 else ''} per row, as in the first call"
            raise ArgumentError(sentence(name, must, f"shape {numbers.shape}"))
        if self.loss == "poisson" and Y.min() < 0:
            raise ArgumentError(sentence(name, "0 or more with loss='poisson'", f"{Y.min():g}"))
        return Y

    def _score(self, a: Array, Y: Array, weight: Array | None) -> float:
        return r2(a, Y, weight)
