"""``%awe jobs``: what ran, what runs, and how it went; with a number the log of that job.

Jobs are rows in the database: those of other notebooks and of your projects are shown as well.

Examples: ``%awe jobs``, ``%awe jobs 3``.
Python: ``lpu.jobs()``, ``lpu.job(3).logs()``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.process import lpu
from awlab.kernel_magic.display import StateWord, Table, show

_NEWEST = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the number of a job, or none."""
    parser.add_argument("number", nargs="?", type=int, metavar="JOB")


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Show the newest jobs, or one log."""
    if options.number is not None:
        job = lpu.job(options.number)
        print("\n".join(line for line in (repr(job), job.error, job.logs()) if line))
        return
    rows = [
        (
            row["id"],
            StateWord(row["status"]),
            row["sequence"],
            f"{row['finished_targets'] or 0} of {row['targets'] or 0}",
            row["started"],
        )
        for row in lpu.jobs(_NEWEST)
    ]
    if rows:
        show(Table(["job", "status", "sequence", "targets", "started (UTC)"], rows))
    else:
        print("no jobs yet: %awe make Reduce instrument=WFI date=2000-04-28")
