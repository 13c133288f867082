"""What is asked about: one committed object."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import DBObject
from awlab.backend.errors import QueryError

__all__ = ["committed"]


def committed(item: Any) -> DBObject:
    """Return the object that is asked about.

    Raises
    ------
    QueryError
        If it is no object, or not in the database.
    """
    if not isinstance(item, DBObject):
        raise QueryError(f"{item!r} is not an object of awlab", "for instance q[0] of a query q")
    if not item.is_committed:
        raise QueryError(f"{item!r} is not committed", "commit() it; links become lineage")
    return item
