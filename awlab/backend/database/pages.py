"""Pages of a query by key: the next one begins where the last one ended, however far that is.

An OFFSET reads and throws away what stands before it; a key is found in the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from awlab.backend.database.attributes import coerce
from awlab.backend.database.class_tables import Catalog, catalog, sql_type
from awlab.backend.database.compiler import Scope
from awlab.backend.database.connection import current_database
from awlab.backend.database.meta import concrete_subclasses
from awlab.backend.database.query import Query
from awlab.backend.database.reading import column_paths, finish, prepare
from awlab.backend.database.resolve import resolve, split_path
from awlab.backend.database.stand_in import class_of
from awlab.backend.errors import QueryError

__all__ = ["Page", "read_page"]

Key = tuple[Any, int]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a query.

    Attributes
    ----------
    rows : list of tuple
        Values of the paths asked for.
    object_ids, class_names : list of str
        Identity of the object of every row.
    after : (value, int) or None
        Key with which the next page begins; None where there is no more.
    """

    rows: list[tuple[Any, ...]]
    object_ids: list[str]
    class_names: list[str]
    after: Key | None


def read_page(
    query: Query, paths: Sequence[str], *, after: Sequence[Any] | None = None, limit: int = 100
) -> Page:
    """Read the next rows of a query, in one statement.

    Parameters
    ----------
    query : Query
        Ordered by one attribute path, or by none: the newest objects then come first.
    paths : sequence of str
        Attributes wanted.
    after : (value, int), optional
        Key that the last page ended with.
    limit : int
        Rows at most.

    Raises
    ------
    QueryError
        If the query is cut or ordered by several paths, or the key does not fit.
    """
    if query.start or query.stop is not None or len(query.order) > 1:
        raise QueryError("pages need a whole query ordered by one path at most")
    database = current_database()
    known = catalog(database)
    leaves = concrete_subclasses(query.root)
    wanted = column_paths(query, tuple(paths))
    scope = prepare(database, query, numbered=len(leaves) != 1)
    for names in [*wanted, ("object_id",)]:
        scope.need(names)
    number = scope.class_number() if len(leaves) != 1 else sa.literal(0)
    columns = [scope.id(), scope.column(("object_id",)), number, _sorting(scope, query)]
    columns += [scope.column(names) for names in wanted]
    labelled = [column.label(f"c{i}") for i, column in enumerate(columns)]
    statement = finish(scope, replace(query, order=()), labelled, ordered=False)
    if after is not None:
        statement = statement.where(_beyond(scope, query, after))
    rows = database.rows(_in_order(statement, scope, query).limit(limit + 1))
    shown = rows[:limit]
    classes = [_class_name(known, leaves, row[2]) for row in shown]
    last: Key | None = (shown[-1][3], shown[-1][0]) if len(rows) > limit else None
    return Page([tuple(r[4:]) for r in shown], [str(r[1]) for r in shown], classes, last)


def _class_name(known: Catalog, leaves: list[Any], number: int) -> str:
    found: Any = leaves[0] if len(leaves) == 1 else class_of(known, number)
    return str(found.__name__)


def _sorting(scope: Scope, query: Query) -> Any:
    if not query.order:
        return sa.literal(0)
    return scope.column(split_path(query.order[0].removeprefix("-")))


def _descending(query: Query) -> bool:
    return not query.order or query.order[0].startswith("-")


def _in_order(statement: Any, scope: Scope, query: Query) -> Any:
    down = _descending(query)
    if query.order:
        column = _sorting(scope, query)
        statement = statement.order_by((column.desc() if down else column.asc()).nulls_last())
    return statement.order_by(scope.id().desc() if down else scope.id().asc())


def _beyond(scope: Scope, query: Query, after: Sequence[Any]) -> Any:
    """Say what stands behind a key; missing values stand behind all others."""
    if len(after) != 2 or type(after[1]) is not int:
        raise QueryError(f"{after!r} is not the key of a page")
    down = _descending(query)
    number = sa.literal(after[1], sa.BigInteger)
    later = scope.id() < number if down else scope.id() > number
    if not query.order:
        return later
    column = _sorting(scope, query)
    if after[0] is None:
        return sa.and_(column.is_(None), later)
    attribute = resolve(query.root, query.order[0].removeprefix("-"))[-1]
    value = sa.literal(coerce(attribute.type, after[0]), sql_type(attribute))
    further = column < value if down else column > value
    return sa.or_(further, sa.and_(column == value, later), column.is_(None))
