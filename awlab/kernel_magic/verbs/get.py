"""``%awe get``: the target that exists and is up to date, or made with all it needs.

Example: ``x = %awe get BiasFrame chip=ccd50 date=2000-04-28``.
Python: ``BiasFrame.get(chip='ccd50', date='2000-04-28')``.
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
    """Return the object, or the list of them."""
    return target_class(options.target).get(**key_of(options.key))
