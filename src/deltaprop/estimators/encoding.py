"""What a fit learns of X and y before a network exists, and the rows that the network is then given."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

from sklearn.impute import SimpleImputer

from deltaprop._types import Array
from deltaprop.estimators.inputs import Validation, checked_weight, filled, fitted_imputer, validated_pair
from deltaprop.estimators.parameters import Parameters, RegressorParameters
from deltaprop.estimators.targets import Targets, learned_targets


@dataclass(frozen=True)
class Encoding:
    """How rows and targets become numbers for a network; `columns` are scikit-learn's attributes of X."""

    columns: dict[str, Any]
    imputer: SimpleImputer | None
    targets: Targets

    def attributes(self) -> dict[str, Any]:
        """What an estimator shows of it, by name."""
        imputer = {} if self.imputer is None else {"imputer_": self.imputer}
        return {**self.columns, **imputer, **self.targets.attributes()}


@dataclass(frozen=True)
class EncodedRows:
    """Checked rows: X, the targets to train on, the targets that are scored, weights."""

    X: Any
    Y_train: Array
    Y: Array
    weight: Array | None


def encode(
    estimator: Any,
    given: Parameters,
    X: Any,
    y: Any,
    weight: Any = None,
    validation: Validation = (None, None, None),
    before: Encoding | None = None,
    *,
    partial: bool = False,
    classes: Any = None,
) -> tuple[Encoding, EncodedRows, EncodedRows | None]:
    """(what was learned, rows to train on, validation rows), on from the encoding of the call `before` if there is one.

    The estimator stays as it is: scikit-learn's checks write the names and number of the features to a copy of it.
    """
    checked, numeric = copy(estimator), isinstance(given, RegressorParameters)
    X, y = validated_pair(checked, X, y, reset=before is None, numeric=numeric)
    targets = learned_targets(given, y, before.targets if before else None, partial=partial, classes=classes)
    imputer = before.imputer if before else fitted_imputer(X) if given.impute_missing else None
    columns = {name: vars(checked)[name] for name in ("n_features_in_", "feature_names_in_") if name in vars(checked)}

    def rows(X: Any, y: Array, weight: Any, suffix: str = "") -> EncodedRows:
        weight = targets.weigh(y, checked_weight(weight, X, f"sample_weight{suffix}"))
        Y = targets.encode(y, f"y{suffix}")
        return EncodedRows(filled(X, imputer), targets.soften(Y), Y, weight)

    train_on, validate_on = rows(X, y, weight), None
    if validation[0] is not None:
        X_val, y_val = validated_pair(checked, *validation[:2], reset=False, numeric=numeric)
        validate_on = rows(X_val, y_val, validation[2], "_val")
    return Encoding(columns, imputer, targets), train_on, validate_on
