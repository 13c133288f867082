"""Files appear whole or not at all, and never on top of another one."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["new_file", "publish", "remove_leftovers", "sync_folder"]

_PREFIX = ".incoming-"
_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


@contextmanager
def new_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a hidden file to be published later; it is removed at the end if it was not.

    Parameters
    ----------
    folder : Path
        Where to make it: on the file system of its final place.

    Yields
    ------
    tuple of (binary file, Path)
        The open file and where it is. A file left by a killed process keeps its hidden name
        and is never seen; `remove_leftovers` finds it.
    """
    name = folder / f"{_PREFIX}{secrets.token_hex(12)}"
    # Not tempfile: its files are private to the user, these obey the umask like any other.
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def publish(temporary: Path, final: Path) -> None:
    """Give a complete file its name, unless that name is taken.

    Parameters
    ----------
    temporary : Path
        The complete file; may still exist afterwards under this name too.
    final : Path
        Its place, on the same file system.

    Raises
    ------
    FileExistsError
        If there is a file already; it is left as it is.
    """
    try:
        # rename() would silently replace; link() is the portable "rename, but refuse".
        os.link(temporary, final)
    except OSError as exc:
        if exc.errno not in _NO_HARD_LINKS:
            raise
        _publish_without_links(temporary, final)


def _publish_without_links(temporary: Path, final: Path) -> None:
    """For file systems without hard links (exFAT, some network mounts): look under a lock."""
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if final.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
        os.rename(temporary, final)
    finally:
        os.close(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut.

    Parameters
    ----------
    folder : Path
        Folder in which a name was made or removed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, *, older_than: float) -> int:
    """Remove hidden files that killed processes left behind.

    Parameters
    ----------
    folder : Path
        Folder given to `new_file`.
    older_than : float
        Age [s] below which a file may still be being written and is kept.

    Returns
    -------
    int
        How many were removed.
    """
    removed = 0
    youngest = time.time() - older_than
    for path in folder.glob(_PREFIX + "*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < youngest:
                path.unlink()
                removed += 1
    return removed
