"""``%awe status``: where you are connected, as whom, and what is there.

Connects if nothing is connected yet; awlab's own PostgreSQL is started if it sleeps. Objects are
counted as far as the context may see them.

Examples: ``%awe status``.
Python: ``awlab.connect()``, ``context``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import context, current_database, server_state, take_census
from awlab.backend.datamodel import dataserver_location
from awlab.kernel_magic.display import Table, show


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Take none."""


def run(_options: argparse.Namespace, _shell: Any) -> None:
    """Show it as a short table."""
    state, census = server_state(), take_census()
    url = current_database().url
    where = f"{url.host}:{url.port or 5432}" if url.host else "awlab's own"
    rows = [
        ("database", f"{url.database} on {where}, PostgreSQL {state.version}"),
        ("size", f"{state.size / 1e6:,.0f} MB, {state.connections} connections"),
        ("files", dataserver_location()),
        ("context", str(context).removeprefix("Context: ")),
        ("objects", f"{census.total:,} of {len(census.objects)} classes"),
        ("lineage", f"{census.edges:,} edges"),
    ]
    show(Table(["status", ""], rows))
