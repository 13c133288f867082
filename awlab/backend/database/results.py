"""Results in columns; an object is a view of one row of them.

The first touch of an attribute on any row fetches that column for all rows of the block in one
statement. Following a link gives a row of another block, which holds every distinct object linked
to once. So a list comprehension over a query is a constant number of statements.

A link to an object that the context does not show leads to a row without values: finding out
before would be one more statement for every link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from awlab.backend.database.attributes import Persistent
from awlab.backend.database.class_tables import catalog, column_types, members_table
from awlab.backend.database.compiler import entity
from awlab.backend.database.context import VISIBILITY, visible
from awlab.backend.database.registry_tables import dbobject
from awlab.backend.database.stand_in import class_of
from awlab.backend.database.transfer import FIXED_WIDTH
from awlab.backend.errors import ObjectNotFound

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = [
    "ResultBlock",
    "Rows",
    "fixed_width",
    "masked",
    "never_null",
    "number_or_zero",
    "objects_with_ids",
    "rows_of",
]

# Below this many rows a whole row costs less than one statement per attribute.
_SMALL = 64

_ZERO: dict[str, Any] = {
    "float": sa.literal_column("'NaN'::float8"),
    "int": sa.literal_column("0::int8"),
    "bool": sa.literal_column("false"),
    "datetime": sa.literal_column("'2000-01-01'::timestamp"),
}


def fixed_width(attribute: Persistent) -> str | None:
    """Return the wire kind of an attribute that COPY can carry as fixed-width, None otherwise."""
    if attribute.kind == "link":
        return "int"
    name = attribute.type.__name__
    fits = attribute.kind == "value" and name in FIXED_WIDTH
    return name if fits else None


def never_null(column: Any, kind: str) -> list[Any]:
    """Return a column without NULLs and the mask of where they were."""
    value = sa.func.coalesce(column, _ZERO[kind])
    return [value, column.is_(None)]


def number_or_zero(column: Any) -> Any:
    """Return a link column with 0 for none."""
    return sa.func.coalesce(column, _ZERO["int"])


def masked(values: NDArray[Any], null: NDArray[Any]) -> list[Any]:
    """Return the values as a list of Python objects, None where NULL."""
    found: list[Any] = values.tolist()
    for i in np.flatnonzero(null).tolist():
        found[i] = None
    return found


class _StructColumns:
    """The view that a struct inside a row has of the row's block."""

    __slots__ = ("_block", "_prefix", "ready")

    def __init__(self, block: ResultBlock, prefix: str) -> None:
        self._block = block
        self._prefix = prefix
        self.ready: dict[str, list[Any]] = {}

    def value(self, attribute: Persistent, row: int) -> Any:
        name = attribute.name
        values = self.ready[name] = self._block.column(f"{self._prefix}_{name}", attribute)
        return values[row]


