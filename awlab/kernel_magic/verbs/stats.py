"""``%awe stats``: objects by class, and how many are flagged or invalid.

Example: ``%awe stats``. Python: ``BiasFrame.select_all().count()``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import take_census


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take none."""
    parser.set_defaults(verb="stats")


def run(_options: argparse.Namespace, _shell: Any) -> None:
    """Print the table."""
    census = take_census()
    print(f"{'class':<32}{'objects':>9}{'flagged':>9}{'invalid':>9}")
    for name, count in census.objects.items():
        flagged, invalid = census.flagged.get(name, 0), census.invalid.get(name, 0)
        print(f"{name:<32}{count:>9,}{flagged:>9,}{invalid:>9,}")
    print(f"{'all':<32}{census.total:>9,}   {census.edges:,} lineage edges")
