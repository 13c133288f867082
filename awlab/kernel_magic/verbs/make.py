"""``%awe make``: run a sequence for a whole night, all chips in parallel.

Example: ``%awe make Reduce instrument=WFI date=2000-04-28``.
Python: ``lpu.run('Reduce', instrument='WFI', date='2000-04-28')``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from awlab.backend.process import lpu
from awlab.kernel_magic.verbs.words import key_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a sequence and a key."""
    parser.add_argument("sequence")
    parser.add_argument("key", nargs="*", metavar="name=value")


def run(options: argparse.Namespace, _shell: Any) -> Any:
    """Return the finished job."""
    import_module("awlab.backend.targets")
    return lpu.run(options.sequence, **key_of(options.key))
