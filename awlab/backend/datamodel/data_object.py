"""``DataObject``: a persistent object with a file on the data server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from awlab.backend.database import DBObject, Query, context, persistent
from awlab.backend.datamodel.journal import note_file
from awlab.backend.datamodel.session import current_dataserver
from awlab.backend.datamodel.times import utc_now
from awlab.backend.dataserver import FileLabel, global_name, hash_file, raw_name
from awlab.backend.errors import AlreadyStored, FileMissing

__all__ = ["DataObject"]


class DataObject(DBObject):
    """Anything with a file; the database knows the name, any data server gives the file.

    Parameters
    ----------
    pathname : str or Path, optional
        Local file that is, or will be, the file of this object.
    **values
        Attributes.
    """

    # Product code in file names; classes that make files name theirs.
    _product_code = "Data"
    _file_category = "Cal"

    filename = persistent("Unique name of the file on the data server", str, "")
    file_sha256 = persistent("SHA-256 of the file", str, "")
    file_size = persistent("Size of the file [byte]", int)

    pathname: str = ""

    def __init__(self, pathname: str | Path | None = None, **values: Any) -> None:
        super().__init__(**values)
        self.pathname = str(pathname) if pathname is not None else ""

    def store(self, *, adopt: bool = False) -> Self:
        """Put the file at ``pathname`` on the data server, once, under a unique name.

        Parameters
        ----------
        adopt : bool
            Whether the data server may take the file itself instead of a copy: whoever made it
            writes to it no more.

        Returns
        -------
        DataObject
            This object, with ``filename``, ``file_sha256`` and ``file_size`` filled in.

        Raises
        ------
        FileMissing
            If there is no file at ``pathname``.
        AlreadyStored
            If this object has been stored before.
        """
        if self.file_sha256:
            raise AlreadyStored(f"{self.filename} is stored already", "files are written once")
        path = Path(self.pathname)
        if not self.pathname or not path.is_file():
            raise FileMissing(
                f"{type(self).__name__}: no file at pathname {self.pathname!r}",
                "set pathname to the file that is to be stored",
            )
        server = current_dataserver()
        found = hash_file(path)
        if adopt:
            # Nobody else has this file: what was hashed is what is stored.
            server.learn(path, found.digest)
        name = self._new_filename(found.digest, path)
        if self._keeps_archive_name:
            # It takes the plain name or, if that is taken, the one with the hash.
            for possible in (raw_name(name), raw_name(name, digest=found.digest)):
                note_file(possible)
            name = server.put_raw(path, name, found.digest)
        else:
            note_file(name)
            server.put(path, name, found.digest, adopt=adopt)
        self.filename, self.file_sha256, self.file_size = name, found.digest, found.size
        return self

    @property
    def _keeps_archive_name(self) -> bool:
        """True where the file's own name goes on living: raw frames and files of users."""
        return self._product_code == "Data"

    def _new_filename(self, digest: str, path: Path) -> str:
        if self._keeps_archive_name:
            return path.name
        return global_name(self._file_label(), utc_now(), digest, "".join(path.suffixes[-1:]))

    def _file_label(self) -> FileLabel:
        """What the file name says of the object; instrument, filter and chip where it has them."""
        fields = {}
        for name in ("instrument", "filter", "chip"):
            linked = getattr(self, name) if name in type(self)._attributes else None
            fields[name] = linked.name if linked is not None else ""
        kind = "Sci" if self._file_category == "Sci" else ""
        return FileLabel(
            self._file_category, self._product_code, user=context.user, object_class=kind, **fields
        )

    def retrieve(self) -> Path:
        """Return a local path of the file, its checksum verified.

        The path lies in the managed cache or in the store itself: read it, do not write to it.

        Raises
        ------
        FileMissing
            If the data server does not have it.
        ChecksumMismatch
            If its content is not what was stored.
        """
        if not self.file_sha256:
            if self.pathname and Path(self.pathname).is_file():
                return Path(self.pathname)
            if self.is_committed:
                raise FileMissing(
                    f"{self!r} was registered without a file", "its values and its lineage are all"
                )
            raise FileMissing(f"{self!r} has no file yet", "make and store it first")
        return current_dataserver().retrieve(self.filename, self.file_sha256)

    def is_on_dataserver(self) -> bool:
        """Tell whether the data server has the file."""
        return bool(self.file_sha256) and current_dataserver().exists(self.filename)

    def _before_commit(self) -> None:
        if not self.is_on_dataserver():
            raise FileMissing(
                f"{type(self).__name__} {self.filename or '(no name)'}: the file is not on the"
                " data server",
                "call store() before commit()",
            )

    @classmethod
    def files(cls) -> Query:
        """Return all visible objects that have a file."""
        found: Query = cls.filename != ""
        return found
