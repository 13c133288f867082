"""Which files the database knows, whatever the context: housekeeping must not overlook any."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import catalog
from awlab.backend.database.connection import current_database

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["StoredFile", "filenames_of", "files_of_all_objects", "known_filenames", "settled"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that an object has."""

    filename: str
    sha256: str
    size: int
    class_name: str
    object_id: str


def _tables() -> list[tuple[str, sa.TableClause]]:
    """Tables of the classes that have a file."""
    known = catalog(current_database())
    names = ("id", "filename", "file_sha256", "file_size", "object_id")
    return [
        (name, sa.table(name, *(sa.column(column) for column in names)))
        for name in known.names()
        if (found := known.get(name)) is not None and "file_sha256" in found.columns
    ]


def known_filenames(names: list[str]) -> set[str]:
    """Return those of the names that belong to an object: one statement."""
    tables = _tables()
    if not tables or not names:
        return set()
    wanted = sa.literal(names, sa.ARRAY(sa.Text))
    parts = [sa.select(t.c.filename).where(t.c.filename == sa.any_(wanted)) for _, t in tables]
    return {row[0] for row in current_database().rows(sa.union_all(*parts))}


def filenames_of(connection: Connection, ids: list[int]) -> set[str]:
    """Return the names of the files that certain objects have."""
    tables = _tables()
    if not tables or not ids:
        return set()
    wanted = sa.literal(ids, sa.ARRAY(sa.BigInteger))
    parts = [
        sa.select(t.c.filename).where(t.c.id == sa.any_(wanted), t.c.file_sha256 != "")
        for _, t in tables
    ]
    return {row[0] for row in connection.execute(sa.union_all(*parts)) if row[0]}


def settled(timeout: float = 5.0) -> bool:
    """Wait until all transactions that are open now have ended; tell whether they have.

    The server finishes the commit of a process that was killed while it waited for the answer:
    only after that it is certain whether an object has the file which the process had stored.

    Parameters
    ----------
    timeout : float
        Longest wait [s].
    """
    database = current_database()
    # A number of our own: those of all transactions that write now are smaller.
    mine, oldest = (
        sa.select(sa.cast(sa.cast(number, sa.Text), sa.BigInteger))
        for number in (
            sa.func.pg_current_xact_id(),
            sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()),
        )
    )
    until = database.scalar(mine)
    deadline = time.monotonic() + timeout
    while database.scalar(oldest) < until:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def files_of_all_objects() -> list[StoredFile]:
    """Return the files of all objects: one statement."""
    tables = _tables()
    if not tables:
        return []
    parts: list[Any] = [
        sa.select(
            t.c.filename, t.c.file_sha256, t.c.file_size, sa.literal(name), t.c.object_id
        ).where(t.c.file_sha256 != "")
        for name, t in tables
    ]
    rows = current_database().rows(sa.union_all(*parts))
    return [StoredFile(r[0], r[1], int(r[2] or 0), r[3], str(r[4])) for r in rows]
