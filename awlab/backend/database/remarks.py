"""What people said of an object and changed about it: one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import catalog, table_of
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import visible
from awlab.backend.database.registry_tables import amendment

__all__ = ["Remark", "read_remarks"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was said of an object, or changed about it.

    Attributes
    ----------
    kind : str
        Class of the remark; ``Amendment`` for a change.
    made : datetime
        When, UTC.
    member : str
        Who.
    text : str
        The remark; for a change the reason.
    attribute, old, new : str
        What was changed; empty for remarks.
    """

    kind: str
    made: datetime
    member: str
    text: str
    attribute: str = ""
    old: str = ""
    new: str = ""


def read_remarks(item: Any, kinds: dict[Any, str]) -> list[Remark]:
    """Read the remarks on an object and the changes of it, oldest first.

    Parameters
    ----------
    item : DBObject
        Committed object.
    kinds : dict
        Classes of remarks, with the attribute that holds the text of each.
    """
    a = amendment.c
    none = sa.literal("")
    columns = [a.attribute, sa.func.coalesce(a.old, ""), sa.func.coalesce(a.new, "")]
    selects = [
        sa.select(sa.literal("Amendment"), a.made, a.member, a.reason, *columns).where(
            a.object == item._id
        )
    ]
    known = catalog(current_database())
    for cls, text in kinds.items():
        if known.get(cls.__name__) is None:
            continue  # nobody has made a remark of this kind yet
        t = table_of(cls).c
        selects.append(
            sa.select(
                sa.literal(cls.__name__), t.creation_date, t.creator, t[text], none, none, none
            ).where(t[cls._remark_on] == item._id, visible(t.creator, t.project, t.privileges))
        )
    rows = current_database().rows(sa.union_all(*selects))
    return sorted((Remark(*row) for row in rows), key=lambda remark: remark.made)
