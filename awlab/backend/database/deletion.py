"""Delete objects that nothing depends on and that nobody else could have used.

Rows, lineage edges, remarks and history go in one transaction; a tombstone stays. The database
itself refuses any other way (migration 0002). Files are let go of: who has a data server removes
them, and ``awlab doctor`` finds what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.amend import change_rows, lock_objects
from awlab.backend.database.chosen import counted, labels, numbers_of, seen_by_all
from awlab.backend.database.class_tables import catalog
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, now, use_acts
from awlab.backend.database.meta import class_named
from awlab.backend.database.registry_tables import (
    amendment,
    dbclass,
    dbobject,
    edge,
    reference,
    tombstone,
)
from awlab.backend.database.sharing import ObjectRow, Standing, rows_among, standing_of
from awlab.backend.database.stored_files import filenames_of, known_filenames
from awlab.backend.database.walks import naming_links

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

__all__ = ["Deletion", "Kept", "delete", "use_file_remover"]

_PUBLIC = 3
_SHOWN = 10

_removers: list[Callable[[list[str]], None]] = []


def use_file_remover(remove: Callable[[list[str]], None]) -> None:
    """Say who removes the files of deleted objects: called with names that no object has."""
    if remove not in _removers:
        _removers.append(remove)


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that is not deleted, and why."""

    label: str
    why: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """What would be deleted, or was.

    Attributes
    ----------
    goes : dict
        Number of objects by class; comments and tags on them included.
    kept : tuple of Kept
        Objects that stay.
    filenames : tuple of str
        Files that then belong to no object.
    done : bool
        True once it has happened.
    """

    goes: dict[str, int]
    kept: tuple[Kept, ...]
    filenames: tuple[str, ...]
    done: bool

    def __len__(self) -> int:
        return sum(self.goes.values())

    def __repr__(self) -> str:
        told = ", ".join(f"{n:,} {name}" for name, n in sorted(self.goes.items())) or "nothing"
        files = f", with {len(self.filenames):,} files" if self.filenames else ""
        head = f"deleted {told}{files}" if self.done else f"would delete {told}{files}"
        lines = [head if self.done or not self.goes else f"{head}; confirm=True does it"]
        lines += [f"  kept {item.label}: {item.why}" for item in self.kept[:_SHOWN]]
        more = len(self.kept) - _SHOWN
        return "\n".join(lines + ([f"  kept {more:,} more"] if more > 0 else []))


@dataclass(frozen=True, slots=True)
class _Found:
    """Which of the chosen objects can go, and why others cannot."""

    gone: dict[int, ObjectRow]
    remarks: dict[int, ObjectRow]
    why: dict[int, str]


def delete(what: Any, *, confirm: bool = False, reason: str = "") -> Deletion:
    """Show what a deletion would do, or do it; see `Context.delete`."""
    database = current_database()
    ids = numbers_of(what)
    with database.transaction() if confirm else database.reading() as connection:
        if confirm:
            # Nobody makes anything from these objects from here on.
            connection.execute(sa.text("LOCK TABLE edge, reference IN SHARE ROW EXCLUSIVE MODE"))
        found = _find(database, connection, ids, lock=confirm)
        kept = tuple(Kept(*pair) for pair in _told(found.why))
        everything = found.gone | found.remarks
        names = filenames_of(connection, list(everything))
        if confirm and everything:
            _delete_rows(connection, found, reason.strip())
    free = (
        tuple(sorted(names - known_filenames(sorted(names)))) if confirm else tuple(sorted(names))
    )
    if confirm and free:
        for remove in _removers:
            remove(list(free))
    goes = dict(Counter(row.class_name for row in everything.values()))
    return Deletion(goes, kept, free, confirm)


def _told(why: dict[int, str]) -> list[tuple[str, str]]:
    ids = sorted(why)
    return list(zip(labels(ids, len(ids)), (why[i] for i in ids), strict=True))


def _find(database: Database, connection: Connection, ids: list[int], *, lock: bool) -> _Found:
    rows = _rows(database, connection, ids, lock=lock)
    standing = standing_of(connection)
    why = {i: reason for i, row in rows.items() if (reason := _forbidden(row, standing))}
    pairs = _referring(database, connection, rows, remarks=False)
    gone = set(rows) - set(why)
    while True:
        held = {source: 0 for target, source in pairs if source in gone and target not in gone}
        if not held:
            break
        gone -= set(held)
        _explain(database, connection, held, pairs, gone, why)
    remarks = _remarks(database, connection, {i: rows[i] for i in gone}, lock=lock)
    return _Found({i: rows[i] for i in gone}, remarks, why)


