"""``%awe outdated``: products that would be made otherwise today, each with the reasons.

Looks at the valid objects of a class, or of all classes that the system makes. ``--since`` looks
only at those made from a date on. ``%awe get`` makes them again.

Examples: ``%awe outdated ReducedScienceFrame``, ``%awe outdated BiasFrame --since 2026-01-01``,
``%awe outdated``.
Python: ``ReducedScienceFrame.outdated()``, ``frame.uptodate().reasons``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from awlab.backend.database import as_datetime, registered_classes, take_census
from awlab.kernel_magic.display import StateWord, Table
from awlab.kernel_magic.words import target_class

_MOST_REASONS = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class and a date."""
    parser.add_argument("--since", metavar="DATE", help="only what was made from then on")
    parser.add_argument("--all", action="store_true", help="a line per object, however many")
    parser.add_argument("target", nargs="?", metavar="TARGET")


def run(options: argparse.Namespace, _shell: Any) -> Table:
    """Return a line per object of a class, or a line per class."""
    if options.target is None:
        return _classes(options.since)
    cls = target_class(options.target)
    found = cls.outdated(_query(cls, options.since))
    shown = found if options.all else found[:100]
    rows = [(item, StateWord("outdated"), _told(reasons)) for item, reasons in shown]
    more = f", {len(shown)} shown: --all shows them" if len(shown) < len(found) else ""
    told = f"{len(found):,} {cls.__name__}{more}" if found else f"no {cls.__name__} is outdated"
    return Table(["object", "state", "because"], rows, told)


def _query(cls: Any, since: str | None) -> Any:
    query = cls.is_valid > 0
    return query if since is None else query & (cls.creation_date >= as_datetime(since))


def _classes(since: str | None) -> Table:
    import_module("awlab.backend.targets")
    census = take_census()
    rows = []
    for name, cls in sorted(registered_classes().items()):
        if not census.objects.get(name) or not hasattr(cls, "plan") or cls._abstract:
            continue
        found = cls.outdated(_query(cls, since))
        if found:
            rows.append((name, len(found), _told(found[0][1])))
    told = "" if rows else "nothing is outdated"
    return Table(["class", "outdated", "the first one because"], rows, told)


def _told(reasons: list[str]) -> str:
    more = len(reasons) - _MOST_REASONS
    return "; ".join(reasons[:_MOST_REASONS]) + (f"; {more} more" if more > 0 else "")
