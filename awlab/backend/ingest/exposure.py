"""When and where a frame was taken: start, exposure time, night, pointing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from awlab.backend.errors import IngestError, MissingKeyword
from awlab.backend.ingest.attributes import Attributes
from awlab.backend.ingest.header_view import number, text
from awlab.backend.ingest.moments import (
    julian_moment,
    modified_julian_date,
    night_of,
    parse_angle,
    parse_date,
    parse_time,
    sidereal_time,
)

__all__ = ["Moment", "find_exposure_time", "find_moment", "find_pointing", "find_written"]

_TOLERANCE = 2.0  # seconds DATE-OBS and MJD-OBS may differ before it is worth a word
_LONGEST = 1e6  # seconds; longer "exposures" are placeholders


@dataclass(frozen=True, slots=True)
class Moment:
    """Start of an exposure in the several ways it is kept.

    Attributes
    ----------
    start : datetime
        UTC, without time zone.
    mjd : float
        Modified Julian date [day].
    utc : float
        Time since midnight [s].
    lst : float or None
        Local sidereal time [s].
    night : date
        Observing night.
    """

    start: datetime
    mjd: float
    utc: float
    lst: float | None
    night: date


def find_moment(attributes: Attributes) -> Moment:
    """Start of the exposure, its night and sidereal time.

    Parameters
    ----------
    attributes : Attributes
        The image's headers; guesses are noted there.

    Raises
    ------
    MissingKeyword
        If no keyword gives a date.
    IngestError
        If there is a date but it cannot be read.
    """
    start = _start(attributes)
    longitude = _longitude(attributes)
    if attributes.definition.timezone is not None:
        offset = attributes.definition.timezone
    elif longitude is not None:
        offset = longitude / 15.0
    else:
        offset = 0.0
        attributes.note("the telescope's longitude is not known: the night is counted in UTC")
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return Moment(
        start=start,
        mjd=modified_julian_date(start),
        utc=(start - midnight).total_seconds(),
        lst=_sidereal(attributes, start, longitude),
        night=night_of(start, offset),
    )


def _start(attributes: Attributes) -> datetime:
    julian = _julian(attributes)
    unreadable = ""
    for keyword, value in attributes.values("DATE_OBS"):
        if text(value) is None:
            continue
        found = parse_date(value, near=julian)
        moment = found.moment
        if moment is None:
            unreadable = unreadable or f"{keyword} is {str(value).strip()!r}"
            continue
        attributes.note(found.note, guess=found.guessed)
        if not found.has_time:
            moment = _with_time(attributes, moment, julian)
        return _checked(attributes, _to_utc(attributes, moment), julian)
    if julian is not None:
        attributes.note("DATE-OBS is missing or unreadable: the Julian date was used")
        return julian
    name = str(attributes.view.get("FILENAME") or "the frame")
    if unreadable:
        raise IngestError(
            f"the date of {name} cannot be read: {unreadable}", "write it as 2000-04-28T23:59:59.9"
        )
    raise MissingKeyword(
        f"{name} has no DATE-OBS and no Julian date", "add DATE-OBS (UTC) to its header"
    )


def _julian(attributes: Attributes) -> datetime | None:
    for _, value in attributes.values("MJD_OBS"):
        found = number(value)
        moment = julian_moment(found) if found is not None else None
        if moment is not None:
            return moment
    return None


def _with_time(attributes: Attributes, day: datetime, julian: datetime | None) -> datetime:
    """Join a date without time with the time from another keyword, or from the Julian date."""
    for _, value in attributes.values("TIME_OBS"):
        since = parse_time(value)
        if since is not None:
            return day + since
    if julian is not None and abs(julian - day) < timedelta(days=1.5):
        attributes.note("DATE-OBS has no time of day: it was taken from the Julian date")
        return julian
    attributes.note("the header has no time of day: midnight UTC was taken", guess=True)
    return day


def _to_utc(attributes: Attributes, moment: datetime) -> datetime:
    scale = (attributes.string("TIMESYS") or "UTC").upper()
    if scale not in {"TAI", "TT", "TDT"}:
        return moment
    # Deferred: astropy.time is needed for the few instruments that do not write UTC.
    from astropy.time import Time

    utc: datetime = Time(moment, scale="tai" if scale == "TAI" else "tt").utc.to_datetime()
    attributes.note(f"the times are in {scale} and were converted to UTC")
    return utc


def _checked(attributes: Attributes, moment: datetime, julian: datetime | None) -> datetime:
    if julian is not None:
        apart = abs((julian - moment).total_seconds())
        scale = (attributes.string("TIMESYS") or "UTC").upper()
        if apart > (_TOLERANCE if scale.startswith("UT") else 70.0):
            attributes.note(
                f"DATE-OBS and the Julian date of the header differ by {apart:.0f} s: "
                "DATE-OBS is used"
            )
    return moment


def _longitude(attributes: Attributes) -> float | None:
    """The definition's longitude; a header's only where the definition has none.

    Headers are wrong about it too often (east counted as west) to be asked first.
    """
    if attributes.definition.longitude is not None:
        return attributes.definition.longitude
    for _, value in attributes.values("longitude"):
        found = parse_angle(value, hours=False)
        if found is not None and -180 <= found <= 360 and found:
            return found - 360 if found > 180 else found
    return None


def _sidereal(attributes: Attributes, start: datetime, longitude: float | None) -> float | None:
    for _, value in attributes.values("LST"):
        since = parse_time(value)
        if since is not None:
            return since.total_seconds()
    return None if longitude is None else sidereal_time(start, longitude)


def find_written(attributes: Attributes) -> datetime | None:
    """When the file was written, None where the header does not say.

    Parameters
    ----------
    attributes : Attributes
        The image's headers.
    """
    for _, value in attributes.values("DATE"):
        moment = parse_date(value).moment
        if moment is not None:
            return moment
    return None


def find_exposure_time(attributes: Attributes, kind: str) -> float:
    """Exposure time [s]; a bias frame that does not say has 0.

    Parameters
    ----------
    attributes : Attributes
        The image's headers.
    kind : str
        Kind of the frame.

    Raises
    ------
    MissingKeyword
        If the header does not say.
    """
    found = attributes.number("EXPTIME", 0.0, _LONGEST)
    if found is not None:
        if kind == "bias" and found > 1.0:
            attributes.note(f"a bias frame with an exposure time of {found:g} s")
        return found
    if kind == "bias":
        return 0.0
    raise MissingKeyword(
        f"{attributes.view.get('FILENAME') or 'the frame'} has no exposure time",
        "add EXPTIME [s] to its header",
    )


def find_pointing(attributes: Attributes) -> tuple[float | None, float | None]:
    """Right ascension and declination the telescope pointed at [deg], None where not known.

    Parameters
    ----------
    attributes : Attributes
        The image's headers.
    """
    ra = _angle(attributes, "RA", 0.0, 360.0)
    dec = _angle(attributes, "DEC", -90.0, 90.0)
    return (ra, dec) if ra is not None and dec is not None else (None, None)


def _angle(attributes: Attributes, name: str, low: float, high: float) -> float | None:
    for keyword, value in attributes.values(name):
        found = parse_angle(value, hours=name == "RA")
        if found is not None and low <= found <= high:
            return found
        attributes.note(f"{keyword} is {str(value).strip()!r}: taken as not known")
    return None
