"""``%awe publish``: let more people see objects: raise their privileges.

Privileges are 1 MyDB, 2 project, 3 Astro-WISE, 4 world, 5 VO. Refused while something they were
made from is more private; ``--dependencies`` raises that as well.

Examples: ``%awe publish frame --level 3``,
``%awe publish q --level 4 --dependencies --reason 'data release 1'``.
Python: ``context.publish(frame, 3)``, ``context.publish(q, 4, dependencies=True)``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import PRIVILEGES, Changed, context
from awlab.kernel_magic.words import chosen_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take objects and a level."""
    parser.add_argument(
        "--level", type=int, required=True, choices=list(PRIVILEGES), metavar="LEVEL"
    )
    parser.add_argument("--dependencies", action="store_true", help="what they were made from too")
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept with the change")
    parser.add_argument("object", metavar="OBJECTS")


def run(options: argparse.Namespace, shell: Any) -> Changed:
    """Raise or lower, and return what was changed."""
    found: Changed = context.publish(
        chosen_of(options.object, shell),
        options.level,
        dependencies=options.dependencies,
        reason=options.reason,
    )
    return found
