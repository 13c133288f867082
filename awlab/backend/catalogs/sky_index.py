"""Positions as HEALPix numbers: the order in which sources stand in a catalogue.

The number is that of order 29 in the NESTED scheme, the finest that fits into 64 bits (0.4 mas),
as HATS catalogues have it in their column ``_healpix_29``. All numbers of a coarser pixel are one
range, so that a cone becomes a few ranges.

References
----------
Gorski et al. 2005, ApJ 622, 759 (HEALPix). HATS: IVOA note "HATS: a standard for the hierarchical
adaptive tiling scheme" (2025). Cones: `astropy_healpix.HEALPix.cone_search_lonlat`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.errors import QueryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["INDEX_COLUMN", "cone_ranges", "separation", "spatial_index"]

#: Name of the column that holds the number, as in HATS.
INDEX_COLUMN = "_healpix_29"
_ORDER = 29
# A cone is covered by pixels of about a quarter of its radius: some tens of them.
_FINER = 4.0
_FINEST_COVER = 20


def _grid(order: int) -> Any:
    from astropy_healpix import HEALPix

    return HEALPix(nside=2**order, order="nested")


def spatial_index(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the HEALPix number of every position.

    Parameters
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Right ascension and declination, ICRS [deg].

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of order 29, NESTED.

    Raises
    ------
    QueryError
        If a position is not a number or a declination is beyond a pole.
    """
    from astropy import units as u

    ra, dec = np.atleast_1d(np.asarray(ra, float)), np.atleast_1d(np.asarray(dec, float))
    bad = ~(np.isfinite(ra) & (np.abs(dec) <= 90.0))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise QueryError(
            f"{int(bad.sum())} of {len(ra)} positions are not on the sky, the first is number"
            f" {first}: ra {ra[first]}, dec {dec[first]}",
            "give degrees; leave out sources without a position",
        )
    numbers = _grid(_ORDER).lonlat_to_healpix(ra % 360.0 * u.deg, dec * u.deg)
    return np.asarray(numbers, dtype=np.int64)


def cone_ranges(ra: float, dec: float, radius: float) -> list[tuple[int, int]]:
    """Return ranges of numbers that cover a cone.

    Parameters
    ----------
    ra, dec : float
        Centre, ICRS [deg].
    radius : float
        Radius of the cone [deg].

    Returns
    -------
    list of (int, int)
        First number and the one after the last, ascending and apart; they hold all of the cone
        and some of what is around it.

    Raises
    ------
    QueryError
        If the cone is not on the sky.
    """
    from astropy import units as u

    if not (math.isfinite(ra) and abs(dec) <= 90.0 and 0.0 < radius <= 180.0):
        raise QueryError(
            f"no cone of {radius} deg around ra {ra}, dec {dec}",
            "give degrees; the radius is more than 0 and at most 180",
        )
    # The mean spacing of pixels of order k is 58.6 deg / 2**k.
    order = round(math.log2(max(1.0, 58.6 * _FINER / radius)))
    order = min(_FINEST_COVER, order)
    pixels = _grid(order).cone_search_lonlat(ra % 360.0 * u.deg, dec * u.deg, radius * u.deg)
    pixels = np.sort(np.asarray(pixels, dtype=np.int64))
    breaks = np.flatnonzero(np.diff(pixels) > 1)
    firsts = pixels[np.r_[0, breaks + 1]]
    lasts = pixels[np.r_[breaks, len(pixels) - 1]] + 1
    shift = 2 * (_ORDER - order)
    return [(int(a) << shift, int(b) << shift) for a, b in zip(firsts, lasts, strict=True)]


def separation(
    ra: NDArray[np.float64], dec: NDArray[np.float64], ra0: float, dec0: float
) -> NDArray[np.float64]:
    """Return the angle between positions and a point (haversine formula, exact for small angles).

    Parameters
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].
    ra0, dec0 : float
        The point [deg].

    Returns
    -------
    ndarray of float64, shape (n,)
        Angle [deg].
    """
    a, d = np.radians(ra), np.radians(dec)
    a0, d0 = math.radians(ra0), math.radians(dec0)
    half = np.sin((d - d0) / 2) ** 2 + np.cos(d) * math.cos(d0) * np.sin((a - a0) / 2) ** 2
    found: NDArray[np.float64] = np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))
    return found
