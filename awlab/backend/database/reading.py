"""Run a query: its objects, its columns, its count, its SQL."""

from __future__ import annotations

import html
import warnings
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from awlab.backend.database.attributes import Persistent
from awlab.backend.database.class_tables import catalog
from awlab.backend.database.compiler import Scope
from awlab.backend.database.connection import Database, current_database
from awlab.backend.database.context import VISIBILITY, visible
from awlab.backend.database.meta import concrete_subclasses
from awlab.backend.database.query import Query, use_readers
from awlab.backend.database.resolve import split_path, walk_path
from awlab.backend.database.results import (
    Rows,
    fixed_width,
    never_null,
    number_or_zero,
    rows_of,
)
from awlab.backend.errors import QueryError

__all__ = [
    "cached_rows",
    "column_paths",
    "count_rows",
    "fetch_rows",
    "finish",
    "html_page",
    "labelled",
    "object_array",
    "prepare",
    "read_columns",
    "read_records",
    "read_table",
    "spell_sql",
]

_PAGE = 20


def prepare(database: Database, query: Query, *, numbered: bool = False) -> Scope:
    """Return the scope of a query that has asked for what its condition and its order need."""
    scope = Scope(catalog(database), query.root, numbered=numbered)
    scope.require(query.where)
    for path in query.order:
        scope.need(split_path(path.removeprefix("-")))
    for name in VISIBILITY:
        scope.need((name,))
    return scope


def finish(scope: Scope, query: Query, columns: list[Any], *, ordered: bool = True) -> Any:
    """Return the statement that selects columns of what a query finds and the context may see."""
    source = scope.source()
    seen = visible(*(scope.root_column(name) for name in VISIBILITY))
    statement = sa.select(*columns).select_from(source).where(scope.condition(query.where), seen)
    if ordered or query._cut:
        for path in query.order:
            column = scope.column(split_path(path.removeprefix("-")))
            direction = column.desc() if path.startswith("-") else column.asc()
            statement = statement.order_by(direction.nulls_last())
        statement = statement.order_by(scope.id())
    if query.start:
        statement = statement.offset(query.start)
    if query.stop is not None:
        statement = statement.limit(max(0, query.stop - query.start))
    return statement


def cached_rows(query: Query) -> Rows | None:
    """Return the rows read before, if nothing was committed since."""
    found = query.__dict__.get("_cache")
    database = current_database()
    if found is None or found[0] is not database or found[1] != database.epoch:
        return None
    return found[2]  # type: ignore[no-any-return]


def fetch_rows(query: Query) -> Rows:
    """Read which objects a query finds: one statement, which also carries their links."""
    rows = cached_rows(query)
    if rows is not None:
        return rows
    database = current_database()
    # The age of the result is that of its beginning: another thread may commit meanwhile.
    epoch = database.epoch
    leaves = concrete_subclasses(query.root)
    rows = _one_class(database, query) if len(leaves) == 1 else _many_classes(database, query)
    query.__dict__["_cache"] = (database, epoch, rows)
    return rows


def _one_class(database: Database, query: Query) -> Rows:
    leaf = concrete_subclasses(query.root)[0]
    links = [name for name, a in query.root._attributes.items() if a.kind == "link"]
    scope = prepare(database, query)
    for name in links:
        scope.need((name,))
    columns = [scope.id(), *(number_or_zero(scope.column((name,))) for name in links)]
    ids, *numbers = database.arrays(finish(scope, query, columns), ["int"] * len(columns))
    rows = rows_of(database, leaf, ids, None)
    rows.blocks[0].link_numbers = dict(zip(links, numbers, strict=True))

    def again(column: str, kind: str) -> list[NDArray[Any]]:
        scope = prepare(database, query)
        picked = [*never_null(scope.root_column(column), kind)]
        statement = finish(scope, query, [scope.id(), *picked])
        return database.arrays(statement, ["int", kind, "bool"])

    rows.blocks[0].again = again
    return rows


