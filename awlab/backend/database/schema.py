"""Give persistent classes their tables, and add columns when a class grew. Nothing is ever lost."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import (
    KnownTable,
    catalog,
    column_types,
    definition,
    definition_hash,
    identity_index,
    table_of,
    trigger_ddl,
)
from awlab.backend.database.meta import class_named, registered_classes
from awlab.backend.database.registry_tables import dbclass, dbobject, dbrole, edge, reference
from awlab.backend.errors import AccessDenied, SchemaMismatch

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

__all__ = ["ensure_tables"]

_LOCK = 0x736368656D61  # "schema"
_LONGEST = 63  # characters of a name in PostgreSQL


def ensure_tables(database: Database, classes: list[Any]) -> None:
    """Make sure that concrete classes, and those they link to, have tables that fit.

    Does nothing, and asks nothing, for classes whose definition is known to be stored.

    Parameters
    ----------
    database : Database
        Where the tables are.
    classes : list of type
        Persistent classes.

    Raises
    ------
    SchemaMismatch
        If a change of the class would lose data.
    AccessDenied
        If the login role may not make tables.
    """
    fresh: set[Any] = database.memory.setdefault("fitting classes", set())
    if all(cls in fresh for cls in classes):
        return
    wanted = [cls for cls in registered_classes().values() if not cls._abstract]
    wanted = [cls for cls in wanted if cls not in fresh]
    known = catalog(database)
    known.refresh()
    stale = [cls for cls in wanted if not _fits(known.get_known(cls), cls)]
    if not any(cls in stale for cls in classes):
        # Those of others are made when they are needed: the role may not be allowed to.
        fresh.update(cls for cls in wanted if cls not in stale)
        return
    try:
        with database.transaction() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            unfit = _fit_all(connection, stale, set(classes))
    except sa.exc.ProgrammingError as exc:
        if getattr(exc.orig, "pgcode", "") != "42501":
            raise
        names = ", ".join(cls.__name__ for cls in stale if cls in classes)
        raise AccessDenied(
            f"the role {database.user} may not make the table of {names}",
            "ask the owner of the database, or use a private one (unset AWLAB_DATABASE_URL)",
        ) from exc
    known.refresh()
    fresh.update(cls for cls in wanted if cls not in unfit)


def _fit_all(connection: Connection, stale: list[Any], needed: set[Any]) -> set[Any]:
    """Fit tables to classes; return those that do not fit and are not needed now.

    One class of a notebook that went wrong keeps nobody from committing objects of another.
    """
    unfit: set[Any] = set()
    for cls in stale:
        try:
            _fit(connection, cls)
        except SchemaMismatch:
            if cls in needed:
                raise
            unfit.add(cls)
    return unfit


def _fits(known: KnownTable | None, cls: Any) -> bool:
    return known is not None and known.hash == definition_hash(definition(cls))


def _fit(connection: Connection, cls: Any) -> None:
    """Make or extend one table; looked up again, for another process may have been first."""
    row = connection.execute(sa.select(dbclass).where(dbclass.c.name == cls.__name__)).first()
    mine = definition(cls)
    whole = mine if row is None else _whole(connection, cls, mine, row.definition)
    if row is not None and row.definition_hash == definition_hash(whole):
        return
    values = {
        "name": cls.__name__,
        "parents": [base.__name__ for base in cls.__mro__[1:] if hasattr(base, "_abstract")],
        "definition_hash": definition_hash(whole),
        "definition": whole,
    }
    if row is None:
        class_id = connection.execute(
            dbclass.insert().values(**values).returning(dbclass.c.id)
        ).scalar_one()
        _create(connection, cls)
    else:
        class_id = row.id
        _grow(connection, cls, row.definition)
        connection.execute(dbclass.update().where(dbclass.c.id == class_id).values(**values))
    roles = _roles(connection, whole)
    for statement in trigger_ddl(cls.__name__, class_id, whole, roles):
        connection.exec_driver_sql(statement)


def _whole(
    connection: Connection, cls: Any, mine: dict[str, Any], stored: dict[str, Any]
) -> dict[str, Any]:
    """Join what the class declares and what its table has besides: the columns of an older class.

    A process that still has the older class goes on, and neither takes columns or lineage from
    the other.
    """
    _check_changed(cls, mine, stored)
    names = {attribute["name"] for attribute in mine["attributes"]}
    rest = [attribute for attribute in stored["attributes"] if attribute["name"] not in names]
    if cls.__module__ == "__main__":
        _check_removed(connection, cls, rest)
    return {
        "attributes": mine["attributes"] + rest,
        "columns": {**stored["columns"], **mine["columns"]},
    }


def _check_changed(cls: Any, mine: dict[str, Any], stored: dict[str, Any]) -> None:
    """Refuse what would make the values that are stored unreadable."""
    old = {attribute["name"]: attribute for attribute in stored["attributes"]}
    for attribute in mine["attributes"]:
        name = attribute["name"]
        if name in old and not _is_readable(old[name], attribute):
            _refuse_change(f"{cls.__name__}.{name}", old[name], attribute)
    for name, kind in mine["columns"].items():
        before = stored["columns"].get(name)
        if before is not None and before != kind:
            _refuse_change(f"{cls.__name__}.{name}", before, kind)


def _is_readable(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether what was stored as one declaration says is what the other one reads."""
    if old["kind"] != new["kind"]:
        return False
    if new["kind"] == "links" and old["dependency"] != new["dependency"]:
        return False
    if old["type"] == new["type"] or new["kind"] == "struct":
        return True
    if new["kind"] in ("value", "array"):
        return False
    before, now = class_named(old["type"]), class_named(new["type"])
    # A link may become narrower or wider; what this process does not know is taken on trust.
    return before is None or now is None or issubclass(before, now) or issubclass(now, before)


