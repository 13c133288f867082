"""Stores: where files are kept for good, under their names, written once.

Every store has the same layout, ``<3 hexadecimal digits of the name's hash>/<name>``: no folder
ever holds millions of files, and the folder of a `LocalStore` may be served by any web server or
copied to an object store as it is and be read from there.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from awlab.backend.dataserver.atomic import new_file, publish, remove_leftovers, sync_folder
from awlab.backend.dataserver.checksum import Checksums, copy_and_hash, copy_bytes, hash_file
from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.dataserver.filenames import check_name
from awlab.backend.dataserver.originals import is_same_entry
from awlab.backend.errors import AlreadyStored, ChecksumMismatch, FileMissing

__all__ = ["LocalStore", "Store", "already_stored", "changed_meanwhile", "missing", "place"]

_SHARD_DIGITS = 3
_DAY = 86400.0


class Store(Protocol):
    """What the data server asks of a place that keeps files."""

    checksums: Checksums

    def put(self, path: Path, name: str, digest: str, *, adopt: bool = False) -> bool:
        """Store a file; True if it was new, False if the same content was there already."""
        ...

    def fetch(self, name: str, target: Path) -> None:
        """Copy a stored file to a local path."""
        ...

    def local_path(self, name: str) -> Path | None:
        """Path of the stored file itself, or None where files have to be fetched."""
        ...

    def exists(self, name: str) -> bool:
        """Tell whether a file of that name is stored."""
        ...

    def size(self, name: str) -> int:
        """Size of a stored file [bytes]."""
        ...

    def names(self) -> Iterator[str]:
        """Names of all stored files, in no order."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file for good."""
        ...

    def url(self, name: str) -> str:
        """URL of a stored file, quoted."""
        ...


def place(name: str) -> str:
    """Where a store keeps a file, relative to its root.

    Parameters
    ----------
    name : str
        Name of the file.

    Returns
    -------
    str
        ``<shard>/<name>``.

    Raises
    ------
    IngestError
        If that cannot be the name of a file.
    """
    shard = hashlib.sha256(check_name(name).encode()).hexdigest()[:_SHARD_DIGITS]
    return f"{shard}/{name}"


def missing(name: str, where: object) -> FileMissing:
    """Error for a file that a store has not."""
    return FileMissing(
        f"{name} is not on the data server {where}",
        "awlab doctor lists missing files; make or ingest it again",
    )


def already_stored(name: str, where: object) -> AlreadyStored:
    """Error for a name that is taken by another content."""
    return AlreadyStored(
        f"{name} is already on the data server {where}, with another content",
        "files are written once: store the new content under a new name",
    )


def changed_meanwhile(path: Path, digest: str, found: str) -> ChecksumMismatch:
    """Error for a file whose content is not what the caller hashed."""
    return ChecksumMismatch(
        f"{path} was not stored: its SHA-256 is {found[:12]}..., {digest[:12]}... was announced",
        "something changed the file in between: hash it again and store it again",
    )


