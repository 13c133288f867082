"""``%awe ingest``: bring FITS files and folders into the database.

Examples: ``%awe ingest /data/night1``, ``%awe ingest --dry-run *.fits``.
Python: ``ingest(['/data/night1'])``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.ingest import ingest


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take files and folders."""
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--instrument")
    parser.add_argument("--purpose", default="")


def run(options: argparse.Namespace, _shell: Any) -> Any:
    """Return the report; the notebook shows it as a table."""
    from tqdm.auto import tqdm

    with tqdm(unit=" files", leave=False) as bar:

        def progress(done: int, total: int, _name: str) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return ingest(
            options.paths,
            instrument=options.instrument,
            purpose=options.purpose,
            dry_run=options.dry_run,
            progress=progress,
        )
