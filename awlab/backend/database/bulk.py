"""Register many objects of one class at once, from columns, by binary COPY in one transaction.

For archives and surveys: the same rows, lineage and rules as ``commit()``, at the speed of COPY.
The trigger of the class's table writes the root rows and the lineage edges.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from awlab.backend.database.bulk_columns import attribute_fields, check_links, list_of_links
from awlab.backend.database.bulk_rows import Field, copy_stream, fixed_field, uuid_field
from awlab.backend.database.class_tables import catalog, members_table, quoted
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, now
from awlab.backend.database.registry_tables import ID_SEQUENCE
from awlab.backend.database.schema import ensure_tables
from awlab.backend.errors import DefinitionError, QueryError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

__all__ = ["register_bulk", "uuid7_array"]

_WORLD = 4
# From here on PostgreSQL is told at once how large the tables have become: its planner would
# otherwise choose as for empty tables until it notices by itself, a minute later.
_ANALYZE_FROM = 10_000

_MEMBER_COLUMNS = {"target": ">i8", "source": ">i8", "role": ">i4", "ordinal": ">i4"}


def uuid7_array(n: int) -> NDArray[Any]:
    """Make ``n`` UUIDs of version 7, ascending.

    Returns
    -------
    ndarray of uint8, shape (n, 16)
        Time stamp [ms], version, variant and 74 random bits, as in RFC 9562.
    """
    # Ascending random numbers of one moment: identifiers sort in the order of the objects.
    tail = np.sort(np.frombuffer(os.urandom(8 * n), dtype=np.uint64))
    low = np.frombuffer(os.urandom(2 * n), dtype=np.uint16).astype(np.uint64)
    milliseconds = np.uint64(time.time_ns() // 1_000_000)
    words = np.empty((n, 2), dtype=">u8")
    words[:, 0] = (milliseconds << np.uint64(16)) | np.uint64(0x7000) | (tail >> np.uint64(52))
    random = ((tail & np.uint64(2**52 - 1)) << np.uint64(10)) | (low & np.uint64(0x3FF))
    words[:, 1] = np.uint64(1 << 63) | random
    return words.view(np.uint8).reshape(n, 16)


def register_bulk(
    cls: Any,
    columns: Mapping[str, Any],
    lists: Mapping[str, tuple[Any, Any]] | None = None,
) -> NDArray[Any]:
    """Register many objects of one class in one transaction: all of them, or none.

    Parameters
    ----------
    cls : type
        Concrete persistent class.
    columns : dict
        Values by attribute; those of a struct as ``'imstat.stdev'``. One-dimensional arrays of one
        length n, masked or None where there is no value; a single value stands for all objects.
        A link is an array of row numbers (0 for none), or one committed object; -1, -2 ... are the
        first, second ... object of this call, for ``prev``. ``creation_date`` is now unless it is
        given. At least one column is an array, or there are lists. What is not given has the
        default of the class.
    lists : dict, optional
        Lists of links as ``(offsets, ids)``: the members of object i are
        ``ids[offsets[i]:offsets[i + 1]]``.

    Returns
    -------
    ndarray of int64, shape (n,)
        Row numbers of the new objects, for use as links.

    Raises
    ------
    UnknownAttribute, WrongType
        If a column does not fit the class.
    QueryError
        If lengths differ, or a link is to nothing visible of the right class.
    DefinitionError
        If the class has no objects, or objects of it exist once (parameters, instruments).

    Notes
    -----
    Files are not looked at: that the data server has the files of a registered archive is vouched
    for by the caller, and checked by ``awlab doctor``.
    """
    if getattr(cls, "_persistent_kind", None) != "object" or cls._abstract or cls._unique_on:
        name = getattr(cls, "__name__", repr(cls))
        raise DefinitionError(f"objects of {name} cannot be registered in bulk", "commit() each")
    count = _count(columns, lists or {})
    database = current_database()
    ensure_tables(database, [cls])
    ids = _new_ids(database, count) if count else np.empty(0, dtype=np.int64)
    values, links, follows = attribute_fields(cls, columns, ids)
    members = {name: list_of_links(cls, name, pair, count) for name, pair in (lists or {}).items()}
    check_links(database, links + [(a, ids) for a, _, ids in members.values()])
    if count == 0:
        return ids
    fields = _identity(cls, ids) | {name: f for name, f in values.items() if f is not None}
    lists_by_table = _lists_by_table(database, ids, members)
    with database.transaction() as connection:
        if follows:
            # The root rows are written after the rows of the class that name them.
            connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")
        _copy(database, connection, cls.__name__, fields, count)
        for table, rows in lists_by_table.items():
            _copy(database, connection, table, rows, len(rows["target"].lengths))
    if count >= _ANALYZE_FROM:
        _analyze(database, cls)
    return ids


def _count(columns: Mapping[str, Any], lists: Mapping[str, tuple[Any, Any]]) -> int:
    lengths = {
        name: len(values)
        for name, values in columns.items()
        if hasattr(values, "__len__") and not isinstance(values, (str, bytes, dict))
    }
    if not lengths:
        lengths = {name: len(offsets) - 1 for name, (offsets, _) in lists.items()}
    if not lengths:
        raise QueryError(
            "register_bulk needs at least one column with a value per object",
            "give an array; single values stand for all objects",
        )
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise QueryError(f"columns differ in length: {told}", "one value per object in each")
    return next(iter(lengths.values()))


def _new_ids(database: Database, count: int) -> NDArray[Any]:
    # Numbers of a sequence belong to nobody else, also before the transaction has begun.
    numbers = sa.func.nextval(sa.literal(ID_SEQUENCE)).label("id")
    return database.arrays(sa.select(numbers).select_from(_series(count)), ["int"])[0]


def _series(count: int) -> Any:
    return sa.func.generate_series(1, sa.literal(count, sa.Integer)).alias("n")


def _identity(cls: Any, ids: NDArray[Any]) -> dict[str, Field]:
    privileges = _WORLD if cls._named_for_all else context.privileges
    return {
        "id": fixed_field(ids, "int", None),
        "object_id": uuid_field(uuid7_array(len(ids))),
        "creator": _same(context.user.encode()),
        "project": _same(context.project.encode()),
        "privileges": fixed_field(np.array([privileges]), "int", None),
        "creation_date": fixed_field(np.array([now()], dtype="datetime64[us]"), "datetime", None),
    }


def _same(value: bytes) -> Field:
    """A column with one text in all rows."""
    return Field(
        np.frombuffer(value, dtype=np.uint8)[None, :], np.array([len(value)], dtype=np.int32)
    )


def _lists_by_table(
    database: Database, ids: NDArray[Any], members: dict[str, tuple[Any, Any, Any]]
) -> dict[str, dict[str, Field]]:
    """Rows of the members of lists of links; the trigger writes the edges of plain links."""
    known = catalog(database)
    parts: dict[str, list[list[NDArray[Any]]]] = {}
    for attribute, offsets, sources in members.values():
        if not len(sources):
            continue
        sizes = np.diff(offsets)
        ordinal = np.arange(len(sources)) - np.repeat(offsets[:-1], sizes)
        role = np.full(len(sources), known.role(attribute.name))
        rows = parts.setdefault(members_table(attribute).name, [])
        rows.append([np.repeat(ids, sizes), sources, role, ordinal])
    return {table: _member_fields(rows) for table, rows in parts.items()}


def _member_fields(parts: list[list[NDArray[Any]]]) -> dict[str, Field]:
    numbers = [np.concatenate(column) for column in zip(*parts, strict=True)]
    wire = dict(zip(_MEMBER_COLUMNS.items(), numbers, strict=True))
    return {name: _integers(values, form) for (name, form), values in wire.items()}


def _integers(values: NDArray[Any], form: str) -> Field:
    wire = np.ascontiguousarray(values.astype(form))
    width = wire.dtype.itemsize
    lengths = np.full(len(wire), width, dtype=np.int32)
    return Field(wire.view(np.uint8).reshape(len(wire), width), lengths)


def _copy(
    database: Database, connection: Connection, name: str, fields: dict[str, Field], count: int
) -> None:
    """Send rows to one table. Names are quoted: COPY takes no bound values, and none are here."""
    table, columns = quoted(name), ", ".join(quoted(column) for column in fields)
    cursor = connection.connection.cursor()
    try:
        database.statements += 1
        cursor.copy_expert(
            f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)",
            copy_stream(list(fields.values()), count),
        )
    finally:
        cursor.close()


def _analyze(database: Database, cls: Any) -> None:
    table = quoted(cls.__name__)
    with database.autocommit() as connection:
        connection.exec_driver_sql(f"ANALYZE {table}, dbobject, edge")
