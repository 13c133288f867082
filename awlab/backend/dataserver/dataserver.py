"""The data server: one store and the cache in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from awlab.backend.dataserver.cache import FileCache
from awlab.backend.dataserver.checksum import FileSum
from awlab.backend.dataserver.filenames import raw_name
from awlab.backend.dataserver.originals import is_same_entry, remove_original
from awlab.backend.dataserver.store import Store, missing
from awlab.backend.errors import AlreadyStored

__all__ = ["DataServer"]


class DataServer:
    """Puts files away for good and hands them out again, verified.

    Parameters
    ----------
    store : Store
        Where files are kept; see `open_store`.
    cache : FileCache
        Where files of a remote store are put for use; a local store does not need it.

    Examples
    --------
    >>> server = DataServer(open_store(settings.dataserver), FileCache(settings.cache))
    >>> server.put(path, name, hash_file(path).digest)
    >>> server.retrieve(name, digest)
    """

    def __init__(self, store: Store, cache: FileCache) -> None:
        self.store = store
        self.cache = cache

    def __repr__(self) -> str:
        return f"DataServer({self.store!r}, {self.cache!r})"

    def hash_file(self, path: Path | str) -> FileSum:
        """Hash a file that is to be stored; `put` need not do it again while it is untouched.

        Parameters
        ----------
        path : Path or str
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
        return self.store.checksums.take(Path(path))

    def learn(self, path: Path | str, digest: str) -> None:
        """Take note of the SHA-256 of a file of this process, hashed while it was written.

        Parameters
        ----------
        path : Path or str
            A complete file that nobody else writes to.
        digest : str
            Its SHA-256.
        """
        self.store.checksums.learn(Path(path), digest)

    def put(self, path: Path | str, name: str, digest: str, *, adopt: bool = False) -> bool:
        """Store a file under its name, once.

        Parameters
        ----------
        path : Path or str
            File to copy; it stays where it is.
        name : str
            Name, see `global_name`.
        digest : str
            SHA-256 of the content, checked on the way.
        adopt : bool
            Whether a local store may take the file itself instead of a copy, see `LocalStore.put`.

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
            If the file cannot be read or the store cannot take it; nothing is left behind.
        """
        return self.store.put(Path(path), name, digest, adopt=adopt)

    def put_raw(
        self,
        path: Path | str,
        archive_name: str,
        digest: str,
        *,
        extension: int | None = None,
        adopt: bool = False,
    ) -> str:
        """Store a raw frame under its archive's name; with a hash if that name is taken.

        Parameters
        ----------
        path : Path or str
            File to copy.
        archive_name : str
            Name under which the frame was delivered.
        digest : str
            SHA-256 of the file at `path`.
        extension : int, optional
            Number of the FITS extension that was split off.
        adopt : bool
            As for `put`.

        Returns
        -------
        str
            The name it has on the data server. The same content gives the same name again.

        Raises
        ------
        AlreadyStored, ChecksumMismatch, FileMissing, AccessDenied, StorageFailed
            As `put`.
        """
        name = raw_name(archive_name, extension=extension)
        try:
            self.put(path, name, digest, adopt=adopt)
        except AlreadyStored:
            name = raw_name(archive_name, extension=extension, digest=digest)
            self.put(path, name, digest, adopt=adopt)
        return name

    def is_stored_file(self, path: Path | str, name: str) -> bool:
        """Tell whether a path is a second name of a stored file, which may so be taken away.

        Parameters
        ----------
        path : Path or str
            A file.
        name : str
            Name of the stored file.
        """
        stored = self.store.local_path(name) if self.store.exists(name) else None
        return stored is not None and stored.samefile(path) and not is_same_entry(path, stored)

    def remove_original(self, path: Path | str, name: str, digest: str) -> None:
        """Remove a file that was stored, if it still is what was stored.

        Parameters
        ----------
        path : Path or str
            The file that was given to `put`.
        name : str
            Name of the stored file.
        digest : str
            SHA-256 of both.

        Raises
        ------
        FileMissing
            If it, or the stored file, is not there.
        AlreadyStored
            If it is the stored file itself, by whatever way one came to it.
        ChecksumMismatch
            If it was changed meanwhile.
        AccessDenied, StorageFailed
            If it cannot be removed.
        """
        if not self.store.exists(name):
            raise missing(name, self.store)
        remove_original(Path(path), self.store.local_path(name), digest, self.store.checksums)

    def retrieve(self, name: str, digest: str, *, fresh: bool = False) -> Path:
        """Local path of a stored file, its checksum verified.

        Parameters
        ----------
        name : str
            Name of the file.
        digest : str
            SHA-256 that the database says it has.
        fresh : bool
            Of a local store: read the bytes even if this process did already and the file looks
            untouched (``awlab doctor`` does).

        Returns
        -------
        Path
            A read-only file: the stored file itself of a local store, a copy in the cache of a
            remote one. Copy it before you change it.

        Raises
        ------
        FileMissing
            If no such file is stored.
        ChecksumMismatch
            If its content is not what the database says.
        AccessDenied, StorageFailed
            If it cannot be read or fetched.
        """
        path = self.store.local_path(name)
        if path is None:
            return self.cache.get(name, digest, self.store.fetch)
        self.store.checksums.verify(path, digest, fresh=fresh)
        return path

    def exists(self, name: str) -> bool:
        """Tell whether a file of that name is stored."""
        return self.store.exists(name)

    def size(self, name: str) -> int:
        """Size of a stored file [bytes].

        Raises
        ------
        FileMissing
            If no such file is stored.
        """
        return self.store.size(name)

    def names(self) -> Iterator[str]:
        """Names of all stored files, in no order."""
        return self.store.names()

    def delete(self, name: str) -> None:
        """Remove a file for good; only ``awlab doctor --fix`` and ``context.delete`` do.

        Raises
        ------
        FileMissing
            If no such file is stored.
        """
        if not self.store.exists(name):
            raise missing(name, self.store)
        self.store.delete(name)

    def url(self, name: str) -> str:
        """URL of a stored file, quoted (``#`` in a name is ``%23`` in a URL)."""
        return self.store.url(name)
