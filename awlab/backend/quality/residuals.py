"""Residuals of solutions, as the plots of a quality page take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awlab.backend.catalogs import read_catalog
from awlab.backend.datamodel import current_dataserver

__all__ = [
    "MagnitudeResiduals",
    "Residuals",
    "read_magnitude_residuals",
    "read_residuals",
]

_MOST_STARS = 4000


@dataclass(frozen=True, eq=False)
class Residuals:
    """Reference minus extracted positions of stars.

    Attributes
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].
    dra, ddec : ndarray of float64, shape (n,)
        Residuals [arcsec].
    used : ndarray of bool, shape (n,)
        Whether the star entered the solution.
    """

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    dra: NDArray[np.float64]
    ddec: NDArray[np.float64]
    used: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MagnitudeResiduals:
    """Magnitudes of stars on several frames, minus the mean of each star.

    Attributes
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].
    magnitude, residual : ndarray of float64, shape (n,)
        Magnitude of a detection, and what it differs from the mean [mag].
    used : ndarray of bool, shape (n,)
        Whether the detection entered the solution.
    """

    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    residual: NDArray[np.float64]
    used: NDArray[np.bool_]


def read_residuals(name: str, digest: str) -> Residuals:
    """Read the residuals of an astrometric solution; of very many stars a part.

    Parameters
    ----------
    name, digest : str
        File of the table, and its SHA-256.
    """
    # Sources that the reference does not have are in the file too.
    (ra, dec, dra, ddec), used = _columns(name, digest, ["RA", "DEC", "DRA", "DDEC"], "DRA")
    return Residuals(ra, dec, dra, ddec, used)


def read_magnitude_residuals(name: str, digest: str) -> MagnitudeResiduals:
    """Read the residuals of the zeropoints of overlapping frames; of very many stars a part.

    Parameters
    ----------
    name, digest : str
        File of the table, and its SHA-256.
    """
    (ra, dec, magnitude, apart), used = _columns(name, digest, ["RA", "DEC", "MAG", "DMAG"], "DMAG")
    return MagnitudeResiduals(ra, dec, magnitude, apart, used)


def _columns(
    name: str, digest: str, columns: list[str], needed: str
) -> tuple[list[NDArray[np.float64]], NDArray[np.bool_]]:
    path = current_dataserver().retrieve(name, digest)
    table = read_catalog(path, [*columns, "USED"])
    table = table.rows(np.isfinite(table[needed]))
    part = slice(None, None, max(1, table.count // _MOST_STARS))
    found = [np.asarray(table[c], np.float64)[part] for c in columns]
    return found, np.asarray(table["USED"], bool)[part]
