"""``%awe calts``: the calibration plan; with a class which calibration applies when.

Without a class: the classes in the order of the plan with their requirement numbers. With one: a
bar for every object from the beginning to the end of its validity, the newest on top, and what is
eclipsed, flagged or invalid. In a notebook the bars can be clicked; ``--text`` prints them.

Examples: ``%awe calts``, ``%awe calts BiasFrame chip=ccd50 --year 2003 --quarter 2``,
``%awe calts MasterFlatFrame filter=#843 --year 2004 --month 6 --good --text``.
Python: ``calibration_plan()``, ``calibration_timeline(BiasFrame, chip='ccd50')``,
``CalibrationTimeline(BiasFrame, chip='ccd50', year=2003)`` of ``awlab.widgets``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from awlab.backend.database import take_census
from awlab.backend.errors import QueryError
from awlab.backend.quality import calibration_plan, calibration_timeline, span_of
from awlab.kernel_magic.bars import BarPicture
from awlab.kernel_magic.config import prompt
from awlab.kernel_magic.display import Table
from awlab.kernel_magic.words import in_notebook, key_of, named_class

_SPANS = ("year", "quarter", "month", "week")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class, a key and a span of time."""
    for name in _SPANS:
        parser.add_argument(f"--{name}", type=int, metavar="NUMBER")
    parser.add_argument("--good", action="store_true", help="leave out what is flagged or invalid")
    parser.add_argument("--text", action="store_true", help="no widget")
    parser.add_argument("calibration", nargs="?", metavar="CALIBRATION")
    parser.add_argument("key", nargs="*", default=[], metavar="NAME=VALUE")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the plan, or the bars of a class."""
    asked = {name: getattr(options, name) for name in _SPANS}
    if options.calibration is None:
        return _plan()
    cls = named_class(options.calibration)
    key = key_of(options.key, shell)
    _check(cls, key)
    span = span_of(**asked)
    if span is None and any(value is not None for value in asked.values()):
        raise QueryError("a quarter, month or week of which year?", "for instance --year 2003")
    if in_notebook(shell) and not options.text:
        widget = import_module("awlab.widgets").CalibrationTimeline
        return widget(cls, **key, **asked, only_good=options.good)
    start, end = span or (None, None)
    timeline = calibration_timeline(cls, start=start, end=end, only_good=options.good, **key)
    return BarPicture(timeline, prompt.rows)


def _check(cls: Any, key: dict[str, Any]) -> None:
    for name in key:
        if name not in ("instrument", "chip", "filter") or name not in cls._attributes:
            known = [n for n in ("instrument", "chip", "filter") if n in cls._attributes]
            raise QueryError(f"{cls.__name__} is not looked up by {name}", ", ".join(known))


def _plan() -> Table:
    import_module("awlab.backend.targets")
    census = take_census()
    rows = [
        (
            entry.requirement,
            entry.title,
            entry.class_name,
            census.objects.get(entry.class_name, 0),
            census.flagged.get(entry.class_name, 0),
            census.invalid.get(entry.class_name, 0),
            "chip" * entry.by_chip + ", filter" * (entry.by_chip and entry.by_filter),
        )
        for entry in calibration_plan()
    ]
    head = ["number", "requirement", "class", "objects", "flagged", "invalid", "one per"]
    return Table(head, rows, "The calibration plan; %awe calts CLASS shows what applies when")
