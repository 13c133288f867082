"""``%awe quality``: flags in words, limits, and what changed since the previous object.

For one object its verdicts, the flags that are set with their meaning, the limits of its process
parameters, and the numbers beside those of the previous one. For a query or a class how many
objects have which flag.

Examples: ``%awe quality frame``, ``%awe quality q[0].flat``, ``%awe quality BiasFrame``.
Python: ``frame.verdict()``, ``frame.quality_flags.explain()``, ``frame.compare()``.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from awlab.backend.database import DBObject, Query, WithIds
from awlab.backend.datamodel import Judged, flags_of
from awlab.backend.errors import QueryError
from awlab.kernel_magic.display import Table, show
from awlab.kernel_magic.words import chosen_of

_LIMITS = ("MAX", "MIN")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take an object, a query or a class."""
    parser.add_argument("object", metavar="OBJECTS")


def run(options: argparse.Namespace, shell: Any) -> Table | None:
    """Show the quality of one object, or return the count of flags of many."""
    found = chosen_of(options.object, shell)
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else _query_of(found)
    if isinstance(found, DBObject):
        _one(found)
        return None
    return _many(found)


def _query_of(items: list[Any]) -> Query:
    kinds = {type(item) for item in items}
    root = kinds.pop()
    if kinds:
        raise QueryError("objects of several classes", "look at one class at a time")
    return Query(root, WithIds(tuple(item._id for item in items)))


def _check(cls: Any) -> None:
    if not issubclass(cls, Judged):
        raise QueryError(f"{cls.__name__} has no verdict", "for instance a BiasFrame")


def _one(item: Any) -> None:
    _check(type(item))
    flags = item.quality_flags
    raised = [(flag.name, flag.meaning) for flag in flags.flags]
    title = f"{type(item).__name__} {item.object_id}; verdict {item.verdict()}"
    show(Table(["flag", "meaning"], raised or [("none", "no flag is set")], title))
    for change in item.history():
        print(f"{change.made:%Y-%m-%d %H:%M} {change.member}: {change.attribute} {change.old} ->"
              f" {change.new}, {change.reason}")  # fmt: skip
    limits = _limits(item)
    if limits:
        show(Table(["limit", "value", "meaning"], limits))
    changes = item.compare() if hasattr(item, "compare") else {}
    rows = [(name, old, new, _difference(old, new)) for name, (old, new) in changes.items()]
    if rows:
        show(Table(["attribute", "previous", "this one", "difference"], rows))
    else:
        print("nothing before it to compare with")


def _limits(item: Any) -> list[tuple[str, Any, str]]:
    parameters = getattr(item, "process_params", None)
    if parameters is None:
        return []
    attributes = type(parameters)._attributes
    return [
        (name, value, attributes[name].doc.removeprefix("QC: "))
        for name, value in parameters.values().items()
        if name.startswith(_LIMITS)
    ]


def _difference(old: Any, new: Any) -> Any:
    return new - old if old is not None and new is not None else None


def _many(query: Query) -> Table:
    cls = query.root
    _check(cls)
    found = query.columns("quality_flags", "is_valid")
    bits = np.ma.filled(found["quality_flags"], 0).astype(np.int64)
    rows = [
        (flag.name, int((bits & flag.value > 0).sum()), flag.meaning)
        for flag in flags_of(cls).values()
    ]
    bad = int((np.ma.filled(found["is_valid"], 1) <= 0).sum())
    good = int(((bits == 0) & (np.ma.filled(found["is_valid"], 1) > 0)).sum())
    caption = f"{cls.__name__}: {len(bits):,} objects, {good:,} good, {bad:,} invalidated by people"
    return Table(["flag", "objects", "meaning"], rows, caption)
