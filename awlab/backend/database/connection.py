"""The connection to PostgreSQL: one `Database` per process, opened on first use.

No connection is kept inside a transaction between two calls: reads run in autocommit, writes in
`Database.transaction`.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, Connection, make_url

from awlab.backend.database.transfer import decode
from awlab.backend.errors import DatabaseUnavailable, SettingsError
from awlab.backend.settings import Settings, load_settings

__all__ = [
    "Database",
    "close_database",
    "current_database",
    "database_is_open",
    "open_database",
]

_CONNECTIONS = 16
_DIALECT: Any = postgresql.psycopg2.dialect()  # type: ignore[no-untyped-call]
_current: Database | None = None
_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _forget_connections() -> None:
    """In a forked child: the connections are the parent's, and stay open for it."""
    for database in list(_open_databases):
        database._dispose(close=False)
        database._turn = threading.Lock()


os.register_at_fork(after_in_child=_forget_connections)


class Database:
    """One PostgreSQL database holding awlab's objects.

    Parameters
    ----------
    url : str
        SQLAlchemy URL with the psycopg2 driver.
    revive : callable, optional
        Called before the second try when the server is gone: restarts the private PostgreSQL.

    Attributes
    ----------
    epoch : int
        Raised by every commit of this process; results older than it are read again.
    statements : int
        Statements sent so far (commit and rollback not counted).
    """

    def __init__(self, url: str, revive: Callable[[], object] | None = None) -> None:
        self.url: URL = _checked_url(url)
        self._revive = revive
        self.epoch = 0
        self.statements = 0
        self.memory: dict[str, Any] = {}
        self._engine = self._new_engine()
        # Connections that stay in autocommit: nothing has to be put back when one is given back,
        # which would fail, and hide what was read, if the server has gone meanwhile.
        self._reader = self._new_engine(isolation_level="AUTOCOMMIT")
        self._turn = threading.Lock()
        _open_databases.add(self)

    def __repr__(self) -> str:
        shown = self.url.render_as_string(hide_password=True)
        return f"<Database {shown if self.url.host else 'of awlab itself'}>"

    def _new_engine(self, **options: Any) -> sa.Engine:
        engine = sa.create_engine(
            self.url,
            pool_size=4,
            max_overflow=_CONNECTIONS - 4,
            connect_args={
                "options": "-csearch_path=awlab,public -ctimezone=UTC -cdatestyle=ISO",
                "connect_timeout": 10,
                # A server that vanished behind a network is noticed in a minute, not never.
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
            },
            **options,
        )
        sa.event.listen(engine, "before_cursor_execute", self._count)
        sa.event.listen(engine, "checkout", _refuse_dead)
        return engine

    def _dispose(self, *, close: bool = True) -> None:
        self._engine.dispose(close=close)
        self._reader.dispose(close=close)

    def _count(self, *_: Any) -> None:
        self.statements += 1

    @property
    def user(self) -> str:
        """Login role of the connection: the identity in awlab."""
        found = self.memory.get("user")
        if found is None:
            found = self.memory["user"] = str(self.scalar(sa.select(sa.func.session_user())))
        return str(found)

    def _connect(self, engine: sa.Engine | None = None) -> Connection:
        engine = engine or self._engine
        for attempt in (1, 2):
            try:
                return engine.connect()
            except sa.exc.OperationalError as exc:
                if attempt == 2 or self._revive is None:
                    where = self.url.render_as_string(hide_password=True)
                    reason = str(exc.orig).strip().splitlines()[0]
                    raise DatabaseUnavailable(
                        f"the database {where} does not answer: {reason}",
                        "see `awlab doctor`; for another server set AWLAB_DATABASE_URL",
                    ) from exc
                self._revive()
            except sa.exc.TimeoutError as exc:
                raise DatabaseUnavailable(
                    f"all {_CONNECTIONS} connections of this process to the database are in use",
                    "end some of the threads or jobs of this process, or wait for them",
                ) from exc
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Give a connection outside any transaction, for reading and for locks."""
        connection = self._connect(self._reader)
        try:
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection inside one transaction: all of it is committed, or nothing."""
        with self._connect() as connection, connection.begin():
            yield connection
        self.outdate_results()

    def outdate_results(self) -> None:
        """Have results that were read before now read again."""
        with self._turn:  # of two commits at once each counts
            self.epoch += 1

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in one read-only transaction with a stable view."""
        with self._connect() as connection:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            with connection.execution_options(**options).begin():
                yield connection

    @contextlib.contextmanager
    def reading_views(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is always rolled back: nothing stays of it."""
        with self._connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    def rows(self, statement: sa.Executable, values: Any = None) -> list[Any]:
        """Run one reading statement and return its rows; repeated once if the server had gone."""
        return list(self._again(lambda c: c.execute(statement, values or {}).all()))

    def scalar(self, statement: sa.Executable) -> Any:
        """Run one reading statement and return the first value of its first row."""
        found = self.rows(statement)
        return found[0][0] if found else None

    def _again(self, work: Callable[[Connection], Any]) -> Any:
        try:
            with self.autocommit() as connection:
                return work(connection)
        except sa.exc.DBAPIError as exc:
            if not exc.connection_invalidated:
                raise
        with self.autocommit() as connection:
            return work(connection)

    def arrays(self, statement: sa.Select[Any], kinds: list[str]) -> list[NDArray[Any]]:
        """Run one statement of fixed-width, never-NULL columns by binary COPY.

        Parameters
        ----------
        statement : Select
            Its columns have the types of ``kinds``.
        kinds : list of str
            Keys of `transfer.FIXED_WIDTH`.

        Returns
        -------
        list of ndarray
            One native array per column.
        """
        compiled = statement.compile(dialect=_DIALECT)

        def work(connection: Connection) -> bytes:
            self.statements += 1
            raw = connection.connection.cursor()
            try:
                # psycopg2 itself quotes the values: COPY takes no server-side parameters.
                query = raw.mogrify(str(compiled), _bound(compiled))
                target = io.BytesIO()
                raw.copy_expert(b"COPY (" + query + b") TO STDOUT (FORMAT binary)", target)
                return target.getvalue()
            except Exception as exc:
                if not raw.connection.closed:
                    raise
                lost = sa.exc.DBAPIError(str(compiled), None, exc, connection_invalidated=True)
                raise lost from exc
            finally:
                raw.close()

        return decode(self._again(work), kinds)

    def spell(self, statement: sa.Select[Any]) -> str:
        """Return a statement as SQL text with its values in place, for people to read."""
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
        # psycopg2 doubles the percent sign of LIKE patterns; people read it once.
        return str(compiled).replace("%%", "%")

    def close(self) -> None:
        """Close all pooled connections."""
        self._dispose()


