"""The core schema: migrations lead to the tables that the code knows, from every version."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import sqlalchemy as sa

from awlab.backend.database import Database, connection, schema_version
from awlab.backend.database.migrate import HEAD, upgrade
from awlab.backend.database.registry_tables import metadata

VERSIONS = Path(connection.__file__).parent / "migrations" / "versions"

OLD_CLASS = (
    """INSERT INTO dbclass (name, parents, definition_hash, definition)
       VALUES ('RawFits', '{}', '', '{"attributes": [], "columns": {}}')""",
    'CREATE TABLE "RawFits" (id bigint, content_sha256 text, creator text)',
    'CREATE UNIQUE INDEX "RawFits_unique" ON "RawFits" (content_sha256)',
    """INSERT INTO "RawFits" VALUES (1, 'a', 'anna')""",
)


def first_version():
    spec = importlib.util.spec_from_file_location("first", next(VERSIONS.glob("0001*.py")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.STATEMENTS


@pytest.fixture
def old(database):
    """A database of the first release that has a class."""
    with database.autocommit() as opened:
        opened.exec_driver_sql("DROP DATABASE IF EXISTS old")
        opened.exec_driver_sql("CREATE DATABASE old")
    found = Database(database.url.set(database="old").render_as_string(hide_password=False))
    with found.transaction() as opened:
        opened.exec_driver_sql("CREATE SCHEMA awlab")
        opened.exec_driver_sql("CREATE TABLE alembic_version (version_num varchar(32))")
        opened.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
        for statement in (*first_version(), *OLD_CLASS):
            opened.exec_driver_sql(statement.replace("%", "%%"))
    yield found
    found.close()


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_the_tables_are_those_that_the_code_knows(database):
    inspector = sa.inspect(database._engine)
    for table in metadata.tables.values():
        columns = {c["name"] for c in inspector.get_columns(table.name, schema="awlab")}
        assert {column.name for column in table.columns} <= columns, table.name


def test_a_database_of_the_first_release_is_brought_up(old):
    upgrade(old)
    assert schema_version(old) == HEAD
    upgrade(old)
    with old.transaction() as opened:
        # Identical content is one object per user from now on.
        opened.exec_driver_sql("""INSERT INTO "RawFits" VALUES (2, 'a', 'ben')""")
    for bad in ("""INSERT INTO "RawFits" VALUES (3, 'a', 'ben')""", 'DELETE FROM "RawFits"'):
        with pytest.raises(sa.exc.DBAPIError), old.transaction() as opened:
            opened.exec_driver_sql(bad)
