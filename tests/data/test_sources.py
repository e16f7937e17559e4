"""The one entry for data."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from deltaprop.data import load
from deltaprop.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError

COLUMNS = {"size": [1.0, 2.0, 3.0], "grade": ["a", " b", "a"], "price": [10, 20, 30]}


def write_idx(path: Path, array: np.ndarray) -> Path:
    sizes = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())
    return path


def test_frames_are_split_at_the_target(make: type) -> None:
    numbers = load(make(COLUMNS), target="price")
    assert numbers.y is not None
    assert numbers.y.tolist() == [10, 20, 30]
    assert numbers.y.dtype == np.int64
    assert numbers.y.flags.writeable
    assert isinstance(numbers.X, nw.DataFrame)
    assert (numbers.target, numbers.name, numbers.feature_names) == ("price", "the data frame", ("size", "grade"))
    texts = load(make(COLUMNS), target="grade")
    assert texts.y is not None
    assert texts.y.dtype == object
    assert texts.y.tolist() == ["a", "b", "a"]


def test_booleans_are_labels_of_text(make: type) -> None:
    y = load(make({"x": [1, 2], "y": [True, False]}), target="y").y
    assert y is not None
    assert y.tolist() == ["true", "false"]


def test_prediction_needs_no_target() -> None:
    frame = pl.DataFrame(COLUMNS)
    assert load(frame, target="price", need_target=False).feature_names == ("size", "grade")
    assert load(frame.drop("price"), target="price", need_target=False).feature_names == ("size", "grade")
    whole = load(frame, need_target=False)
    assert whole.y is None
    assert len(whole.feature_names) == 3


@pytest.mark.parametrize(
    ("columns", "target", "message"),
    [
        (COLUMNS, None, r"the columns of the data frame \(size, grade, price\)\. Got none\. Say .* --target COL"),
        (COLUMNS, "prize", r"\(size, grade, price\)\. Got 'prize'\. Did you mean 'price'\?"),
        ({"x": [1, 2, 3], "y": [1, None, None]}, "y", r"Got missing values in 2 rows; the first is row 2\."),
        ({"x": [1, 2, 3], "y": ["a", "b", None]}, "y", r"missing values in 1 row; the first is row 3\."),
        ({"x": [1, 2], "y": [1.0, float("inf")]}, "y", "Got infinite values in 1 row; the first is row 2"),
        ({"x": [1, 2], "y": [None, None]}, "y", "`y` must be a column with some values"),
        ({"x": [1], "y": [date(2024, 1, 1)]}, "y", "`y` must be .* Got dates or times"),
        ({"y": [1, 2]}, "y", "columns besides the target. Got only 'y'"),
        ({"x": [], "y": []}, "y", "at least one row"),
    ],
)
def test_bad_targets(make: type, columns: dict[str, list[object]], target: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(make(columns), target=target)


def test_a_file_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"1, a\n2, b\n")
    source = load(path, target="label", names=["x", "label"])
    assert source.y is not None
    assert source.y.tolist() == ["a", "b"]
    assert source.name == str(path)
    assert load(str(path), names=["x", "label"], need_target=False).feature_names == ("x", "label")


@pytest.mark.parametrize(
    ("name", "rows", "features", "first"),
    [
        ("digits", 1797, 64, 0),
        ("iris", 150, 4, "setosa"),
        ("wine", 178, 13, "class_0"),
        ("breast_cancer", 569, 30, "malignant"),
        ("diabetes", 442, 10, 151.0),
    ],
)
def test_bundled_sets(name: str, rows: int, features: int, first: object) -> None:
    source = load(name)
    assert source.y is not None
    assert source.X.shape == (rows, features)
    assert len(source.feature_names) == features
    assert (source.y[0], source.name, source.target) == (first, name, "target")
    assert load(name, need_target=False).y is None
    with pytest.raises(ArgumentError, match=f"`target` must be left out for {name}"):
        load(name, target="other")
    with pytest.raises(ArgumentError, match=f"`names` must be left out for {name}"):
        load(name, names=["a"])


def test_a_bundled_name_wins_over_a_file_unless_written_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("iris").write_text("x")
    assert load("iris").X.shape == (150, 4)
    for path in ("./iris", Path("iris")):
        with pytest.raises(DataError, match="a file of a known kind"):
            load(path, target="y")
    with pytest.raises(DataError, match=r"a data file or one of .*, wine\. Got 'digit'\. Did you mean 'digits'\?"):
        load("digit")


def test_idx_images_bring_the_labels_beside_them(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "a-images-idx3-ubyte", np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    with pytest.raises(DataError, match=r"data with labels\. Got .*a-images-idx3-ubyte, which has none"):
        load(images)
    assert load(images, need_target=False).y is None
    write_idx(tmp_path / "a-labels-idx1-ubyte", np.array([7, 8], np.uint8))
    source = load(images)
    assert source.y is not None
    assert source.X.shape == (2, 12)
    assert source.X.dtype == np.uint8
    assert source.y.tolist() == [7, 8]
    write_idx(tmp_path / "a-labels-idx1-ubyte", np.array([7], np.uint8))
    with pytest.raises(ShapeError, match=r"`y` must be of shape \(2,\), as X has rows. Got shape \(1,\)"):
        load(images)
    with pytest.raises(ArgumentError, match="`names` must be left out"):
        load(images, names=["a"])


def test_npz_and_arrays(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, X=np.ones((3, 2, 2)), y=np.array([" a", "b", "a"]))
    source = load(path)
    assert source.y is not None
    assert source.X.shape == (3, 4)
    assert source.y.tolist() == ["a", "b", "a"]
    assert load(np.eye(2), need_target=False).feature_names == ("x0", "x1")


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones(3), np.ones(3), r"\(m, n\) or images \(m, ...\)\. Got float64 of shape \(3,\)"),
        (np.array([["a"]]), np.ones(1), "an array of numbers"),
        (np.ones((0, 2)), np.ones(0), r"rows and columns. Got shape \(0, 2\)"),
        (np.ones((2, 0)), np.ones(2), r"rows and columns. Got shape \(2, 0\)"),
        (np.ones((2, 2)), np.ones((2, 1)), r"`y` must be of shape \(2,\), as X has rows. Got shape \(2, 1\)"),
        (np.ones((2, 2)), np.array([1, np.nan]), "missing values in 1 row; the first is row 2"),
        (np.ones((2, 2)), np.array([-np.inf, 1]), "infinite values in 1 row; the first is row 1"),
    ],
)
def test_bad_arrays(tmp_path: Path, X: np.ndarray, y: np.ndarray, message: str) -> None:
    np.savez(tmp_path / "t.npz", X=X, y=y)
    with pytest.raises((DataError, ShapeError), match=message):
        load(tmp_path / "t.npz")


def test_what_is_no_source() -> None:
    with pytest.raises(DataError, match=r"data with labels\. Got the array, which has none"):
        load(np.eye(2))
    with pytest.raises(ArgumentTypeError, match=r"`source` must be a path, .* Got a dict"):
        load({})
    with pytest.raises(ArgumentError, match="`names` must be left out for data in memory"):
        load(np.eye(2), names=["a", "b"])


def test_the_package_is_cheap_to_import() -> None:
    code = (
        "import sys, deltaprop.data\nprint({'polars', 'pyarrow', 'narwhals', 'sklearn', 'pandas'} & set(sys.modules))\n"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
