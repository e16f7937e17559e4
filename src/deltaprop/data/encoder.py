"""The table encoder: a scikit-learn transformer that turns a table into the input of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from deltaprop._types import Array
from deltaprop.data import encoder_state, matrices, one_hot
from deltaprop.data.columns import (
    CategoryColumn,
    Column,
    ColumnInfo,
    NumberColumn,
    Origin,
    moments,
    refuse_infinite,
)
from deltaprop.data.frames import Kind, all_missing, as_frame, categories, column_of, kind_of, numbers
from deltaprop.data.names import listed, unknown_column
from deltaprop.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    ShapeError,
    nearest,
    one_of,
    sentence,
)

MOST_CATEGORIES = 1000
"""A text column with more distinct values is treated as an identifier, unless it is listed in `categorical`."""
FREE_CATEGORIES = 50
"""So is a text column with more distinct values than this, if most rows have a unique value."""


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Encodes a table as numbers: numbers are standardised, text is one-hot encoded, missing values are marked.

    X is a data frame that narwhals supports (pandas, polars, pyarrow, ...) or a 2-D array of numbers.

    - A number becomes (x - mean) / std of the training rows; a constant column becomes 0. A missing value becomes 0
      (the mean); if training had missing values, an additional output `<name>_missing` is 1 for it.
    - Text, booleans and categoricals become one output per category of training, `<name>_<category>`, sorted. All
      outputs are 0 for an unknown category. A missing value is a separate category if training had missing values.
    - A table with 64 or more outputs, and six or more per column on average, becomes a SciPy CSR array, because most
      of its numbers are 0.
    - An array of uint8 is treated as the bytes of images: x / 255.
    - `DataError`, with the name of the column: dates, columns without values, infinite numbers, text that looks like
      an identifier (more than 1000 distinct values, or more than 50 if over half of the rows have a unique value).

    Parameters
    ----------
    categorical, numeric : columns to treat as categories or as numbers, regardless of their type.
    dtype : "float32" or "float64", the type of the output.

    Attributes
    ----------
    columns_ : the fitted columns. n_features_in_ : their number. feature_names_in_ : their names, if X was a frame.
    sparse_output_ : whether `transform` returns CSR.
    """

    columns_: tuple[Column, ...]
    n_features_in_: int
    sparse_output_: bool
    feature_names_in_: Array

    def __init__(self, categorical: Sequence[str] = (), numeric: Sequence[str] = (), dtype: str = "float32") -> None:
        self.categorical = categorical
        self.numeric = numeric
        self.dtype = dtype

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the columns to the rows of X; `y` is ignored."""
        _check_parameters(self)
        frame = as_frame(X)
        columns = _fit_array(matrices.as_matrix(X), self) if frame is None else _fit_frame(frame, self)
        self._set_columns(columns, named=frame is not None)
        return self

    def _set_columns(self, columns: tuple[Column, ...], *, named: bool) -> None:
        self.columns_ = columns
        self.sparse_output_ = one_hot.stays_sparse(columns)
        self.n_features_in_ = len(columns)
        if named:
            self.feature_names_in_ = np.array([column.name for column in columns], dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def transform(self, X: Any) -> Any:
        """The encoded rows of X, (m, outputs), C-contiguous or CSR; the columns of a frame are matched by name."""
        check_is_fitted(self)
        frame = as_frame(X)
        if frame is None:
            return self._transform_array(matrices.as_matrix(X))
        _match_columns(frame.columns, [column.name for column in self.columns_])
        if self.sparse_output_:
            return one_hot.rows_of(frame, self.columns_, self.dtype)
        out = np.empty((len(frame), self._width()), self.dtype)
        start = 0
        for column in self.columns_:
            stop = start + len(column.outputs)
            _fill(column, column_of(frame, column.name), out[:, start:stop])
            start = stop
        return out

    def _transform_array(self, X: Array) -> Array:
        if hasattr(self, "feature_names_in_"):
            remedy = "Give it the names that it was fitted with."
            raise DataError(sentence("X", "a data frame, as in fit", f"an array of shape {X.shape}", remedy))
        if X.shape[1] != self.n_features_in_:
            raise ShapeError(sentence("X", f"of shape (m, {self.n_features_in_}), as in fit", f"{X.shape}"))
        out = np.empty((len(X), self._width()), self.dtype)
        matrices.fill(X, [c for c in self.columns_ if isinstance(c, NumberColumn)], out)
        return out

    def _width(self) -> int:
        return sum(len(column.outputs) for column in self.columns_)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """The name of every output; later outputs with the same name get the suffix _2, _3, ..."""
        check_is_fitted(self)
        return np.array(_distinct([name for c in self.columns_ for name in c.outputs]), dtype=object)

    def describe(self) -> list[ColumnInfo]:
        """How each column is treated, in the order of the table."""
        check_is_fitted(self)
        return [column.info() for column in self.columns_]

    def to_dict(self) -> dict[str, Any]:
        """The fitted encoder as plain data that JSON can store, with a version."""
        check_is_fitted(self)
        named = hasattr(self, "feature_names_in_")
        return encoder_state.dump(self.columns_, self.categorical, self.numeric, self.dtype, named=named)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The encoder from the result of `to_dict`; every field is checked (`FileFormatError`), nothing is executed."""
        loaded = encoder_state.load(state)
        encoder = cls(categorical=loaded.categorical, numeric=loaded.numeric, dtype=loaded.dtype)
        encoder._set_columns(loaded.columns, named=loaded.named)
        return encoder

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _check_parameters(encoder: TableEncoder) -> None:
    if encoder.dtype not in encoder_state.DTYPES:
        raise one_of("dtype", encoder.dtype, encoder_state.DTYPES)
    for argument in ("categorical", "numeric"):
        if isinstance(getattr(encoder, argument), str):
            got = repr(getattr(encoder, argument))
            raise ArgumentTypeError(sentence(argument, "a list of column names", got, f"Write [{got}]."))
    both = sorted(set(encoder.categorical) & set(encoder.numeric))
    if both:
        raise ArgumentError(sentence("categorical", "columns that are not in `numeric`", listed(both)))


