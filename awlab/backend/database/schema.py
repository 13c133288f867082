"""Give persistent classes their tables, and add columns when a class grew. Nothing is ever lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.database.class_tables import (
    KnownTable,
    catalog,
    column_types,
    definition,
    definition_hash,
    table_of,
    trigger_ddl,
)
from awlab.backend.database.meta import registered_classes
from awlab.backend.database.registry_tables import dbclass, dbobject, dbrole
from awlab.backend.errors import AccessDenied, SchemaMismatch

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from awlab.backend.database.connection import Database

__all__ = ["ensure_tables"]

_LOCK = 0x736368656D61  # "schema"


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
    stale = [cls for cls in wanted if _stored_hash(known.get_known(cls)) != definition_hash(cls)]
    if stale:
        try:
            with database.transaction() as connection:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                for cls in stale:
                    _fit(connection, cls)
        except sa.exc.ProgrammingError as exc:
            if getattr(exc.orig, "pgcode", "") != "42501":
                raise
            names = ", ".join(cls.__name__ for cls in stale)
            raise AccessDenied(
                f"the role {database.user} may not make the table of {names}",
                "ask the owner of the database, or use a private one (unset AWLAB_DATABASE_URL)",
            ) from exc
        known.refresh()
    fresh.update(wanted)


def _stored_hash(known: KnownTable | None) -> str:
    return known.hash if known else ""


def _fit(connection: Connection, cls: Any) -> None:
    """Make or extend one table; looked up again, for another process may have been first."""
    row = connection.execute(sa.select(dbclass).where(dbclass.c.name == cls.__name__)).first()
    if row is not None and row.definition_hash == definition_hash(cls):
        return
    values = {
        "name": cls.__name__,
        "parents": [base.__name__ for base in cls.__mro__[1:] if hasattr(base, "_abstract")],
        "definition_hash": definition_hash(cls),
        "definition": definition(cls),
    }
    if row is None:
        class_id = connection.execute(
            dbclass.insert().values(**values).returning(dbclass.c.id)
        ).scalar_one()
        _create(connection, cls)
    else:
        class_id = row.id
        values["definition"] = _grow(connection, cls, row.definition)
        connection.execute(dbclass.update().where(dbclass.c.id == class_id).values(**values))
    roles = _roles(connection, cls)
    for statement in trigger_ddl(cls, class_id, roles):
        connection.exec_driver_sql(statement)


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
        operations.create_index(f"{cls.__name__}_{'_'.join(names)}", cls.__name__, list(names))
    if cls._unique_on:
        name = f"{cls.__name__}_unique"
        operations.create_index(name, cls.__name__, list(cls._unique_on), unique=True)


def _link_keys(operations: Any, cls: Any, name: str, *, dependency: bool) -> None:
    operations.create_index(f"{cls.__name__}_{name}", cls.__name__, [name])
    if not dependency:
        # A dependency is held by the edge's own foreign key.
        operations.create_foreign_key(
            f"{cls.__name__}_{name}_fk", cls.__name__, dbobject.name, [name], ["id"]
        )


def _grow(connection: Connection, cls: Any, stored: dict[str, Any]) -> dict[str, Any]:
    """Add the columns that are new; return the definition to keep, old columns included."""
    now = definition(cls)
    for name, kind in now["columns"].items():
        before = stored["columns"].get(name)
        if before is not None and before != kind:
            raise SchemaMismatch(
                f"{cls.__name__}.{name} was {before} and is now {kind}: its data would be lost",
                "give the attribute a new name; old objects keep the old one",
            )
    operations = _operations(connection)
    types = column_types(cls)
    for name in now["columns"]:
        if name not in stored["columns"]:
            operations.add_column(cls.__name__, sa.Column(name, types[name], nullable=True))
            attribute = cls._attributes.get(name)
            if attribute is not None and attribute.kind == "link":
                _link_keys(operations, cls, name, dependency=attribute.dependency)
    return {**now, "columns": {**stored["columns"], **now["columns"]}}


def _roles(connection: Connection, cls: Any) -> dict[str, int]:
    names = [name for name, a in cls._attributes.items() if a.dependency]
    if not names:
        return {}
    from sqlalchemy.dialects.postgresql import insert

    connection.execute(insert(dbrole).on_conflict_do_nothing(), [{"name": name} for name in names])
    rows = connection.execute(sa.select(dbrole).where(dbrole.c.name.in_(names)))
    return {row.name: row.id for row in rows}
