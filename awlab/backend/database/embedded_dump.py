r"""Moving the private database from one major version of PostgreSQL to the next.

::

    AWLAB_PG_BIN=<programs of the old version> \
        python -m awlab.backend.database.embedded_dump dump awlab.dump
    mv "$AWLAB_HOME/database" "$AWLAB_HOME/database.old"
    python -m awlab.backend.database.embedded_dump restore awlab.dump
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from awlab.backend.database.embedded import EmbeddedServer, start
from awlab.backend.database.embedded_binaries import find_binaries
from awlab.backend.database.embedded_cluster import client_environment
from awlab.backend.database.embedded_launch import DATABASE
from awlab.backend.errors import AwlabError, DatabaseUnavailable
from awlab.backend.settings import load_settings

__all__ = ["dump", "restore"]


def _run(server: EmbeddedServer, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's client programs against the private database."""
    binaries = find_binaries(int(server.version.split(".")[0]))
    # The programs read libpq's own form of a URL.
    url = server.url.replace("postgresql+psycopg2://", "postgresql://")
    try:
        subprocess.run(
            [binaries.folder / program, "--no-owner", f"--dbname={url}", *arguments],
            env=client_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as exc:
        raise DatabaseUnavailable(
            f"{binaries.folder} has no {program}",
            "set AWLAB_PG_BIN to a complete installation of PostgreSQL",
        ) from exc
    except subprocess.CalledProcessError as exc:
        said = (exc.stderr.strip().splitlines() or ["no message"])[0]
        raise DatabaseUnavailable(
            f"{program} failed: {said}", f"see {server.home}/database"
        ) from exc


def dump(home: Path, file: Path) -> None:
    """Write everything in the private database to a file.

    Parameters
    ----------
    home : Path
        ``AWLAB_HOME``.
    file : Path
        File to write; one that exists is left alone.

    Raises
    ------
    DatabaseUnavailable
        If the file exists, or the database cannot be started or dumped.
    """
    if file.exists():
        raise DatabaseUnavailable(f"{file} exists", "choose another name for the dump")
    # Written under another name, so that half a dump is never taken for a whole one.
    part = file.with_name(file.name + ".part")
    _run(start(home), "pg_dump", "--format=custom", f"--file={part}")
    part.rename(file)


def restore(home: Path, file: Path) -> None:
    """Read a dump into a new private database.

    Parameters
    ----------
    home : Path
        ``AWLAB_HOME``, without a private database or with an empty one.
    file : Path
        Dump to read.

    Raises
    ------
    DatabaseUnavailable
        If there is no such dump, the database holds tables, or the dump cannot be read.
    """
    if not file.is_file():
        raise DatabaseUnavailable(f"{file} does not exist", "name a file that `dump` wrote")
    server = start(home)
    if tables := _table_count(server):
        raise DatabaseUnavailable(
            f"the private database in {server.data_dir} holds {tables} tables",
            f"rename {server.data_dir.parent} when nobody uses it, and try again",
        )
    _run(server, "pg_restore", "--exit-on-error", "--single-transaction", str(file))


def _table_count(server: EmbeddedServer) -> int:
    """Count the tables that are not PostgreSQL's own."""
    import psycopg2

    connection = psycopg2.connect(server.url.replace("postgresql+psycopg2://", "postgresql://"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')"
            )
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def _main() -> None:
    """Dump or restore the database of the settings' home."""
    parser = argparse.ArgumentParser(prog="embedded_dump", description=f"Move database {DATABASE}.")
    parser.add_argument("action", choices=["dump", "restore"])
    parser.add_argument("file", type=Path)
    chosen = parser.parse_args()
    action = dump if chosen.action == "dump" else restore
    try:
        action(load_settings().home, chosen.file)
    except AwlabError as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    _main()
