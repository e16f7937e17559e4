"""Reading files: one that is missing, unreadable, damaged or a folder raises a one-sentence `DataError`."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltaprop.errors import DataError, nearest, sentence

GZIP_MAGIC = b"\x1f\x8b"
_DAMAGED_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)


def existing_file(path: str | Path) -> Path:
    """The path, if the file exists; the error for a missing one suggests a similar name in the same folder."""
    found = Path(path)
    if found.is_file():
        return found
    if found.is_dir():
        raise DataError(sentence("path", "a data file", f"the folder {str(found)!r}", "Name a file in it."))
    raise DataError(sentence("path", "an existing file", repr(str(found)), _near_name(found)))


def _near_name(path: Path) -> str:
    try:
        return nearest(path.name, [entry.name for entry in path.parent.iterdir() if entry.is_file()])
    except OSError:
        return ""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an error of the system or of gzip into a `DataError` that names the file."""
    try:
        yield
    except _DAMAGED_GZIP as error:
        raise damaged(path, "gzip", error) from error
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise DataError(sentence("path", "a readable file", f"{str(path)!r}: {reason}")) from error


def read_bytes(path: Path) -> bytes:
    """All bytes of a file, decompressed if they are gzip."""
    with reading(path):
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data


def damaged(path: Path, kind: str, error: BaseException) -> DataError:
    """The error for a file whose content does not match its name or its first bytes."""
    got = f"{str(path)!r}, which is damaged or of another kind ({first_line(error)})"
    return DataError(sentence("path", f"a whole {kind} file", got))


def first_line(error: BaseException) -> str:
    """The first line of a library's message, without its full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
