"""Writing a file so that a reader sees the old one or the new one, never a part."""

from __future__ import annotations

import os
import secrets
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
        temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.part")
        try:
            _write(temporary, content, target.stat().st_mode & 0o7777 if target.exists() else None)
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"Cannot write {str(path)!r}: {reason[:1].lower() + reason[1:]}. Nothing was changed."
        ) from error
    _flush_folder(target.parent)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path that cannot be written, before the work whose result goes there."""
    target = Path(os.path.realpath(path))
    folder = target.parent
    if target.is_dir():
        reason = "it is a folder"
    elif not folder.is_dir():
        reason = f"there is no folder {str(folder)!r}"
    elif not os.access(target if target.exists() else folder, os.W_OK):
        reason = "permission denied"
    else:
        return
    raise OutputError(f"Cannot write {str(path)!r}: {reason}. Nothing was changed.")


def _write(new: Path, content: bytes, mode: int | None) -> None:
    """A new file with this content, on the disk; its permissions are `mode`, or the usual ones of a new file."""
    at_first = 0o666 if mode is None else mode & 0o600  # the umask applies; a private file's copy stays private
    with open(new, "xb", opener=lambda name, flags: os.open(name, flags, at_first)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if mode is not None:
        new.chmod(mode)


def _flush_folder(folder: Path) -> None:
    """Make the rename survive a power cut, if the system can; the new file is in place either way."""
    with suppress(OSError):  # Windows cannot open a folder, nor can one without permission to list it
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