def _refuse_change(path: str, old: Any, new: Any) -> None:
    told = [_described(d) if isinstance(d, dict) else str(d) for d in (old, new)]
    raise SchemaMismatch(
        f"{path} was {told[0]} and is now {told[1]}: its data would be lost",
        "give the attribute a new name; old objects keep the old one",
    )


def _described(attribute: dict[str, Any]) -> str:
    many = "a list of " if attribute["kind"] in ("links", "array") else ""
    kept = "" if attribute["kind"] != "links" or attribute["dependency"] else " (no dependency)"
    return f"{many}{attribute['type']}{kept}"


def _check_removed(connection: Connection, cls: Any, gone: list[dict[str, Any]]) -> None:
    """Refuse a class of a notebook that lost an attribute for which objects have values."""
    table = cls.__name__
    for attribute in gone:
        name = attribute["name"]
        if attribute["kind"] == "links":
            members = edge if attribute["dependency"] else reference
            mine = sa.table(table, sa.column("id"))
            found = sa.select(members.c.target).join_from(
                members, mine, members.c.target == mine.c.id
            )
            role = sa.select(dbrole.c.id).where(dbrole.c.name == name).scalar_subquery()
            found = found.where(members.c.role == role)
        else:
            held = [c for c in _columns_of(connection, table) if _belongs(c, attribute)]
            columns = sa.table(table, *(sa.column(c) for c in held)).c
            found = sa.select(sa.literal(1)).where(
                sa.or_(sa.false(), *(column.is_not(None) for column in columns))
            )
        if connection.execute(found.limit(1)).first() is not None:
            raise SchemaMismatch(
                f"{table}.{name} is gone from the class, and objects in the database have it",
                "declare it as before, or give the new class another name",
            )


def _columns_of(connection: Connection, table: str) -> list[str]:
    return [column["name"] for column in sa.inspect(connection).get_columns(table)]


def _belongs(column: str, attribute: dict[str, Any]) -> bool:
    name = str(attribute["name"])
    return column.startswith(f"{name}_") if attribute["kind"] == "struct" else column == name


def _operations(connection: Connection) -> Any:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    return Operations(MigrationContext.configure(connection))


def _create(connection: Connection, cls: Any) -> None:
    operations = _operations(connection)
    table = table_of(cls)
    columns = [sa.Column(c.name, c.type, primary_key=c.primary_key) for c in table.columns]
    operations.create_table(cls.__name__, *columns)
    for name, attribute in cls._attributes.items():
        if attribute.kind == "link":
            _link_keys(operations, cls, name, dependency=attribute.dependency)
    for names in cls._indexes:
        operations.create_index(_short(cls, *names), cls.__name__, list(names))
    if cls._unique_on:
        columns_of_key = list(identity_index(cls))
        operations.create_index(_short(cls, "unique"), cls.__name__, columns_of_key, unique=True)


def _short(cls: Any, *names: str) -> str:
    """Name of an index or key, cut where PostgreSQL would refuse its length."""
    name = "_".join((cls.__name__, *names))
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _link_keys(operations: Any, cls: Any, name: str, *, dependency: bool) -> None:
    operations.create_index(_short(cls, name), cls.__name__, [name])
    if not dependency:
        # A dependency is held by the checks on its edge.
        operations.create_foreign_key(
            _short(cls, name, "fk"), cls.__name__, dbobject.name, [name], ["id"], deferrable=True
        )


def _grow(connection: Connection, cls: Any, stored: dict[str, Any]) -> None:
    """Add the columns that are new."""
    operations = _operations(connection)
    for name, kind in column_types(cls).items():
        if name not in stored["columns"]:
            operations.add_column(cls.__name__, sa.Column(name, kind, nullable=True))
            attribute = cls._attributes.get(name)
            if attribute is not None and attribute.kind == "link":
                _link_keys(operations, cls, name, dependency=attribute.dependency)


def _roles(connection: Connection, whole: dict[str, Any]) -> dict[str, int]:
    """Number the dependencies and the lists of a class."""
    names = [a["name"] for a in whole["attributes"] if a["dependency"] or a["kind"] == "links"]
    if not names:
        return {}
    from sqlalchemy.dialects.postgresql import insert

    connection.execute(insert(dbrole).on_conflict_do_nothing(), [{"name": name} for name in names])
    rows = connection.execute(sa.select(dbrole).where(dbrole.c.name.in_(names)))
    return {row.name: row.id for row in rows}
