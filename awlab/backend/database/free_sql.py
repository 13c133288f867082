"""Free SQL for reading: one statement, in a read-only transaction, within the context.

Every class is offered as a temporary view under its own name, with its attributes as columns: the
objects of the class and of all derived from it, as far as the context may see them. A second view
in lower case serves whoever writes no quotes, since SQL folds bare names. A link holds the ``id``
of the object linked to; a list of links has no column.

What holds, and who sees to it: PostgreSQL's own parser decides that the text is one statement that
returns rows, and which relations and functions it names; any outside the views and PostgreSQL's own
catalogue are refused. The statement then runs read-only with a time limit, and the transaction is
always rolled back.

What does not hold: the login role may read all tables, and functions of PostgreSQL that take a
statement or a table as *text* (``query_to_xml``) or that read the server's files (for a superuser)
are not seen through. This keeps people from mistakes; it is no wall against malice, which the
role's own rights must be.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from awlab.backend.database.class_tables import Catalog, catalog, column_types, quoted
from awlab.backend.database.compiler import entity
from awlab.backend.database.connection import Database, current_database
from awlab.backend.database.context import visible
from awlab.backend.database.meta import registered_classes
from awlab.backend.errors import QueryError

__all__ = ["run_sql"]

_ONE = "write one SELECT; leave out the semicolons"
_READ = "free SQL is for reading: SELECT ... FROM a class"
# What PostgreSQL says, and what it means for somebody at the prompt.
_MEANINGS = (
    ("cannot open multi-query plan", "free SQL takes exactly one statement", _ONE),
    ("query does not return tuples", "free SQL takes a statement that returns rows", _READ),
    ("as cursor", "free SQL takes a statement that returns rows", _READ),
    ("not yet supported in unquoted SQL", "free SQL takes SELECT, WITH, VALUES or TABLE", _READ),
    ("in a read-only transaction", "free SQL changes nothing", _READ),
    ("from view", "free SQL changes nothing", _READ),
    ("into view", "free SQL changes nothing", _READ),
    ("cannot update view", "free SQL changes nothing", _READ),
    ("statement timeout", "the statement took too long and was stopped", "ask for less"),
)
_OPEN = """DO $$ DECLARE asked refcursor := 'awlab_sql'; BEGIN
    OPEN asked FOR EXECUTE current_setting('awlab.sql');
END $$"""
# The statement becomes the body of a function that nobody calls: PostgreSQL notes what it uses.
_ANALYSE = r"""DO $$ BEGIN
    EXECUTE 'CREATE FUNCTION pg_temp.awlab_sql() RETURNS SETOF record LANGUAGE sql BEGIN ATOMIC '
        || current_setting('awlab.sql') || E'\n; END';
