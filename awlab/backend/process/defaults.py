"""Default (boot-strap) calibrations: valid 1990-2030, so that processing never dead-ends.

They are made on demand, when nothing better can be found or made; what is made with one says so
in its quality flags (``DEFAULT_CALIBRATION``).

References
----------
Astro-WISE HOW-TO "Reduce": when an instrument is added the database is boot-strapped with
calibrations that are valid for ever, so that any raw frame can be reduced, if sub-optimally.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awlab.backend.database import (
    And,
    Compare,
    DBObject,
    Query,
    current_database,
    held_lock,
    objects_with_ids,
    read_records,
    through_restarts,
)
from awlab.backend.datamodel import DataObject
from awlab.backend.process.code_version import code_version
from awlab.backend.process.content import value_hash
from awlab.backend.process.keys import Group
from awlab.backend.process.validity import ALWAYS_END, ALWAYS_START
from awlab.backend.process.work_folder import new_work_folder

__all__ = ["ON_DEMAND", "default_calibration", "has_default"]

#: Stands for the row number of a default calibration that is made when it is needed.
ON_DEMAND = -1


def has_default(cls: Any) -> bool:
    """Tell whether a class knows its default: it has a method ``make_default``."""
    # Not hasattr: a class that has none looks for near names first, and this is asked per target.
    return any("make_default" in vars(base) for base in cls.__mro__)


def default_calibration(cls: Any, group: Group) -> int:
    """Return the row number of the default calibration of a group, made once.

    Parameters
    ----------
    cls : type
        Calibration class with a ``make_default``.
    group : Group
        Instrument, chip and filter; the read-out mode does not matter.
    """
    numbers = {
        name: getattr(group, name)
        for name in ("instrument", "chip", "filter")
        if name in cls._attributes and getattr(group, name)
    }

    def once() -> int:
        with held_lock(f"default {cls.__name__} {sorted(numbers.items())}"):
            found = read_records(Query(cls, _same(numbers)).limit(1), ("id",))
            return int(found[0][0]) if found else _make(cls, numbers)

    return through_restarts(once)


def _same(numbers: dict[str, int]) -> And:
    links = [Compare((name,), "==", _Number(number)) for name, number in numbers.items()]
    rest = [Compare(("origin",), "==", "default"), Compare(("is_valid",), ">", 0)]
    return And((*links, *rest))


class _Number:
    """A row number that stands for its object in a condition."""

    object_id = ""

    def __init__(self, number: int) -> None:
        self._id = number


def _make(cls: Any, numbers: dict[str, int]) -> int:
    ids = np.asarray(sorted(set(numbers.values())), dtype=np.int64)
    rows = objects_with_ids(current_database(), ids, DBObject)
    by_id = dict(zip(ids.tolist(), rows, strict=True))
    target = cls(origin="default", timestamp_start=ALWAYS_START, timestamp_end=ALWAYS_END)
    for name, number in numbers.items():
        setattr(target, name, by_id[number])
    with new_work_folder():
        target.make_default()
        target.code_version = code_version(cls)
        target.process_status = 1
        target.content_hash = target.content_hash or value_hash(target)
        if isinstance(target, DataObject):
            target.store()
        target.commit()
    return int(target._id)
