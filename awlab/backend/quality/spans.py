"""A span of time from year, quarter, month or week, as calibrations are looked through."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from awlab.backend.errors import QueryError

__all__ = ["span_of"]

_FIRST, _LAST = 1900, 2200


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
