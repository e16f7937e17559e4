"""Sparse rows at the border: every format SciPy has, what is refused, and that rows are rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

import deltaprop as dp
from deltaprop.core.border import check_inputs
from deltaprop.core.sparse import SparseRows, dense, sparse_rows
from deltaprop.core.spec import make_spec

FORMATS = ("csr", "csc", "coo", "bsr", "lil", "dok", "dia")
TABLE = np.array([[0, 2, 0, 1], [0, 0, 0, 0], [3, 0, 0, 0]], float)


def spec(n=4, dtype="float32"):
    return make_spec((n, 2), "relu", "softmax", "cross_entropy", dtype)


def checked(X, n=4, dtype="float32"):
    rows = check_inputs(X, spec(n, dtype))
    assert isinstance(rows, SparseRows)
    return rows


def csr(data, indices, indptr, shape=(3, 4)):
    """A CSR array of these parts, whatever they are: SciPy's own constructor would look at them."""
    made = sparse.csr_array(shape, dtype=np.asarray(data).dtype)
    made.data, made.indices, made.indptr = np.asarray(data), np.asarray(indices), np.asarray(indptr)
    return made


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_becomes_the_same_rows(form, kind, dtype):
    rows = checked(getattr(sparse, f"{form}_{kind}")(TABLE), dtype=dtype.name)
    np.testing.assert_array_equal(dense(rows), TABLE)
    assert (rows.data.dtype, rows.indices.dtype, rows.indptr.dtype) == (dtype, np.int32, np.int64)
    assert (len(rows), rows.shape) == (3, (3, 4))


@pytest.mark.parametrize("given", [np.bool_, np.int8, np.uint64, np.float32, np.longdouble])
def test_numbers_of_any_kind_become_those_of_the_network(given, dtype):
    rows = checked(sparse.csr_array(TABLE.astype(given)), dtype=dtype.name)
    np.testing.assert_array_equal(dense(rows), TABLE.astype(given).astype(dtype))
    assert rows.data.dtype == dtype


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_unsorted_repeated_and_stored_zero_entries_mean_what_scipy_means(index):
    X = csr([1.0, 2, 0, 5, 4, -4], np.array([3, 1, 0, 2, 1, 1], index), np.array([0, 3, 3, 6], index))
    want = X.toarray()
    rows = checked(X)
    np.testing.assert_array_equal(dense(rows), want)
    assert rows.indices.tolist() == [0, 1, 3, 1, 2]
    assert rows.data.tolist() == [0, 2, 1, 0, 5]
    assert X.indices.tolist() == [3, 1, 0, 2, 1, 1]  # the user's own stays as it was


def test_a_stale_flag_is_not_believed():
    X = csr([1.0, 2.0, 3.0], [1, 1, 0], [0, 3, 3, 3])
    X.has_canonical_format = True
    assert checked(X).data.tolist() == [3, 3]


def test_rows_in_order_are_not_copied():
    X = sparse.csr_array(TABLE.astype("float32"))
    rows = checked(X)
    assert np.shares_memory(rows.data, X.data)
    assert np.shares_memory(rows.indices, X.indices)
    assert check_inputs(rows, spec()).data is rows.data


def test_more_room_than_numbers_is_no_number():
    rows = checked(csr([1.0, 2, 9, 9], [0, 1, 3, 3], [0, 1, 1, 2]))
    assert rows.data.tolist() == [1, 2]
    np.testing.assert_array_equal(dense(rows), [[1, 0, 0, 0], [0, 0, 0, 0], [0, 2, 0, 0]])


@pytest.mark.parametrize("shape", [(0, 4), (3, 4), (1, 4)])
def test_nothing_stored_at_all(shape):
    rows = checked(sparse.csr_array(shape))
    np.testing.assert_array_equal(dense(rows), np.zeros(shape))


def test_strided_and_read_only_parts():
    X = sparse.csr_array(TABLE.astype("float32"))
    wide = np.repeat(X.data, 2)
    X.data = wide[::2]
    for part in (X.data, X.indices, X.indptr):
        part.setflags(write=False)
    np.testing.assert_array_equal(dense(checked(X)), TABLE)


