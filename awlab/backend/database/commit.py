"""Write objects: the object and its uncommitted dependencies, in order, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from awlab.backend.database.class_tables import catalog, table_of
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, now
from awlab.backend.database.registry_tables import ID_SEQUENCE, edge
from awlab.backend.database.schema import ensure_tables
from awlab.backend.errors import DependencyCycle

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

_WORLD = 4

__all__ = ["column_values", "commit_objects"]


def commit_objects(objects: list[Any]) -> None:
    """Commit objects with everything uncommitted that they link to: all of it, or nothing.

    Parameters
    ----------
    objects : list of DBObject
        Objects; those committed already are passed over.

    Raises
    ------
    DependencyCycle
        If new objects link to each other in a circle.
    """
    ordered = _in_order(objects)
    if not ordered:
        return
    for item in ordered:
        item._before_commit()
    database = current_database()
    ensure_tables(database, list({type(item) for item in ordered}))
    made = now()
    base = {"creator": context.user, "project": context.project, "privileges": context.privileges}
    numbers: dict[int, int] = {}
    with database.transaction() as connection:
        for item in ordered:
            item._state.update(base | {"creation_date": item._state.get("creation_date") or made})
            if type(item)._named_for_all:
                item._state["privileges"] = _WORLD
            numbers[id(item)] = _insert(database, connection, item, numbers)
    for item in ordered:
        _seal(item, numbers[id(item)])


def _linked(item: Any) -> list[Any]:
    found: list[Any] = []
    for name, attribute in type(item)._attributes.items():
        value = item._state.get(name)
        if attribute.is_link and value is not None:
            found += value if attribute.kind == "links" else [value]
    return [other for other in found if other._id is None]


def _in_order(objects: list[Any]) -> list[Any]:
    """Sort so that everything stands behind what it links to (depth first, without recursion)."""
    done: dict[int, Any] = {}
    open_: set[int] = set()
    stack = [(item, False) for item in reversed(objects) if item._id is None]
    while stack:
        item, finished = stack.pop()
        if id(item) in done:
            continue
        if finished:
            open_.discard(id(item))
            done[id(item)] = item
            continue
        if id(item) in open_:
            raise DependencyCycle(
                f"{item!r} depends on itself", "break the circle before committing"
            )
        open_.add(id(item))
        stack.append((item, True))
        for other in _linked(item):
            if id(other) in open_:
                raise DependencyCycle(
                    f"{item!r} and {other!r} depend on each other",
                    "break the circle before committing",
                )
            stack.append((other, False))
    return list(done.values())


def column_values(item: Any, numbers: dict[int, int]) -> dict[str, Any]:
    """Return the values of an object by column; links as row numbers.

    Parameters
    ----------
    item : DBObject
        New object.
    numbers : dict
        Row numbers of objects inserted in the same transaction, by ``id()``.
    """
    values: dict[str, Any] = {}
    for name, attribute in type(item)._attributes.items():
        value = item._state.get(name, attribute.default)
        if attribute.kind == "struct":
            fields = attribute.type._attributes
            for field, inner in fields.items():
                held = inner.default if value is None else getattr(value, field)
                values[f"{name}_{field}"] = held
        elif attribute.kind == "link":
            values[name] = None if value is None else _number(value, numbers)
        elif attribute.kind != "links":
            values[name] = value
    return values


def _number(item: Any, numbers: dict[int, int]) -> int:
    return int(item._id if item._id is not None else numbers[id(item)])


def _insert(database: Database, connection: Connection, item: Any, numbers: dict[int, int]) -> int:
    table = table_of(type(item))
    values = column_values(item, numbers)
    # A statement without the values in it is compiled once per class.
    statement = insert(table).values(id=sa.text(f"nextval('{ID_SEQUENCE}')"))
    key: tuple[str, ...] = type(item)._unique_on
    if key:
        # Things that only have a name, and parameter sets, exist once: the first one is taken.
        once = statement.on_conflict_do_nothing(index_elements=key).returning(table.c.id)
        found = connection.execute(once, values).scalar()
        return _existing(connection, item, values) if found is None else int(found)
    number = int(connection.execute(statement.returning(table.c.id), values).scalar_one())
    rows = [
        {"target": number, "source": _number(other, numbers), "role": role, "ordinal": ordinal}
        for name, role in _list_roles(database, item)
        for ordinal, other in enumerate(item._state.get(name) or ())
    ]
    if rows:
        connection.execute(edge.insert(), rows)
    return number


def _existing(connection: Connection, item: Any, values: dict[str, Any]) -> int:
    """Become the object that has the same key already."""
    table = table_of(type(item))
    same = [table.c[name] == values[name] for name in type(item)._unique_on]
    row = connection.execute(sa.select(table).where(*same)).mappings().one()
    attributes = type(item)._attributes
    kept = {n: row[n] for n, a in attributes.items() if a.kind in ("value", "array")}
    item._state.update(kept)
    return int(row["id"])


def _list_roles(database: Database, item: Any) -> list[tuple[str, int]]:
    known = catalog(database)
    attributes = type(item)._attributes.items()
    return [(name, known.role(name)) for name, a in attributes if a.kind == "links"]


def _seal(item: Any, number: int) -> None:
    """Make an object in memory what it is in the database: unchangeable."""
    for name, attribute in type(item)._attributes.items():
        value = item._state.get(name)
        if attribute.kind == "links":
            item._state[name] = tuple(value or ())
        elif attribute.kind == "struct" and value is not None:
            value._id = number
    item._id = number
