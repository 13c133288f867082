"""Bring the core schema of a database up to this version of awlab (alembic as a library)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from awlab.backend.errors import AccessDenied, SchemaMismatch

if TYPE_CHECKING:
    from awlab.backend.database.connection import Database

__all__ = ["HEAD", "schema_version", "upgrade"]

HEAD = "0004"
_LOCK = 0x61776C6162  # "awlab"


def schema_version(database: Database) -> str | None:
    """Return the version of the core schema, None in a database without one."""
    exists = sa.select(sa.func.to_regclass("awlab.alembic_version"))
    if database.scalar(exists) is None:
        return None
    found = database.scalar(sa.select(sa.column("version_num")).select_from(_version_table()))
    return None if found is None else str(found)


def _version_table() -> sa.TableClause:
    return sa.table("alembic_version", sa.column("version_num"), schema="awlab")


def upgrade(database: Database) -> None:
    """Make or upgrade the core schema; nothing happens when it is at the head.

    Raises
    ------
    SchemaMismatch
        If the database was made by a newer awlab.
    AccessDenied
        If the login role may not make tables.
    """
    version = schema_version(database)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise SchemaMismatch(
            f"the database has schema version {version}, this awlab knows {HEAD}",
            "upgrade awlab: pip install --upgrade awlab",
        )
    try:
        with database.transaction() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            connection.execute(sa.schema.CreateSchema("awlab", if_not_exists=True))
            _run(connection)
    except sa.exc.ProgrammingError as exc:
        if getattr(exc.orig, "pgcode", "") != "42501":
            raise
        raise AccessDenied(
            f"the role {database.user} may not make awlab's tables in this database",
            "ask its owner to run `awlab db upgrade` once",
        ) from exc


def _run(connection: Any) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "awlab.backend.database:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection, version_table_schema="awlab")
        environment.run_migrations()