@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        (sparse.csr_array((3, 5)), dp.ShapeError, r"`X` must be of shape \(m, 4\).*Got shape \(3, 5\)"),
        (sparse.coo_array(np.ones(4)), dp.ShapeError, r"`X` must be 2-D, one row per example.* Got shape \(4,\)"),
        (
            sparse.csr_array((1, 2**31)),
            dp.ShapeError,
            r"`X` must be 2-D, .*at most 2,147,483,647 wide. Got shape \(1, 2147483648\)",
        ),
        (sparse.csr_array(TABLE * 1j), dp.ArgumentTypeError, "`X` must be a sparse matrix of numbers. Got dtype compl"),
        (
            csr([1.0, np.nan], [2, 1], [0, 1, 1, 2]),
            dp.ArgumentError,
            "`X` must be finite numbers. Got nan in row 2, column 1. Fill or drop missing values first.",
        ),
        (csr([1.0, -np.inf], [2, 1], [0, 0, 2, 2]), dp.ArgumentError, "Got -inf in row 1, column 1.$"),
        (csr([1e300], [2], [0, 0, 1, 1]), dp.ArgumentError, "Got inf in row 1, column 2"),
        (
            csr([1.0, 2.0], [0, 4], [0, 1, 1, 2]),
            dp.ArgumentError,
            "`X` must be a CSR matrix with columns from 0 to 3. Got column 4 in row 2.",
        ),
        (csr([1.0, 2.0], [-1, 3], [0, 1, 1, 2]), dp.ArgumentError, "Got column -1 in row 0"),
        *(
            (csr([1.0, 2.0], [0, 1], indptr), dp.ArgumentError, "`X` must be a CSR matrix whose indptr rises from 0")
            for indptr in ([0, 2, 1, 2], [1, 1, 2, 2], [0, 1, 2, 3], [0, 1, 2])
        ),
    ],
)
def test_what_is_no_sparse_matrix_of_numbers_is_refused(X, error, text):
    with pytest.raises(error, match=text):
        check_inputs(X, spec())


def test_a_csc_matrix_is_refused_before_scipy_reads_outside():
    X = sparse.csc_array(TABLE)
    X.indices[1] = 7
    with pytest.raises(dp.ArgumentError, match=r"`X` must be a CSC matrix with rows from 0 to 2\. Got row 7 in column"):
        check_inputs(X, spec())


@pytest.mark.parametrize("where", ["Y", "sample_weight"])
def test_targets_and_weights_are_dense(where):
    net = dp.Network([4, 3], seed=0)
    given = {"Y": [0, 1, 2], where: sparse.csr_array(np.eye(3))}
    with pytest.raises(dp.ArgumentTypeError, match=f"`{where}` must be an array of numbers. Got a sparse matrix. Use"):
        net.cost(TABLE, **given)


@st.composite
def mn_and_rows(draw):
    """(m, n) mostly 0, with m and n from 0 or 1 up, and numbers of its rows in any order, some twice."""
    m, n = draw(st.integers(0, 6)), draw(st.integers(1, 5))
    X = draw(hnp.arrays(np.float64, (m, n), elements=st.sampled_from([0.0, 0.0, 0.0, 1.5, -2.0])))
    rows = draw(st.lists(st.integers(0, m - 1), max_size=8)) if m else []
    return X, np.array(rows, np.intp)


@given(mn_and_rows(), st.integers(-7, 7), st.integers(-7, 7), st.sampled_from([1, 2, -1, 3]))
def test_rows_are_taken_as_from_an_array(mn, start, stop, step):
    X, some = mn
    rows = sparse_rows(sparse.csr_array(X), "X")
    for taken in (some, slice(start, stop, step), slice(None), slice(2)):
        part = rows[taken]
        np.testing.assert_array_equal(dense(part), X[taken])
        assert part.shape == X[taken].shape
        assert part.indptr[0] == 0
        assert part.indptr[-1] == len(part.data) == len(part.indices)
