"""What an archive runs on: database, data server, jobs; each asked whether it answers."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from awlab.backend.database import current_database, server_state
from awlab.backend.datamodel import current_dataserver
from awlab.backend.process import lpu
from awlab.widgets.archive_statistics.state import size_text
from awlab.widgets.awlab_widget import one_line

__all__ = ["services"]

Facts = list[list[str]]


def services() -> list[dict[str, Any]]:
    """Ask each service whether it answers, and what there is to know of it.

    Returns
    -------
    list of dict
        ``name``, ``state`` (good or failed), ``facts`` as pairs of name and value, and ``error``.
    """
    asked = (("database", _database), ("data server", _dataserver), ("jobs", _jobs))
    return [_look(name, work) for name, work in asked]


def _look(name: str, work: Callable[[], Facts]) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        facts = work()
    except Exception as exc:  # one that is down is told; the others are looked at all the same
        return {"name": name, "state": "failed", "facts": [], "error": one_line(exc)}
    taken = f"{(time.perf_counter() - started) * 1e3:.0f} ms"
    return {"name": name, "state": "good", "facts": [*facts, ["answered in", taken]], "error": ""}


def _database() -> Facts:
    found = server_state()
    where = current_database().url.render_as_string(hide_password=True).partition("?")[0]
    up = datetime.now(UTC).replace(tzinfo=None) - found.since
    return [
        ["where", where],
        ["version", f"PostgreSQL {found.version}"],
        ["size", size_text(found.size)],
        ["accounts", f"{found.accounts:,}"],
        ["connections", f"{found.connections:,}"],
        ["transactions", f"{found.transactions:,}"],
        ["running since", f"{found.since:%Y-%m-%d %H:%M:%S} UTC ({up.days} days)"],
    ]


def _dataserver() -> Facts:
    server = current_dataserver()
    server.store.exists("a-file-that-nobody-stored.fits")
    cache = server.cache.root
    facts = [["files are in", repr(server.store)], ["cache", str(cache)]]
    if cache.is_dir():
        facts.append(["free beside the cache", size_text(shutil.disk_usage(cache).free)])
    return facts


def _jobs() -> Facts:
    counts = Counter(str(job["status"]) for job in lpu.jobs())
    return [[status, f"{number:,}"] for status, number in sorted(counts.items())] or [["jobs", "0"]]
