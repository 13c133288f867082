"""Content hashes: SHA-256 of files, taken in the pass that reads or copies them."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.errors import ChecksumMismatch

__all__ = ["Checksums", "FileSum", "copy_and_hash", "copy_bytes", "hash_file"]

_CHUNK = 1 << 20
_NO_COPY_IN_KERNEL = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
_TICK, _COARSE_TICK = 0.1, 2.0  # how fine times of files are on disks, and on FAT or old NFS [s]


class FileSum(NamedTuple):
    """Content hash and size of a file.

    Attributes
    ----------
    digest : str
        SHA-256, 64 hexadecimal digits.
    size : int
        Size [bytes].
    """

    digest: str
    size: int


def hash_file(path: Path | str) -> FileSum:
    """Hash a file in one pass, a piece at a time.

    Parameters
    ----------
    path : Path or str
        File to read.

    Returns
    -------
    FileSum
        SHA-256 and size.

    Raises
    ------
    FileMissing, AccessDenied, StorageFailed
        If the file cannot be read.
    """
    with storage_errors(f"{path} cannot be read"), open(path, "rb", buffering=0) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileSum(digest, file.tell())


def copy_and_hash(source: BinaryIO, target: BinaryIO) -> FileSum:
    """Copy an open file and hash what is copied, in one pass.

    Parameters
    ----------
    source, target : binary file
        Read from where it stands to its end; written to.

    Returns
    -------
    FileSum
        SHA-256 and size of what was copied.
    """
    digest = hashlib.sha256()
    size = 0
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    while count := source.readinto(view):  # type: ignore[attr-defined]
        digest.update(view[:count])
        target.write(view[:count])
        size += count
    return FileSum(digest.hexdigest(), size)


def copy_bytes(source: BinaryIO, target: BinaryIO) -> int:
    """Copy an open file, by the kernel alone where it can.

    Parameters
    ----------
    source, target : binary file
        Unbuffered or not yet used; read to its end, written to.

    Returns
    -------
    int
        Number of bytes copied.
    """
    copied = 0
    try:
        while count := os.copy_file_range(source.fileno(), target.fileno(), 1 << 30):
            copied += count
    except (AttributeError, OSError) as exc:  # not every system has it, nor every file system
        if copied or getattr(exc, "errno", errno.ENOSYS) not in _NO_COPY_IN_KERNEL:
            raise
        shutil.copyfileobj(source, target, _CHUNK)
        copied = target.tell()
    return copied


class Checksums:
    """Verifies files, each once per process as long as it looks untouched.

    A file is hashed at the first call; after that it is believed while device, inode, size and
    modification time [ns] stay the same. What this does not see: bits that rot on the disk, and
    changes by someone who sets the modification time back, *after* the first look in this
    process. ``awlab doctor`` reads the bytes again (``fresh=True``).
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int], str] = {}
        self._lock = threading.Lock()

    def digest(self, path: Path, *, fresh: bool = False) -> str:
        """SHA-256 of a file.

        Parameters
        ----------
        path : Path
            File to hash.
        fresh : bool
            Read the bytes even if the file looks untouched since the last time.

        Returns
        -------
        str
            64 hexadecimal digits.

        Raises
        ------
        FileMissing, AccessDenied, StorageFailed
            If the file cannot be read.
        """
        with storage_errors(f"{path} cannot be read"):
            before = _fingerprint(path)
        with self._lock:
            known = self._known.get(before)
        if known is None or fresh:
            known = hash_file(path).digest
            with storage_errors(f"{path} cannot be read"), self._lock:
                if _fingerprint(path) == before:  # not while someone writes to it
                    self._known[before] = known
        return known

    def take(self, path: Path) -> FileSum:
        """Hash a file now, and remember it for `knows`.

        Parameters
        ----------
        path : Path
            File to hash.

        Returns
        -------
        FileSum
            SHA-256 and size.

        Raises
        ------
        FileMissing, AccessDenied, StorageFailed
            If the file cannot be read.
        """
        with storage_errors(f"{path} cannot be read"):
            before = _fingerprint(path)
        found = hash_file(path)
        with storage_errors(f"{path} cannot be read"), self._lock:
            # A file written to a moment ago may be written to again without its time changing.
            if _fingerprint(path) == before and _has_settled(before[3] * 1e-9):
                self._known[before] = found.digest
        return found

    def knows(self, file: BinaryIO, digest: str) -> bool:
        """Tell whether an open file was hashed before, and looks untouched since.

        Parameters
        ----------
        file : binary file
            The open file: another one may get its name meanwhile.
        digest : str
            SHA-256 it must have had.
        """
        with self._lock:
            return self._known.get(_fingerprint(file.fileno())) == digest

    def learn(self, path: Path, digest: str) -> None:
        """Remember the digest of a file whose bytes were hashed while they were written.

        Parameters
        ----------
        path : Path
            The complete, closed file.
        digest : str
            Its SHA-256.
        """
        with storage_errors(f"{path} cannot be read"), self._lock:
            self._known[_fingerprint(path)] = digest

    def verify(self, path: Path, digest: str, *, fresh: bool = False) -> None:
        """Check that a file holds what the database says.

        Parameters
        ----------
        path : Path
            File to check.
        digest : str
            SHA-256 it must have.
        fresh : bool
            Read the bytes even if the file looks untouched since the last time.

        Raises
        ------
        ChecksumMismatch
            If the content is another.
        FileMissing, AccessDenied, StorageFailed
            If the file cannot be read.
        """
        found = self.digest(path, fresh=fresh)
        if found != digest:
            raise ChecksumMismatch(
                f"{path} is damaged: its SHA-256 is {found[:12]}..., "
                f"the database says {digest[:12]}...",
                "put back the file from a backup, or remove the file and make or ingest it again",
            )


def _fingerprint(path: Path | int) -> tuple[int, int, int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _has_settled(modified: float) -> bool:
    tick = _COARSE_TICK if modified.is_integer() else _TICK
    return time.time() - modified > tick