END $$"""
_FOREIGN = """
    WITH used AS (
        SELECT refclassid, refobjid FROM pg_depend
        WHERE classid = 'pg_proc'::regclass AND objid = 'pg_temp.awlab_sql'::regproc
    )
    SELECT c.relnamespace::regnamespace::text, c.relname
    FROM used JOIN pg_class c ON refclassid = 'pg_class'::regclass AND refobjid = c.oid
    WHERE c.relnamespace NOT IN
        (pg_my_temp_schema(), 'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    UNION ALL
    SELECT p.pronamespace::regnamespace::text, p.proname
    FROM used JOIN pg_proc p ON refclassid = 'pg_proc'::regclass AND refobjid = p.oid
    WHERE p.pronamespace <> 'pg_catalog'::regnamespace
"""


def run_sql(
    text: str, limit: int = 10_000, *, seconds: float = 60.0
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Run one reading statement.

    Parameters
    ----------
    text : str
        One SQL statement; classes are tables, attributes columns.
    limit : int
        Largest number of rows returned.
    seconds : float
        Longest time it may take [s].

    Returns
    -------
    tuple of (list of str, list of tuple)
        Column names and rows.

    Raises
    ------
    QueryError
        If it is not one statement, would change something, takes too long, or is wrong.
    """
    statement = text.strip().removesuffix(";").strip()
    if not statement:
        raise QueryError("there is no SQL", _READ)
    if limit < 0 or seconds <= 0:
        raise QueryError(f"limit={limit}, seconds={seconds}", "both are positive numbers")
    database = current_database()
    views = _views(database, statement)
    try:
        with database.reading_views() as connection:
            # Tables before views: the view of a class must not read that of another.
            _set(connection, "search_path", "awlab, pg_temp")
            for view in views:
                connection.execute(sa.text(_literal(view)))
            _set(connection, "search_path", "pg_temp, pg_catalog")
            _set(connection, "statement_timeout", f"{round(seconds * 1000)}ms")
            _set(connection, "awlab.sql", statement)
            _check(connection)
            _set(connection, "transaction_read_only", "on")
            connection.execute(sa.text(_OPEN))
            fetch = sa.text(f"FETCH FORWARD {int(limit)} FROM awlab_sql")
            result = connection.execute(fetch)
            return list(result.keys()), [tuple(row) for row in result.all()]
    except sa.exc.DBAPIError as exc:
        if exc.connection_invalidated:
            raise
        raise _explained(exc.orig, statement) from None


def _literal(sql: str) -> str:
    """Keep SQLAlchemy from taking a colon for one of its own parameters."""
    return re.sub(r"(?<!:):(?=\w)", r"\:", sql)


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(sa.select(sa.func.set_config(name, value, True)))


def _check(connection: Connection) -> None:
    """Refuse what is not one statement that returns rows, or reaches around the views."""
    connection.execute(sa.text(_OPEN))
    connection.execute(sa.text("CLOSE awlab_sql"))
    connection.execute(sa.text(_ANALYSE))
    foreign = connection.execute(sa.text(_FOREIGN)).all()
    if foreign:
        names = ", ".join(sorted({".".join(row) for row in foreign}))
        raise QueryError(f"free SQL may not use {names}", "use the names of classes: BiasFrame")


def _views(database: Database, statement: str) -> list[str]:
    """DDL of the views of all classes that the statement names."""
    words = {word.lower() for word in re.findall(r"\w+", statement)}
    known = catalog(database)
    known.refresh()
    named = [cls for name, cls in sorted(registered_classes().items()) if name.lower() in words]
    lowered = [cls.__name__.lower() for cls in named]
    ddl = []
    for cls in named:
        ddl.append(_view(database, known, cls, folded=False))
        lower = cls.__name__.lower()
        if lower != cls.__name__ and lowered.count(lower) == 1:
            ddl.append(_view(database, known, cls, folded=True))
    return ddl


def _view(database: Database, known: Catalog, cls: Any, *, folded: bool) -> str:
    columns = list(column_types(cls))
    source = entity(known, cls, columns)
    shown = {name.lower(): name for name in reversed(columns)} if folded else {}
    names = [name for name in columns if not folded or shown[name.lower()] == name]
    picked = [source.c[name].label(name.lower() if folded else name) for name in names]
    seen = visible(source.c.creator, source.c.project, source.c.privileges)
    view = quoted(cls.__name__.lower() if folded else cls.__name__)
    return f"CREATE TEMP VIEW {view} AS {database.spell(sa.select(*picked).where(seen))}"


def _explained(error: Any, statement: str) -> QueryError:
    """Put what PostgreSQL says in words for the prompt."""
    diagnosis = error.diag
    said = str(diagnosis.message_primary or error).strip().splitlines()[0]
    for part, message, hint in _MEANINGS:
        if part in said:
            return QueryError(message, hint)
    hint = diagnosis.message_hint or _names_hint(said, statement)
    return QueryError(f"the database refuses it: {said}", hint)


def _names_hint(said: str, statement: str) -> str:
    from difflib import get_close_matches

    missing = re.search(r'(relation|column) "?([\w.]+)"? does not exist', said)
    if missing is None:
        return _READ
    kind, name = missing.groups()
    known = {cls.lower(): cls for cls in registered_classes()}
    if kind == "column":
        used = [known[word] for word in re.findall(r"\w+", statement.lower()) if word in known]
        classes = [registered_classes()[cls] for cls in used]
        known = {column.lower(): column for cls in classes for column in column_types(cls)}
    near = get_close_matches(name.rpartition(".")[2].lower(), known, n=3)
    if near:
        return f"did you mean {', '.join(known[word] for word in near)}?"
    return "classes are tables; statistics are columns such as imstat_mean; a link holds an id"
