"""``%awe stats``: objects by class, and how many are flagged or invalid.

Counts what the context may see, in two statements whatever the size.

Examples: ``%awe stats``.
Python: ``awlab.backend.database.take_census()``, ``BiasFrame.select_all().count()``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import take_census
from awlab.kernel_magic.display import Table, show


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Take none."""


def run(_options: argparse.Namespace, _shell: Any) -> None:
    """Show the table."""
    census = take_census()
    rows = [
        (name, count, census.flagged.get(name, 0), census.invalid.get(name, 0))
        for name, count in census.objects.items()
    ]
    caption = f"{census.total:,} objects, {census.edges:,} lineage edges"
    show(Table(["class", "objects", "flagged", "invalid"], rows, caption))
