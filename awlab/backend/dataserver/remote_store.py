"""Stores that are not folders of this machine: S3, web servers, whatever fsspec speaks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from awlab.backend.dataserver.checksum import Checksums, hash_file
from awlab.backend.dataserver.failures import StorageFailed, storage_errors
from awlab.backend.dataserver.store import (
    LocalStore,
    Store,
    already_stored,
    changed_meanwhile,
    missing,
    place,
)
from awlab.backend.errors import AccessDenied, AwlabError, FileMissing, SettingsError

__all__ = ["RemoteStore", "open_store"]

_WEB = ("http", "https")
_S3 = ("s3", "s3a")


class RemoteStore:
    """Files on an object store or a web server (which is read-only), reached through fsspec.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, ``https://host/path``, ``memory://...``, or any other URL of a
        file system that fsspec knows.
    checksums : Checksums, optional
        Memory of files verified by this process.
    **options : Any
        Passed to fsspec. Without them the usual environment counts: for S3
        ``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` and so on.

    Notes
    -----
    "Written once" rests on the server: on S3 the upload is conditional (``If-None-Match: *``),
    so of two writers one is refused. Other protocols are asked first, which two writers at the
    same moment can outrun; the content hash in the names of products makes that harmless.
    """

    def __init__(self, url: str, checksums: Checksums | None = None, **options: Any) -> None:
        self.root = url.rstrip("/")
        self.protocol = url.partition("://")[0].lower()
        self.checksums = checksums or Checksums()
        self._options = options
        self._opened: tuple[int, Any] | None = None

    def __repr__(self) -> str:
        return f"RemoteStore({self.root!r})"

    @property
    def _filesystem(self) -> Any:
        # fsspec's asynchronous file systems do not survive fork(): one per process.
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), self._open_filesystem())
        return self._opened[1]

    def _open_filesystem(self) -> Any:
        import fsspec

        options = {"use_listings_cache": False, "skip_instance_cache": True, **self._options}
        if self.protocol in _WEB:
            options["encoded"] = True  # names are quoted here: fsspec would take '#' as it is
        try:
            return fsspec.filesystem(self.protocol, **options)
        except (ImportError, ValueError) as exc:
            raise SettingsError(
                f"the data server {self.root} cannot be used: {exc}",
                "for s3:// install awlab[s3]; otherwise give a folder or a URL fsspec knows",
            ) from exc

    def _key(self, name: str) -> str:
        if self.protocol in _WEB:
            return f"{self.root}/{quote(place(name))}"
        return f"{self.root}/{place(name)}"

    def put(self, path: Path, name: str, digest: str, *, adopt: bool = False) -> bool:
        """Upload a file; it is never replaced.

        Parameters
        ----------
        path : Path
            File to upload.
        name : str
            Name to store it under.
        digest : str
            Its SHA-256.
        adopt : bool
            Of no meaning here: a file is uploaded in any case.

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
        AccessDenied
            If the store is a web server, or refuses.
        FileMissing, StorageFailed
            If the file cannot be read or the store not be reached.
        """
        self._refuse_on_the_web(f"{name} cannot be stored")
        key = self._key(name)
        found = hash_file(path)
        if found.digest != digest:
            raise changed_meanwhile(path, digest, found.digest)
        if self.exists(name):
            return self._same_or_refuse(name, digest)
        only_new = {"mode": "create"} if self.protocol in _S3 else {}
        with self._errors(f"{name} cannot be stored"):
            try:
                self._filesystem.put_file(str(path), key, **only_new)
            except FileExistsError:  # another process was faster
                return self._same_or_refuse(name, digest)
        if self.size(name) != found.size:
            raise StorageFailed(
                f"{name} did not arrive whole on {self.root}", "remove it there and store it again"
            )
        return True

    def _same_or_refuse(self, name: str, digest: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            self.fetch(name, copy)
            if hash_file(copy).digest != digest:
                raise already_stored(name, self.root)
        return False

    def _refuse_on_the_web(self, what: str) -> None:
        if self.protocol in _WEB:
            raise AccessDenied(
                f"{what}: {self.root} is a web server, which is read-only",
                "set AWLAB_DATASERVER to a folder or an s3:// URL",
            )

    def local_path(self, name: str) -> None:
        """Files of a remote store have to be fetched: always None."""
        place(name)

    def fetch(self, name: str, target: Path) -> None:
        """Download a file.

        Parameters
        ----------
        name : str
            Name of the file.
        target : Path
            Local path to write to.

        Raises
        ------
        FileMissing
            If no such file is stored.
        AccessDenied, StorageFailed
            If the store refuses or cannot be reached, or the local disk is full.
        """
        with self._errors(f"{name} cannot be fetched", name):
            self._filesystem.get_file(self._key(name), str(target))

    def exists(self, name: str) -> bool:
        """Tell whether a file of that name is stored."""
        try:
            self._information(name)
        except FileMissing:
            return False
        return True

    def size(self, name: str) -> int:
        """Size of a stored file [bytes].

        Raises
        ------
        FileMissing
            If no such file is stored.
        """
        size = self._information(name).get("size")
        if size is None:
            raise StorageFailed(f"{self.root} does not tell the size of {name}", "retrieve it")
        return int(size)

    def _information(self, name: str) -> dict[str, Any]:
        with self._errors(f"{name} cannot be looked up", name):
            found: dict[str, Any] = self._filesystem.info(self._key(name))
            return found

    def names(self) -> Iterator[str]:
        """Names of all stored files, in no order; a web server must list its folders for this."""
        with self._errors("files cannot be listed"):
            paths = self._list()
        for path in paths:
            folder, _, last = str(path).rpartition("/")
            name = unquote(last) if self.protocol in _WEB else last
            if name and name[0] != "." and f"{folder.rpartition('/')[2]}/{name}" == place(name):
                yield name

    def _list(self) -> list[str]:
        # A web server redirects a folder without the slash and then lists wrong links.
        folder = self.root + "/"
        try:
            if self.protocol in _WEB:
                self._filesystem.ls(folder)  # find() would hide that a server is dead
            return list(self._filesystem.find(folder))
        except FileNotFoundError as exc:
            if self.protocol not in (*_WEB, *_S3):
                return []  # a folder that is made with the first file
            raise self._unreachable("files cannot be listed", exc) from exc

    def delete(self, name: str) -> None:
        """Remove a file for good.

        Raises
        ------
        FileMissing
            If no such file is stored.
        AccessDenied
            If the store is a web server, or refuses.
        """
        self._refuse_on_the_web(f"{name} cannot be removed")
        self._information(name)
        with self._errors(f"{name} cannot be removed", name):
            self._filesystem.rm_file(self._key(name))

    def url(self, name: str) -> str:
        """URL of a stored file, quoted."""
        return f"{self.root}/{quote(place(name))}"

    @contextmanager
    def _errors(self, what: str, name: str = "") -> Iterator[None]:
        try:
            with storage_errors(f"{what} ({self.root})"):
                try:
                    yield
                except FileNotFoundError as exc:
                    raise self._really_missing(what, name, exc) from exc
        except AwlabError:
            raise
        except Exception as exc:  # botocore's and aiohttp's errors share no base with ours
            raise self._unreachable(what, exc) from exc

    def _really_missing(self, what: str, name: str, exc: FileNotFoundError) -> AwlabError:
        # fsspec's web client says "not found" for everything, a dead server included.
        cause = exc.__cause__
        status = getattr(cause, "status", 404)
        dead = isinstance(cause, OSError | TimeoutError) and not isinstance(cause, type(exc))
        if self.protocol in _WEB and cause is not None and (dead or status not in (404, 410)):
            return self._unreachable(what, cause)
        return missing(name or what, self.root)

    def _unreachable(self, what: str, exc: BaseException) -> StorageFailed:
        return StorageFailed(
            f"{what}: {self.root} answers with {type(exc).__name__}: {exc}",
            "check the URL, the credentials and the network",
        )


def open_store(location: str | Path, **options: Any) -> Store:
    """Open the store at a folder or URL; nothing is read or made yet.

    Parameters
    ----------
    location : str or Path
        A folder, a ``file://`` URL, or any URL that fsspec knows.
    **options : Any
        Passed to fsspec.

    Returns
    -------
    Store
        `LocalStore` for folders, `RemoteStore` for everything else.

    Raises
    ------
    SettingsError
        If no location is given.
    """
    text = str(location)
    if not text:
        raise SettingsError("no data server is given", "set AWLAB_DATASERVER to a folder or URL")
    if isinstance(location, Path) or "://" not in text:
        return LocalStore(text)
    if text.startswith("file://"):
        return LocalStore(unquote(text.removeprefix("file://").removeprefix("localhost")))
    return RemoteStore(text, **options)
