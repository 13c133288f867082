"""``%awe lineage``: everything about an object, by its variable or its object_id.

Examples: ``%awe lineage frame``, ``%awe lineage 0192f0c1-7d3e-7abc-8def-0123456789ab``.
Python: ``tell_me_everything(frame)``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from awlab.backend.database import DBObject
from awlab.backend.lineage import tell_me_everything


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take an object."""
    parser.add_argument("object")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the account; the notebook shows it."""
    import_module("awlab.backend.targets")
    found = shell.user_ns.get(options.object)
    if not isinstance(found, DBObject):
        found = DBObject(object_id=options.object)
    return tell_me_everything(found)
