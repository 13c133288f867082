"""The calibration timeline: which calibration applies when, and which is eclipsed.

The picture of CalTS: a bar from the beginning to the end of each validity, the newest creation on
top; where another one is preferred, a bar is eclipsed.

References
----------
Astro-WISE CalTS help: of several valid calibrations the one created last is used, the others are
eclipsed; what is flagged or invalidated is never used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from awlab.backend.database import Query, context, favourites, read_records
from awlab.backend.datamodel import QualityFlags
from awlab.backend.errors import QueryError
from awlab.backend.process import Timeline

__all__ = ["Bar", "CalibrationTimeline", "calibration_timeline"]

_LINKS = ("instrument", "chip", "filter")
_PLAIN = (
    "id",
    "object_id",
    "readout",
    "night",
    "timestamp_start",
    "timestamp_end",
    "creation_date",
    "is_valid",
    "quality_flags",
    "origin",
    "creator",
)


@dataclass
class Bar:
    """One calibration on the timeline.

    Attributes
    ----------
    id, object_id : int, str
        Which object it is.
    instrument, chip, filter, readout, night : str
        What it is for; empty where the class has no such link.
    start, end : datetime
        Validity, UTC.
    creation_date : datetime
        When it was made, UTC.
    is_valid : int
        Verdict of people.
    quality_flags : int
        Verdict of the system, as bits.
    flags : list of str
        Names of the bits.
    origin : str
        ``derived`` or ``default``.
    creator : str
        Who made it.
    favourite : bool
        Whether it is preferred in this project.
    used : list of (datetime, datetime)
        When it is the one that applies.
    """

    id: int
    object_id: str
    instrument: str
    chip: str
    filter: str
    readout: str
    night: str
    start: datetime
    end: datetime
    creation_date: datetime
    is_valid: int
    quality_flags: int
    flags: list[str]
    origin: str
    creator: str
    favourite: bool = False
    used: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """True if it may be used at all."""
        return self.is_valid > 0 and not self.quality_flags

    @property
    def eclipsed(self) -> list[tuple[datetime, datetime]]:
        """When another one is preferred to it; all of the time if it may not be used."""
        gaps = []
        here = self.start
        for begin, end in self.used:
            if begin > here:
                gaps.append((here, begin))
            here = end
        if here < self.end:
            gaps.append((here, self.end))
        return gaps

    @property
    def state(self) -> str:
        """``invalid``, ``flagged``, ``used``, ``partly eclipsed`` or ``eclipsed``."""
        if self.is_valid <= 0:
            return "invalid"
        if self.quality_flags:
            return "flagged"
        if not self.used:
            return "eclipsed"
        return "partly eclipsed" if self.eclipsed else "used"


@dataclass
class CalibrationTimeline:
    """The calibrations of a class in a span of time, the oldest creation first.

    Attributes
    ----------
    cls : type
        Class of the calibrations.
    bars : list of Bar
        One per object.
    start, end : datetime or None
        The span asked for.
    """

    cls: Any
    bars: list[Bar]
    start: datetime | None = None
    end: datetime | None = None

    def __len__(self) -> int:
        return len(self.bars)

    def __iter__(self) -> Iterator[Bar]:
        return iter(self.bars)

    def counts(self) -> dict[str, int]:
        """Count the bars by state."""
        found: dict[str, int] = {}
        for bar in self.bars:
            found[bar.state] = found.get(bar.state, 0) + 1
        return found

    def __str__(self) -> str:
        head = ("chip", "filter", "validity", "created", "state", "flags")
        rows = [
            (
                bar.chip,
                bar.filter,
                f"{bar.start:%Y-%m-%d} - {bar.end:%Y-%m-%d}",
                f"{bar.creation_date:%Y-%m-%d %H:%M:%S}",
                bar.state,
                ", ".join(bar.flags),
            )
            for bar in self.bars
        ]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *rows]
        ]
        return "\n".join([*lines, f"Total calibration files: {len(rows)}"])


def calibration_timeline(
    cls: Any,
    *,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    only_good: bool = False,
    **key: Any,
) -> CalibrationTimeline:
    """Return the calibrations of a class whose validity meets a span of time.

    Parameters
    ----------
    cls : type
        A class with a validity: ``BiasFrame``.
    start, end : datetime or str, optional
        Span of time, UTC; open by default.
    only_good : bool
        Whether to leave out what is flagged or invalidated.
    **key
        ``instrument``, ``chip``, ``filter``.

    Returns
    -------
    CalibrationTimeline
        Each bar with the spans in which it is the one that applies.

    Raises
    ------
    QueryError
        If the class has no validity.
    """
    if not getattr(cls, "_is_calibration", False):
        raise QueryError(
            f"{cls.__name__} has no validity", "choose a calibration, such as BiasFrame"
        )
    query: Query = cls.select(**{name: value for name, value in key.items() if value is not None})
    if start is not None:
        query &= cls.timestamp_end > start
    if end is not None:
        query &= cls.timestamp_start < end
    bars = _read(cls, query.order_by("creation_date"))
    _find_used(bars)
    if only_good:
        bars = [bar for bar in bars if bar.is_good]
    parse = cls._attributes["timestamp_start"].check
    return CalibrationTimeline(
        cls, bars, parse(start) if start else None, parse(end) if end else None
    )


def _read(cls: Any, query: Query) -> list[Bar]:
    """Read the bars: two statements, however many there are."""
    names = [name for name in _LINKS if name in cls._attributes]
    paths = (*_PLAIN, *(f"{name}.name" for name in names))
    preferred = favourites(context.project)
    bars = []
    for row in read_records(query, paths):
        value = dict(zip(paths, row, strict=True))
        if value["timestamp_start"] is None or value["timestamp_end"] is None:
            continue
        flags = QualityFlags(int(value["quality_flags"] or 0), cls)
        bars.append(
            Bar(
                id=int(value["id"]),
                object_id=str(value["object_id"]),
                instrument=str(value.get("instrument.name") or ""),
                chip=str(value.get("chip.name") or ""),
                filter=str(value.get("filter.name") or ""),
                readout=str(value["readout"] or ""),
                night=str(value["night"] or ""),
                start=value["timestamp_start"],
                end=value["timestamp_end"],
                creation_date=value["creation_date"],
                is_valid=int(value["is_valid"]),
                quality_flags=int(flags),
                flags=flags.names,
                origin=str(value["origin"]),
                creator=str(value["creator"]),
                favourite=int(value["id"]) in preferred,
            )
        )
    return bars


def _find_used(bars: list[Bar]) -> None:
    """Cut the validities of each chip and filter as the selection of calibrations does.

    A default calibration serves where nothing derived applies, whatever the read-out mode.
    """
    groups: dict[tuple[str, str, str], list[Bar]] = {}
    for bar in bars:
        if bar.is_good:
            groups.setdefault((bar.instrument, bar.chip, bar.filter), []).append(bar)
    for members in groups.values():
        defaults = [bar for bar in members if bar.origin == "default"]
        modes: dict[str, list[Bar]] = {}
        for bar in members:
            if bar.origin == "derived":
                modes.setdefault(bar.readout, []).append(bar)
        for derived in modes.values() or [[]]:
            for piece in Timeline([_ranked(bar) for bar in (*derived, *defaults)]).pieces:
                piece.item.used.append((piece.start, piece.end))
        for bar in defaults:
            bar.used = _joined(bar.used)


def _ranked(bar: Bar) -> tuple[datetime, datetime, tuple[bool, bool, datetime, int], Bar]:
    """Derived ones first, of those favourites, of those the newest."""
    rank = (bar.origin == "derived", bar.favourite, bar.creation_date, bar.id)
    return bar.start, bar.end, rank, bar


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Join spans that touch or overlap: read-out modes leave different gaps."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