class ResultBlock:
    """Rows of one concrete class, fetched column by column when touched.

    Parameters
    ----------
    database : Database
        Where they are.
    cls : type
        Concrete persistent class.
    ids : ndarray of int64, shape (n,)
        Row numbers, distinct.
    """

    def __init__(self, database: Database, cls: Any, ids: NDArray[Any]) -> None:
        self.database = database
        self.cls = cls
        self.ids = ids
        self.id_list: list[int] = ids.tolist()
        # Reads a column by running the query again, which costs less than naming every row.
        self.again: Callable[[str, str], list[NDArray[Any]]] | None = None
        self.link_numbers: dict[str, NDArray[Any]] = {}
        # What attributes read first: values, objects linked to and lists, row by row.
        self.ready: dict[str, list[Any]] = {}
        self._columns: dict[str, list[Any]] = {}
        self._structs: dict[str, _StructColumns] = {}

    def __len__(self) -> int:
        return len(self.id_list)

    def row(self, index: int) -> Any:
        """Return the object that is row ``index``."""
        return self._view(index, self.id_list[index])

    def _view(self, index: int, number: int) -> Any:
        cls = self.cls
        view = cls.__new__(cls)
        view._block = self
        view._row = index
        view._id = number
        return view

    def __iter__(self) -> Iterator[Any]:
        return map(self._view, range(len(self.id_list)), self.id_list)

    def value(self, attribute: Persistent, row: int) -> Any:
        """Return one attribute of one row as users see it; read for all rows at the first touch."""
        name = attribute.name
        if attribute.kind == "struct":
            columns = self._structs.get(name)
            if columns is None:
                columns = self._structs[name] = _StructColumns(self, name)
            struct = attribute.type
            view = struct.__new__(struct)
            view._block = columns
            view._row = row
            return view
        if attribute.kind == "link":
            found = self._follow(attribute)
        elif attribute.kind == "links":
            found = self._follow_lists(attribute)
        else:
            found = self.column(name, attribute)
        self.ready[name] = found
        return found[row]

    def column(self, name: str, attribute: Persistent) -> list[Any]:
        """Return a column, fetching it at the first touch."""
        values = self._columns.get(name)
        if values is None:
            if len(self.id_list) <= _SMALL:
                self._fetch_all()
            else:
                self._fetch(name, attribute)
            values = self._columns[name]
        return values

    # -- fetching --------------------------------------------------------------------------

    def _source(self, names: list[str]) -> Any:
        columns = list(dict.fromkeys(["id", *names, *VISIBILITY]))
        return entity(catalog(self.database), self.cls, columns)

    def _wanted(self, source: Any) -> Any:
        """The rows of the block, as far as the context shows them: links may lead to others."""
        ids = sa.literal(self.id_list, sa.ARRAY(sa.BigInteger))
        mine = source.c.id == sa.any_(ids)
        if self.cls._named_for_all:
            return mine
        return sa.and_(mine, visible(*(source.c[name] for name in VISIBILITY)))

    def _fetch(self, column: str, attribute: Persistent) -> None:
        source = self._source([column])
        kind = fixed_width(attribute)
        if kind is None:
            statement = sa.select(source.c.id, source.c[column]).where(self._wanted(source))
            rows = self.database.rows(statement)
            found = {row[0]: row[1] for row in rows}
            self._columns[column] = [found.get(i) for i in self.id_list]
            return
        if self.again is not None:
            ids, values, null = self.again(column, kind)
            if np.array_equal(ids, self.ids):
                self._columns[column] = masked(values, null)
                return
        columns = [source.c.id, *never_null(source.c[column], kind)]
        ids, values, null = self.database.arrays(
            sa.select(*columns).where(self._wanted(source)), ["int", kind, "bool"]
        )
        self._columns[column] = self._align(ids, masked(values, null))

    def _align(self, ids: NDArray[Any], values: list[Any]) -> list[Any]:
        """Bring fetched values into the order of the block's rows."""
        if len(ids) == len(self.ids) and np.array_equal(ids, self.ids):
            return values
        place = dict(zip(ids.tolist(), values, strict=True))
        return [place.get(i) for i in self.id_list]

    def _fetch_all(self) -> None:
        names = list(column_types(self.cls))
        source = self._source(names)
        picked = [source.c[name] for name in names]
        rows = self.database.rows(sa.select(*picked).where(self._wanted(source)))
        found = {row[0]: row for row in rows}
        empty = (None,) * len(names)
        for position, name in enumerate(names):
            self._columns[name] = [found.get(i, empty)[position] for i in self.id_list]

    def _follow(self, attribute: Persistent) -> list[Any]:
        numbers = self.link_numbers.get(attribute.name)
        if numbers is None:
            cells = [number or 0 for number in self.column(attribute.name, attribute)]
            numbers = np.asarray(cells, dtype=np.int64)
        return _linked(self.database, attribute, numbers)

    def _follow_lists(self, attribute: Persistent) -> list[Any]:
        role = catalog(self.database).role(attribute.name)
        mine = sa.literal(self.id_list, sa.ARRAY(sa.BigInteger))
        m = members_table(attribute).c
        statement = (
            sa.select(m.target, m.source)
            .where(m.role == role, m.target == sa.any_(mine))
            .order_by(m.target, m.ordinal)
        )
        targets, sources = self.database.arrays(statement, ["int", "int"])
        members: dict[int, list[Any]] = {}
        objects = _linked(self.database, attribute, sources)
        for target, item in zip(targets.tolist(), objects, strict=True):
            members.setdefault(target, []).append(item)
        return [tuple(members.get(i, ())) for i in self.id_list]


