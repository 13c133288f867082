"""``%awe inspect``: the values, units and verdict of an object.

The object is a variable, an expression, an object_id or the name of its file.

Examples: ``%awe inspect frame``, ``%awe inspect q[0].flat``.
Python: ``frame.inspect()``, ``frame.verdict()``.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from awlab.backend.database import Struct
from awlab.kernel_magic.display import Table
from awlab.kernel_magic.words import object_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take an object."""
    parser.add_argument("object", metavar="OBJECT")


def run(options: argparse.Namespace, shell: Any) -> Table:
    """Return every attribute with its unit and its meaning, and the verdict."""
    found = object_of(options.object, shell)
    rows = []
    for name, facts in type(found).get_persistent_properties().items():
        rows += _rows(name, getattr(found, name), facts)
    title = repr(found).strip("<>")
    verdict = getattr(found, "verdict", None)
    caption = f"{title}; verdict {verdict()}" if verdict else title
    return Table(["attribute", "value", "unit", "meaning"], rows, caption)


def _rows(name: str, value: Any, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    if isinstance(value, Struct):
        units = type(value)._attributes
        return [
            (f"{name}.{field}", inner, units[field].unit or "", _meaning(units[field].doc))
            for field, inner in value.as_dict().items()
            if inner is not None
        ]
    if isinstance(value, list | tuple) and facts["type"].startswith("list of"):
        value = f"{len(value)} {facts['type'].removeprefix('list of ')}"
    return [(name, value, facts["unit"] or "", _meaning(facts["doc"]))]


def _meaning(doc: str) -> str:
    """Leave out the unit, which has a column of its own."""
    return re.sub(r"\s*\[[^\]]*\]$", "", doc)
