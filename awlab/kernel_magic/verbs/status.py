"""``%awe status``: where you are connected, as whom, and what is there.

Example: ``%awe status``. Python: ``awlab.connect()``, ``context``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import context, current_database, server_state, take_census
from awlab.backend.datamodel import dataserver_location


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take none."""
    parser.set_defaults(verb="status")


def run(_options: argparse.Namespace, _shell: Any) -> None:
    """Say it in a few lines."""
    state = server_state()
    census = take_census()
    print(f"database    {current_database().url.database}, PostgreSQL {state.version}")
    print(f"files       {dataserver_location()}")
    print(f"context     {context}")
    print(f"objects     {census.total:,} in {len(census.objects)} classes, {census.edges:,} edges")
