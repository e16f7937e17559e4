"""MLPClassifier: classes from numbers, with scikit-learn's names."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from deltaprop._types import Array
from deltaprop.errors import sentence
from deltaprop.estimators.base import BaseMLP, learns_in_steps
from deltaprop.estimators.checks import ParameterError, takes
from deltaprop.estimators.labels import Labels
from deltaprop.estimators.parameters import ClassifierParameters
from deltaprop.estimators.targets import ClassTargets


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A fully connected network that tells classes apart, trained by BP1-BP4 on the cross-entropy.

    Every parameter, attribute and method of scikit-learn 1.9's MLPClassifier, with the same meaning and default, and
    the same numbers from the same `random_state`. Two classes and yes/no labels have sigmoid outputs, more classes a
    softmax. Beside those: `activation` may be any of deltaprop's, an Activation, or a list with one per hidden layer;
    `solver` also "adamw" and "rmsprop"; `learning_rate` also a schedule of deltaprop's. `loss` is "log_loss" or a Cost.
    `class_weight` is a dict, "balanced" or None. `label_smoothing` moves targets towards chance. `dropout` is one
    probability or one per hidden layer. `impute_missing` fills NaN with medians and marks them. `on_step` and
    `on_epoch` are called with a StepEvent and an EpochEvent. `dtype` is the number type (None: that of X), `engine`
    its hardware, `n_threads` the most threads, `time_limit` the most seconds of a fit.

    `network_` is the deltaprop Network, `history_` what happened in the last call, `validation_loss_curve_` the loss on
    validation rows, `early_stopped_` whether patience ended the training, `imputer_` what fills missing values.
    """

    _parameters = ClassifierParameters
    classes_: Array

    @takes(ClassifierParameters)
    def __init__(self) -> None:
        """Keep the parameters; they are checked by fit."""

    @available_if(learns_in_steps)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """One epoch over these rows, on from the call before; the optimiser's state goes on too.

        The first call names all `classes` that will come; yes/no labels need none. With `early_stopping`,
        `validation_fraction` of the rows are held out (the same ones if the same rows come again), or `X_val` is
        watched; when patience ends, `early_stopped_` is True and the best weights are back.
        """
        if isinstance(self.class_weight, str):
            remedy = "Give the weights as a dict, or sample_weight."
            raise ParameterError(sentence("class_weight", "None or a dict in partial_fit", repr("balanced"), remedy))
        validation = X_val, y_val, sample_weight_val
        return self._fit(X, y, sample_weight, validation, partial=True, classes=classes)

    def predict(self, X: Any) -> Any:
        """The most probable class of each row, (m,); for yes/no labels 0 and 1, (m, n_labels)."""
        a = self._outputs(X)
        return self._labels.decode(a)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, (m, n_classes)."""
        a = self._outputs(X)
        return self._labels.probabilities(a)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`; -inf if a probability is 0."""
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(p)

    @property
    def _labels(self) -> Labels:
        targets = self._fitted.encoding.targets
        assert isinstance(targets, ClassTargets)
        return targets.labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
