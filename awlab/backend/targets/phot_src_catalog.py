"""PhotSrcCatalog: the standard stars of one frame, measured."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import match_mutual
from awlab.backend.catalogs import (
    BANDS,
    BaseCatalog,
    ColumnMeaning,
    PhotRefCatalog,
    SourceTable,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Filter, Flag, Instrument, RawScienceFrame
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.coordinates import airmass_of
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.measured_stars import MeasuredStars, measure_stars
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.weight import WeightFrame

__all__ = ["PhotSrcCatalog", "PhotSrcCatalogParameters"]

_MEANINGS = {
    "INST_MAG": ColumnMeaning("mag", "Instrumental magnitude for 1 s, of all the light"),
    "INST_MAGERR": ColumnMeaning("mag", "Error of INST_MAG"),
    "DISTANCE": ColumnMeaning("arcsec", "Distance to the place in the reference catalogue"),
    "STANDARD": ColumnMeaning("", "Row of the star in the reference catalogue"),
}


class PhotSrcCatalogParameters(ProcessParameters):
    """Parameters of `PhotSrcCatalog`."""

    DETECT_THRESH = persistent("Detection threshold, sigma of the background", float, 5.0)
    APERTURE = persistent("Diameter of the aperture [pixel]", float, 24.0)
    SEARCH_DISTANCE = persistent("Radius of the search for standard stars [arcsec]", float, 3.0)
    REFERENCE = persistent("Name of the reference catalogue; empty takes the newest", str, "")
    SATURATION_FRACTION = persistent(
        "Part of full scale above which stars are left out", float, 0.9
    )


class PhotSrcCatalog(BaseCatalog, ProcessTarget):
    """Standard stars of one reduced frame: instrumental and standard magnitudes side by side."""

    SEQUENCE = "PhotCat"
    _product_code = "PhotCat"
    _file_category = "Sci"
    FATAL: ClassVar[tuple[str, ...]] = ("NO_STANDARDS", "NO_EXPTIME")
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_STANDARDS", "there is no standard star in it"),
        Flag(17, "NO_EXPTIME", "the exposure time is 0 or not known: there are no fluxes"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame", ReducedScienceFrame)
    weight = persistent("Weight of its pixels", WeightFrame)
    astrom_params = persistent("Where it is on the sky", AstrometricParameters)
    refcat = persistent("Standard stars", PhotRefCatalog)
    process_params = persistent("Process parameters", PhotSrcCatalogParameters)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    filter = persistent("Filter", Filter)
    airmass = persistent("Airmass in the middle of the exposure", float)
    wings = persistent("Light outside of the aperture, by the PSF's profile [mag]", float, 0.0)

    def make(self) -> None:
        """Extract the stars, and find them among the standards."""
        raw = self.raw
        self.filter, self.airmass = raw.filter, airmass_of(raw)
        self.name = f"standard stars of {raw.filename}"
        stars = measure_stars(self)
        self.wings = stars.wings
        self.keep_sources(self._standards(stars), work_folder())

    def _standards(self, stars: MeasuredStars) -> SourceTable:
        """Pair the sources with standard stars."""
        known = self.refcat.sources()
        pairs = match_mutual(
            (stars.ra, stars.dec),
            (np.asarray(known["RA"], float), np.asarray(known["DEC"], float)),
            self.process_params.SEARCH_DISTANCE,
        )
        mine, standards = pairs.first, known.rows(pairs.second)
        rows = stars.found.sources[mine]
        columns: dict[str, Any] = {
            "SID": np.arange(len(rows), dtype=np.int64),
            "RA": stars.ra[mine],
            "DEC": stars.dec[mine],
            "X_IMAGE": rows["XWIN_IMAGE"],
            "Y_IMAGE": rows["YWIN_IMAGE"],
            "INST_MAG": stars.magnitude[mine],
            "INST_MAGERR": stars.error[mine],
            "FLAGS": rows["FLAGS"],
            "DISTANCE": pairs.separation,
            "STANDARD": np.asarray(pairs.second, np.int64),
        }
        for band in BANDS:
            for name in (band, f"{band}_ERR"):
                if name in standards:
                    columns[name] = np.asarray(standards[name], float)
        facts = {"APERTURE": stars.found.apertures[0]}
        return SourceTable(columns, _MEANINGS | known.meanings, facts)

    def verify(self) -> None:
        """Say so if there is no standard star, or the frame is flagged."""
        if not self.nsources:
            self.raise_flag("NO_STANDARDS")
        if not self.raw.EXPTIME:
            self.raise_flag("NO_EXPTIME")
        if is_doubtful(self.reduced, self.astrom_params):
            self.raise_flag("FLAGGED_INPUT")
