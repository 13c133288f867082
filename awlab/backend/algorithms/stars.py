"""What astrometry and photometry are given: detected sources, and stars of a reference catalogue.

References
----------
.. [1] ESA 1997, The Hipparcos and Tycho Catalogues, vol. 1, sect. 1.5.5 (propagation of positions
   by proper motion; here to first order, without perspective acceleration).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Floats, Integers
from awlab.backend.algorithms.tangent_plane import deproject

__all__ = ["DetectedSources", "ReferenceStars"]

MAS_PER_DEGREE = 3.6e6


def _take_columns(owner: Any, what: str) -> None:
    """Turn every array of a frozen dataclass into float64, all of one length."""
    size = None
    for field in fields(owner):
        value = getattr(owner, field.name)
        if value is None or isinstance(value, float):
            continue
        column = np.ascontiguousarray(value, np.float64)
        if column.ndim != 1 or column.size != (column.size if size is None else size):
            raise BadArray(
                f"{field.name} of the {what} has the shape {column.shape}",
                "give 1-d arrays of one length",
            )
        size = column.size
        object.__setattr__(owner, field.name, column)


@dataclass(frozen=True, eq=False)
class DetectedSources:
    """Sources found on one chip.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n,)
        Position, counted from 0 [pixel].
    mag : ndarray of float64, shape (n,)
        Instrumental magnitude, any zeropoint [mag].
    error : ndarray of float64, shape (n,), optional
        Standard error of a coordinate [pixel].
    """

    x: Floats
    y: Floats
    mag: Floats
    error: Floats | None = None

    def __post_init__(self) -> None:
        _take_columns(self, "sources")

    def usable(self) -> Integers:
        """Indices of the sources with finite position and magnitude, and a sane error."""
        good = np.isfinite(self.x) & np.isfinite(self.y) & np.isfinite(self.mag)
        if self.error is not None:
            good &= np.isfinite(self.error) & (self.error >= 0)
        return np.flatnonzero(good)


@dataclass(frozen=True, eq=False)
class ReferenceStars:
    """Stars of a reference catalogue.

    Attributes
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Position at the epoch of the catalogue [degree].
    mag : ndarray of float64, shape (n,)
        Magnitude in the band nearest to that of the frame [mag].
    error : ndarray of float64, shape (n,), optional
        Standard error of a coordinate [arcsec].
    pmra, pmdec : ndarray of float64, shape (n,), optional
        Proper motion, in right ascension times cos(dec) [mas/year].
    epoch : float, optional
        Epoch of the positions [Julian year].
    """

    ra: Floats
    dec: Floats
    mag: Floats
    error: Floats | None = None
    pmra: Floats | None = None
    pmdec: Floats | None = None
    epoch: float | None = None

    def __post_init__(self) -> None:
        _take_columns(self, "reference stars")

    def usable(self) -> Integers:
        """Indices of the stars with finite position and magnitude."""
        good = np.isfinite(self.ra) & np.isfinite(self.dec) & np.isfinite(self.mag)
        return np.flatnonzero(good & (np.abs(self.dec) <= 90.0))

    def at_epoch(self, epoch: float | None) -> tuple[Floats, Floats]:
        """Positions moved by proper motion; unknown motions count as none.

        Parameters
        ----------
        epoch : float, optional
            Epoch wanted [Julian year]; that of the catalogue by default.

        Returns
        -------
        ra, dec : ndarray of float64, shape (n,)
            Positions [degree].
        """
        if epoch is None or self.epoch is None or self.pmra is None or self.pmdec is None:
            return self.ra, self.dec
        years = epoch - self.epoch
        east = np.nan_to_num(self.pmra) * years / MAS_PER_DEGREE
        north = np.nan_to_num(self.pmdec) * years / MAS_PER_DEGREE
        # Through the tangent plane at each star: right also beside the pole.
        return deproject(east, north, self.ra, self.dec)
