"""Wide one-hot tables: CSR that says what the dense rows say, and when it is chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from deltaprop.data import TableEncoder, one_hot
from deltaprop.errors import DataError


def table(rng, m=400, cities=70):
    """A column of text with many categories, one with few and some missing, two of numbers, one of them with gaps."""
    city = [f"city {code:02d}" for code in (*range(cities), *rng.integers(0, cities, m - cities))]
    kind = [None if code == 3 else "abc"[code] for code in rng.integers(0, 4, m)]
    size = [None if code < 0.1 else code for code in rng.random(m)]
    return {"city": city, "size": size, "kind": kind, "n": rng.standard_normal(m)}


def written_out(encoder, X):
    """What the same encoder gives with the rule switched off."""
    twin = TableEncoder.from_dict(encoder.to_dict())
    twin.sparse_output_ = False
    return twin.transform(X)


def test_sparse_rows_are_the_dense_ones_without_their_zeros(make, rng, dtype):
    X = make(table(rng))
    encoder = TableEncoder(dtype=dtype.name).fit(X)
    rows = encoder.transform(X)
    assert isinstance(rows, sparse.csr_array)
    assert rows.dtype == dtype
    np.testing.assert_array_equal(rows.toarray(), written_out(encoder, X))
    assert rows.has_canonical_format
    assert rows.nnz <= 4 * 400
    assert (rows.data != 0).all()
    assert rows.shape[1] == len(encoder.get_feature_names_out()) == 70 + 2 + 4 + 1


def test_new_categories_and_missing_values_store_what_they_are(make, rng):
    encoder = TableEncoder().fit(make(table(rng)))
    mean = float(encoder.columns_[3].mean)
    new = make({"city": ["Atlantis", None], "size": [None, 0.5], "kind": [None, "a"], "n": [mean, None]})
    rows = encoder.transform(new)
    np.testing.assert_array_equal(rows.toarray(), written_out(encoder, new))
    assert np.diff(rows.indptr).tolist() == [2, 2]  # size_missing and kind_missing; size and kind_a


def test_no_rows(rng):
    encoder = TableEncoder().fit(pd.DataFrame(table(rng)))
    assert encoder.transform(pd.DataFrame(table(rng)).iloc[:0]).shape == (0, 77)


def test_an_infinite_number_is_named(rng):
    given = table(rng)
    encoder = TableEncoder().fit(pd.DataFrame(given))
    given["n"][7] = np.inf
    with pytest.raises(DataError, match=r"`n` must be finite numbers or missing ones\. Got inf in row 8"):
        encoder.transform(pd.DataFrame(given))


@pytest.mark.parametrize(
    ("categories", "numbers", "chosen"),
    [(63, 0, False), (64, 0, True), (63, 1, True), (64, 9, True), (64, 12, False), (3, 100, False)],
)
def test_the_rule_is_64_outputs_and_six_for_each_column(categories, numbers, chosen):
    X = {"t": [f"c{i:03d}" for i in range(categories)] * 2}
    X |= {f"n{i}": np.arange(2.0 * categories) for i in range(numbers)}
    encoder = TableEncoder(categorical=["t"]).fit(pd.DataFrame(X))
    outputs, columns = categories + numbers, 1 + numbers
    assert (outputs >= 64 and outputs >= 6 * columns) == chosen
    assert encoder.sparse_output_ == chosen == sparse.issparse(encoder.transform(pd.DataFrame(X)))
    assert one_hot.stays_sparse(encoder.columns_) == chosen


def test_an_encoder_from_a_file_chooses_the_same(rng):
    X = pd.DataFrame(table(rng))
    encoder = TableEncoder().fit(X)
    again = TableEncoder.from_dict(encoder.to_dict())
    assert again.sparse_output_
    assert (again.transform(X) != encoder.transform(X)).nnz == 0


def test_arrays_are_dense():
    assert not TableEncoder().fit(np.eye(100)).sparse_output_
