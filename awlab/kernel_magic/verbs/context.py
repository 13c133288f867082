"""``%awe context``: show or change project, privileges and instrument.

Examples: ``%awe context``, ``%awe context project=KIDS privileges=2 instrument=WFI``.
Python: ``context.set_project('KIDS')``, ``context.set_privileges(2)``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import context
from awlab.backend.errors import QueryError
from awlab.kernel_magic.verbs.words import key_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is to change."""
    parser.add_argument("key", nargs="*", metavar="name=value")


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Change what is named, then show the context."""
    for name, value in key_of(options.key).items():
        if name == "project":
            context.set_project(value)
        elif name == "privileges" and value.isdigit():
            context.set_privileges(int(value))
        elif name == "instrument":
            context.set_instrument(value)
        else:
            raise QueryError(
                f"{name}={value} is not of the context", "project, privileges, instrument"
            )
    print(context)
    print(f"projects: {', '.join(context.projects)}")
