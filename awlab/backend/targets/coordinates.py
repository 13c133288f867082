"""World coordinates of frames: as delivered by the telescope, and as kept with a solution."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from awlab.backend.algorithms import BadArray, PlateSolution, plate_from_cards
from awlab.backend.dataserver import read_headers
from awlab.backend.targets.pixels import layout_of

__all__ = ["airmass_of", "delivered_plate", "julian_year"]

_WCS = re.compile(r"(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+|[AB]_\w+")


def delivered_plate(raw: Any) -> PlateSolution | None:
    """Return the plate solution that a raw frame came with, for the trimmed image.

    Parameters
    ----------
    raw : RawScienceFrame
        The header of its file is read for distortion; where that has no coordinates, the linear
        ones that were found at the ingest are taken.

    Returns
    -------
    PlateSolution or None
        None where nothing says where the telescope pointed.
    """
    region = layout_of(raw).image
    header = read_headers(raw.retrieve())[-1]
    own: dict[str, Any] = {name: header[name] for name in header if _WCS.fullmatch(name)}
    linear = {name: v for name, v in raw.astrom.as_dict().items() if v is not None}
    for cards in (own, linear):
        try:
            moved = dict(cards)
            moved["CRPIX1"] = float(cards["CRPIX1"]) - region.x0
            moved["CRPIX2"] = float(cards["CRPIX2"]) - region.y0
            return plate_from_cards(moved)
        except (BadArray, KeyError, TypeError, ValueError):
            continue
    return None


def julian_year(time: datetime | None) -> float | None:
    """Return a moment, UTC, as a Julian year [yr]; None for none."""
    if time is None:
        return None
    days = (time - datetime(2000, 1, 1, 12)).total_seconds() / 86400.0
    return 2000.0 + days / 365.25


def airmass_of(raw: Any) -> float:
    """Return the airmass in the middle of an exposure; 1 where the header has none."""
    known = [value for value in (raw.AIRMSTRT, raw.AIRMEND) if value]
    return float(sum(known) / len(known)) if known else 1.0
