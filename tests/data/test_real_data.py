"""The real tables and images, where they are; skipped, visibly, where they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deltaprop.data import TableEncoder, load, match_labels, read_idx, read_table

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
TABLES = DATA / "tables"
MNIST = DATA / "mnist"
needs_tables = pytest.mark.skipif(not TABLES.is_dir(), reason="no ../shared/data/tables here")
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="no ../shared/data/mnist here")
ADULT = [
    *("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation"),
    *("relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income"),
]


@needs_tables
def test_adult() -> None:
    train = load(TABLES / "adult-train.csv", target="income", names=ADULT)
    test = load(TABLES / "adult-test.csv", target="income", names=ADULT)
    assert train.y is not None
    assert test.y is not None
    assert train.X.shape == (32_561, 14)
    assert test.X.shape == (16_281, 14)
    encoder = TableEncoder().fit(train.X)
    kinds = [column.kind for column in encoder.describe()]
    assert (kinds.count("number"), kinds.count("category")) == (6, 8)
    missing = {column.name: column.missing for column in encoder.describe() if column.missing}
    assert missing == {"workclass": 1836, "occupation": 1843, "native_country": 583}
    assert train.X["workclass"].unique().drop_nulls().str.contains("^[^ ?]").all()
    assert np.unique(train.y).tolist() == ["<=50K", ">50K"]
    indices, unknown = match_labels(test.y, np.unique(train.y))
    assert not unknown.any()
    assert np.bincount(indices).tolist() == [12_435, 3_846]
    out = encoder.transform(test.X)
    assert out.shape == (16_281, 108)
    assert encoder.sparse_output_
    assert out.nnz <= 14 * 16_281
    assert np.isfinite(out.data).all()


@needs_tables
def test_california() -> None:
    source = load(TABLES / "california-housing.csv", target="median_house_value")
    assert source.X.shape == (20_640, 9)
    encoder = TableEncoder().fit(source.X)
    bedrooms = next(column for column in encoder.describe() if column.name == "total_bedrooms")
    assert (bedrooms.kind, bedrooms.missing, bedrooms.outputs) == ("number", 207, 2)
    assert encoder.transform(source.X)[:, 5].sum() == 207
    assert "ocean_proximity_<1H OCEAN" in encoder.get_feature_names_out()


@needs_tables
@pytest.mark.parametrize(
    ("name", "shape"),
    [("winequality-white", (4898, 12)), ("winequality-red", (1599, 12)), ("abalone", (4177, 9))],
)
def test_tables_without_a_header(name: str, shape: tuple[int, int]) -> None:
    path = TABLES / f"{name}.csv"
    with pytest.raises(ValueError, match=f"seems to have no header. Give the {shape[1]} names"):
        read_table(path)
    assert read_table(path, names=[f"c{index}" for index in range(shape[1])]).shape == shape


@needs_mnist
def test_mnist() -> None:
    assert read_idx(MNIST / "train-images-idx3-ubyte.gz").shape == (60_000, 28, 28)
    source = load(MNIST / "t10k-images-idx3-ubyte.gz")
    assert source.y is not None
    assert source.X.shape == (10_000, 784)
    assert source.y[:5].tolist() == [7, 2, 1, 0, 4]
    out = TableEncoder().fit_transform(source.X)
    assert out.dtype == np.float32
    assert (out.min(), out.max()) == (0, 1)