def _linked(database: Database, attribute: Persistent, numbers: NDArray[Any]) -> list[Any]:
    """Return the object of every number, one for all that are equal; None for 0."""
    ids, where = np.unique(numbers, return_inverse=True)
    shift = int(len(ids) > 0 and ids[0] == 0)
    objects = [None] * shift + list(objects_with_ids(database, ids[shift:], attribute.type))
    return [objects[i] for i in where.tolist()]


class Rows:
    """A sequence of objects, of one class or of several.

    Parameters
    ----------
    blocks : list of ResultBlock
        One per class.
    places : list of (int, int) or None
        Block and row of every member; None for all rows of the one block, in order.
    """

    def __init__(self, blocks: list[ResultBlock], places: list[tuple[int, int]] | None) -> None:
        self.blocks = blocks
        self._places = places
        self._made: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.blocks[0]) if self._places is None else len(self._places)

    def __getitem__(self, index: int) -> Any:
        found = self._made.get(index)
        if found is None:
            if self._places is None:
                found = self.blocks[0].row(index)
            else:
                block, row = self._places[index]
                found = self.blocks[block].row(row)
            self._made[index] = found
        return found

    def __iter__(self) -> Iterator[Any]:
        if self._places is None:
            return iter(self.blocks[0])
        return (self.blocks[block].row(row) for block, row in self._places)


def rows_of(database: Database, cls: Any, ids: NDArray[Any], numbers: NDArray[Any] | None) -> Rows:
    """Make the rows of objects whose ids, and class numbers if several, are known.

    Parameters
    ----------
    database : Database
        Where they are.
    cls : type
        Class asked for; the class of all rows where ``numbers`` is None.
    ids : ndarray of int64, shape (n,)
        Row numbers in the wanted order.
    numbers : ndarray of int, shape (n,), or None
        Class number of every row.
    """
    if numbers is None:
        return Rows([ResultBlock(database, cls, ids)], None)
    known = catalog(database)
    blocks: list[ResultBlock] = []
    places: list[tuple[int, int]] = [(0, 0)] * len(ids)
    for number in np.unique(numbers).tolist():
        members = np.flatnonzero(numbers == number)
        block = ResultBlock(database, class_of(known, number), ids[members])
        for row, position in enumerate(members.tolist()):
            places[position] = (len(blocks), row)
        blocks.append(block)
    return Rows(blocks, places)


def objects_with_ids(database: Database, ids: NDArray[Any], cls: Any) -> Rows:
    """Return the objects with these row numbers, in that order.

    Parameters
    ----------
    database : Database
        Where they are.
    ids : ndarray of int64, shape (n,)
        Distinct row numbers.
    cls : type
        A class that all are known to belong to; the class of each is asked for where it leaves a
        choice.
    """
    from awlab.backend.database.meta import concrete_subclasses

    leaves = concrete_subclasses(cls)
    if len(leaves) == 1 or len(ids) == 0:
        return rows_of(database, leaves[0] if leaves else cls, ids, None)
    wanted = sa.literal(ids.tolist(), sa.ARRAY(sa.BigInteger))
    statement = sa.select(dbobject.c.id, dbobject.c.class_id).where(
        dbobject.c.id == sa.any_(wanted)
    )
    number = {row[0]: row[1] for row in database.rows(statement)}
    gone = [i for i in ids.tolist() if i not in number]
    if gone:
        raise ObjectNotFound(
            f"{len(gone)} of {len(ids)} {cls.__name__} objects were deleted meanwhile",
            "run the query or the walk again",
        )
    numbers = np.asarray([number[i] for i in ids.tolist()], dtype=np.int64)
    return rows_of(database, cls, ids, numbers)
