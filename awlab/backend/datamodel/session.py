"""The composition root: ``connect`` joins database, data server and context."""

from __future__ import annotations

from awlab.backend.database import Database, current_database, open_database
from awlab.backend.dataserver import DataServer, FileCache, open_store
from awlab.backend.settings import Settings, load_settings

__all__ = ["connect", "current_dataserver", "dataserver_location", "open_dataserver"]


def connect(
    database_url: str | None = None,
    *,
    dataserver: str | None = None,
    settings: Settings | None = None,
) -> Database:
    """Connect this process to a database and a data server.

    Notebooks, the command line, tests and workers all come through here; classes call it on first
    use.

    Parameters
    ----------
    database_url : str, optional
        ``postgresql+psycopg2://user@host/survey``; by default the settings', or awlab's own
        private PostgreSQL.
    dataserver : str, optional
        Folder or URL of the files (``s3://bucket/prefix``); by default the settings'.
    settings : Settings, optional
        Settings to use instead of those of the environment.

    Returns
    -------
    Database
        The database, now that of this process.

    Raises
    ------
    DatabaseUnavailable
        If the database cannot be started or reached.
    """
    settings = settings or load_settings()
    database = open_database(database_url, settings)
    _attach(database, dataserver, settings)
    return database


def open_dataserver(location: str | None = None, settings: Settings | None = None) -> DataServer:
    """Open the data server at ``location``, by default that of the settings."""
    settings = settings or load_settings()
    place = location or settings.dataserver or str(settings.home / "dataserver")
    return DataServer(open_store(place), FileCache(settings.cache))


def current_dataserver() -> DataServer:
    """Return the data server of this process, opened from the settings at the first call."""
    database = current_database()
    if "dataserver" not in database.memory:
        _attach(database, None, load_settings())
    return database.memory["dataserver"]  # type: ignore[no-any-return]


def dataserver_location() -> str:
    """Return where the data server of this process is: a folder or a URL."""
    current_dataserver()
    return str(current_database().memory["dataserver location"])


def _attach(database: Database, location: str | None, settings: Settings) -> None:
    place = location or settings.dataserver or str(settings.home / "dataserver")
    database.memory["dataserver location"] = place
    database.memory["dataserver"] = open_dataserver(place, settings)
