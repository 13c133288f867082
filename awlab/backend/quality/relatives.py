"""What stands beside an object: neighbours in time, and tables of what it is made from and made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from awlab.backend.database import (
    NeighbourGroup,
    Query,
    WithIds,
    class_named,
    neighbours,
    read_records,
)
from awlab.backend.quality.blocks import value_text
from awlab.backend.quality.outliers import robust_statistics
from awlab.backend.quality.record import Record, has_path, table_paths

__all__ = ["Compared", "Relatives", "compare_around", "linked_table", "relatives"]

_SIDE = 5  # neighbours before, and after
_ROWS = 50  # of a table
# Identity, place and size: no results that a neighbour could be compared in.
_SKIPPED = frozenset(
    {
        *("privileges", "is_valid", "quality_flags", "process_status", "file_size"),
        *("NAXIS1", "NAXIS2", "window_x0", "window_y0", "RA", "DEC", "MJD_OBS", "SLID", "EXPTIME"),
        *("BITPIX", "extension", "UTC", "LST"),
    }
)
_GEOMETRY = ("PRSC", "OVSC")
_MOST = 16


@dataclass(frozen=True, slots=True)
class Compared:
    """A number of an object beside those of others.

    Attributes
    ----------
    path, unit : str
        Which number.
    value : float or None
        Of the object.
    previous : float or None
        Of the object it replaces.
    median, sigma : float or None
        Of the neighbours in time: median and robust standard deviation.
    deviation : float or None
        Distance from that median, in sigma.
    series : tuple of float or None
        Of the neighbours and the object, in order of time.
    """

    path: str
    unit: str
    value: float | None
    previous: float | None
    median: float | None
    sigma: float | None
    deviation: float | None
    series: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Relatives:
    """A table of objects next to another.

    Attributes
    ----------
    direction : str
        ``upstream`` or ``downstream``.
    role, class_name : str
        Link, and class of the objects.
    count : int
        How many there are; at least so many where ``more``.
    more : bool
        Whether there are more than were counted.
    columns : tuple of str
        Titles.
    rows : tuple of tuple of str
        Values as text; empty while nobody has read them.
    object_ids : tuple of str
        The object of each row.
    """

    direction: str
    role: str
    class_name: str
    count: int
    more: bool = False
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    object_ids: tuple[str, ...] = ()


def compare_around(record: Record) -> tuple[list[Compared], list[str], int]:
    """Compare an object with the one it replaces and with those taken before and after.

    Parameters
    ----------
    record : Record
        What was read of it.

    Returns
    -------
    compared : list of Compared
        A row per number of the class.
    object_ids : list of str
        The neighbours and the object, in order of time.
    here : int
        Which of them is the object.
    """
    paths = _numbers(record.cls)
    when = next((n for n in ("DATE_OBS", "timestamp_start") if record.get(n)), "creation_date")
    before, after = _around(record, when, paths)
    previous = _previous(record, paths)
    own = tuple(record.get(path) for path in paths)
    rows = [*before, (record["object_id"], *own), *after]
    found = []
    for n, path in enumerate(paths):
        series = tuple(_finite(row[n + 1]) for row in rows)
        others = series[: len(before)] + series[len(before) + 1 :]
        found.append(
            _compared(record, path, previous[n] if previous else None, series, others, own[n])
        )
    kept = [one for one in found if one.value is not None]
    return kept, [str(row[0]) for row in rows], len(before)


def _compared(
    record: Record,
    path: str,
    previous: Any,
    series: tuple[float | None, ...],
    others: tuple[float | None, ...],
    value: Any,
) -> Compared:
    known = [other for other in others if other is not None]
    median = sigma = deviation = None
    if len(known) >= 3:
        found = robust_statistics(known)
        median, sigma = found.median, found.sigma
        if value is not None and sigma > 0:
            deviation = (float(value) - median) / sigma
    unit = record.attribute(path).unit or ""
    return Compared(path, unit, _finite(value), _finite(previous), median, sigma, deviation, series)


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _numbers(cls: Any) -> list[str]:
    """Paths of the numbers that are results: statistics first."""
    found = [f"imstat.{n}" for n in ("mean", "median", "stdev") if has_path(cls, f"imstat.{n}")]
    found += [
        name
        for name, attribute in cls._attributes.items()
        if attribute.kind == "value" and attribute.type in (int, float)
        if name not in _SKIPPED and not name.startswith(_GEOMETRY)
    ]
    return found[:_MOST]


def _around(
    record: Record, when: str, paths: list[str]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Read the valid objects of the same chip and filter just before and just after."""
    cls = record.cls
    # Flagged ones too: where all of a night are flagged alike, that is the standard.
    same: Query = (cls.is_valid > 0) if has_path(cls, "is_valid") else Query(cls)
    for path in ("instrument.name", "chip.name", "filter.name"):
        if record.get(path) is not None and has_path(cls, path):
            same = same & (_chain(cls, path) == record[path])
    if not has_path(cls, "chip.name") and record.get("OBJECT"):
        same = same & (record["OBJECT"] == cls.OBJECT)
    moment: datetime = record[when]
    wanted = ("object_id", *paths)
    number = record["id"]
    time = getattr(cls, when)
    others = same & ~Query(cls, WithIds((number,)))
    earlier = (others & (time <= moment)).order_by(f"-{when}").limit(_SIDE)
    later = (others & (time > moment)).order_by(when).limit(_SIDE)
    return read_records(earlier, wanted)[::-1], read_records(later, wanted)


