"""``Lineage``: what a walk found, as objects, queries, counts and tables."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from awlab.backend.database.class_tables import Catalog, KnownTable, catalog
from awlab.backend.database.connection import current_database
from awlab.backend.database.expression import WithIds
from awlab.backend.database.query import Query
from awlab.backend.database.registry_tables import dbobject
from awlab.backend.database.results import Rows, rows_of
from awlab.backend.database.stand_in import class_of
from awlab.backend.database.walks import (
    Direction,
    Edges,
    Found,
    edges_among,
    referring,
    walk,
)
from awlab.backend.errors import ObjectNotFound, QueryError, WrongType

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = ["Lineage", "inverse_objects", "lineage_of"]

_TABLE = ("object_id", "creation_date", "creator", "project", "privileges", "is_valid")


class Lineage:
    """Objects of several classes found by a walk, at the moment of the walk.

    Made by ``obj.upstream()``, ``obj.downstream()`` and ``obj.inverse_objects()``. Only what the
    context may see is in it.

    Parameters
    ----------
    database : Database
        Where the objects are.
    found : Found
        What the walk met.
    origin : ndarray of int64
        Row numbers where the walk began.
    text : str
        Python expression that makes this lineage.

    Attributes
    ----------
    ids, class_numbers : ndarray of int64, shape (n,)
        Row numbers, ascending (inputs before what was made from them), and class numbers.
    hidden : int
        Objects the walk met that the context may not see.
    """

    def __init__(self, database: Database, found: Found, origin: NDArray[Any], text: str) -> None:
        self._database = database
        self._found = found
        self._text = text
        self._rows: Rows | None = None
        self.origin = origin
        self.ids = found.ids
        self.class_numbers = found.numbers
        self.hidden = found.hidden

    @property
    def _known(self) -> Catalog:
        return catalog(self._database)

    # -- as objects ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._objects())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return list(self)[index]
        if not -len(self) <= index < len(self):
            raise IndexError(f"the lineage has {len(self)} objects, not number {index}")
        return self._objects()[index % len(self)]

    def __contains__(self, item: object) -> bool:
        number = getattr(item, "_id", None)
        if number is None or not len(self.ids):
            return False
        place = int(np.searchsorted(self.ids, number))
        return place < len(self.ids) and int(self.ids[place]) == number

    def _objects(self) -> Rows:
        if self._rows is None:
            # Several blocks even for one class: the class is known from its number alone.
            self._rows = rows_of(self._database, None, self.ids, self.class_numbers)
        return self._rows

    def objects(self, cls: Any) -> Query:
        """Return the objects of a class, and of classes derived from it, as a query.

        Parameters
        ----------
        cls : type
            Persistent class.

        Raises
        ------
        WrongType
            If it is not a persistent class.
        """
        if getattr(cls, "_persistent_kind", None) != "object":
            raise WrongType(f"{cls!r} is not a persistent class", "name a class, as BiasFrame")
        ids = self._of(lambda table: cls.__name__ in (table.name, *table.parents)).ids
        return Query(cls, WithIds(tuple(ids.tolist()), f"{self._text}.objects({cls.__name__})"))

    def raw(self) -> Lineage:
        """Return the raw data among the objects: what came from a telescope."""
        found = self._of(lambda table: class_of(self._known, table.class_id)._raw_data)
        return Lineage(self._database, found, self.origin, f"{self._text}.raw()")

    def _of(self, wanted: Callable[[KnownTable], bool]) -> Found:
        """Keep the objects of the classes that are wanted."""
        numbers = np.unique(self.class_numbers).tolist()
        keep = [number for number in numbers if wanted(self._known.by_id(number))]
        return self._found.where(np.isin(self.class_numbers, keep))

    # -- as numbers ------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Return the number of objects by class name, in alphabetical order."""
        numbers, counted = np.unique(self.class_numbers, return_counts=True)
        pairs = zip(numbers.tolist(), counted.tolist(), strict=True)
        return dict(sorted((self._known.by_id(number).name, n) for number, n in pairs))

    def class_names(self) -> dict[int, str]:
        """Return the name of the class of every object, by row number."""
        names = (self._known.by_id(number).name for number in self.class_numbers.tolist())
        return dict(zip(self.ids.tolist(), names, strict=True))

    def edges(self) -> Edges:
        """Read the edges among the objects and those where the walk began, in one statement."""
        return edges_among(self._database, np.union1d(self.ids, self.origin))

    def table(self) -> Any:
        """Return class, identity, maker and verdict of every object as an astropy ``QTable``."""
        from astropy.table import QTable

        names = (*_TABLE, "quality_flags")
        wanted = sa.literal(self.ids.tolist(), sa.ARRAY(sa.BigInteger))
        statement = sa.select(dbobject.c.id, *(dbobject.c[name] for name in names)).where(
            dbobject.c.id == sa.any_(wanted)
        )
        found = {row[0]: row[1:] for row in self._database.rows(statement)}
        if len(found) < len(self.ids):
            raise ObjectNotFound(
                f"{len(self.ids) - len(found)} objects of {self._text} were deleted meanwhile",
                "walk again",
            )
        rows = [found[number] for number in self.ids.tolist()]
        table = QTable()
        classes = [self._known.by_id(number).name for number in self.class_numbers.tolist()]
        table["class"] = np.array(classes, dtype=str)
        kinds: dict[str, Any] = {"creation_date": "datetime64[us]", "privileges": "i8"}
        kinds |= {"is_valid": "i8", "quality_flags": "i8"}
        for i, name in enumerate(names):
            table[name] = np.array([row[i] for row in rows], dtype=kinds.get(name, str))
        table.meta["lineage"] = self._text
        return table

    # -- showing ---------------------------------------------------------------------------

    def __str__(self) -> str:
        counted = ", ".join(f"{n} {name}" for name, n in self.counts().items())
        hidden = f"; {self.hidden} more that you may not see" if self.hidden else ""
        return f"{counted or 'nothing'}{hidden}"

    def __repr__(self) -> str:
        return f"<Lineage {self._text}: {self}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{n:,}</td></tr>"
            for name, n in self.counts().items()
        )
        hidden = f"; {self.hidden:,} more that you may not see" if self.hidden else ""
        caption = f"{html.escape(self._text)}: {len(self):,} objects{hidden}"
        return f"<table><caption>{caption}</caption>{rows}</table>"