def _many_classes(database: Database, query: Query) -> Rows:
    scope = prepare(database, query, numbered=True)
    columns = [scope.id(), sa.cast(scope.class_number(), sa.BigInteger)]
    ids, numbers = database.arrays(finish(scope, query, columns), ["int", "int"])
    return rows_of(database, query.root, ids, numbers)


def count_rows(query: Query, cap: int | None = None) -> int:
    """Count what a query finds, up to ``cap``."""
    database = current_database()
    scope = prepare(database, query)
    statement = finish(scope, query, [scope.id()], ordered=False)
    if cap is not None:
        statement = statement.limit(cap)
    return int(database.scalar(sa.select(sa.func.count()).select_from(statement.subquery())))


def column_paths(query: Query, paths: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Check the paths asked for; a link stands for the object_id of what it points to."""
    found = []
    for path in paths:
        names = split_path(path)
        steps = walk_path(query.root, names)
        if any(step.kind == "links" for step in steps):
            raise QueryError(f"{path} passes through a list", "query the class listed instead")
        if steps[-1].kind == "struct":
            inner = ", ".join(f"{path}.{name}" for name in _fields(steps[-1]))
            raise QueryError(f"{path} is a group of values", f"name one: {inner}")
        found.append((*names, "object_id") if steps[-1].kind == "link" else names)
    return found


def _fields(step: Persistent) -> list[str]:
    struct: Any = step.type
    return list(struct._attributes)


def read_columns(query: Query, paths: tuple[str, ...]) -> dict[str, Any]:
    """Read attributes of all objects of a query in one statement, as arrays."""
    if not paths:
        raise QueryError("columns() needs at least one attribute path")
    database = current_database()
    wanted = column_paths(query, paths)
    scope = prepare(database, query)
    for names in wanted:
        scope.need(names)
    columns = [scope.column(names) for names in wanted]
    attributes = [walk_path(query.root, names)[-1] for names in wanted]
    kinds = [fixed_width(attribute) for attribute in attributes]
    numeric = [kind for kind in kinds if kind is not None]
    if len(numeric) < len(kinds):
        rows = database.rows(finish(scope, query, labelled(columns)))
        lists = list(zip(*rows, strict=True)) or [()] * len(paths)
        values = [object_array(list(items), kind) for items, kind in zip(lists, kinds, strict=True)]
        return dict(zip(paths, values, strict=True))
    picked = [
        c for column, kind in zip(columns, numeric, strict=True) for c in never_null(column, kind)
    ]
    wire = [k for kind in numeric for k in (kind, "bool")]
    arrays = database.arrays(finish(scope, query, labelled(picked)), wire)
    pairs = zip(arrays[0::2], arrays[1::2], strict=True)
    values = [np.ma.masked_array(v, null) if null.any() else v for v, null in pairs]
    return dict(zip(paths, values, strict=True))


def labelled(columns: list[Any]) -> list[Any]:
    """Give every column of a statement a name of its own."""
    return [column.label(f"c{i}") for i, column in enumerate(columns)]


_DTYPES = {"float": "f8", "int": "i8", "bool": "?", "datetime": "datetime64[us]"}


def object_array(items: list[Any], kind: str | None) -> NDArray[Any]:
    """Return fetched values as an array, masked where they are missing."""
    null = np.array([item is None for item in items], dtype=bool)
    texts = all(isinstance(item, str) or item is None for item in items)
    dtype: Any = _DTYPES[kind] if kind else (str if texts else object)
    zero: Any = np.zeros(1, dtype=_DTYPES[kind])[0] if kind else ""
    filled = [zero if item is None else item for item in items]
    if dtype is object:
        values = np.empty(len(filled), dtype=object)
        values[:] = filled
    else:
        values = np.array(filled, dtype=dtype)
    return np.ma.masked_array(values, null) if null.any() else values


def read_records(query: Query, paths: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Read plain records for planning: ``id`` is the row number, links are row numbers.

    Parameters
    ----------
    query : Query
        Objects wanted.
    paths : tuple of str
        ``id``, values and links (0 for none).

    Returns
    -------
    list of tuple
        One per object, in the order of the query; None for missing values.
    """
    database = current_database()
    scope = prepare(database, query)
    names = [split_path(path) for path in paths if path != "id"]
    for path in names:
        scope.need(path)
    columns = [scope.id() if p == "id" else scope.column(split_path(p)) for p in paths]
    return [tuple(row) for row in database.rows(finish(scope, query, labelled(columns)))]


def default_paths(root: Any) -> list[str]:
    """Return the paths of all plain values of a class, and the names of what it links to."""
    paths: list[str] = []
    for name, attribute in root._attributes.items():
        if attribute.kind == "value" and attribute.type not in (bytes, list, dict):
            paths.append(name)
        elif attribute.kind == "link" and "name" in attribute.type._attributes:
            paths.append(f"{name}.name")
        elif attribute.kind == "struct":
            paths += [f"{name}.{field}" for field in attribute.type._attributes]
    return paths


def read_table(query: Query, paths: tuple[str, ...]) -> Any:
    """Read attributes of all objects of a query as a ``QTable`` with units."""
    from astropy import units
    from astropy.table import QTable
    from astropy.utils.masked import Masked

    wanted = tuple(paths) or tuple(default_paths(query.root))
    table = QTable()
    for path, values in read_columns(query, wanted).items():
        attribute = walk_path(query.root, split_path(path))[-1]
        if attribute.unit and attribute.kind == "value" and values.dtype.kind in "fi":
            unit = units.Unit(attribute.unit)
            if isinstance(values, np.ma.MaskedArray):
                # A Quantity has no missing integers.
                plain = np.ma.filled(values.astype(float), np.nan)
                table[path] = Masked(plain, mask=values.mask) * unit
            else:
                table[path] = values * unit
        elif values.dtype.kind == "M":
            table[path] = _time_column(values)
        else:
            table[path] = values
        table[path].info.description = attribute.doc
    table.meta["query"] = str(query)
    return table


def _time_column(values: NDArray[Any]) -> Any:
    from astropy.time import Time
    from erfa import ErfaWarning

    plain = np.asarray(np.ma.getdata(values), dtype="datetime64[ns]")
    with warnings.catch_warnings():
        # The leap seconds of years to come are not known: a validity that ends there is in order.
        warnings.simplefilter("ignore", ErfaWarning)
        column = Time(plain, format="datetime64", scale="utc")
    if isinstance(values, np.ma.MaskedArray):
        column[np.asarray(values.mask)] = np.ma.masked
    return column


def spell_sql(query: Query) -> str:
    """Return the statement that finds the objects, values in place, for people to read."""
    database = current_database()
    scope = prepare(database, query)
    scope.need(("object_id",))
    columns = [scope.id(), scope.column(("object_id",))]
    return database.spell(finish(scope, query, columns))


def html_page(query: Query) -> str:
    """Return the first page of a query as an HTML table; every value is escaped."""
    paths = default_paths(query.root)[:12]
    shown = read_columns(query.limit(_PAGE), tuple(paths))
    total = query.count(cap=10_001)
    more = "more than 10,000" if total > 10_000 else f"{total:,}"
    head = "".join(f"<th>{html.escape(path)}</th>" for path in paths)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in zip(*shown.values(), strict=True)
    )
    caption = f"{html.escape(query.root.__name__)}: {more} objects, first {min(total, _PAGE)} shown"
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if value is np.ma.masked or value is None:
        return "&ndash;"
    text = f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
    return html.escape(text)


use_readers(
    cached_rows=cached_rows,
    count_rows=count_rows,
    fetch_rows=fetch_rows,
    html_page=html_page,
    read_columns=read_columns,
    read_table=read_table,
    spell_sql=spell_sql,
)
