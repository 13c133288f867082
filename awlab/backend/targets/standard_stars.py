"""Standard stars of many frames together, as the fits of photometry take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import StandardStars

__all__ = ["GatheredStars", "colour_bands", "gather_standards"]

# Bands from blue to red, by system: the colour of a band is that with its neighbour.
_SYSTEMS = (
    ("JohnsonU", "JohnsonB", "JohnsonV", "CousinsR", "CousinsI"),
    ("SloanU", "SloanG", "SloanR", "SloanI", "SloanZ"),
    ("GaiaBP", "GaiaG", "GaiaRP"),
)
# Reference catalogues without errors are not without errors [mag].
_LEAST_ERROR = 0.003


@dataclass(frozen=True, eq=False, slots=True)
class GatheredStars:
    """Standard stars of several frames.

    Attributes
    ----------
    standards : StandardStars
        Magnitudes and colours.
    frame : ndarray of int64, shape (n,)
        Which frame each was measured on.
    airmass : ndarray of float64, shape (n,)
        Airmass of that frame.
    colour : tuple of str
        The two bands that the colour is of; empty where there is none.
    """

    standards: StandardStars
    frame: NDArray[np.int64]
    airmass: NDArray[np.float64]
    colour: tuple[str, ...]


def colour_bands(band: str, known: Any) -> tuple[str, ...]:
    """Return two bands whose colour goes with a band: the nearest there are, bluer one first.

    Parameters
    ----------
    band : str
        Band of a filter.
    known : container of str
        Bands with magnitudes.
    """
    for system in _SYSTEMS:
        if band in system:
            place = system.index(band)
            there = [b for b in system if b in known and b != band]
            if not there:
                return ()
            # The neighbour to the red is preferred, as in B-V for B and V-R for V.
            nearest = min(there, key=lambda b: (abs(system.index(b) - place), b < band))
            pair = sorted((band, nearest), key=system.index)
            return (pair[0], pair[1])
    return ()


def gather_standards(photcats: Any, band: str) -> GatheredStars | None:
    """Read the standard stars of frames in the band of their filter.

    Parameters
    ----------
    photcats : sequence of PhotSrcCatalog
        Measured standard stars of one chip and filter.
    band : str
        Band of the filter.

    Returns
    -------
    GatheredStars or None
        None if the standards have no magnitude in that band.
    """
    tables = [(n, photcat.airmass, photcat.sources()) for n, photcat in enumerate(photcats)]
    tables = [item for item in tables if item[2].count and band in item[2]]
    if not tables:
        return None
    bands = colour_bands(band, tables[0][2])

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([np.asarray(table[name]) for _, _, table in tables])

    error_name = f"{band}_ERR"
    has_errors = all(error_name in table for _, _, table in tables)
    errors = np.nan_to_num(column(error_name)) if has_errors else np.zeros(len(column(band)))
    counts = [table.count for _, _, table in tables]
    return GatheredStars(
        StandardStars(
            column("INST_MAG"),
            column("INST_MAGERR"),
            column(band),
            np.maximum(errors, _LEAST_ERROR),
            colour=column(bands[0]) - column(bands[1]) if bands else None,
            flags=column("FLAGS"),
        ),
        np.repeat([n for n, _, _ in tables], counts),
        np.repeat([airmass for _, airmass, _ in tables], counts).astype(float),
        bands,
    )