class LocalStore:
    """Files in a folder of this machine (or of a file system it mounts).

    Parameters
    ----------
    root : Path or str
        Folder; made when the first file is stored.
    checksums : Checksums, optional
        Memory of files verified by this process.
    """

    def __init__(self, root: Path | str, checksums: Checksums | None = None) -> None:
        self.root = Path(root).expanduser().absolute()
        self.checksums = checksums or Checksums()
        self._synced: set[str] = set()

    def __repr__(self) -> str:
        return f"LocalStore({str(self.root)!r})"

    def put(self, path: Path, name: str, digest: str, *, adopt: bool = False) -> bool:
        """Store a file: it appears whole, survives a power cut, and is never replaced.

        Parameters
        ----------
        path : Path
            File to copy.
        name : str
            Name to store it under.
        digest : str
            Its SHA-256, checked on the bytes that are copied; not taken again of a file that
            this process has hashed (`Checksums.take`) and that nobody has touched since.
        adopt : bool
            Whether the file itself may be taken instead of a copy: the caller made it, writes to
            it no more, and drops its own name for it. Where that cannot be, it is copied.

        Returns
        -------
        bool
            True if it was new, False if the same content was stored under that name already.

        Raises
        ------
        AlreadyStored
            If that name is taken by another content.
        ChecksumMismatch
            If the file has not that SHA-256.
        FileMissing, AccessDenied, StorageFailed
            If the file cannot be read, or the disk is full or forbidden; nothing is left behind.
        """
        final = self.root / place(name)
        with storage_errors(f"{path} cannot be stored in {self.root}"):
            if final.exists():
                self._same_or_refuse(final, name, digest)
                if not adopt:
                    self._part(path, final)
                return False
            self._make_folder(final.parent)
            if adopt and self._adopt(path, final, digest):
                return True
            with open(path, "rb", buffering=0) as source, new_file(self._incoming) as (file, copy):
                self._copy(source, file, digest, path)
                file.flush()
                os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o444)
                os.fsync(file.fileno())
                try:
                    publish(copy, final)
                except FileExistsError:  # another process was faster
                    return self._same_or_refuse(final, name, digest)
            sync_folder(final.parent)
            self._sync_root(final.parent)
        self.checksums.learn(final, digest)
        return True

    def _adopt(self, path: Path, final: Path, digest: str) -> bool:
        """Give a file of the caller's its place by a second name; False if it must be copied."""
        with open(path, "rb", buffering=0) as source:
            status = os.fstat(source.fileno())
            if not self._may_adopt(path, status, final.parent):
                return False
            # Before its mode changes: what was on the disk already then costs nothing.
            os.fsync(source.fileno())
            if not self.checksums.knows(source, digest):
                return False
            # Mode of a file made here: the folder has the bits that the umask leaves.
            os.fchmod(source.fileno(), os.stat(final.parent).st_mode & 0o444)
            try:
                os.link(path, final)
            except OSError:  # no hard links here; or another process was faster
                os.fchmod(source.fileno(), status.st_mode & 0o7777)
                return False
            if not os.path.samestat(status, os.stat(final)):  # the path is another file now
                final.unlink()
                return False
        sync_folder(final.parent)
        self._sync_root(final.parent)
        self.checksums.learn(final, digest)
        return True

    def _may_adopt(self, path: Path, status: os.stat_result, folder: Path) -> bool:
        """Whether a file is the caller's alone: no other name, no symbolic link, no other owner."""
        is_alone = status.st_nlink == 1 and not path.is_symlink()
        is_own = status.st_uid == os.geteuid()
        return is_alone and is_own and status.st_dev == os.stat(folder).st_dev

    def _part(self, path: Path, final: Path) -> None:
        """Copy a stored file that was adopted from a caller who now wants to keep it."""
        if not final.samefile(path) or is_same_entry(path, final):
            return
        with open(final, "rb", buffering=0) as source, new_file(self._incoming) as (file, copy):
            copy_bytes(source, file)
            file.flush()
            os.fchmod(file.fileno(), os.fstat(source.fileno()).st_mode & 0o444)
            os.fsync(file.fileno())
            os.replace(copy, final)
        sync_folder(final.parent)

    def _copy(self, source: BinaryIO, target: BinaryIO, digest: str, path: Path) -> None:
        """Copy a file, and be sure that what was copied has that SHA-256."""
        if self.checksums.knows(source, digest):
            size = copy_bytes(source, target)
            # Still untouched: what was copied is what was hashed.
            if self.checksums.knows(source, digest) and size == os.stat(source.fileno()).st_size:
                return
            raise changed_meanwhile(path, digest, hash_file(path).digest)
        found = copy_and_hash(source, target)
        if found.digest != digest:
            raise changed_meanwhile(path, digest, found.digest)

    def _same_or_refuse(self, final: Path, name: str, digest: str) -> bool:
        if self.checksums.digest(final) != digest:
            raise already_stored(name, self.root)
        return False

    @property
    def _incoming(self) -> Path:
        # One hidden folder, not each file's own: left-overs are found without a walk.
        return self.root / ".incoming"

    def _make_folder(self, folder: Path) -> None:
        self._incoming.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)

    def _sync_root(self, folder: Path) -> None:
        """Make the name of a folder survive too, once: another process may just have made it.

        It comes last because the file systems' journals go forward together: after the sync of
        the file there is usually nothing left to write.
        """
        if folder.name not in self._synced:
            sync_folder(self.root)
            self._synced.add(folder.name)

    def local_path(self, name: str) -> Path:
        """Path of the stored file itself; it is read-only and must stay so.

        Raises
        ------
        FileMissing
            If no such file is stored.
        """
        final = self.root / place(name)
        if not final.is_file():
            raise missing(name, self.root)
        return final

    def fetch(self, name: str, target: Path) -> None:
        """Copy a stored file.

        Parameters
        ----------
        name : str
            Name of the file.
        target : Path
            Where to write the copy.
        """
        source = self.local_path(name)
        with (
            storage_errors(f"{name} cannot be copied to {target}"),
            open(source, "rb", buffering=0) as reader,
            open(target, "wb") as writer,
        ):
            copy_and_hash(reader, writer)

    def exists(self, name: str) -> bool:
        """Tell whether a file of that name is stored."""
        return (self.root / place(name)).is_file()

    def size(self, name: str) -> int:
        """Size of a stored file [bytes]."""
        return self.local_path(name).stat().st_size

    def names(self) -> Iterator[str]:
        """Names of all stored files, in no order; unfinished ones are not among them."""
        if not self.root.is_dir():
            return
        with storage_errors(f"the data server {self.root} cannot be listed"):
            for shard in os.scandir(self.root):
                if re.fullmatch(rf"[0-9a-f]{{{_SHARD_DIGITS}}}", shard.name):
                    with os.scandir(shard.path) as entries:
                        yield from (entry.name for entry in entries if entry.name[0] != ".")

    def delete(self, name: str) -> None:
        """Remove a file for good.

        Raises
        ------
        FileMissing
            If no such file is stored.
        """
        final = self.local_path(name)
        with storage_errors(f"{name} cannot be removed from {self.root}"):
            final.unlink()
            sync_folder(final.parent)

    def url(self, name: str) -> str:
        """``file://`` URL of a stored file, quoted."""
        return (self.root / place(name)).as_uri()

    def remove_leftovers(self, *, older_than: float = _DAY) -> int:
        """Remove what killed processes left half-written (it is never visible as a file).

        Parameters
        ----------
        older_than : float
            Age [s] below which a copy may still be going on.

        Returns
        -------
        int
            How many were removed.
        """
        return remove_leftovers(self._incoming, older_than=older_than)
