"""The statements of lineage: walks along ``edge``, and who refers to an object.

A walk of any depth is one recursive statement. ``UNION`` (not ``UNION ALL``) visits every object
once, however many ways lead to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from awlab.backend.database.class_tables import Catalog, KnownTable, catalog
from awlab.backend.database.context import visible
from awlab.backend.database.registry_tables import dbobject, edge, reference
from awlab.backend.errors import QueryError

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = [
    "Direction",
    "Edges",
    "Found",
    "closure",
    "edges_among",
    "naming_links",
    "referring",
    "walk",
]

Direction = Literal["upstream", "downstream"]


@dataclass(frozen=True, eq=False)
class Found:
    """What a walk met.

    Attributes
    ----------
    ids : ndarray of int64, shape (n,)
        Row numbers of the objects that the context may see, ascending: inputs stand before what
        was made from them.
    numbers : ndarray of int64, shape (n,)
        Class number of each.
    hidden : int
        Objects met that the context may not see.
    """

    ids: NDArray[Any]
    numbers: NDArray[Any]
    hidden: int = 0

    def where(self, keep: NDArray[Any]) -> Found:
        """Keep some of the objects."""
        return Found(self.ids[keep], self.numbers[keep], self.hidden)


@dataclass(frozen=True, eq=False)
class Edges:
    """Lineage edges: ``target`` was made from ``source`` in a ``role``.

    Attributes
    ----------
    target, source, role, ordinal : ndarray of int64, shape (n,)
        Row numbers, number of the role, position in a list of links.
    names : dict
        Name of every role number.
    """

    target: NDArray[Any]
    source: NDArray[Any]
    role: NDArray[Any]
    ordinal: NDArray[Any]
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.target)

    def rows(self) -> list[tuple[int, int, str]]:
        """Return (target, source, name of the role), in order of target, role and list."""
        roles = (self.names[number] for number in self.role.tolist())
        return list(zip(self.target.tolist(), self.source.tolist(), roles, strict=True))


def _ids(ids: NDArray[Any]) -> Any:
    return sa.literal(np.asarray(ids).tolist(), sa.ARRAY(sa.BigInteger))


def _ends(direction: Direction) -> tuple[str, str]:
    """Columns to come from and to go to."""
    return ("target", "source") if direction == "upstream" else ("source", "target")


def walk(
    database: Database,
    ids: NDArray[Any],
    direction: Direction,
    *,
    depth: int | None = None,
    limit: int | None = None,
) -> Found:
    """Find all ancestors or all descendants of a set of objects, in one statement.

    Parameters
    ----------
    database : Database
        Where they are.
    ids : ndarray of int64
        Row numbers to begin with; they are in the result only where the walk meets them.
    direction : {'upstream', 'downstream'}
        Towards the inputs, or towards what was made from the objects.
    depth : int, optional
        Steps at most.
    limit : int, optional
        Follow at most so many edges of every object: the first by role and position.

    Returns
    -------
    Found
        The objects met.

    Raises
    ------
    QueryError
        If ``depth`` or ``limit`` is not positive.
    """
    for name, value in (("depth", depth), ("limit", limit)):
        if value is not None and value < 1:
            raise QueryError(f"{name} = {value!r}: a walk goes at least one step", "use 1 or more")
    if depth is None and limit is None:
        met = closure(ids, direction)
    else:
        met = _bounded(ids, direction, depth, limit)
    return _found(database, sa.select(met.c.id))


def _found(database: Database, met: Any) -> Found:
    """Read class and visibility of the objects that a statement meets."""
    # An array, not a join: the index is descended once, not once per object (1.2 against 1.7
    # times the bare walk for 5,000 ancestors).
    wanted = sa.func.array(met.scalar_subquery(), type_=sa.ARRAY(sa.BigInteger))
    o = dbobject.c
    seen_column = visible(o.creator, o.project, o.privileges)
    columns = [o.id, sa.cast(o.class_id, sa.BigInteger), seen_column]
    statement = sa.select(*columns).where(o.id == sa.any_(wanted))
    ids, numbers, seen = database.arrays(statement, ["int", "int", "bool"])
    order = np.argsort(ids)
    order = order[seen[order]]
    return Found(ids[order], numbers[order], int(len(seen) - len(order)))


def closure(ids: NDArray[Any], direction: Direction) -> Any:
    """Return the recursive CTE of all that a walk meets, visible or not; its column is ``id``."""
    come, go = _ends(direction)
    first = sa.select(edge.c[go].label("id")).where(edge.c[come] == sa.any_(_ids(ids)))
    met = first.cte("met", recursive=True)
    return met.union(sa.select(edge.c[go]).join(met, edge.c[come] == met.c.id))


def _bounded(ids: NDArray[Any], direction: Direction, depth: int | None, limit: int | None) -> Any:
    """Carry the number of steps along, and look at a few edges of every object only."""
    come, go = _ends(direction)
    start = sa.select(sa.func.unnest(_ids(ids)).label("id"), sa.literal(0, sa.Integer).label("n"))
    met = start.cte("met", recursive=True)
    step = sa.select(edge.c[go].label("id")).where(edge.c[come] == met.c.id)
    if limit is not None:
        step = step.order_by(edge.c.role, edge.c.ordinal, edge.c[go]).limit(limit)
    found = step.lateral()
    # Without a depth the steps are not counted: every object is then expanded once.
    count = met.c.n + 1 if depth is not None else sa.literal(1, sa.Integer)
    further = sa.select(found.c.id, count).select_from(sa.join(met, found, sa.true()))
    if depth is not None:
        further = further.where(met.c.n < depth)
    met = met.union(further)
    return sa.select(met.c.id).where(met.c.n > 0).distinct().subquery()


def edges_among(database: Database, ids: NDArray[Any]) -> Edges:
    """Read the edges between the objects of a set, in one statement.

    Parameters
    ----------
    database : Database
        Where they are.
    ids : ndarray of int64
        Row numbers.
    """
    e = edge.c
    numbers = [sa.cast(e.role, sa.BigInteger), sa.cast(e.ordinal, sa.BigInteger)]
    inside = [end == sa.any_(_ids(ids)) for end in (e.target, e.source)]
    statement = sa.select(e.target, e.source, *numbers).where(*inside)
    target, source, role, ordinal = database.arrays(statement, ["int"] * 4)
    order = np.lexsort((ordinal, role, target))
    known = catalog(database)
    names = {number: known.role_name(number) for number in np.unique(role).tolist()}
    return Edges(target[order], source[order], role[order], ordinal[order], names)


def referring(database: Database, number: int, cls: Any) -> Found:
    """Find the objects that refer to one object directly, by whatever link, in one statement.

    Parameters
    ----------
    database : Database
        Where it is.
    number : int
        Row number of the object.
    cls : type
        Its class: only links that may hold it are looked at.

    Returns
    -------
    Found
        What was made from it, and what only names it: frames of a chip, comments on a frame.
    """
    known = catalog(database)
    names = {base.__name__ for base in cls.__mro__}
    made_from = sa.select(edge.c.target.label("id")).where(edge.c.source == number)
    listing = sa.select(reference.c.target).where(reference.c.source == number)
    naming = [
        sa.select(table.c.id).where(table.c[link] == number)
        for table, link in naming_links(known, names)
    ]
    met = sa.union(made_from, listing, *naming).subquery()
    return _found(database, sa.select(met.c.id))


def naming_links(known: Catalog, names: set[str]) -> list[tuple[Any, str]]:
    """Return the columns of links that are not lineage and may hold one of these classes."""
    found = []
    tables = [table for name in known.names() if (table := known.get(name)) is not None]
    for table in tables:
        links = [
            attribute["name"]
            for attribute in table.definition["attributes"]
            if attribute["kind"] == "link"
            and not attribute["dependency"]
            and attribute["type"] in names
        ]
        found += [(_as_table(table, link), link) for link in links]
    return found


def _as_table(table: KnownTable, link: str) -> Any:
    return sa.table(table.name, sa.column("id", sa.BigInteger), sa.column(link, sa.BigInteger))
