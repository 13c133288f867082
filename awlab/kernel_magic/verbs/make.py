"""``%awe make``: run a sequence for a whole night, all chips in parallel.

With ``--cluster`` on a Dask cluster instead of processes of this machine: workers begun for the
run, or those of a scheduler that is named with ``--scheduler``.

Without chip and filter all of them are made. Returns the job; ``.products`` are the objects.
Interrupting the kernel stops before the next target; what is finished stays.

Examples: ``%awe make Reduce instrument=WFI date=2000-04-28``,
``job = %awe make --background Bias instrument=WFI date=2000-04-28``.
Python: ``lpu.run('Reduce', instrument='WFI', date='2000-04-28')``; ``dpu.run(...)`` on a cluster.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from awlab.backend.process import dpu, lpu
from awlab.kernel_magic.progress import watch
from awlab.kernel_magic.words import key_and_pars, without_commit


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a sequence and a key."""
    parser.add_argument("--background", action="store_true", help="do not wait for the end")
    parser.add_argument("--dry-run", action="store_true", help="return the plan, make nothing")
    parser.add_argument("--processes", type=int, metavar="NUMBER", help="worker processes")
    parser.add_argument("--cluster", action="store_true", help="on a Dask cluster")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="on the Dask cluster of a scheduler")
    parser.add_argument("sequence", metavar="SEQUENCE")
    parser.add_argument("key", nargs="*", default=[], metavar="NAME=VALUE")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the job, finished unless it runs in the background; the plan of a dry run."""
    import_module("awlab.backend.targets")
    key, pars = key_and_pars(options.key, shell)
    key, is_dry = without_commit(key)
    if options.dry_run or is_dry:
        return lpu.run(options.sequence, pars=pars or None, commit=False, **key)
    words = {"pars": pars or None, "processes": options.processes, "wait": False}
    if options.cluster or options.scheduler:
        job = dpu.run(options.sequence, scheduler=options.scheduler, **words, **key)
    else:
        job = lpu.run(options.sequence, **words, **key)
    return job if options.background else watch(job)
