"""A managed folder of files fetched from remote stores: never the working directory."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from awlab.backend.dataserver.atomic import new_file, remove_leftovers
from awlab.backend.dataserver.checksum import Checksums
from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.dataserver.filenames import check_name
from awlab.backend.errors import ChecksumMismatch

__all__ = ["DEFAULT_LIMIT", "FileCache"]

DEFAULT_LIMIT = 20 * 10**9  # bytes
_GRACE = 600.0  # s in which a file that was just handed out is not taken away again
_DAY = 86400.0


class FileCache:
    """Keeps the files used last, up to a number of bytes.

    Parameters
    ----------
    root : Path or str
        Folder; made when the first file comes in.
    limit : int
        Bytes to keep. Files used during the last ten minutes stay even above the limit, because
        whoever got their path may not have opened them yet.
    checksums : Checksums, optional
        Memory of files verified by this process.
    grace : float
        Those ten minutes [s].

    Notes
    -----
    Any number of processes may share the folder: a file appears whole by ``rename``, one process
    at a time makes room (``flock``), and a file that is removed while open stays readable.
    "Used last" is the access time, which is set here on every use, so that mounts with
    ``noatime`` do as well.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        limit: int = DEFAULT_LIMIT,
        checksums: Checksums | None = None,
        grace: float = _GRACE,
    ) -> None:
        self.root = Path(root).expanduser().absolute()
        self.limit = limit
        self.grace = grace
        self.checksums = checksums or Checksums()
        self._added = limit  # bytes fetched since room was made last: look at the first one

    def __repr__(self) -> str:
        return f"FileCache({str(self.root)!r}, limit={self.limit})"

    def get(self, name: str, digest: str, fetch: Callable[[str, Path], None]) -> Path:
        """Path of a verified copy, fetched if it is not here or damaged.

        Parameters
        ----------
        name : str
            Name of the file.
        digest : str
            Its SHA-256.
        fetch : callable
            ``fetch(name, target)`` writes the file to a local path.

        Returns
        -------
        Path
            A read-only file of that name and content.

        Raises
        ------
        ChecksumMismatch
            If what the store delivers has not that SHA-256.
        FileMissing, AccessDenied, StorageFailed
            If it cannot be fetched, or the disk is full.
        """
        path = self._path(name, digest)
        if path.exists():
            with suppress(ChecksumMismatch, FileNotFoundError):  # then fetch it again
                self.checksums.verify(path, digest)
                self._touch(path)
                return path
        with storage_errors(f"{name} cannot be kept in the cache {self.root}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(self.root) as (file, copy):
                file.close()
                fetch(name, copy)
                self._check(copy, name, digest)
                status = copy.stat()
                copy.chmod(status.st_mode & 0o444)
                os.replace(copy, path)  # from now on another process may take it away
        self._added += status.st_size
        if self._added > self.limit // 50:
            self.make_room()
        return path

    def made(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        """Path of a file that is made once and can be made again: thumbnails, figures.

        Parameters
        ----------
        name : str
            Name of the file.
        key : str
            What it was made from and how: another key is another file.
        make : callable
            ``make(target)`` writes the file to a local path.

        Returns
        -------
        Path
            A file of that name; like all others it goes when room is needed.

        Raises
        ------
        AccessDenied, StorageFailed
            If the disk refuses or is full.
        """
        path = self._path(name, key)
        if path.exists():
            with suppress(FileNotFoundError):  # made room for just now: then make it again
                self._touch(path)
                return path
        with storage_errors(f"{name} cannot be kept in the cache {self.root}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(self.root) as (file, copy):
                file.close()
                make(copy)
                size = copy.stat().st_size
                os.replace(copy, path)
        self._added += size
        if self._added > self.limit // 50:
            self.make_room()
        return path

    def make_room(self) -> int:
        """Remove the files used longest ago until the limit is kept.

        Returns
        -------
        int
            Bytes that were freed.
        """
        freed = 0
        with storage_errors(f"the cache {self.root} cannot be tidied"), self._alone() as alone:
            if not alone:
                return 0  # another process is doing it
            remove_leftovers(self.root, older_than=_DAY)
            files = sorted(self._files())
            surplus = sum(size for _, size, _ in files) - self.limit
            oldest_kept = time.time() - self.grace
            for used, size, path in files:
                if freed >= surplus or used > oldest_kept:
                    break
                with suppress(FileNotFoundError):
                    path.unlink()
                    freed += size
        self._added = 0
        return freed

    def size(self) -> int:
        """Bytes in the cache now."""
        return sum(size for _, size, _ in self._files())

    def clear(self) -> None:
        """Remove every file that is not being used just now; they can be fetched again."""
        limit, self.limit = self.limit, 0
        try:
            self.make_room()
        finally:
            self.limit = limit

    def _path(self, name: str, digest: str) -> Path:
        # By content too: another database may know another file under the same name.
        key = hashlib.sha256(f"{check_name(name)}\0{digest}".encode()).hexdigest()
        return self.root / key[:3] / key[3:19] / name

    def _check(self, copy: Path, name: str, digest: str) -> None:
        found = self.checksums.digest(copy)
        if found != digest:
            raise ChecksumMismatch(
                f"{name} arrived damaged: its SHA-256 is {found[:12]}..., "
                f"the database says {digest[:12]}...",
                "try again; if it stays so the stored file is damaged: put it back from a "
                "backup, or remove it and make or ingest it again",
            )

    @staticmethod
    def _touch(path: Path) -> None:
        modified = path.stat().st_mtime_ns
        with suppress(PermissionError):  # a cache shared with another user: its age just stays
            os.utime(path, ns=(time.time_ns(), modified))

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.root.glob("???/*/*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                yield status.st_atime, status.st_size, path

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)
