"""``%awe jobs``: what ran, runs, and how it went; with a number the log of that job.

Examples: ``%awe jobs``, ``%awe jobs 3``. Python: ``lpu.jobs()``, ``lpu.job(3).logs()``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.process import lpu


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the number of a job, or none."""
    parser.add_argument("number", nargs="?", type=int)


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Print the newest jobs, or one log."""
    if options.number is not None:
        print(lpu.job(options.number))
        print(lpu.job(options.number).logs())
        return
    rows = lpu.jobs(20)
    for row in rows:
        done, total = row["finished_targets"] or 0, row["targets"] or 0
        print(f"{row['id']:>5}  {row['status']:<10} {row['sequence']:<20} {done} of {total}")
    if not rows:
        print("no jobs yet: %awe make Reduce instrument=WFI date=2000-04-28")
