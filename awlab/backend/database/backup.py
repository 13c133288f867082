"""A copy of the private database in one file, and the way back."""

from __future__ import annotations

from pathlib import Path

from awlab.backend.errors import DatabaseUnavailable
from awlab.backend.settings import load_settings

__all__ = ["dump_database", "restore_dump"]


def dump_database(file: Path) -> None:
    """Write everything in the private database to a file, as of one moment.

    Parameters
    ----------
    file : Path
        File to write, which does not exist.

    Raises
    ------
    DatabaseUnavailable
        If the database is a server of somebody else, or cannot be dumped.
    """
    # A program of its own as well, which must not be loaded before it is run.
    from awlab.backend.database.embedded_dump import dump

    dump(_private_home(), file)


def restore_dump(file: Path) -> None:
    """Read a file that `dump_database` wrote into a private database without tables.

    Parameters
    ----------
    file : Path
        File to read.

    Raises
    ------
    DatabaseUnavailable
        If the database is a server of somebody else or holds tables, or the file cannot be read;
        then nothing of it is in the database.
    """
    from awlab.backend.database.embedded_dump import restore

    restore(_private_home(), file)


def _private_home() -> Path:
    settings = load_settings()
    if settings.database_url:
        raise DatabaseUnavailable(
            "the database is a server of somebody else", "its owner uses pg_dump and pg_restore"
        )
    return settings.home