def _bound(compiled: Any) -> dict[str, Any]:
    """Run SQLAlchemy's bind processors, which a bare cursor does not."""
    processors = compiled._bind_processors
    values = compiled.params
    return {k: processors[k](v) if k in processors else v for k, v in values.items()}


def _refuse_dead(dbapi_connection: Any, *_: Any) -> None:
    """Throw out a pooled connection whose server has gone, without asking it a statement.

    The kernel marks the socket readable when the other side closed it.
    """
    if dbapi_connection.closed:
        raise sa.exc.DisconnectionError("the connection is closed")
    descriptor = dbapi_connection.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    if poll.poll(0) and not dbapi_connection.notifies:
        raise sa.exc.DisconnectionError("the server closed the connection")


def _checked_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise SettingsError(
            f"{url!r} is not a database URL", "write postgresql+psycopg2://user@host/database"
        ) from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername != "postgresql+psycopg2":
        raise SettingsError(
            f"{parsed.drivername} is not a database of awlab", "awlab needs PostgreSQL >= 15"
        )
    return parsed


def open_database(url: str | None = None, settings: Settings | None = None) -> Database:
    """Open a database, make or upgrade its schema, and make it the one of this process.

    Parameters
    ----------
    url : str, optional
        SQLAlchemy URL; by default that of the settings, or awlab's private PostgreSQL.
    settings : Settings, optional
        Settings to use; read from the environment by default.

    Raises
    ------
    DatabaseUnavailable
        If it cannot be started or reached.
    """
    global _current  # noqa: PLW0603 - the one composition root of a process
    settings = settings or load_settings()
    url = url or settings.database_url
    if url:
        database = Database(url)
    else:
        from awlab.backend.database.embedded import start

        server = start(settings.home)
        database = Database(server.url, revive=server.ensure_running)
    from awlab.backend.database.migrate import upgrade

    upgrade(database)
    close_database()
    _current = database
    return database


def current_database() -> Database:
    """Return the database of this process, opened from the settings at the first call."""
    return _current if _current is not None else open_database()


def database_is_open() -> bool:
    """Tell whether this process has a database, without opening one."""
    return _current is not None


def close_database() -> None:
    """Close the database of this process, if one is open."""
    global _current  # noqa: PLW0603 - the one composition root of a process
    if _current is not None:
        _current.close()
    _current = None