def _chain(cls: Any, path: str) -> Any:
    found: Any = cls
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _previous(record: Record, paths: list[str]) -> tuple[Any, ...]:
    number = record.values.get("prev")
    if not number:
        return ()
    rows = read_records(Query(record.cls, WithIds((int(number),))), tuple(paths))
    return rows[0] if rows else ()


def linked_table(record: Record, group: NeighbourGroup) -> Relatives | None:
    """Return the table of a single link, of what was read with the object; None for lists."""
    object_id = record.values.get(f"{group.role}.object_id")
    if group.direction != "upstream" or object_id is None:
        return None
    attribute = record.cls._attributes[group.role]
    paths = table_paths(attribute.type)
    values = _texts(paths, [record.get(f"{group.role}.{path}") for path in paths.values()])
    return Relatives(
        group.direction, group.role, group.class_name, 1, False, tuple(paths), (values,),
        (str(object_id),),
    )  # fmt: skip


def relatives(item: Any, group: NeighbourGroup) -> Relatives:
    """Read the table of a group: two statements for lists of inputs, one for products.

    Parameters
    ----------
    item : DBObject
        Object that they stand next to.
    group : NeighbourGroup
        Which of them.
    """
    cls: Any = class_named(group.class_name)
    empty = Relatives(group.direction, group.role, group.class_name, group.count, group.more)
    if cls is None:
        return empty  # a class of somebody else's module
    if group.direction == "upstream":
        numbers = tuple(one.id for one in neighbours(item, group, limit=_ROWS))
        query = Query(cls, WithIds(numbers))
    else:
        query = (getattr(cls, group.role) == item).order_by("creation_date").limit(_ROWS)
    paths = table_paths(cls)
    rows = read_records(query, ("object_id", *paths.values()))
    return Relatives(
        group.direction,
        group.role,
        group.class_name,
        group.count,
        group.more,
        tuple(paths),
        tuple(_texts(paths, row[1:]) for row in rows),
        tuple(str(row[0]) for row in rows),
    )


def _texts(titles: Iterable[str], values: Iterable[Any]) -> tuple[str, ...]:
    """Write the cells of a row; positions to a hundredth of an arcsecond or so."""
    return tuple(
        value_text(value, ".5f" if title in ("RA", "DEC") else "")
        for title, value in zip(titles, values, strict=True)
    )
