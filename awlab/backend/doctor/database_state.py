"""The state of the database in words, without changing it."""

from __future__ import annotations

from awlab.backend.database import (
    close_database,
    current_database,
    embedded_status,
    server_state,
    start_embedded,
)
from awlab.backend.settings import load_settings

__all__ = ["database_status", "readable_size", "stop_database"]


def readable_size(size: float) -> str:
    """Return a number of bytes in the unit people would choose."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def database_status() -> str:
    """Describe the database of the settings; a private one is not started for it."""
    settings = load_settings()
    if settings.database_url:
        state = server_state()
        where = current_database().url.render_as_string(hide_password=True)
        return f"server {where}: PostgreSQL {state.version}, {readable_size(state.size)}"
    found = embedded_status(settings.home)
    if not found.initialised:
        return f"no private database in {settings.home} yet; it is made on first use"
    running = f"running, process {found.pid}" if found.running else "not running"
    users = f", used by processes {', '.join(map(str, found.users))}" if found.users else ""
    return (
        f"private PostgreSQL {found.version} in {found.data_dir}: {running}{users}\n"
        f"log: {found.log}"
    )


def stop_database() -> str:
    """Stop the private database if nobody else uses it."""
    settings = load_settings()
    if settings.database_url:
        return "the database is a server of somebody else: awlab does not stop it"
    if not embedded_status(settings.home).running:
        return "the private database does not run"
    close_database()
    stopped = start_embedded(settings.home).stop()
    return "stopped" if stopped else "others use it: it stops by itself after the last of them"
