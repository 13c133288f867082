"""Backups: the database as a dump, the files of its objects as a list with their checksums."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from awlab.backend.database import (
    close_database,
    dump_database,
    files_of_all_objects,
    restore_dump,
    take_census,
)
from awlab.backend.datamodel import connect, current_dataserver, dataserver_location
from awlab.backend.dataserver import hash_file, place
from awlab.backend.doctor.database_state import readable_size
from awlab.backend.doctor.findings import Finding
from awlab.backend.errors import DatabaseUnavailable

__all__ = ["backup_database", "restore_database"]

_DUMP, _FILES, _MANIFEST = "awlab.dump", "files.sha256", "backup.json"


def backup_database(folder: Path) -> Finding:
    """Write a backup of the private database into a new folder.

    The dump is of one moment, whoever writes meanwhile. The files of the objects stay where they
    are; those that belong to the backup are listed, as ``sha256sum --check`` reads it.

    Parameters
    ----------
    folder : Path
        Folder to make.

    Raises
    ------
    DatabaseUnavailable
        If the folder holds something, or the database is no private one or cannot be dumped.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DatabaseUnavailable(f"{folder} is not empty", "name a new folder for the backup")
    connect()
    folder.mkdir(parents=True, exist_ok=True)
    dump_database(folder / _DUMP)
    # Read after the dump: what it knows is on the list, and perhaps a little more.
    files = {file.filename: file for file in files_of_all_objects()}
    lines = [f"{files[name].sha256}  {place(name)}\n" for name in sorted(files)]
    (folder / _FILES).write_text("".join(lines), encoding="utf-8")
    size = sum(file.size or 0 for file in files.values())
    _write_manifest(folder, {"files": len(files), "bytes": size})
    dumped = readable_size((folder / _DUMP).stat().st_size)
    return Finding(
        "backup",
        True,
        f"{take_census().total:,} objects are in {folder} ({dumped})",
        f"their {len(files):,} files ({readable_size(size)}) stay in {dataserver_location()}:"
        f" copy those listed in {folder / _FILES} as well",
    )


def _write_manifest(folder: Path, counts: dict[str, int]) -> None:
    """Say what a whole backup consists of: written last, so that half a backup has none."""
    words: dict[str, Any] = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "dataserver": dataserver_location(),
        **counts,
        "sha256": {name: hash_file(folder / name).digest for name in (_DUMP, _FILES)},
    }
    part = folder / (_MANIFEST + ".part")
    part.write_text(json.dumps(words, indent=1), encoding="utf-8")
    part.rename(folder / _MANIFEST)


def restore_database(folder: Path) -> Finding:
    """Read a backup into a private database without tables, and look whether its files are there.

    Parameters
    ----------
    folder : Path
        Folder that `backup_database` wrote.

    Raises
    ------
    DatabaseUnavailable
        If the backup is not whole or was changed, or the database is no private one or holds
        tables; then nothing was changed.
    """
    _check_whole(folder)
    close_database()
    restore_dump(folder / _DUMP)
    connect()
    there = set(current_dataserver().names())
    files = {file.filename for file in files_of_all_objects()}
    missing = sorted(files - there)
    text = f"{take_census().total:,} objects are back"
    if not missing:
        return Finding("restore", True, f"{text}, with all of their {len(files):,} files")
    return Finding(
        "restore",
        False,
        f"{text}; {len(missing):,} of their {len(files):,} files are missing in"
        f" {dataserver_location()}, first {missing[0]}",
        f"bring back those listed in {folder / _FILES}; `awlab doctor` tells when all are there",
    )


def _check_whole(folder: Path) -> None:
    try:
        words = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        expected = dict(words["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DatabaseUnavailable(
            f"{folder} holds no whole backup: no {_MANIFEST} says what it consists of",
            "a backup that was interrupted has none; take another one",
        ) from exc
    for name in (_DUMP, _FILES):
        path = folder / name
        if not path.is_file() or hash_file(path).digest != expected.get(name):
            raise DatabaseUnavailable(
                f"{path} is not what was backed up", "copy it again, or take another backup"
            )
