"""MLPClassifier: classes from numbers, with scikit-learn's names."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from deltaprop._types import Array
from deltaprop.core.activations import Activation
from deltaprop.core.costs import Cost
from deltaprop.errors import ArgumentError, sentence
from deltaprop.estimators._base import BaseMLP, learns_in_steps
from deltaprop.estimators._inputs import column, validated_pair
from deltaprop.estimators._parameters import ParameterError
from deltaprop.estimators.labels import Labels
from deltaprop.training.score import accuracy


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A fully connected network that tells classes apart, trained by BP1-BP4 on the cross-entropy.

    Every parameter, attribute and method of scikit-learn 1.9's MLPClassifier, with the same meaning and default, and
    the same numbers from the same `random_state`. Two classes and yes/no labels have sigmoid outputs, more classes a
    softmax. Beside those: `activation` may be any of deltaprop's, an Activation, or a list with one per hidden layer;
    `solver` also "adamw" and "rmsprop"; `learning_rate` also a schedule of deltaprop's. `loss` is "log_loss" or a Cost.
    `class_weight` is a dict, "balanced" or None. `label_smoothing` moves targets towards chance. `dropout` is one
    probability or one per hidden layer. `impute_missing` fills NaN with medians and marks where it did. `on_step` and
    `on_epoch` are called with a StepEvent and an EpochEvent. `dtype` is the number type (None: that of X), `engine`
    where it runs, `n_threads` on how many threads at most, `time_limit` the seconds of a fit at most.

    `network_` is the deltaprop Network, `history_` what happened in the last call, `validation_loss_curve_` the loss on
    validation rows, `early_stopped_` whether patience ended the training, `imputer_` what fills missing values.
    """

    classes_: Array
    class_weight: Any
    label_smoothing: float
    _labels: Labels

    def __init__(
        self,
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
        loss: Any = "log_loss",
        class_weight: Any = None,
        label_smoothing: float = 0.0,
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
        """One epoch over these rows, on from where it is; the optimiser's state goes on too.

        The first call names all `classes` that will come; yes/no labels need none. With `early_stopping`,
        `validation_fraction` of the rows are held out (the same ones where the same rows come again), or `X_val` is
        watched; when patience ends, `early_stopped_` is True and the best weights are back.
        """
        if isinstance(self.class_weight, str):
            remedy = "Give the weights as a dict, or sample_weight."
            raise ParameterError(sentence("class_weight", "None or a dict in partial_fit", repr("balanced"), remedy))
        held = X_val, y_val, sample_weight_val
        return self._fit(X, y, sample_weight, held, again=True, epochs=1, classes=classes, in_part=True)

    def predict(self, X: Any) -> Any:
        """The most probable class of each row, (m,); for yes/no labels 0 and 1, (m, n_labels)."""
        a = self._outputs(X)
        return self._labels.decode(a)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, (m, n_classes)."""
        a = self._outputs(X)
        return self._labels.probabilities(a)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`; -inf where a probability is 0."""
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(p)

    def _head(self) -> tuple[int, str | Activation, str | Cost]:
        output = "sigmoid" if self._labels.several or self._labels.n_outputs == 1 else "softmax"
        return self._labels.n_outputs, output, "cross_entropy" if self.loss == "log_loss" else self.loss

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Array]:
        X, y = validated_pair(self, X, y, reset=reset)
        check_classification_targets(y)
        return X, y

    def _learn_targets(self, y: Array, *, first: bool, **more: Any) -> None:
        if first and not more.get("in_part"):
            self._labels = Labels(y)
        elif first:
            self._labels = Labels(self._announced(y, column(more["classes"])))
        else:
            self._check_known(y, more)
        self.classes_ = self._labels.classes

    @staticmethod
    def _announced(y: Array, classes: Any) -> Any:
        """Labels of every class that may come, for a first partial_fit."""
        if type_of_target(y).startswith("multilabel"):
            return y
        if classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        unknown = np.setdiff1d(unique_labels(y), classes)
        if len(unknown):
            raise ArgumentError(sentence("y", f"made of the classes {np.asarray(classes)}", f"also {unknown}"))
        return np.asarray(classes)

    def _check_known(self, y: Array, more: dict[str, Any]) -> None:
        found, known = unique_labels(y), self.classes_
        if type_of_target(y).startswith("multilabel") != self._labels.several:
            raise ArgumentError(sentence("y", "of the kind of the previous call", f"{type_of_target(y)} targets"))
        classes = more.get("classes")
        if classes is not None and not np.array_equal(known, unique_labels(column(classes))):
            raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}")
        if self.warm_start and not more.get("in_part") and set(found) != set(known):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {known}, `y` has {found}"
            )
        if len(np.setdiff1d(found, known)):
            raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {known}. 'y' has {found}.")

    def _encode_targets(self, y: Any, name: str = "y") -> Array:
        return self._labels.encode(column(y), name)

    def _soften(self, Y: Array) -> Array:
        return self._labels.soften(Y, self.label_smoothing) if self.label_smoothing else Y

    def _weigh(self, y: Array, weight: Array | None, *, held: bool) -> Array | None:
        if self.class_weight is None:
            return weight
        if self.class_weight == "balanced" and not self._labels.several:
            if not held:
                found = np.unique(y)
                self._balance = dict(zip(found, compute_class_weight("balanced", classes=found, y=y), strict=True))
            by_class = compute_sample_weight(self._balance, y)
        else:
            by_class = compute_sample_weight(self.class_weight, y)
        return by_class if weight is None else by_class * weight

    def _score(self, a: Array, Y: Array, weight: Array | None) -> float:
        return accuracy(a, Y, weight, exclusive=not self._labels.several and self._labels.n_outputs > 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
