"""``%awe inspect``: the values and the verdict of an object.

Example: ``%awe inspect frame``. Python: ``frame.inspect()``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from awlab.backend.database import DBObject


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take an object."""
    parser.add_argument("object")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Print every attribute with its unit, and the flags in words."""
    import_module("awlab.backend.targets")
    found = shell.user_ns.get(options.object)
    if not isinstance(found, DBObject):
        found = DBObject(object_id=options.object)
    print(repr(found))
    for name, facts in type(found).get_persistent_properties().items():
        unit = f" {facts['unit']}" if facts["unit"] else ""
        print(f"  {name:<24} {getattr(found, name)!r}{unit}")
    if hasattr(found, "verdict"):
        print(found.verdict())
    return None
