"""MLPRegressor: numbers from numbers, with scikit-learn's names."""

from __future__ import annotations

from typing import Any

from sklearn.base import RegressorMixin

from deltaprop._types import Array
from deltaprop.estimators.base import BaseMLP
from deltaprop.estimators.checks import takes
from deltaprop.estimators.parameters import RegressorParameters


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

    _parameters = RegressorParameters

    @takes(RegressorParameters)
    def __init__(self) -> None:
        """Keep the parameters; they are checked by fit."""

    def predict(self, X: Any) -> Array:
        """The predicted numbers of each row: (m,), or (m, n_outputs) for several."""
        a = self._outputs(X)
        return a.ravel() if a.shape[1] == 1 else a