def _refuse_empty(rows: int, columns: int) -> None:
    if rows == 0 or columns == 0:
        raise DataError(sentence("X", "a table with rows and columns", f"{rows} rows, {columns} columns"))


def _fit_frame(frame: Any, encoder: TableEncoder) -> tuple[Column, ...]:
    _refuse_empty(len(frame), len(frame.columns))
    for argument in ("categorical", "numeric"):
        for name in getattr(encoder, argument):
            if name not in frame.columns:
                raise unknown_column(argument, name, frame.columns, "the table")
    given: dict[str, Kind] = dict.fromkeys(encoder.categorical, "category")
    given |= dict.fromkeys(encoder.numeric, "number")
    return tuple(_fit_column(name, column_of(frame, name), given.get(name)) for name in frame.columns)


def _fit_column(name: str, array: Any, given: Kind | None) -> Column:
    if (given or kind_of(name, array)) == "category":
        return _fit_category(name, array, is_given=given is not None)
    values = numbers(name, array)[:, None]
    refuse_infinite(values, [name])
    mean, std, missing = moments(values)
    if missing[0] == len(values):
        raise all_missing(name)
    source: Origin = "inferred" if given is None else "given"
    return NumberColumn(name, float(mean[0]), float(std[0]), int(missing[0]), source)


def _fit_category(name: str, array: Any, *, is_given: bool) -> CategoryColumn:
    texts, codes = categories(name, array)
    present = codes[codes >= 0]
    if not len(present):
        raise all_missing(name)
    found = sorted(texts[code] for code in np.unique(present))
    many = len(found) > FREE_CATEGORIES and len(found) * 2 > len(codes)
    if not is_given and (many or len(found) > MOST_CATEGORIES):
        raise DataError(
            sentence(
                name,
                "a column of numbers or of few categories",
                f"{len(found)} different texts in {len(codes)} rows, such as {found[0]!r}",
                "Drop the column, or name it in `categorical` to have one input for each.",
            )
        )
    return CategoryColumn(name, tuple(found), int((codes < 0).sum()), "given" if is_given else "inferred")


def _fit_array(X: Array, encoder: TableEncoder) -> tuple[Column, ...]:
    _refuse_empty(*X.shape)
    if len(encoder.categorical) or len(encoder.numeric):
        got = listed([*encoder.categorical, *encoder.numeric])
        remedy = "Give a data frame to name its columns."
        raise ArgumentError(sentence("categorical", "left out for an array, as `numeric`", got, remedy))
    return tuple(matrices.fit(X))


def _match_columns(got: Sequence[str], fitted: Sequence[str]) -> None:
    missing = [name for name in fitted if name not in set(got)]
    unexpected = [name for name in got if name not in set(fitted)]
    if missing or unexpected:
        parts = [f"missing: {listed(missing)}"] * bool(missing)
        parts += [f"unexpected: {listed(unexpected)}"] * bool(unexpected)
        remedy = nearest(missing[0], unexpected) if missing else ""
        raise DataError(sentence("X", "a table with the columns of training", "; ".join(parts), remedy))


def _fill(column: Column, array: Any, out: Array) -> None:
    if isinstance(column, NumberColumn):
        column.fill(numbers(column.name, array), out)
    else:
        column.fill(*categories(column.name, array), out)


def _distinct(names: Sequence[str]) -> list[str]:
    taken = set(names)
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        unique = name
        while seen[name] > 1 and unique in taken:
            unique = f"{name}_{seen[name]}"
            seen[name] += unique in taken
        taken.add(unique)
        result.append(unique)
    return result
