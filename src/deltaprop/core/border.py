"""The border between users and the book: rows outside, columns inside, and the checks of what users pass.

Outside, an array has one row per example, (m, n). Inside core it is the same bytes seen through `.T`, (n, m), one
column per example. `columns` is the one place that turns targets round; X needs no more than `X.T`.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from deltaprop._types import Array, Indices
from deltaprop.core.sparse import Inputs, SparseRows, check_stored, is_sparse, sparse_rows
from deltaprop.core.spec import Spec
from deltaprop.errors import ArgumentError, ArgumentTypeError, ShapeError, sentence

FINITE_BLOCK = 1 << 20
FEW = 1 << 14


def check_inputs(X: object, spec: Spec, name: str = "X") -> Inputs:
    """X, dense or sparse, as rows (m, n_0) of the network's number type, finite; not copied if it already is."""
    n_0 = spec.sizes[0]
    if (
        type(X) is np.ndarray
        and X.dtype == spec.dtype
        and X.ndim == 2
        and X.shape[1] == n_0
        and X.size < FEW
        and finite(X)
    ):
        return X  # one row costs no more than it must
    rows: Inputs = sparse_rows(X, name) if is_sparse(X) else _numbers(X, name)
    if not isinstance(rows, SparseRows) and rows.ndim != 2:
        remedy = f"For one example use {name}.reshape(1, -1)." if rows.ndim == 1 else ""
        raise ShapeError(sentence(name, f"2-D, one row per example, (m, {n_0})", f"shape {rows.shape}", remedy))
    if rows.shape[1] != n_0:
        must = f"of shape (m, {n_0}), to meet W^1 in z^1 = W^1 a^0 + b^1"
        raise ShapeError(sentence(name, must, f"shape {rows.shape}"))
    with np.errstate(over="ignore"):  # what is too large for float32 becomes Inf, and is refused by name
        rows = rows.astype(spec.dtype, copy=False)
    if isinstance(rows, SparseRows):
        check_stored(rows, name)
    else:
        check_finite(rows, name)
    return rows


def check_targets(Y: object, spec: Spec, m: int, name: str = "Y") -> Array:
    """Y as class indices (m,) if the network is categorical, else rows (m, n_L) that the cost accepts."""
    rows = _numbers(Y, name)
    if rows.shape[:1] != (m,):
        got = f"{len(rows)} rows" if rows.ndim else "a single number"
        raise ShapeError(sentence(name, f"as many rows as the inputs, {m}", got))
    if rows.ndim == 1 and spec.categorical and rows.dtype.kind in "iu":
        return _check_indices(rows, spec.sizes[-1], name)
    if rows.shape != (m, spec.sizes[-1]):
        raise _target_shape_error(rows, spec, m, name)
    with np.errstate(over="ignore"):  # what is too large for float32 becomes Inf, and is refused by name
        rows = rows.astype(spec.dtype, copy=False)
    check_finite(rows, name)
    _check_range(rows, spec, name)
    return rows


def check_weight(weight: object, m: int, name: str = "sample_weight") -> Array | None:
    """Weights of the examples, (m,), in float64: finite, none negative, not all 0. None means equal weights."""
    if weight is None:
        return None
    w = _numbers(weight, name).astype(np.float64, copy=False)
    if w.shape != (m,):
        raise ShapeError(sentence(name, f"of shape ({m},), one number per example", f"shape {w.shape}"))
    check_finite(w, name)
    if (w < 0).any() or not w.any():
        got = f"{w.min():g} in row {int(w.argmin())}" if (w < 0).any() else "zero for all examples"
        raise ArgumentError(sentence(name, "0 or more, and not zero for all examples", got))
    with np.errstate(over="ignore"):
        if not np.isfinite(w.sum()):
            remedy = "Divide them all by the largest: only their ratios count."
            raise ArgumentError(sentence(name, "of a finite sum", f"a largest weight of {w.max():g}", remedy))
    return w


def shares(weight: Array | None, m: int, dtype: np.dtype[np.floating]) -> Array:
    """Each example's share of the batch's mean, (m,): weight / Σ weight; 0 if the batch weighs nothing."""
    if weight is None:
        return np.full(m, 1 / max(m, 1), dtype)
    total = weight.sum()
    return (weight / (total if total > 0 else 1.0)).astype(dtype)


