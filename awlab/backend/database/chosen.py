"""What a user hands to publish, migrate or delete: an object, several, or a query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from awlab.backend.database.connection import current_database
from awlab.backend.database.meta import class_named
from awlab.backend.database.objects import DBObject
from awlab.backend.database.query import Query
from awlab.backend.database.reading import read_records
from awlab.backend.database.results import objects_with_ids
from awlab.backend.errors import QueryError

__all__ = ["counted", "labels", "numbers_of", "seen_by_all"]


def numbers_of(what: Any) -> list[int]:
    """Return the row numbers of an object, of several, or of all that a query finds.

    Raises
    ------
    QueryError
        If it is none of these, or an object is not committed.
    """
    if isinstance(what, Query):
        return sorted(row[0] for row in read_records(what, ("id",)))
    several = isinstance(what, Iterable) and not isinstance(what, (str, bytes))
    items = list(what) if several else [what]
    for item in items:
        if not isinstance(item, DBObject) or item._id is None:
            raise QueryError(
                f"{item!r} is no committed object", "give an object, a list of them or a query"
            )
    return sorted({int(item._id) for item in items})


def counted(names: Iterable[str]) -> str:
    """Say how many there are of each: ``2 BiasFrame, 10 RawBiasFrame``."""
    return ", ".join(f"{n:,} {name}" for name, n in sorted(Counter(names).items()))


def labels(ids: list[int], most: int = 3) -> list[str]:
    """Return what people call the first few objects: name, file name or identifier."""
    first = np.array(sorted(ids)[:most], dtype=np.int64)
    return [_label(item) for item in objects_with_ids(current_database(), first, DBObject)]


def _label(item: Any) -> str:
    for name in ("name", "filename"):
        if name in type(item)._attributes and getattr(item, name):
            return f"{type(item).__name__} {getattr(item, name)}"
    return f"{type(item).__name__} {item.object_id}"


def seen_by_all(class_name: str) -> bool:
    """Tell whether objects of a class are seen by everybody, whatever is done."""
    cls = class_named(class_name)
    return cls is not None and bool(cls._named_for_all)
