"""Dates, times, angles and nights as headers write them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from awlab.backend.ingest.header_view import number

__all__ = [
    "ParsedDate",
    "julian_moment",
    "modified_julian_date",
    "night_of",
    "parse_angle",
    "parse_date",
    "parse_time",
    "sidereal_time",
]

_EPOCH = datetime(1858, 11, 17)
_DAY = 86400.0
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(.+))?")
_SHORT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})(?:[T ]+(.+))?")
_CLOCK = re.compile(r"(\d{1,2})[:hH ]\s*(\d{1,2})(?:[:mM ]\s*(\d{1,2}(?:\.\d*)?)s?)?")
_ZONE = re.compile(r"^(.*\d)\s*(?:Z|UTC?|([+-])(\d{2}):?(\d{2}))$")
_ANGLE = re.compile(r"([+-]?)\s*(\d+)[:hd\s]\s*(\d+)(?:[:m'\s]\s*(\d+(?:\.\d*)?))?[s\"]?")
_FLIP = 70  # two-digit years from here on are of the 20th century
_LAST_MONTH, _LAST_SECOND, _SEXAGESIMAL = 12, 60, 60


def parse_time(value: object) -> timedelta | None:
    """Time since midnight from ``hh:mm:ss.s``, or from a number of seconds.

    Parameters
    ----------
    value : object
        Value of a card.
    """
    seconds = number(value)
    if seconds is not None:
        return timedelta(seconds=seconds) if 0 <= seconds < _DAY + 1 else None
    found = _CLOCK.fullmatch(str(value or "").strip())
    if not found:
        return None
    hours, minutes, rest = int(found[1]), int(found[2]), float(found[3] or 0.0)
    if hours > 24 or minutes >= _SEXAGESIMAL or rest > _LAST_SECOND:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=rest)


class ParsedDate(NamedTuple):
    """What a date card says.

    Attributes
    ----------
    moment : datetime or None
        UTC, without time zone; None where the value is no date.
    has_time : bool
        Whether the value told the time as well.
    note : str
        What was guessed or converted, in words.
    guessed : bool
        Whether day and month may be the other way round.
    """

    moment: datetime | None = None
    has_time: bool = False
    note: str = ""
    guessed: bool = False


def parse_date(value: object, near: datetime | None = None) -> ParsedDate:
    """Moment from a date card.

    Parameters
    ----------
    value : object
        ``2013-07-04T05:49:54.123-0700``, ``2013-07-04``, ``19/09/98`` and their likes.
    near : datetime, optional
        A moment known from elsewhere; it settles whether ``08/05/10`` is in May or in August.

    Returns
    -------
    ParsedDate
        The moment, and what was doubtful about it.
    """
    raw = str(value or "").strip()
    body, offset = _without_zone(raw)
    found = _ISO.fullmatch(body)
    if found:
        moments, clock = [_moment(found[1], found[2], found[3])], found[4]
    else:
        found = _SHORT.fullmatch(body)
        if not found:
            return ParsedDate()
        day_first = _moment(found[3], found[2], found[1])
        month_first = _moment(found[3], found[1], found[2])
        moments, clock = [day_first, month_first], found[4]
    days = [m for m in moments if m is not None]
    if not days:
        return ParsedDate()
    chosen, note = _choose(raw, days, near)
    guessed = bool(note)
    since = parse_time(clock) if clock else None
    if clock and since is None:
        return ParsedDate()
    if offset and since is not None:
        note = f"the date {raw!r} was converted to UTC"
    moment = chosen + (since or timedelta()) - offset
    return ParsedDate(moment, since is not None, note, guessed)


def _without_zone(raw: str) -> tuple[str, timedelta]:
    found = _ZONE.match(raw) if ":" in raw else None
    if not found:
        return raw, timedelta()
    if not found[2]:
        return found[1], timedelta()
    shift = timedelta(hours=int(found[3]), minutes=int(found[4]))
    return found[1], -shift if found[2] == "-" else shift


def _moment(year: str, month: str, day: str) -> datetime | None:
    full = int(year)
    if len(year) == 2:
        full += 1900 if full >= _FLIP else 2000
    try:
        return datetime(full, int(month), int(day))
    except ValueError:
        return None


def _choose(raw: str, days: list[datetime], near: datetime | None) -> tuple[datetime, str]:
    if len(days) == 1 or days[0] == days[1]:
        return days[0], ""
    if near is not None:
        return min(days, key=lambda d: abs(d + timedelta(hours=12) - near)), ""
    return days[0], f"the date {raw!r} was read as day/month/year, {days[0]:%Y-%m-%d}"


def parse_angle(value: object, *, hours: bool) -> float | None:
    """Angle from degrees, or from sexagesimal digits.

    Parameters
    ----------
    value : object
        Value of a card.
    hours : bool
        Sexagesimal digits are hours (right ascension), not degrees.

    Returns
    -------
    float or None
        Angle [deg].
    """
    plain = number(value)
    if plain is not None:
        return plain
    found = _ANGLE.fullmatch(str(value or "").strip())
    if not found or int(found[3]) >= _SEXAGESIMAL or float(found[4] or 0) > _LAST_SECOND:
        return None
    size = int(found[2]) + int(found[3]) / 60 + float(found[4] or 0) / 3600
    return (-size if found[1] == "-" else size) * (15.0 if hours else 1.0)


def modified_julian_date(moment: datetime) -> float:
    """Modified Julian date of a UTC moment [day].

    Parameters
    ----------
    moment : datetime
        UTC, without time zone.
    """
    since = moment - _EPOCH
    return since.days + (since.seconds + since.microseconds * 1e-6) / _DAY


def julian_moment(value: float) -> datetime | None:
    """UTC moment of a Julian or modified Julian date, None where it is neither.

    Parameters
    ----------
    value : float
        Julian date or modified Julian date [day].
    """
    days = value - 2400000.5 if value > 2400000.5 else value
    if not 10000 < days < 100000:  # 1886 to 2132; anything else is a placeholder
        return None
    moment = _EPOCH + timedelta(days=days)
    # Float days resolve about a microsecond times ten: more digits would be noise.
    return moment.replace(microsecond=min(round(moment.microsecond, -1), 999990))


def night_of(moment: datetime, offset: float) -> date:
    """Observing night a moment belongs to: from local noon to local noon, named after its start.

    Parameters
    ----------
    moment : datetime
        UTC, without time zone.
    offset : float
        Fixed offset of the telescope's clock from UTC [h].
    """
    return (moment + timedelta(hours=offset - 12.0)).date()


def sidereal_time(moment: datetime, longitude: float) -> float:
    """Mean local sidereal time, good to a tenth of a second.

    Parameters
    ----------
    moment : datetime
        UTC, without time zone; the difference of UT1 (under 0.9 s) is left out.
    longitude : float
        Geographic longitude, east positive [deg].

    Returns
    -------
    float
        Time since sidereal midnight [s].
    """
    days = modified_julian_date(moment) - 51544.5
    degrees = 280.46061837 + 360.98564736629 * days + longitude
    return (degrees % 360.0) * 240.0
