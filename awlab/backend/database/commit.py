"""Write objects: the object and its uncommitted dependencies, in order, in one transaction."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from awlab.backend.database.class_tables import (
    catalog,
    identity_index,
    members_table,
    table_of,
)
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import context, now, visible
from awlab.backend.database.registry_tables import ID_SEQUENCE
from awlab.backend.database.schema import ensure_tables
from awlab.backend.errors import DependencyCycle, ObjectNotFound, WrongType

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

_WORLD = 4
_GIVEN = "given_"  # columns' own names are SQLAlchemy's
_LATER = sa.select(sa.func.set_config("synchronous_commit", "off", True))
# A transaction that writes nothing flushes nothing: this one writes a message nobody reads.
_FLUSHED = sa.select(sa.func.pg_logical_emit_message(True, "awlab", ""))
# SQLSTATE: foreign_key_violation; classes "data exception" and "program limit exceeded".
_NO_SUCH_ROW = "23503"
_REFUSED_VALUES = ("22", "54")

__all__ = ["column_values", "commit_objects", "make_durable"]


def commit_objects(objects: list[Any], *, durable: bool = True) -> None:
    """Commit objects with everything uncommitted that they link to: all of it, or nothing.

    Parameters
    ----------
    objects : list of DBObject
        Objects; those committed already are passed over.
    durable : bool
        Whether to wait until a power cut cannot undo it. Whoever does not must call
        `make_durable`, look whether the objects are still there, and only then say so.

    Raises
    ------
    DependencyCycle
        If new objects link to each other in a circle.
    WrongType
        If the database cannot keep a value.
    ObjectNotFound
        If something they link to was deleted meanwhile.
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
    with _in_words(ordered), database.transaction() as connection:
        if not durable:
            connection.execute(_LATER)
        for item in ordered:
            item._state.update(base | {"creation_date": item._state.get("creation_date") or made})
            if type(item)._named_for_all:
                item._state["privileges"] = _WORLD
            numbers[id(item)] = _insert(database, connection, item, numbers)
    for item in ordered:
        _seal(item, numbers[id(item)])


def make_durable() -> None:
    """Wait until all that was committed before survives a power cut: one flush for many commits.

    A server that crashed meanwhile has lost them, and does not say so here.
    """
    with current_database().transaction() as connection:
        connection.execute(_FLUSHED)


@contextlib.contextmanager
def _in_words(items: list[Any]) -> Iterator[None]:
    """Say what the database refuses in one sentence about the objects."""
    try:
        yield
    except sa.exc.DBAPIError as exc:
        code = str(getattr(exc.orig, "pgcode", "") or "")
        reason = str(exc.orig).strip().splitlines()[0]
        names = ", ".join(sorted({type(item).__name__ for item in items}))
        if code == _NO_SUCH_ROW:
            raise ObjectNotFound(
                f"{names}: something it links to was deleted meanwhile", "choose another input"
            ) from exc
        if code[:2] in _REFUSED_VALUES:
            raise WrongType(
                f"{names}: the database cannot keep a value: {reason}", "shorten or change it"
            ) from exc
        raise


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
    if type(item)._unique_on:
        # Things that only have a name, and parameter sets, exist once: the first one is taken.
        key = identity_index(type(item))
        if type(item)._named_for_all:
            found = connection.execute(_once(statement, table, key), values).scalar()
        else:
            private = _unless_seen(table, key, type(item)._unique_on, tuple(values), context.user)
            given = {f"{_GIVEN}{name}": value for name, value in values.items()}
            found = connection.execute(private, given).scalar()
        return _existing(connection, item, values) if found is None else int(found)
    number = int(connection.execute(statement.returning(table.c.id), values).scalar_one())
    _insert_members(database, connection, item, number, numbers)
    return number


def _insert_members(
    database: Database, connection: Connection, item: Any, number: int, numbers: dict[int, int]
) -> None:
    """Write the lists of links of an object; its single links are written by the trigger."""
    known = catalog(database)
    for name, attribute in type(item)._attributes.items():
        members = item._state.get(name) if attribute.kind == "links" else None
        if members:
            ends = [(number, _number(other, numbers)) for other in members]
            rows = [
                {"target": t, "source": s, "role": known.role(name), "ordinal": ordinal}
                for ordinal, (t, s) in enumerate(ends)
            ]
            connection.execute(members_table(attribute).insert(), rows)


def _once(statement: Any, table: sa.Table, key: tuple[str, ...]) -> Any:
    return statement.on_conflict_do_nothing(index_elements=key).returning(table.c.id)


def _mine(table: sa.Table) -> Any:
    """What the user sees, and what is the user's own wherever it has been moved to."""
    c = table.c
    return sa.or_(visible(c.creator, c.project, c.privileges), c.creator == context.user)


@functools.lru_cache(maxsize=64)
def _unless_seen(
    table: sa.Table, key: tuple[str, ...], same: tuple[str, ...], names: tuple[str, ...], _user: str
) -> Any:
    """Insert a private object unless the user sees one that is the same; built once per class.

    What the user may see has the user's name in it.
    """
    given = {name: sa.bindparam(f"{_GIVEN}{name}", type_=table.c[name].type) for name in names}
    equal = [table.c[name] == given[name] for name in same]
    number = sa.func.nextval(sa.text(f"'{ID_SEQUENCE}'"))
    row = sa.select(number, *given.values()).where(~sa.exists().where(*equal, _mine(table)))
    return _once(insert(table).from_select(["id", *names], row), table, key)


def _existing(connection: Connection, item: Any, values: dict[str, Any]) -> int:
    """Become the object that has the same key already: the oldest that the user may see."""
    cls = type(item)
    table = table_of(cls)
    same = [table.c[name] == values[name] for name in cls._unique_on]
    seen = sa.true() if cls._named_for_all else _mine(table)
    statement = sa.select(table).where(*same, seen).order_by(table.c.id).limit(1)
    row = connection.execute(statement).mappings().one()
    attributes = cls._attributes
    kept = {n: row[n] for n, a in attributes.items() if a.kind in ("value", "array")}
    item._state.update(kept)
    return int(row["id"])


def _seal(item: Any, number: int) -> None:
    """Make an object in memory what it is in the database: unchangeable."""
    for name, attribute in type(item)._attributes.items():
        value = item._state.get(name)
        if attribute.kind == "links":
            item._state[name] = tuple(value or ())
        elif attribute.kind == "struct" and value is not None:
            value._id = number
    item._id = number
