"""``%awe context``: show or change project, privileges and instrument.

The context decides what you see and where new objects go: privileges are 1 MyDB, 2 project,
3 Astro-WISE, 4 world, 5 VO. Only what is named is changed.

Examples: ``%awe context``, ``%awe context project=KIDS privileges=2 instrument=WFI``.
Python: ``context.set_project('KIDS')``, ``context.set_privileges(2)``,
``context.set_instrument('WFI')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import PRIVILEGES, context
from awlab.backend.errors import QueryError
from awlab.kernel_magic.display import Table, show
from awlab.kernel_magic.words import key_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is to change."""
    parser.add_argument("key", nargs="*", metavar="CONTEXT")


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Change what is named, then show the context."""
    key = key_of(options.key)
    _check(key)
    if "project" in key:
        context.set_project(key["project"])
    if "privileges" in key:
        context.set_privileges(int(key["privileges"]))
    if "instrument" in key:
        context.set_instrument(key["instrument"])
    level = context.privileges
    rows = [
        ("user", context.user),
        ("project", context.project),
        ("privileges", f"{level} ({PRIVILEGES[level]})"),
        ("instrument", context.instrument or "none"),
        ("your projects", ", ".join(context.projects)),
    ]
    show(Table(["context", ""], rows))


def _check(key: dict[str, Any]) -> None:
    """Refuse the whole before a part of it is changed."""
    for name in key:
        if name not in ("project", "privileges", "instrument"):
            raise QueryError(
                f"{name!r} is not part of the context", "project, privileges, instrument"
            )
    level = key.get("privileges", "1")
    if level not in {str(number) for number in PRIVILEGES}:
        known = ", ".join(f"{number} {text}" for number, text in PRIVILEGES.items())
        raise QueryError(f"privileges {level!r} do not exist", f"use one of {known}")
