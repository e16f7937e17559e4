"""What a fit learns of X and y before a network exists, and the rows that the network is then given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sklearn.impute import SimpleImputer

from deltaprop._types import Array, Indices
from deltaprop.estimators.inputs import checked_weight, filled, fitted_imputer
from deltaprop.estimators.parameters import Parameters
from deltaprop.estimators.targets import Targets, learned_targets


@dataclass(frozen=True)
class EncodedRows:
    """Checked rows: X, the targets to train on, the targets that are scored, weights."""

    X: Any
    Y_train: Array
    Y: Array
    weight: Array | None

    def take(self, rows: Indices) -> EncodedRows:
        """These rows."""
        weight = None if self.weight is None else self.weight[rows]
        return EncodedRows(self.X[rows], self.Y_train[rows], self.Y[rows], weight)


@dataclass(frozen=True)
class Encoding:
    """How rows and targets become numbers for a network; `columns` are scikit-learn's attributes of X."""

    columns: dict[str, Any]
    dtype: Any
    imputer: SimpleImputer | None
    targets: Targets

    @property
    def n_inputs(self) -> int:
        """How many numbers a row becomes."""
        return self.columns["n_features_in_"] if self.imputer is None else len(self.imputer.get_feature_names_out())

    def attributes(self) -> dict[str, Any]:
        """What an estimator shows of it, by name."""
        imputer = {} if self.imputer is None else {"imputer_": self.imputer}
        return {**self.columns, **imputer, **self.targets.attributes()}


def learned_encoding(
    parameters: Parameters,
    validated: Any,
    X: Any,
    y: Array,
    before: Encoding | None = None,
    *,
    partial: bool = False,
    classes: Any = None,
) -> Encoding:
    """What rows and targets are, continuing the encoding of the call `before` if there is one.

    `validated` is the object to which scikit-learn's checks wrote the names and the number of the features.
    """
    targets = learned_targets(parameters, y, before.targets if before else None, partial=partial, classes=classes)
    found = vars(validated)
    columns = {name: found[name] for name in ("n_features_in_", "feature_names_in_") if name in found}
    if before is not None:
        return replace(before, columns=columns, targets=targets)
    return Encoding(columns, X.dtype, fitted_imputer(X) if parameters.impute_missing else None, targets)


def encoded_rows(encoding: Encoding, X: Any, y: Array, weight: Any, suffix: str = "") -> EncodedRows:
    """Validated rows as a network takes them; errors call the targets and weights by their names with this suffix."""
    weight = encoding.targets.weigh(y, checked_weight(weight, X, f"sample_weight{suffix}"))
    Y = encoding.targets.encode(y, f"y{suffix}")
    return EncodedRows(filled(X, encoding.imputer), encoding.targets.soften(Y), Y, weight)
