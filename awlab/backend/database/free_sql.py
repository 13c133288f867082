"""Free SQL for reading: one statement, in a read-only transaction, within the context.

Every class is offered as a temporary view of its table that holds what the context may see, under
the name of the class; the tables themselves are out of the search path. This guards against
mistakes, not against malice: whoever owns the database can name its tables by their schema.
"""

from __future__ import annotations

import sqlalchemy as sa

from awlab.backend.database.class_tables import catalog, quoted
from awlab.backend.database.connection import current_database
from awlab.backend.database.context import visible
from awlab.backend.errors import QueryError

__all__ = ["run_sql"]

_TIMEOUT = "60s"


def run_sql(text: str, limit: int = 10_000) -> tuple[list[str], list[tuple[object, ...]]]:
    """Run one reading statement.

    Parameters
    ----------
    text : str
        One SQL statement; classes are tables, attributes columns.
    limit : int
        Largest number of rows returned.

    Returns
    -------
    tuple of (list of str, list of tuple)
        Column names and rows.

    Raises
    ------
    QueryError
        If it is not one statement, would change something, or is wrong.
    """
    statement = text.strip().rstrip(";").strip()
    if not statement or ";" in statement:
        raise QueryError("free SQL takes exactly one statement", "leave out the semicolons")
    database = current_database()
    known = catalog(database)
    try:
        with database.reading_views() as connection:
            for name in known.names():
                table = sa.table(
                    name, sa.column("creator"), sa.column("project"), sa.column("privileges")
                )
                seen = visible(table.c.creator, table.c.project, table.c.privileges)
                select = sa.select(sa.text("*")).select_from(table).where(seen)
                connection.exec_driver_sql(
                    f"CREATE TEMP VIEW {quoted(name)} AS {database.spell(select)}"
                )
            connection.exec_driver_sql("SET LOCAL search_path = pg_temp, pg_catalog")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_TIMEOUT}'")
            connection.exec_driver_sql("SET LOCAL transaction_read_only = on")
            result = connection.execute(sa.text(statement.replace(":", "\\:")))
            if not result.returns_rows:
                raise QueryError("the statement returns no rows", "free SQL is for reading")
            return list(result.keys()), [tuple(row) for row in result.fetchmany(limit)]
    except sa.exc.DBAPIError as exc:
        reason = str(exc.orig).strip().splitlines()[0]
        raise QueryError(f"the database refuses it: {reason}", "SELECT from the classes") from None
