"""Times and observing nights: every stored time is UTC, a night runs from local noon to noon."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from awlab.backend.errors import QueryError

__all__ = ["night_middle", "night_name", "night_start", "utc_now"]


def utc_now() -> datetime:
    """Return the present time as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def night_name(value: Any) -> str:
    """Return a night as ``CCYY-MM-DD``.

    Parameters
    ----------
    value : str, date, datetime or astropy Time
        The date on which the night begins.

    Raises
    ------
    QueryError
        If it is not a date.
    """
    if hasattr(value, "to_datetime"):  # astropy Time
        value = value.to_datetime()
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return date.fromisoformat(str(value).strip()).isoformat()
    except ValueError:
        raise QueryError(f"{value!r} is not a night", "write CCYY-MM-DD: 2000-04-28") from None


def night_start(night: str, timezone: float) -> datetime:
    """Return the noon at which a night begins, UTC.

    Parameters
    ----------
    night : str
        ``CCYY-MM-DD``.
    timezone : float
        Local time minus UTC [h].
    """
    noon = datetime.fromisoformat(night) + timedelta(hours=12)
    return noon - timedelta(hours=timezone)


def night_middle(night: str, timezone: float) -> datetime:
    """Return local midnight of a night, UTC."""
    return night_start(night, timezone) + timedelta(hours=12)
