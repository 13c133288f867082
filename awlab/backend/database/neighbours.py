"""One step along the lineage, bounded: what stands next to an object, counted by role and class.

An object may have 50,000 descendants: counts stop at a cap and members come in pages, so that a
step costs the same whatever lies beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import Catalog, KnownTable, catalog
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import visible
from awlab.backend.database.registry_tables import dbclass, dbobject, edge
from awlab.backend.database.stand_in import class_of
from awlab.backend.database.walks import Direction
from awlab.backend.errors import QueryError

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = ["Neighbour", "NeighbourGroup", "neighbour_groups", "neighbours", "verdicts_of"]

_CAP = 1_000


@dataclass(frozen=True, slots=True)
class NeighbourGroup:
    """The objects of one class that are linked to an object in one role.

    Attributes
    ----------
    direction : {'upstream', 'downstream'}
        Inputs of the object, or what was made from it.
    role : str
        Name of the link.
    class_name : str
        Class of the objects.
    count : int
        How many they are; at least so many where ``more`` is True.
    more : bool
        Whether counting stopped at the cap.
    """

    direction: Direction
    role: str
    class_name: str
    count: int
    more: bool


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One object next to another, as far as the registry knows it.

    Attributes
    ----------
    id : int
        Row number, which also is the key of paging.
    object_id, class_name : str
        Identity.
    is_valid, quality_flags : int
        Both verdicts.
    creation_date : datetime
        When it was made.
    """

    id: int
    object_id: str
    class_name: str
    is_valid: int
    quality_flags: int
    creation_date: datetime


def neighbour_groups(item: Any, cap: int = _CAP) -> list[NeighbourGroup]:
    """Count the direct inputs and the direct products of an object by role and class.

    Parameters
    ----------
    item : DBObject
        Committed object.
    cap : int
        Count at most so many objects of a role and class.

    Returns
    -------
    list of NeighbourGroup
        Inputs first; found in one statement.
    """
    number = _number(item)
    database = current_database()
    known = catalog(database)
    for _ in (1, 2):
        statement = _counting(known, number, type(item), cap)
        rows = database.rows(statement)
        # The last row tells of the newest class: another process may have added one.
        newest = next(row[3] for row in rows if row[0] == "newest")
        if newest <= max((table.class_id for table in known.tables()), default=0):
            break
        known.refresh()
    found = [
        NeighbourGroup(
            row[0],
            known.role_name(row[1]),
            known.by_id(row[2]).name,
            min(row[3], cap),
            row[3] > cap,
        )
        for row in rows
        if row[0] != "newest" and row[3]
    ]
    return sorted(found, key=lambda g: (g.direction == "downstream", g.role, g.class_name))


def _number(item: Any) -> int:
    if item._id is None:
        raise QueryError(f"{item!r} has no lineage yet: it is not committed", "commit() it first")
    return int(item._id)


def _counting(known: Catalog, number: int, cls: Any, cap: int) -> Any:
    up = (
        sa.select(edge.c.role, dbobject.c.class_id)
        .join(dbobject, dbobject.c.id == edge.c.source)
        .where(edge.c.target == number, _seen(dbobject.c))
        .limit(10 * cap + 1)
        .subquery()
    )
    selects = [
        sa.select(
            sa.literal("upstream", sa.Text),
            up.c.role,
            up.c.class_id,
            sa.func.count().label("n"),
        ).group_by(up.c.role, up.c.class_id)
    ]
    names = {base.__name__ for base in cls.__mro__}
    for table in known.tables():
        for link, many in _dependencies(table, names):
            members = _products(known, table, link, number, many=many).limit(cap + 1).subquery()
            selects.append(
                sa.select(
                    sa.literal("downstream", sa.Text),
                    sa.literal(known.role(link), sa.Integer),
                    sa.literal(table.class_id, sa.Integer),
                    sa.func.count(),
                ).select_from(members)
            )
    zero = sa.literal(0, sa.Integer)
    selects.append(sa.select(sa.literal("newest", sa.Text), zero, zero, sa.func.max(dbclass.c.id)))
    return sa.union_all(*selects)


def _dependencies(table: KnownTable, names: set[str]) -> list[tuple[str, bool]]:
    """Links of a class that are lineage and may hold an object of one of these classes."""
    return [
        (attribute["name"], attribute["kind"] == "links")
        for attribute in table.definition["attributes"]
        if attribute["kind"] in ("link", "links")
        and attribute["dependency"]
        and attribute["type"] in names
    ]


def _seen(columns: Any) -> Any:
    return visible(columns.creator, columns.project, columns.privileges)


def _products(known: Catalog, table: KnownTable, link: str, number: int, *, many: bool) -> Any:
    """Select the ids of the objects of a class that were made from an object through a link."""
    names = ("id", "creator", "project", "privileges", link)
    made = sa.table(table.name, *(sa.column(name) for name in names))
    if not many:
        return sa.select(made.c.id).where(made.c[link] == number, _seen(made.c))
    return (
        sa.select(dbobject.c.id)
        .join(edge, edge.c.target == dbobject.c.id)
        .where(
            edge.c.source == number,
            edge.c.role == known.role(link),
            dbobject.c.class_id == table.class_id,
            _seen(dbobject.c),
        )
    )


def neighbours(
    item: Any, group: NeighbourGroup, *, after: int = 0, limit: int = 100
) -> list[Neighbour]:
    """Return the next objects of a group, in order of their row numbers.

    Parameters
    ----------
    item : DBObject
        Committed object.
    group : NeighbourGroup
        Which of its neighbours.
    after : int
        Row number of the last one seen; 0 to begin.
    limit : int
        How many at most.

    Returns
    -------
    list of Neighbour
        Found in one statement, by key, not by counting from the start.

    Raises
    ------
    QueryError
        If the class has no such link.
    """
    number = _number(item)
    database = current_database()
    known = catalog(database)
    table = known.get(group.class_name)
    if table is None:
        raise QueryError(f"{group.class_name!r} is not a class of this database")
    if group.direction == "upstream":
        ids = sa.select(edge.c.source.label("id")).where(
            edge.c.target == number, edge.c.role == known.role(group.role)
        )
    else:
        kinds = dict(_dependencies(table, {base.__name__ for base in type(item).__mro__}))
        if group.role not in kinds:
            raise QueryError(f"{group.class_name} is not made from a {type(item).__name__}")
        ids = _products(known, table, group.role, number, many=kinds[group.role])
    members = ids.subquery()
    statement = (
        _registry()
        .where(dbobject.c.id.in_(sa.select(members.c.id).where(members.c.id > after)))
        .where(dbobject.c.class_id == table.class_id)
        .order_by(dbobject.c.id)
        .limit(limit)
    )
    return _read(database, known, statement)


def verdicts_of(items: list[Any]) -> list[Neighbour]:
    """Read what the registry knows of some objects, in one statement, in order of row numbers."""
    database = current_database()
    known = catalog(database)
    numbers = sa.literal([_number(item) for item in items], sa.ARRAY(sa.BigInteger))
    statement = _registry().where(dbobject.c.id == sa.any_(numbers)).order_by(dbobject.c.id)
    return _read(database, known, statement)


def _registry() -> Any:
    o = dbobject.c
    columns = (o.id, o.object_id, o.class_id, o.is_valid, o.quality_flags, o.creation_date)
    return sa.select(*columns).where(_seen(o))


def _read(database: Database, known: Catalog, statement: Any) -> list[Neighbour]:
    rows = database.rows(statement)
    return [Neighbour(r[0], str(r[1]), class_of(known, r[2]).__name__, *r[3:]) for r in rows]
