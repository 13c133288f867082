"""``%awe ingest``: bring FITS files and folders into the database.

Returns the report: what was new, what was known already, and every file that was refused with the
reason; one bad file never stops the rest. ``--dry-run`` only says what would be done. ``--move``
gives the files themselves to the data server, without a copy where it is on the same file system;
an original goes when its frame is committed. What is refused or known, and a mosaic, stays.

Examples: ``%awe ingest ~/night1``, ``%awe ingest --dry-run ~/night1/*.fits``,
``report = %awe ingest --instrument WFI ~/night1``, ``%awe ingest --move ~/incoming``.
Python: ``ingest(['night1'])``, ``ingest(['incoming'], move=True)``.
"""

from __future__ import annotations

import argparse
import glob
import os
from typing import Any

from awlab.backend.ingest import ingest
from awlab.kernel_magic.progress import Bar


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take files and folders."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--move", action="store_true", help="take the files, keep no originals")
    parser.add_argument("--instrument", metavar="NAME", help="if it is not recognised")
    parser.add_argument("--purpose", default="", metavar="TEXT", help="what they were taken for")
    parser.add_argument("paths", nargs="+", metavar="PATH")


def run(options: argparse.Namespace, _shell: Any) -> Any:
    """Return the report; the notebook shows it as a table."""
    with Bar(" files") as bar:
        return ingest(
            [path for text in options.paths for path in _expanded(text)],
            instrument=options.instrument,
            purpose=options.purpose,
            dry_run=options.dry_run,
            move=options.move,
            progress=bar,
        )


def _expanded(text: str) -> list[str]:
    """Do what a terminal does with ``~`` and ``*``; what fits nothing is told by ingest."""
    path = os.path.expanduser(text)
    return sorted(glob.glob(path, recursive=True)) or [path]
