"""Writing a file so that a reader sees the old one or the new one, whatever happens in between."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from deltaprop.errors import OutputError


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write content beside `path`, flush it to the disk, rename it over `path`, flush the folder.

    A process killed at any moment leaves the old file or the new one. A link is followed; an existing file's
    permissions are kept. Onto a pipe or a device it is written directly.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():  # a pipe or a device has no old content to protect
            target.write_bytes(content)
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        try:
            _fill(handle, content)
            Path(temporary).chmod(_mode_of(target))
            Path(temporary).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
        _flush_folder(target.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write {str(path)!r}: {reason[:1].lower() + reason[1:]}. Nothing was changed."
        ) from error


def _fill(handle: int, content: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _mode_of(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":  # other systems cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