def columns(Y: Array, spec: Spec) -> Array:
    """Targets as columns (n_L, m): rows seen through `.T`; class indices written out as 0 and 1."""
    if Y.ndim == 2:
        return Y.T
    y = np.zeros((spec.sizes[-1], len(Y)), spec.dtype)
    y[Y, np.arange(len(Y))] = 1
    return y


def finite(array: Array) -> bool:
    """Whether no element is NaN or Inf, by one dot product if that is enough."""
    return isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())  # the squares may overflow


def check_finite(array: Array, name: str) -> None:
    """Refuse NaN and Inf, naming the first place; block by block, so that large data is not copied."""
    step = max(1, FINITE_BLOCK // max(1, array[:1].size))
    for start in range(0, len(array), step):
        good = np.isfinite(array[start : start + step])
        if not good.all():
            place = np.argwhere(~good)[0]
            row = start + int(place[0])
            value = array[row] if array.ndim == 1 else array[row, place[1]]
            place_of = f"{value} in row {row}" + (f", column {place[1]}" if array.ndim == 2 else "")
            remedy = "Fill or drop missing values first." if np.isnan(value) else ""
            raise ArgumentError(sentence(name, "finite numbers", place_of, remedy))


def _numbers(value: object, name: str) -> Array:
    if np.ma.is_masked(value):
        got = "a masked array with masked values"
        raise ArgumentTypeError(sentence(name, "an array of numbers", got, "Fill or drop missing values first."))
    try:
        array = np.asarray(value)
    except ValueError:  # ragged lists
        raise ArgumentError(sentence(name, "an array with rows of one length", "rows of different lengths")) from None
    if array.dtype.kind not in "fiub":
        text = array.dtype.kind in "US" or any(isinstance(item, str) for item in array.flat)
        got = "text" if text else f"dtype {array.dtype}"
        remedy = "Encode text first, for example with deltaprop.TableEncoder." if text else ""
        if hasattr(value, "toarray"):
            got, remedy = "a sparse matrix", f"Use {name}.toarray()."
        raise ArgumentTypeError(sentence(name, "an array of numbers", got, remedy))
    return array


def _check_indices(indices: Array, n_classes: int, name: str) -> Indices:
    wrong = (indices < 0) | (indices >= n_classes)
    if wrong.any():
        row = int(wrong.argmax())
        must = f"class indices from 0 to {n_classes - 1}"
        raise ArgumentError(sentence(name, must, f"{indices[row]} in row {row}"))
    return indices.astype(np.intp, copy=False)


def _check_range(rows: Array, spec: Spec, name: str) -> None:
    cost = spec.cost
    if cost.targets == "real" or not rows.size:
        return
    low, high = rows.min(), rows.max()
    if cost.targets == "count" and low < 0:
        raise ArgumentError(sentence(name, f"0 or more for the cost {cost.name}", f"{low:g}"))
    if cost.targets == "probability":
        if low < 0 or high > 1:
            got = f"{low if low < 0 else high:g}"
            raise ArgumentError(sentence(name, f"between 0 and 1 for the cost {cost.name}", got))
        sums = rows.sum(axis=1) if spec.output.name == "softmax" else np.ones(1)
        if np.abs(sums - 1).max() > 1e-3:
            row = int(np.abs(sums - 1).argmax())
            must = "rows that sum to 1, one distribution each, or class indices (m,)"
            raise ArgumentError(sentence(name, must, f"the sum {sums[row]:g} in row {row}"))


def _target_shape_error(rows: Array, spec: Spec, m: int, name: str) -> ShapeError:
    n_L = spec.sizes[-1]
    must = f"of shape ({m}, {n_L}), to meet a^L in BP1, δ^L = ∇_a C ⊙ σ'(z^L)"
    remedy = ""
    if rows.ndim == 1 and n_L == 1:
        remedy = f"Use {name}.reshape(-1, 1): ({m},) against ({m}, 1) would broadcast to ({m}, {m})."
    elif spec.categorical and (rows.ndim == 1 or rows.shape[1:] == (1,)):
        remedy = f"For class indices pass whole numbers of shape ({m},), for example {name}.ravel().astype(int)."
    return ShapeError(sentence(name, must, f"shape {rows.shape}", remedy))