def _rows(
    database: Database, connection: Connection, ids: list[int], *, lock: bool
) -> dict[int, ObjectRow]:
    if lock:
        return rows_among(database, lock_objects(connection, ids, deleting=True))
    o = dbobject.c
    columns = (o.id, o.class_id, o.creator, o.project, o.privileges, o.object_id)
    inside = o.id == sa.any_(sa.literal(ids, sa.ARRAY(sa.BigInteger)))
    return rows_among(database, connection.execute(sa.select(*columns).where(inside)).all())


def _forbidden(row: ObjectRow, standing: Standing) -> str:
    if seen_by_all(row.class_name) or row.privileges >= _PUBLIC:
        return f"it is public (privileges {row.privileges})"
    if not standing.manages(row):
        return f"it belongs to {row.creator}, and you do not manage project {row.project}"
    return ""


def _explain(
    database: Database,
    connection: Connection,
    held: dict[int, int],
    pairs: list[tuple[int, int]],
    gone: set[int],
    why: dict[int, str],
) -> None:
    """Say what keeps objects: the classes of what refers to them and stays."""
    holders: dict[int, list[int]] = {source: [] for source in held}
    for target, source in pairs:
        if source in holders and target not in gone:
            holders[source].append(target)
    everybody = sorted({target for targets in holders.values() for target in targets})
    rows = _rows(database, connection, everybody, lock=False)
    for source, targets in holders.items():
        names = counted(rows[target].class_name for target in set(targets) if target in rows)
        why[source] = f"{names} refer to it"


def _referring(
    database: Database, connection: Connection, rows: dict[int, ObjectRow], *, remarks: bool
) -> list[tuple[int, int]]:
    """Return (who refers, to which) for remarks, or for everything else that refers to rows."""
    wanted = sa.literal(list(rows), sa.ARRAY(sa.BigInteger))
    parts: list[Any] = []
    if not remarks:
        parts = [
            sa.select(t.c.target, t.c.source).where(t.c.source == sa.any_(wanted))
            for t in (edge, reference)
        ]
    for table, link in naming_links(catalog(database), _class_names(rows)):
        if (_subject_of(table.name) == link) is remarks:
            column = table.c[link]
            parts.append(sa.select(table.c.id, column).where(column == sa.any_(wanted)))
    if not parts or not rows:
        return []
    return [(row[0], row[1]) for row in connection.execute(sa.union_all(*parts))]


def _class_names(rows: dict[int, ObjectRow]) -> set[str]:
    known = catalog(current_database())
    names: set[str] = set()
    for name in {row.class_name for row in rows.values()}:
        table = known.get(name)
        names |= {name, *(table.parents if table else ())}
    return names


def _subject_of(class_name: str) -> str:
    cls = class_named(class_name)
    return str(cls._remark_on) if cls is not None else ""


def _remarks(
    database: Database, connection: Connection, rows: dict[int, ObjectRow], *, lock: bool
) -> dict[int, ObjectRow]:
    """Return the comments and tags on objects, and those on these; they go with the objects."""
    found: dict[int, ObjectRow] = {}
    while rows:
        pairs = _referring(database, connection, rows, remarks=True)
        numbers = sorted({target for target, _ in pairs} - set(found))
        rows = _rows(database, connection, numbers, lock=lock)
        found |= rows
    return found


def _delete_rows(connection: Connection, found: _Found, reason: str) -> None:
    loud = [row for row in found.remarks.values() if row.privileges >= _PUBLIC]
    for name in sorted({row.class_name for row in loud}):
        # A remark is no more public than what it is about.
        ids = [row.id for row in loud if row.class_name == name]
        change_rows(connection, name, ids, ("privileges", 1), "its subject is deleted")
    everything = found.gone | found.remarks
    ids = sorted(everything)
    wanted = sa.literal(ids, sa.ARRAY(sa.BigInteger))
    _bury(connection, wanted, reason)
    for table in (edge, reference):
        connection.execute(sa.delete(table).where(table.c.target == sa.any_(wanted)))
    connection.execute(sa.delete(amendment).where(amendment.c.object == sa.any_(wanted)))
    for name in sorted({row.class_name for row in everything.values()}):
        own = sa.table(name, sa.column("id", sa.BigInteger))
        connection.execute(sa.delete(own).where(own.c.id == sa.any_(wanted)))
    connection.execute(sa.delete(dbobject).where(dbobject.c.id == sa.any_(wanted)))


def _bury(connection: Connection, wanted: Any, reason: str) -> None:
    """Write the tombstones: without them the database deletes nothing."""
    o = dbobject.c
    told = [o.id, o.object_id, dbclass.c.name, o.creator, o.project, o.privileges]
    who: list[Any] = [sa.literal(context.user), sa.literal(now(), sa.DateTime), sa.literal(reason)]
    rows = (
        sa.select(*told, o.creation_date, *who)
        .join_from(dbobject, dbclass, o.class_id == dbclass.c.id)
        .where(o.id == sa.any_(wanted))
    )
    names = [column.name for column in tombstone.c]
    connection.execute(tombstone.insert().from_select(names, rows))


use_acts(delete=delete)
