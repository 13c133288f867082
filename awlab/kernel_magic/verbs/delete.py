"""``%awe delete``: show what a deletion would remove; ``--confirm`` does it.

Only what is not public and what nothing was made from; the rest is kept, with the reason. Files
go too, a tombstone stays.

Examples: ``%awe delete frame``, ``%awe delete --confirm --reason 'a test' q``.
Python: ``context.delete(frame)``, ``context.delete(frame, confirm=True, reason='a test')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import Deletion, context
from awlab.kernel_magic.words import chosen_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take objects."""
    parser.add_argument("--confirm", action="store_true", help="do it")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept on the tombstone")
    parser.add_argument("object", metavar="OBJECTS")


def run(options: argparse.Namespace, shell: Any) -> Deletion:
    """Return what would go, or what went."""
    found: Deletion = context.delete(
        chosen_of(options.object, shell), confirm=options.confirm, reason=options.reason
    )
    return found
