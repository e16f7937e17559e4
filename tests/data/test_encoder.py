"""What the table encoder makes of tables and arrays, and what it refuses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from deltaprop.data import TableEncoder
from deltaprop.errors import ArgumentError, ArgumentTypeError, DataError, DeltapropError, ShapeError

TABLE = {"n": [1.0, None, 3.0], "t": ["x", "y", None], "b": [True, False, True], "i": [5, 5, 5]}
finite = st.floats(-1e6, 1e6) | st.just(float("nan"))


def test_every_kind_of_column(make: Any) -> None:
    encoder = TableEncoder().fit(make(TABLE))
    assert list(encoder.get_feature_names_out()) == [
        "n", "n_missing", "t_x", "t_y", "t_missing", "b_false", "b_true", "i",
    ]  # fmt: skip
    out = encoder.transform(make(TABLE))
    # n: mean 2, population std 1
    expected = [[-1, 0, 1, 0, 0, 0, 1, 0], [0, 1, 0, 1, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0, 1, 0]]
    np.testing.assert_array_equal(out, expected)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    infos = encoder.describe()
    assert [(c.name, c.kind, c.source, c.missing, c.outputs) for c in infos] == [
        ("n", "number", "inferred", 1, 2),
        ("t", "category", "inferred", 1, 3),
        ("b", "category", "inferred", 0, 2),
        ("i", "number", "inferred", 0, 1),
    ]
    assert infos[0].details == "mean 2, std 1"
    assert infos[1].details == "2 categories: x, y"


def test_rows_unlike_those_of_training(make: Any) -> None:
    encoder = TableEncoder().fit(make({"n": [1.0, 3.0], "t": ["x", "y"], "i": [5, 5]}))
    new = make({"i": [9, None], "t": ["never seen", None], "n": [None, 5.0]})
    np.testing.assert_array_equal(encoder.transform(new), [[0, 0, 0, 0], [3, 0, 0, 0]])


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row(make: Any, rows: int) -> None:
    encoder = TableEncoder().fit(make(TABLE))
    some = make({name: values[:rows] for name, values in TABLE.items()})
    np.testing.assert_array_equal(encoder.transform(some), encoder.transform(make(TABLE))[:rows])
    one = TableEncoder().fit_transform(make({"n": [7.0], "t": ["x"]}))
    np.testing.assert_array_equal(one, [[0, 1]])


def test_overrides(make: Any) -> None:
    table = make({"code": [1, 2, 1], "amount": ["1", " 3 ", "?"], "on": [True, False, True]})
    encoder = TableEncoder(categorical=["code"], numeric=["amount", "on"]).fit(table)
    assert [(c.kind, c.source) for c in encoder.describe()] == [
        ("category", "given"), ("number", "given"), ("number", "given"),
    ]  # fmt: skip
    out = encoder.transform(table)
    np.testing.assert_array_equal(out[:, :4], [[1, 0, -1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])
    floats = make({"code": [2.0, None, 3.5], "amount": [3, 1, 1], "on": [1, 0, 1]})
    np.testing.assert_array_equal(encoder.transform(floats)[:, :2], [[0, 1], [0, 0], [0, 0]])


def test_types_of_pandas_and_polars_that_are_numbers_or_categories() -> None:
    table = pd.DataFrame(
        {
            "c": pd.Categorical(["x", "y", None], categories=["x", "y", "unused"]),
            "k": pd.Categorical([1, 2, 1]),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "o": pd.Series(["u", None, "v"], dtype=object),
        }
    )
    kinds = [(c.kind, c.outputs) for c in TableEncoder().fit(table).describe()]
    assert kinds == [("category", 3), ("category", 2), ("number", 2), ("category", 3)]
    other = pl.DataFrame(
        {
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "e": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y", "unused"])),
            "d": [Decimal("1.5"), Decimal("2.5")],
            "u": pl.Series([0, 255], dtype=pl.UInt8),
        }
    )
    out = TableEncoder(dtype="float64").fit_transform(other)
    np.testing.assert_array_equal(out, [[1, 0, 1, 0, -1, -1], [0, 1, 0, 1, 1, 1]])


@given(npst.arrays(np.float64, npst.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=finite))
def test_arrays_and_frames_give_the_same_numbers(X: np.ndarray) -> None:
    X[0] = np.nan_to_num(X[0])  # no column without a value
    names = [f"x{index}" for index in range(X.shape[1])]
    encoder = TableEncoder(dtype="float64")
    of_array = encoder.fit_transform(X)
    state = encoder.to_dict()
    np.testing.assert_array_equal(of_array, encoder.transform(X))
    np.testing.assert_array_equal(of_array, encoder.transform(pl.DataFrame(X, schema=names)))
    np.testing.assert_array_equal(of_array, encoder.fit_transform(pd.DataFrame(X, columns=names)))
    assert encoder.to_dict()["columns"] == state["columns"]
    assert np.isfinite(of_array).all()


@given(
    X=npst.arrays(np.float64, st.tuples(st.integers(2, 20), st.just(2)), elements=st.floats(-1e3, 1e3)),
    scale=st.sampled_from([1.0, 1e-150, 1e300]),
)
def test_standardised_as_scikit_learn_does_and_at_any_scale(X: np.ndarray, scale: float) -> None:
    X = np.round(X, 3)
    out = TableEncoder(dtype="float64").fit_transform(X * scale)
    np.testing.assert_allclose(out, StandardScaler().fit_transform(X), atol=1e-6)


def test_the_largest_floats_do_not_overflow() -> None:
    X = np.array([[1.7e308, 0.1], [-1.7e308, 0.1], [1.7e308, 0.1]])
    out = TableEncoder(dtype="float64").fit_transform(X)
    np.testing.assert_allclose(out[:, 0], [0.5**0.5, -(2**0.5), 0.5**0.5])
    np.testing.assert_array_equal(out[:, 1], 0)


@given(st.permutations(list(TABLE)))
def test_columns_are_matched_by_name(order: list[str]) -> None:
    encoder = TableEncoder().fit(pl.DataFrame(TABLE))
    shuffled = pl.DataFrame(TABLE).select(order)
    np.testing.assert_array_equal(encoder.transform(shuffled), encoder.transform(pl.DataFrame(TABLE)))


def test_bytes_are_images() -> None:
    X = np.array([[0, 51, 255], [255, 102, 0]], np.uint8)
    encoder = TableEncoder().fit(X)
    np.testing.assert_array_equal(encoder.transform(X), X / np.float32(255))
    np.testing.assert_allclose(encoder.transform(X.astype(float)), X / 255, rtol=1e-7)
    assert {(c.kind, c.details) for c in encoder.describe()} == {("bytes", "scaled by 1/255")}
    assert encoder.transform(X[:0]).shape == (0, 3)
    assert TableEncoder(dtype="float64").fit_transform(X).dtype == np.float64


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float16, np.float32])
def test_arrays_of_any_real_type(dtype: Any) -> None:
    X = np.array([[0, 1], [1, 0]], dtype)
    np.testing.assert_array_equal(TableEncoder().fit_transform(X), [[-1, 1], [1, -1]])
    np.testing.assert_array_equal(TableEncoder().fit_transform(X.tolist()), [[-1, 1], [1, -1]])


def test_arrays_larger_than_a_block_with_missing_values() -> None:
    X = np.random.default_rng(0).normal(3, 2, (300_000, 7))
    X[5, 2] = X[-1, 6] = np.nan
    out = TableEncoder(dtype="float64").fit_transform(X)
    assert out.shape == (300_000, 9)
    plain = np.delete(out, [3, 8], axis=1)
    z = (X - np.nanmean(X, axis=0)) / np.nanstd(X, axis=0)
    np.testing.assert_allclose(plain, np.where(np.isnan(X), 0, z), atol=1e-12)
    assert np.flatnonzero(out[:, 3]).tolist() == [5]
    assert np.flatnonzero(out[:, 8]).tolist() == [299_999]
    X[250_000, 4] = -np.inf
    with pytest.raises(DataError, match=r"`x4` must be finite .* Got -inf in row 250001\."):
        TableEncoder().fit(X)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([date(2024, 1, 1), None], r"`c` must be .*text\. Got dates or times .* Turn it into a number"),
        ([datetime(2024, 1, 1), None], "Got dates or times"),
        ([None, None], r"`c` must be a column with some values\. Got only missing values\. Drop the column\."),
        ([1.0, float("inf")], r"`c` must be finite numbers or missing ones\. Got inf in row 2\."),
        ([[1], [2]], "`c` must be a column of numbers or text. Got values of type"),
        ([f"id {k}" for k in range(51)], r"Got 51 different texts in 51 rows, such as 'id 0'\. Drop .*`categorical`"),
        ([str(k // 2) for k in range(2004)], "Got 1002 different texts in 2004 rows"),
    ],
)
def test_columns_refused(make: Any, column: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TableEncoder().fit(make({"a": [1.0] * len(column), "c": column}))


def test_many_categories_by_request_and_few_rows() -> None:
    texts = {"c": [f"id {k}" for k in range(51)]}
    assert TableEncoder(categorical=["c"]).fit_transform(pl.DataFrame(texts)).shape == (51, 51)
    assert TableEncoder().fit_transform(pl.DataFrame(texts)[:50]).shape == (50, 50)
    assert TableEncoder().fit_transform(pl.DataFrame({"c": texts["c"] * 2})).shape == (102, 51)


@pytest.mark.parametrize(
    ("parameters", "column", "message"),
    [
        ({"numeric": ["c"]}, ["1", "x y", "z"], r"`c` must be a column of numbers\. Got 'x y' in row 2\."),
        ({"numeric": ["c"]}, ["1", "inf"], "Got inf in row 2"),
        ({"numeric": ["c"]}, ["?", None], "only missing values"),
        ({"numeric": ["c"]}, [[1], [2]], r"a column of numbers\. Got values of type"),
        ({"numeric": ["c"]}, [date(2024, 1, 1)], "Got dates or times"),
        ({"categorical": ["c"]}, [None, None], "only missing values"),
        ({"categorical": ["c"]}, [[1], [2]], r"a column of text\. Got values of type"),
        ({"categorical": ["c"]}, [date(2024, 1, 1)], "Got dates or times"),
        ({"categorical": ["C"]}, ["x"], r"`categorical` must be a column of the table \(c\)\. Got 'C'.*'c'\?"),
        ({"numeric": ["d"]}, [1], "`numeric` must be a column of the table"),
        ({"numeric": ["c"], "categorical": ["c"]}, [1], "columns that are not in `numeric`. Got c"),
        ({"numeric": "c"}, [1], r"`numeric` must be a list of column names\. Got 'c'\. Write \['c'\]"),
        ({"dtype": "float16"}, [1], r"`dtype` must be one of float32, float64\. Got 'float16'"),
    ],
)
def test_overrides_refused(make: Any, parameters: dict[str, Any], column: list[object], message: str) -> None:
    with pytest.raises(DeltapropError, match=message):
        TableEncoder(**parameters).fit(make({"c": column}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": ["1", "two", "3"]}, r"`n` must be a column of numbers\. Got 'two' in row 2\."),
        ({"n": [1.0, -float("inf"), 2.0]}, r"`n` must be finite .* Got -inf in row 2\."),
        ({"n": [1.0, 2.0, 1e300]}, r"`n` must be numbers that float32 holds .* Got 1e\+300 in row 3\."),
        ({"n": [date(2024, 1, 1)] * 3}, "`n` must be .* Got dates or times"),
        ({"t": [date(2024, 1, 1)] * 3}, "`t` must be .* Got dates or times"),
        ({"t": None}, r"`X` must be a table with the columns of training\. Got missing: t\."),
        ({"extra": [1, 2, 3]}, r"Got unexpected: extra\."),
        ({"t": None, "T": ["x"] * 3}, r"Got missing: t; unexpected: T\. Did you mean 'T'\?"),
    ],
)
def test_transform_refuses(make: Any, changes: dict[str, Any], message: str) -> None:
    encoder = TableEncoder().fit(make(TABLE))
    changed = {name: values for name, values in {**TABLE, **changes}.items() if values is not None}
    with pytest.raises(DataError, match=message):
        encoder.transform(make(changed))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.arange(3.0), ShapeError, r"`X` must be of shape \(m, n\)\. Got shape \(3,\)\. Reshape it"),
        (np.zeros((0, 3)), DataError, "Got 0 rows, 3 columns"),
        (np.zeros((3, 0)), DataError, "Got 3 rows, 0 columns"),
        (pl.DataFrame(), DataError, "Got 0 rows, 0 columns"),
        (pl.DataFrame({"a": []}), DataError, "Got 0 rows, 1 columns"),
        (np.array([["a"]]), ArgumentTypeError, "Got ndarray of <U1. Give text and mixed columns as a data frame"),
        (np.ones((2, 2), complex), ArgumentTypeError, "an array of real numbers"),
        ([[1], [1, 2]], ShapeError, "Got rows of different lengths"),
        (sparse.csr_array(np.eye(2)), ArgumentTypeError, r"Got a sparse csr_array\. Call .toarray\(\)"),
        (np.array([[1, np.nan]]), DataError, "`x1` must be a column with some values"),
        (np.array([[1, np.inf]]), DataError, "`x1` must be finite .* Got inf in row 1"),
        (pd.DataFrame([[1, 2]]), DataError, r"named by text. Got a column named 0. .* X.columns.astype\(str\)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), DataError, "named differently. Got .* 'a' 2 times"),
        (pd.DataFrame({"a": [1, "b"]}), DataError, "`a` must be a column with values of one type. Got a mixture"),
    ],
)
def test_tables_refused(X: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        TableEncoder().fit(X)


def test_arrays_and_named_columns_do_not_mix() -> None:
    with pytest.raises(ArgumentError, match=r"left out for an array, as `numeric`\. Got x0\."):
        TableEncoder(categorical=["x0"]).fit(np.eye(2))
    encoder = TableEncoder().fit(np.eye(2))
    with pytest.raises(ShapeError, match=r"of shape \(m, 2\), as in fit\. Got \(3, 3\)"):
        encoder.transform(np.eye(3))
    with pytest.raises(DataError, match="missing: x0, x1; unexpected: a"):
        encoder.transform(pl.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match=r"a data frame, as in fit\. Got an array of shape \(1, 4\)"):
        TableEncoder().fit(pl.DataFrame(TABLE)).transform(np.ones((1, 4)))
    with pytest.raises(DataError, match=r"`x0` must be finite .* Got inf in row 2"):
        encoder.transform(np.array([[1, 1], [np.inf, 1]]))
    with pytest.raises(DataError, match=r"`x1` must be numbers that float32 holds .* Got 1e\+300 in row 1"):
        encoder.transform(np.array([[1, 1e300]]))


def test_output_names_are_unique() -> None:
    table = pl.DataFrame({"a": ["missing", None], "a_missing": [1, 2], "a_missing_2": [1, 2]})
    names = list(TableEncoder().fit(table).get_feature_names_out())
    assert names == ["a_missing", "a_missing_3", "a_missing_4", "a_missing_2"]
