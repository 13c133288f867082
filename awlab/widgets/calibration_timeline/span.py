"""A span of time from year, quarter, month or week, and an axis to draw it on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from awlab.backend.errors import QueryError

__all__ = ["Axis", "span_of"]

_FIRST, _LAST = 1900, 2200
# Steps between ticks, the finest first; the first that gives few enough is taken.
_STEPS = (
    ("h", 1), ("h", 3), ("h", 6), ("h", 12), ("D", 1), ("D", 2), ("D", 7), ("M", 1), ("M", 2),
    ("M", 3), ("M", 6), ("M", 12), ("M", 24), ("M", 60), ("M", 120), ("M", 600),
)  # fmt: skip
_TICKS = 8
_MARGIN = 0.02


def span_of(
    year: Any = None, quarter: Any = None, month: Any = None, week: Any = None
) -> tuple[datetime, datetime] | None:
    """Return the span of time that is meant, the finest given; None without a year.

    Parameters
    ----------
    year : int, optional
        Calendar year.
    quarter, month, week : int, optional
        Quarter 1 to 4, month 1 to 12, week 1 to 53 of ISO 8601.

    Returns
    -------
    (datetime, datetime) or None
        Beginning and end, UTC, the end not included.

    Raises
    ------
    QueryError
        If there is no such year, quarter, month or week.
    """
    if year in (None, ""):
        return None
    number = _whole("year", year, _FIRST, _LAST)
    if week not in (None, ""):
        return _week(number, _whole("week", week, 1, 53))
    first, count = 1, 12
    if month not in (None, ""):
        first, count = _whole("month", month, 1, 12), 1
    elif quarter not in (None, ""):
        first, count = 3 * _whole("quarter", quarter, 1, 4) - 2, 3
    behind = first + count
    end = datetime(number + (behind > 12), (behind - 1) % 12 + 1, 1)
    return datetime(number, first, 1), end


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise QueryError(f"{value!r} is no {name}", f"{low} to {high}") from None
    if not low <= number <= high:
        raise QueryError(f"there is no {name} {number}", f"{low} to {high}")
    return number


def _week(year: int, week: int) -> tuple[datetime, datetime]:
    try:
        monday = date.fromisocalendar(year, week, 1)
    except ValueError:
        raise QueryError(f"{year} has no week {week}", "1 to 52") from None
    start = datetime(monday.year, monday.month, monday.day)
    return start, start + timedelta(days=7)


class Axis:
    """An axis of time on which 0 is its beginning and 1 its end.

    Parameters
    ----------
    start, end : datetime
        What is shown, UTC.
    """

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, max(end, start + timedelta(seconds=1))

    @classmethod
    def around(cls, spans: list[tuple[datetime, datetime]]) -> Axis:
        """Return an axis that shows all spans, with a margin."""
        if not spans:
            today = datetime.combine(date.today(), datetime.min.time())
            return cls(today - timedelta(days=365), today)
        start, end = min(s for s, _ in spans), max(e for _, e in spans)
        margin = max((end - start) * _MARGIN, timedelta(hours=1))
        return cls(start - margin, end + margin)

    def at(self, time: datetime) -> float:
        """Return where a time is, cut at both ends."""
        place = (time - self.start) / (self.end - self.start)
        return round(min(1.0, max(0.0, place)), 5)

    def ticks(self) -> list[dict[str, Any]]:
        """Return round times with their places and labels."""
        for unit, step in _STEPS:
            times = self._round_times(unit, step)
            if len(times) <= _TICKS:
                break
        wanted = "%H:%M" if unit == "h" else "%d %b" if unit == "D" else "%b %Y"
        label = "%Y" if unit == "M" and step >= 12 else wanted
        # Midnight tells the day, the first of the ticks the year.
        found = [
            {"at": self.at(time), "label": f"{time:{'%d %b' if _is_day(unit, time) else label}}"}
            for time in times
        ]
        if found and unit != "M":
            found[0]["label"] = f"{found[0]['label']} {times[0]:%Y}"
        return found

    def _round_times(self, unit: str, step: int) -> list[datetime]:
        ends = np.array([self.start, self.end], dtype="datetime64[us]")
        first, last = ends.astype(f"datetime64[{unit}]").astype(np.int64).tolist()
        numbers = np.arange(-(-first // step) * step, last + 1, step)[: _TICKS + 2]
        times = numbers.astype(f"datetime64[{unit}]").astype("datetime64[us]").tolist()
        return [time for time in times if self.start <= time <= self.end]


def _is_day(unit: str, time: datetime) -> bool:
    return unit == "h" and time.hour == 0
