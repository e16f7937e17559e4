"""Files of arrays: IDX (the format of MNIST) and NPZ."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.lib.npyio import NpzFile

from deltaprop._types import Array
from deltaprop.data._files import GZIP_MAGIC, damaged, existing_file, reading
from deltaprop.errors import DataError, sentence

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Type byte of an IDX file -> NumPy type of its big-endian values."""
_MOST_PACKED = 1032  # the highest compression ratio of a deflate stream
_X_NAMES = ("X", "x", "data", "features")
_Y_NAMES = ("y", "Y", "target", "labels")
_IMAGES = re.compile(r"images([-.])idx3-ubyte(\.gz)?$")


def read_idx(path: str | Path) -> Array:
    """The array in an IDX file, gzip or not, in the machine's byte order.

    The file holds 0 0 type ndim, then ndim sizes as big-endian uint32, then the values. The sizes are compared
    with the file's length before memory is allocated. Raises `DataError` if the file is not in this format.
    """
    file = existing_file(path)
    with reading(file), file.open("rb") as raw:
        length = file.stat().st_size
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if not packed:
            return _read_idx(raw, file, length, exact=True)
        with gzip.open(raw) as unpacked:
            return _read_idx(cast("IO[bytes]", unpacked), file, length * _MOST_PACKED, exact=False)


def _read_idx(stream: IO[bytes], file: Path, room: int, *, exact: bool) -> Array:
    dtype, shape = _idx_header(stream, file)
    expected = math.prod(shape) * dtype.itemsize
    room -= 4 + 4 * len(shape)
    if expected > room or (exact and expected != room):
        held = f"{room}" if exact else f"at most {room}"
        got = f"a header that claims {expected} in {file.name!r}, which holds {held}"
        raise DataError(sentence("path", "an IDX file as long as its header says, in bytes", got))
    values = np.empty(shape, dtype)
    read = _fill(stream, memoryview(values.reshape(-1).view(np.uint8).data))
    if read != expected or stream.read(1):
        held = str(read) if read != expected else "more"
        got = f"{file.name!r}: {expected} expected, {held} found"
        raise DataError(sentence("path", "an IDX file as long as its header says, in bytes", got))
    return values.astype(dtype.newbyteorder("="), copy=False)


def _idx_header(stream: IO[bytes], file: Path) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES or magic[3] == 0:
        got = f"{file.name!r}, which begins with {magic.hex(' ') or 'nothing'}"
        raise DataError(sentence("path", "an IDX file (0 0 type ndim ...)", got))
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(sentence("path", "a whole IDX file", f"{file.name!r}, cut off in its header"))
    return np.dtype(IDX_TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)


def _fill(stream: IO[bytes], buffer: memoryview) -> int:
    filled = 0
    while filled < len(buffer):
        part = stream.read(min(1 << 20, len(buffer) - filled))
        if not part:
            break
        buffer[filled : filled + len(part)] = part
        filled += len(part)
    return filled


def idx_labels_beside(path: str | Path) -> Path | None:
    """The file of labels beside a file of images, with MNIST's names: `*-labels-idx1-ubyte`, `.gz` or not."""
    images = Path(path)
    found = _IMAGES.search(images.name)
    if found is None:
        return None
    stem = f"{images.name[: found.start()]}labels{found[1]}idx1-ubyte"
    packed = found[2] or ""
    candidates = (images.with_name(stem + packed), images.with_name(stem + ("" if packed else ".gz")))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def read_npz(path: str | Path) -> tuple[Array, Array | None]:
    """X and y (None if absent) of an NPZ file, read without pickle, so that nothing in it is executed.

    X is the array named X, x, data or features; y is the array named y, Y, target or labels.
    """
    file = existing_file(path)
    with reading(file), file.open("rb") as raw:
        try:
            loaded = np.load(raw, allow_pickle=False)
            if not isinstance(loaded, NpzFile):
                raise DataError(sentence("path", "an NPZ file", f"a single array ({file.name!r})"))
            with loaded:
                return _named_arrays(loaded, file)
        except DataError:
            raise
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            ValueError,
            MemoryError,
            NotImplementedError,
        ) as error:
            if "allow_pickle" in str(error):  # the remedy in NumPy's message would execute code from the file
                got = f"{file.name!r}, which is another kind of file or holds Python objects"
                raise DataError(sentence("path", "an NPZ file of plain arrays", got)) from error
            raise damaged(file, "NPZ", error) from error


def _named_arrays(arrays: Any, file: Path) -> tuple[Array, Array | None]:
    x_name = next((name for name in _X_NAMES if name in arrays.files), None)
    y_name = next((name for name in _Y_NAMES if name in arrays.files), None)
    if x_name is None:
        got = f"{', '.join(arrays.files) or 'nothing'} in {file.name!r}"
        raise DataError(sentence("path", f"an NPZ file with an array named {', '.join(_X_NAMES)}", got))
    return arrays[x_name], None if y_name is None else arrays[y_name]
