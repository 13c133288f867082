"""What ``awlab db`` does, each in words."""

from __future__ import annotations

from pathlib import Path

from awlab.backend.datamodel import connect
from awlab.backend.doctor.backup import backup_database, restore_database
from awlab.backend.doctor.database_state import database_status, stop_database
from awlab.backend.doctor.findings import Finding
from awlab.backend.errors import SettingsError

__all__ = ["act_on_database"]


def act_on_database(action: str, folder: Path | None = None) -> Finding:
    """Do one thing to the database, and say how it went.

    Parameters
    ----------
    action : str
        ``status``, ``upgrade``, ``stop``, ``backup`` or ``restore``.
    folder : Path, optional
        Folder of the backup.

    Raises
    ------
    SettingsError
        If a backup is without its folder.
    DatabaseUnavailable
        If it cannot be done.
    """
    if action in ("backup", "restore"):
        if folder is None:
            raise SettingsError(f"db {action}: into or from which folder?", f"db {action} FOLDER")
        return backup_database(folder) if action == "backup" else restore_database(folder)
    if action == "stop":
        return Finding("database", True, stop_database())
    if action == "upgrade":
        connect()
    return Finding("database", True, database_status())
