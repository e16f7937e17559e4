"""IDX and NPZ files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from deltaprop.data import idx_labels_beside, read_idx, read_npz
from deltaprop.errors import DataError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx_bytes(array: np.ndarray, code: int) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@given(
    data=st.data(),
    kind=st.sampled_from(sorted(CODES)),
    shape=npst.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
    packed=st.booleans(),
)
def test_idx_round_trip(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str, shape: tuple[int, ...], packed: bool
) -> None:
    array = data.draw(npst.arrays(np.dtype(kind), shape))
    raw = idx_bytes(array, CODES[kind])
    path = tmp_path_factory.getbasetemp() / "any-ubyte"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    read = read_idx(path)
    assert read.dtype == np.dtype(kind)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


WHOLE = idx_bytes(np.arange(24, dtype="u1").reshape(2, 3, 4), 8)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "Got 't-ubyte', which begins with nothing"),
        (b"\0\0\x07\x01" + bytes(9), r"an IDX file \(0 0 type ndim ...\)\. Got 't-ubyte', which begins with 00 00 07"),
        (b"\0\0\x08\0", "an IDX file"),
        (WHOLE[:9], "cut off in its header"),
        (WHOLE[:-1], "as long as its header says"),
        (WHOLE + b"\0", "as long as its header says"),
        (b"\0\0\x0e\x04" + b"\xff" * 16 + bytes(99), "a header that claims .* which holds"),
    ],
)
def test_bad_idx_files(tmp_path: Path, raw: bytes, message: str, packed: bool) -> None:
    path = tmp_path / "t-ubyte"
    path.write_bytes(gzip.compress(raw) if packed else raw)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_idx_with_damaged_gzip(tmp_path: Path) -> None:
    (tmp_path / "t-ubyte.gz").write_bytes(gzip.compress(bytes(WHOLE) * 9)[:-20])
    with pytest.raises(DataError, match=r"must be a whole gzip file|as long as its header says"):
        read_idx(tmp_path / "t-ubyte.gz")
    with pytest.raises(DataError, match=r"an existing file.*Did you mean 't-ubyte.gz'\?"):
        read_idx(tmp_path / "t-ubyt.gz")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz"),
        ("pictures-ubyte", None),
    ],
)
def test_labels_beside_images(tmp_path: Path, images: str, labels: str | None) -> None:
    assert idx_labels_beside(tmp_path / images) is None
    if labels is not None:
        (tmp_path / labels).touch()
        assert idx_labels_beside(tmp_path / images) == tmp_path / labels


@pytest.mark.parametrize(("x", "y"), [("X", "y"), ("x", "Y"), ("data", "target"), ("features", "labels")])
def test_npz_names(tmp_path: Path, x: str, y: str) -> None:
    np.savez(tmp_path / "t.npz", **{x: np.eye(3), y: np.arange(3)})
    X, labels = read_npz(tmp_path / "t.npz")
    np.testing.assert_array_equal(X, np.eye(3))
    np.testing.assert_array_equal(labels, np.arange(3))
    np.savez(tmp_path / "t.npz", **{x: np.eye(3)})
    assert read_npz(tmp_path / "t.npz")[1] is None


def test_bad_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, x_train=np.eye(2), notes=np.eye(1))
    with pytest.raises(DataError, match=r"named X, x, data, features\. Got x_train, notes in 't.npz'"):
        read_npz(path)
    np.savez(path, X=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"plain arrays\. Got .* holds Python objects"):
        read_npz(path)
    with path.open("wb") as file:
        np.save(file, np.eye(2))
    with pytest.raises(DataError, match=r"an NPZ file\. Got a single array"):
        read_npz(path)
    np.savez(path, X=np.eye(9))
    whole = path.read_bytes()
    for cut in (b"", b"junk", whole[:-30], whole[:100]):
        path.write_bytes(cut)
        with pytest.raises(DataError, match="NPZ file"):
            read_npz(path)
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    with pytest.raises(DataError, match="must be a whole NPZ file"):
        read_npz(path)