def _spelled(items: list[Any]) -> str:
    first = f"{type(items[0]).__name__}(object_id={items[0].object_id!r})"
    return first if len(items) == 1 else f"[{first}, ... {len(items)} objects]"


def _numbers(items: list[Any]) -> NDArray[Any]:
    new = next((item for item in items if item._id is None), None)
    if new is not None:
        raise QueryError(
            f"{new!r} has no lineage yet: it is not committed", "commit() it; links become lineage"
        )
    return np.array([item._id for item in items], dtype=np.int64)


def lineage_of(
    items: list[Any],
    direction: Direction,
    *,
    depth: int | None = None,
    limit: int | None = None,
) -> Lineage:
    """Return the ancestors or the descendants of objects, found in one statement.

    Parameters
    ----------
    items : list of DBObject
        Committed objects.
    direction : {'upstream', 'downstream'}
        Towards what they were made from, or towards what was made from them.
    depth : int, optional
        Steps at most.
    limit : int, optional
        Follow at most so many edges of every object.

    Raises
    ------
    QueryError
        If an object is not committed, or a bound is not positive.
    """
    database = current_database()
    origin = _numbers(items)
    found = walk(database, origin, direction, depth=depth, limit=limit)
    bounds = [f"{n}={v}" for n, v in (("depth", depth), ("limit", limit)) if v is not None]
    text = f"{_spelled(items)}.{direction}({', '.join(bounds)})" if items else "nothing"
    return Lineage(database, found, origin, text)


def inverse_objects(item: Any) -> Lineage:
    """Return the objects that refer to an object directly, by any link.

    Parameters
    ----------
    item : DBObject
        Committed object.

    Raises
    ------
    QueryError
        If it is not committed.
    """
    database = current_database()
    origin = _numbers([item])
    found = referring(database, item._id, type(item))
    return Lineage(database, found, origin, f"{_spelled([item])}.inverse_objects()")
