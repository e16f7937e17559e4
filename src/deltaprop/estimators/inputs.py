"""X, y and weights from users, checked by scikit-learn's functions and turned into arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.impute import SimpleImputer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from deltaprop._types import Array
from deltaprop.core.border import check_weight
from deltaprop.errors import sentence
from deltaprop.estimators.checks import ParameterError
from deltaprop.estimators.parameters import DEFAULT_FRACTION, Parameters

Validation = tuple[Any, Any, Any]  # X_val, y_val, sample_weight_val


def validated_rows(estimator: Any, X: Any) -> Any:
    """X as scikit-learn checks it for a fitted estimator: names, shape, finite numbers; float32 stays float32."""
    return validate_data(estimator, frame(X), reset=False, **_rules(estimator))


def validated_pair(estimator: Any, X: Any, y: Any, *, reset: bool) -> tuple[Any, Array]:
    """X and y as scikit-learn checks them; `reset` writes the names and number of the features to the estimator."""
    numeric = is_regressor(estimator)
    rules = {"multi_output": True, "y_numeric": numeric, "reset": reset, **_rules(estimator)}
    X, y = validate_data(estimator, frame(X), column(y), **rules)
    if not numeric:
        check_classification_targets(y)
    return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def _rules(estimator: Any) -> dict[str, Any]:
    dtypes = [np.float64, np.float32] if estimator.dtype is None else [np.dtype(estimator.dtype)]
    finite = "allow-nan" if estimator.impute_missing else True
    return {"accept_sparse": "csr", "dtype": dtypes, "ensure_all_finite": finite}


def frame(X: Any) -> Any:
    """A pyarrow table as a pandas frame, which keeps the names; anything else as it is."""
    return X.to_pandas() if type(X).__module__.startswith("pyarrow") and hasattr(X, "to_pandas") else X


def column(y: Any) -> Any:
    """A column of a polars or pyarrow frame as an array; anything else as it is."""
    module = type(y).__module__
    if module.startswith("pyarrow"):
        return y.to_numpy(zero_copy_only=False) if hasattr(y, "type") else y.to_pandas().to_numpy()
    return y.to_numpy() if module.startswith("polars") else y


def checked_weight(weight: Any, X: Any, name: str) -> Array | None:
    """Weights as scikit-learn takes them, one number per row or one for all, in float64; None stays None."""
    if weight is None:
        return None
    numbers = _check_sample_weight(column(weight), X, dtype=np.float64)
    return check_weight(numbers, len(numbers), name)


def fitted_imputer(X: Any) -> SimpleImputer:
    """An imputer that fills a missing value with its column's median and adds a column that marks it."""
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return imputer.set_output(transform="default").fit(X)


def filled(X: Any, imputer: SimpleImputer | None) -> Any:
    """X with its missing values filled; X itself without an imputer."""
    if imputer is None:
        return X
    full = imputer.transform(X)
    return full.tocsr() if hasattr(full, "tocsr") else full


def check_validation(parameters: Parameters, validation: Validation) -> None:
    """Refuse validation rows without their targets, or beside a fraction to hold out."""
    X_val, y_val, sample_weight_val = validation
    if (X_val is None) != (y_val is None):
        missing, present = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
        raise ParameterError(sentence(missing, f"given together with {present}", "None"))
    if X_val is None and sample_weight_val is not None:
        raise ParameterError(sentence("sample_weight_val", "left out without X_val and y_val", "weights"))
    if X_val is not None and parameters.early_stopping and parameters.validation_fraction != DEFAULT_FRACTION:
        got = f"{parameters.validation_fraction!r} with early_stopping=True and X_val"
        remedy = "Rows are held out only where no X_val is given."
        raise ParameterError(sentence("validation_fraction", "left at 0.1 where X_val is given", got, remedy))
