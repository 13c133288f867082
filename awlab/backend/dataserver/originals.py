"""Originals of stored files: removed only if nothing can be lost by it."""

from __future__ import annotations

import os
from pathlib import Path

from awlab.backend.dataserver.checksum import Checksums, hash_file
from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.errors import AlreadyStored, ChecksumMismatch

__all__ = ["is_same_entry", "remove_original"]


def is_same_entry(path: Path | str, other: Path | str) -> bool:
    """Tell whether two paths lead to one entry of one folder, by links or mounts.

    Two names of one file are not that: each may be removed, and the other stays.

    Parameters
    ----------
    path, other : Path or str
        Paths of files; where the first is a symbolic link, what it leads to counts.
    """
    one, two = Path(path), Path(other)
    if one.is_symlink():
        one = one.resolve()
    return one.name == two.name and os.path.samefile(one.parent, two.parent)


def remove_original(path: Path, stored: Path | None, digest: str, checksums: Checksums) -> None:
    """Remove a file whose content is kept elsewhere for good.

    Parameters
    ----------
    path : Path
        The file.
    stored : Path, optional
        The stored file, where it is one of this machine.
    digest : str
        SHA-256 of the stored file.
    checksums : Checksums
        What this process has hashed.

    Raises
    ------
    FileMissing
        If it is not there.
    AlreadyStored
        If it is the stored file itself.
    ChecksumMismatch
        If it is not what was stored.
    AccessDenied, StorageFailed
        If it cannot be read or removed.
    """
    with storage_errors(f"{path} cannot be removed"):
        if stored is not None and is_same_entry(path, stored):
            raise AlreadyStored(f"{path} is the stored file itself", "it has to stay")
        with open(path, "rb", buffering=0) as file:
            is_it = checksums.knows(file, digest)
        if not is_it and hash_file(path).digest != digest:
            raise ChecksumMismatch(
                f"{path} was changed after it was stored", "ingest it again as what it is now"
            )
        path.unlink()
