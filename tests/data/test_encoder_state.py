"""The encoder as plain data, and as a scikit-learn transformer."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from deltaprop.data import TableEncoder
from deltaprop.errors import FileFormatError

TABLE = pl.DataFrame({"n": [1.0, None, 3.5], "t": ["x", "y", None], "k": [1, 2, 1]})
STATE = TableEncoder(categorical=["k"]).fit(TABLE).to_dict()


@given(
    numbers=st.lists(st.floats(allow_infinity=False, width=32), min_size=1, max_size=20),
    seed=st.integers(0, 9),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_round_trip_gives_the_same_bits(numbers: list[float], seed: int, dtype: str) -> None:
    letters = np.random.default_rng(seed).choice(["a", "ä", "", "b c"], len(numbers))
    table = pl.DataFrame({"n": [0.5, *numbers], "t": ["a", *letters]})
    encoder = TableEncoder(dtype=dtype)
    expected = encoder.fit_transform(table)
    state = json.loads(json.dumps(encoder.to_dict(), allow_nan=False))
    again = TableEncoder.from_dict(state)
    assert again.transform(table).tobytes() == expected.tobytes()
    assert again.to_dict() == state
    assert again.get_params() == {**encoder.get_params(), "categorical": (), "numeric": ()}
    assert list(again.feature_names_in_) == ["n", "t"]


def test_round_trip_of_arrays() -> None:
    X = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for array in (X, X.astype(float)):
        encoder = TableEncoder().fit(array)
        again = TableEncoder.from_dict(encoder.to_dict())
        assert again.transform(array).tobytes() == encoder.transform(array).tobytes()
        assert not hasattr(again, "feature_names_in_")


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    state = copy.deepcopy(STATE)
    place: Any = state
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return state


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["format"], "other", "format"),
        (["version"], 2, "version"),
        (["version"], True, "version"),
        (["dtype"], "float16", "dtype"),
        (["dtype"], ["float32"], "dtype"),
        (["named"], 1, "named"),
        (["named"], False, "named"),
        (["categorical"], "k", "categorical"),
        (["numeric"], [1], "numeric"),
        (["columns"], {}, "columns"),
        (["columns"], [], "columns"),
        (["columns"], [3], "columns"),
        (["columns", 1, "name"], "n", "columns"),
        (["columns", 0, "name"], 3, "name"),
        (["columns", 0, "kind"], "date", "kind"),
        (["columns", 0, "source"], None, "source"),
        (["columns", 0, "missing"], -1, "missing"),
        (["columns", 0, "missing"], 1.0, "missing"),
        (["columns", 0, "mean"], float("nan"), "mean"),
        (["columns", 0, "mean"], "1", "mean"),
        (["columns", 0, "std"], float("inf"), "std"),
        (["columns", 0, "std"], -1.0, "std"),
        (["columns", 1, "categories"], [], "categories"),
        (["columns", 1, "categories"], ["y", "x"], "categories"),
        (["columns", 1, "categories"], ["x", "x"], "categories"),
        (["columns", 1, "categories"], ["x", None], "categories"),
    ],
)
def test_a_wrong_field_is_named(path: list[Any], value: Any, field: str) -> None:
    with pytest.raises(FileFormatError, match=rf"`encoder\.{field}` must be .*Got "):
        TableEncoder.from_dict(changed(path, value))


@pytest.mark.parametrize("key", sorted(STATE))
def test_every_field_is_needed(key: str) -> None:
    with pytest.raises(FileFormatError, match=rf"`encoder\.{key}` must be"):
        TableEncoder.from_dict({name: value for name, value in STATE.items() if name != key})


@pytest.mark.parametrize("state", [None, [], "text"])
def test_what_is_no_description(state: Any) -> None:
    with pytest.raises(FileFormatError, match=r"`encoder\.format` must be"):
        TableEncoder.from_dict(state)


def test_long_values_are_cut_in_the_message() -> None:
    with pytest.raises(FileFormatError) as caught:
        TableEncoder.from_dict(changed(["dtype"], "x" * 10_000))
    assert len(str(caught.value)) < 200


def test_it_is_a_scikit_learn_transformer() -> None:
    encoder = TableEncoder(categorical=["k"])
    assert clone(encoder).get_params() == {"categorical": ["k"], "numeric": (), "dtype": "float32"}
    with pytest.raises(NotFittedError):
        encoder.transform(TABLE)
    assert encoder.fit(TABLE).n_features_in_ == 3
    assert "TableEncoder" in encoder._repr_html_()
    frame = pd.DataFrame({"n": [1.0, 2.0], "t": ["u", "v"]}, index=[5, 6])
    out = TableEncoder().set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == ["n", "t_u", "t_v"]
    assert list(out.index) == [5, 6]
    assert TableEncoder().set_output(transform="polars").fit_transform(TABLE).columns[0] == "n"


def test_fitting_again_forgets_what_was_before() -> None:
    encoder = TableEncoder().fit(TABLE)
    encoder.fit(np.eye(2))
    assert not hasattr(encoder, "feature_names_in_")
    assert encoder.n_features_in_ == 2


def test_it_works_in_a_pipeline() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"n": rng.normal(size=80), "t": rng.choice(["a", "b"], 80)})
    y = (table["t"] == "a") ^ (table["n"] > 5)
    model = make_pipeline(TableEncoder(), LogisticRegression()).fit(table, y)
    assert model.score(table, y) == 1.0


OTHER_BY_DESIGN = {
    "check_n_features_in_after_fitting": "the message has deltaprop's form",
    "check_estimators_empty_data_messages": "the message has deltaprop's form",
    "check_fit2d_predict1d": "the message has deltaprop's form",
    "check_complex_data": "the message has deltaprop's form",
    "check_dtype_object": "arrays of objects are refused: mixed columns come as frames",
    "check_transformer_preserve_dtypes": "the output's dtype is a parameter",
    "check_array_api_input": "NumPy only",
}


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pair
        for pair in estimator_checks_generator(TableEncoder(), mark=None)
        if getattr(pair[1], "func", pair[1]).__name__ not in OTHER_BY_DESIGN
    ],
    ids=lambda value: getattr(getattr(value, "func", value), "__name__", ""),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)
