"""``%awe get``: the target that exists and is up to date, or made with all it needs.

Calibrations are asked by instrument, chip, filter and date (the observing night), science by the
same and object, or by raw; what is missing comes from the context, and ``chip=*`` means all. A
variable that holds an object may stand as a value. A name with dots is a process parameter.

Examples: ``x = %awe get BiasFrame chip=ccd50 date=2000-04-28``,
``%awe get --dry-run BiasFrame chip=ccd50 date=2000-04-28``,
``x = %awe get BiasFrame chip=ccd50 date=2000-04-28 BiasFrame.process_params.SIGMA_CLIP=5.0``.
Python: ``BiasFrame.get(chip='ccd50', date='2000-04-28')``.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from awlab.kernel_magic.progress import Bar
from awlab.kernel_magic.words import key_and_pars, target_class, without_commit

_MANY = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class and a key."""
    parser.add_argument("--dry-run", action="store_true", help="return the plan, make nothing")
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("key", nargs="*", default=[], metavar="NAME=VALUE")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the object, or the list of them."""
    key, pars = key_and_pars(options.key, shell)
    key, is_dry = without_commit(key)
    plan = target_class(options.target).plan(pars=pars or None, **key)
    if options.dry_run or is_dry:
        return plan
    with Bar(" targets") as bar:
        made = plan.run(processes=_places(plan), progress=bar)
    return made if plan.is_list else made[0]


def _places(plan: Any) -> int:
    """Return how many workers are worth their beginning: none for a few targets."""
    return (os.cpu_count() or 1) if len(plan.work) >= _MANY else 0
