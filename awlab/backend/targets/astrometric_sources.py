"""The sources of one frame as its plate solution keeps them: pixels, sky, and the reference.

All sources whose positions can be trusted are kept, whether or not the reference has them: with
these a global solution can be found without looking at pixels again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    DetectedSources,
    LocalAstrometry,
    PlateSolution,
    ReferenceStars,
    plate_from_cards,
)
from awlab.backend.catalogs import ColumnMeaning, SourceTable, read_catalog

__all__ = ["SolvedFrame", "position_errors", "read_solved", "solved_table"]

_MEANINGS = {
    "POS_ERR": ColumnMeaning("pix", "Error of a coordinate, by S/N and size"),
    "RA_REF": ColumnMeaning("deg", "Right ascension in the reference, at the epoch of the frame"),
    "DEC_REF": ColumnMeaning("deg", "Declination in the reference, at the epoch of the frame"),
    "REF_ERR": ColumnMeaning("arcsec", "Error of the position in the reference"),
    "DRA": ColumnMeaning("arcsec", "RA of the reference minus RA extracted, times cos Dec"),
    "DDEC": ColumnMeaning("arcsec", "Dec of the reference minus Dec extracted"),
    "USED": ColumnMeaning("", "1 if the star was used for the solution, 0 if not"),
}
_OF_REFERENCE = ("DRA", "DDEC", "RA_REF", "DEC_REF", "REF_ERR")
# The half-light radius of a Gaussian is 1.18 sigma: near enough for a weight.
_SIGMA_PER_RADIUS = 1.18


@dataclass(frozen=True, eq=False, slots=True)
class SolvedFrame:
    """Sources of one frame, read back.

    Attributes
    ----------
    plate : PlateSolution
        Local solution.
    sources : DetectedSources
        Pixels counted from 0, instrumental magnitudes, errors [pixel].
    ra, dec : ndarray of float64, shape (n,)
        Positions by the local solution [deg].
    is_known : ndarray of bool, shape (n,)
        Whether the reference has the source.
    reference : ReferenceStars
        The stars of the reference that are on the frame, at its epoch.
    """

    plate: PlateSolution
    sources: DetectedSources
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    is_known: NDArray[np.bool_]
    reference: ReferenceStars


def position_errors(rows: Any) -> NDArray[np.float64]:
    """Return the errors of the positions of extracted sources [pixel].

    The width of a source over its S/N, as for an unresolved source in the noise of the sky
    (King 1983, PASP 95, 163).

    Parameters
    ----------
    rows : ndarray, shape (n,)
        Extracted sources, with FLUX_AUTO, FLUXERR_AUTO [ADU] and FLUX_RADIUS [pixel].
    """
    flux = np.asarray(rows["FLUX_AUTO"], float)
    noise, radius = np.asarray(rows["FLUXERR_AUTO"], float), np.asarray(rows["FLUX_RADIUS"], float)
    sound = (flux > 0) & np.isfinite(noise) & (radius > 0)
    width = np.where(sound, radius, 1.0) / _SIGMA_PER_RADIUS
    return np.where(sound, width * noise / np.where(sound, flux, 1.0), 1.0)


def solved_table(
    sources: DetectedSources,
    plate: PlateSolution | None,
    found: LocalAstrometry | None,
    reference: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None],
) -> SourceTable:
    """Return the sources of a frame as a catalogue.

    Parameters
    ----------
    sources : DetectedSources
        Sources that were offered to the solution, with errors.
    plate : PlateSolution or None
        The solution; without one the catalogue is empty.
    found : LocalAstrometry or None
        Where stars were matched: its residuals.
    reference : tuple of ndarray
        Right ascension, declination [deg] at the epoch of the frame and error [arcsec] of the
        stars that the residuals count.
    """
    if plate is None:
        sources = DetectedSources(*(np.zeros(0) for _ in range(4)))
    number = sources.x.size
    ra, dec = plate.pixel_to_sky(sources.x, sources.y) if plate else (np.zeros(0), np.zeros(0))
    columns: dict[str, Any] = {
        "SID": np.arange(number),
        "RA": np.asarray(ra, float),
        "DEC": np.asarray(dec, float),
        "X_IMAGE": sources.x + 1.0,
        "Y_IMAGE": sources.y + 1.0,
        "POS_ERR": np.zeros(number) if sources.error is None else sources.error,
        "MAG_AUTO": sources.mag,
        "USED": np.zeros(number, np.uint8),
    }
    columns |= {name: np.full(number, np.nan) for name in _OF_REFERENCE}
    rows = found.residuals if found is not None and plate is not None else None
    if rows is not None:
        here = rows.source
        columns["USED"][here] = rows.used
        columns["DRA"][here], columns["DDEC"][here] = rows.dra, rows.ddec
        columns["RA_REF"][here] = reference[0][rows.star]
        columns["DEC_REF"][here] = reference[1][rows.star]
        if reference[2] is not None:
            columns["REF_ERR"][here] = reference[2][rows.star]
    table = SourceTable(columns, _MEANINGS)
    return table.rows(np.isfinite(table["RA"]) & np.isfinite(table["DEC"]))


def read_solved(solution: Any) -> SolvedFrame:
    """Read the sources of a solution.

    Parameters
    ----------
    solution : AstrometricParameters
        Committed solution.
    """
    table = read_catalog(solution.retrieve())
    table = table.rows(np.argsort(table["SID"], kind="stable"))
    # FITS counts pixels from 1, the solution from 0.
    sources = DetectedSources(
        table["X_IMAGE"] - 1.0, table["Y_IMAGE"] - 1.0, table["MAG_AUTO"], table["POS_ERR"]
    )
    is_known = np.isfinite(table["RA_REF"])
    known = table.rows(is_known)
    return SolvedFrame(
        plate_from_cards(solution.cards),
        sources,
        np.asarray(table["RA"], float),
        np.asarray(table["DEC"], float),
        is_known,
        ReferenceStars(
            known["RA_REF"], known["DEC_REF"], known["MAG_AUTO"], error=known["REF_ERR"]
        ),
    )
