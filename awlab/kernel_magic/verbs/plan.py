"""``%awe plan``: what ``get`` would do, and why, without doing anything.

Example: ``%awe plan ReducedScienceFrame date=2000-04-28 chip=ccd50``.
Python: ``ReducedScienceFrame.plan(date='2000-04-28', chip='ccd50')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.kernel_magic.verbs.words import key_of, target_class


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class and a key."""
    parser.add_argument("target")
    parser.add_argument("key", nargs="*", metavar="name=value")


def run(options: argparse.Namespace, _shell: Any) -> Any:
    """Return the plan; the notebook shows it as a tree."""
    return target_class(options.target).plan(**key_of(options.key))
