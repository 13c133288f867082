"""Direct inputs of many objects at once: the members of their lists of links."""

from __future__ import annotations

import sqlalchemy as sa

from awlab.backend.database.class_tables import catalog
from awlab.backend.database.connection import current_database
from awlab.backend.database.registry_tables import ID_SEQUENCE, dbobject, edge, favourite

__all__ = ["draw_number", "favourites", "newest_number", "read_lists"]


def read_lists(ids: list[int], roles: list[str]) -> dict[int, dict[str, tuple[int, ...]]]:
    """Read lists of links of objects in one statement.

    Parameters
    ----------
    ids : list of int
        Row numbers of the objects.
    roles : list of str
        Names of the lists.

    Returns
    -------
    dict
        Per object and role the row numbers of the members, in order.
    """
    found: dict[int, dict[str, list[int]]] = {}
    if not ids or not roles:
        return {}
    database = current_database()
    known = catalog(database)
    names = {known.role(role): role for role in roles}
    statement = (
        sa.select(edge.c.target, edge.c.role, edge.c.source)
        .where(
            edge.c.target == sa.any_(sa.literal(ids, sa.ARRAY(sa.BigInteger))),
            edge.c.role == sa.any_(sa.literal(list(names), sa.ARRAY(sa.Integer))),
        )
        .order_by(edge.c.target, edge.c.role, edge.c.ordinal)
    )
    for target, role, source in database.rows(statement):
        found.setdefault(target, {}).setdefault(names[role], []).append(source)
    return {t: {r: tuple(m) for r, m in lists.items()} for t, lists in found.items()}


def newest_number() -> int:
    """Return the newest row number of all objects, 0 in an empty database."""
    found = current_database().scalar(sa.select(sa.func.max(dbobject.c.id)))
    return int(found or 0)


def draw_number() -> int:
    """Return a number that no row and nobody else has: for what needs one before its commit."""
    return int(current_database().scalar(sa.select(sa.func.nextval(ID_SEQUENCE))))


def favourites(project: str) -> set[int]:
    """Return the row numbers of the favourites of a project."""
    statement = sa.select(favourite.c.object).where(favourite.c.project == project)
    return {row[0] for row in current_database().rows(statement)}
