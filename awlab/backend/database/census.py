"""Counts of what is in the database, as far as the context sees it."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from awlab.backend.database.connection import current_database
from awlab.backend.database.context import visible
from awlab.backend.database.registry_tables import dbclass, dbobject, edge

__all__ = ["Census", "take_census"]


@dataclass(frozen=True, slots=True)
class Census:
    """How much there is.

    Attributes
    ----------
    objects : dict
        Visible objects by class name.
    flagged : dict
        Those with quality flags, by class name.
    invalid : dict
        Those that people invalidated, by class name.
    edges : int
        Lineage edges of all objects.
    """

    objects: dict[str, int]
    flagged: dict[str, int]
    invalid: dict[str, int]
    edges: int

    @property
    def total(self) -> int:
        """Number of visible objects."""
        return sum(self.objects.values())


def take_census() -> Census:
    """Count objects by class, and lineage edges: two statements."""
    database = current_database()
    o = dbobject.c
    statement = (
        sa.select(
            dbclass.c.name,
            sa.func.count(),
            sa.func.count().filter(o.quality_flags != 0),
            sa.func.count().filter(o.is_valid <= 0),
        )
        .join_from(dbobject, dbclass, o.class_id == dbclass.c.id)
        .where(visible(o.creator, o.project, o.privileges))
        .group_by(dbclass.c.name)
        .order_by(dbclass.c.name)
    )
    rows = database.rows(statement)
    edges = database.scalar(sa.select(sa.func.count()).select_from(edge))
    return Census(
        {row[0]: row[1] for row in rows},
        {row[0]: row[2] for row in rows if row[2]},
        {row[0]: row[3] for row in rows if row[3]},
        int(edges),
    )
