"""``%awe plan``: what ``get`` would do, and why, without doing anything.

Returns the plan, which shows as a tree with states and reasons; ``.run()`` does exactly that. Keys
and process parameters are those of ``%awe get``.

Examples: ``%awe plan ReducedScienceFrame date=2000-04-28 chip=ccd50``,
``p = %awe plan --depth 1 ReducedScienceFrame date=2000-04-28 chip=ccd50``.
Python: ``ReducedScienceFrame.plan(date='2000-04-28', chip='ccd50')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.kernel_magic.words import key_and_pars, target_class


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class and a key."""
    parser.add_argument("--depth", type=int, metavar="LEVELS", help="how deep inputs are checked")
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("key", nargs="*", default=[], metavar="NAME=VALUE")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the plan; the notebook shows it as a tree."""
    key, pars = key_and_pars(options.key, shell)
    return target_class(options.target).plan(depth=options.depth, pars=pars or None, **key)
