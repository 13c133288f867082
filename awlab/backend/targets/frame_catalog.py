"""Catalog: all stars of one reduced frame, at the zeropoint of its night."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.catalogs import BaseCatalog, ColumnMeaning, SourceTable
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Filter, Flag, Instrument, RawScienceFrame
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.coordinates import airmass_of
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.measured_stars import measure_stars
from awlab.backend.targets.photometric_parameters import PhotometricParameters
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.weight import WeightFrame

__all__ = ["Catalog", "CatalogParameters"]

_MEANINGS = {
    "INST_MAG": ColumnMeaning("mag", "Instrumental magnitude for 1 s, of all the light"),
    "INST_MAGERR": ColumnMeaning("mag", "Error of INST_MAG"),
    "MAG": ColumnMeaning("mag", "Magnitude at the zeropoint of the frame", "phot.mag"),
}


class CatalogParameters(ProcessParameters):
    """Parameters of `Catalog`."""

    DETECT_THRESH = persistent("Detection threshold, sigma of the background", float, 5.0)
    APERTURE = persistent("Diameter of the aperture [pixel]", float, 24.0)
    SATURATION_FRACTION = persistent(
        "Part of full scale above which stars are left out", float, 0.9
    )


class Catalog(BaseCatalog, ProcessTarget):
    """Stars of one reduced frame: positions, instrumental and calibrated magnitudes."""

    SEQUENCE = "Catalog"
    _product_code = "Cat"
    _file_category = "Sci"
    FATAL: ClassVar[tuple[str, ...]] = ("NO_SOURCES", "NO_EXPTIME")
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_SOURCES", "there is no source in it"),
        Flag(17, "NO_EXPTIME", "the exposure time is 0 or not known: there are no fluxes"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame", ReducedScienceFrame)
    weight = persistent("Weight of its pixels", WeightFrame)
    astrom_params = persistent("Where it is on the sky", AstrometricParameters)
    photom_params = persistent("Zeropoint of the night", PhotometricParameters)
    process_params = persistent("Process parameters", CatalogParameters)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    filter = persistent("Filter", Filter)
    airmass = persistent("Airmass in the middle of the exposure", float)
    seeing = persistent("FWHM of the stars [arcsec]", float)
    wings = persistent("Light outside of the aperture, by the PSF's profile [mag]", float, 0.0)
    zero_point = persistent("Magnitude of 1 ADU per second at its airmass [mag]", float)

    def make(self) -> None:
        """Extract the stars, measure them in an aperture, and calibrate them."""
        raw = self.raw
        self.filter, self.airmass = raw.filter, airmass_of(raw)
        self.name = f"stars of {raw.filename}"
        stars = measure_stars(self)
        self.wings, self.seeing = stars.wings, stars.seeing
        self.zero_point = self.photom_params.zeropoint_at(self.airmass)
        rows = stars.found.sources
        columns: dict[str, Any] = {
            "SID": np.arange(len(rows), dtype=np.int64),
            "RA": stars.ra,
            "DEC": stars.dec,
            "X_IMAGE": rows["XWIN_IMAGE"],
            "Y_IMAGE": rows["YWIN_IMAGE"],
            "INST_MAG": stars.magnitude,
            "INST_MAGERR": stars.error,
            "MAG": stars.magnitude + self.zero_point,
            "FLAGS": rows["FLAGS"],
        }
        facts = {"APERTURE": stars.found.apertures[0], "MAG_ZEROPOINT": self.zero_point}
        table = SourceTable(columns, _MEANINGS, facts)
        self.content_hash = table.digest()
        self.keep_sources(table, work_folder())

    def verify(self) -> None:
        """Say so if there is no source, no zeropoint of the night, or the frame is flagged."""
        if not self.nsources:
            self.raise_flag("NO_SOURCES")
        if not self.raw.EXPTIME:
            self.raise_flag("NO_EXPTIME")
        if self.photom_params.origin == "default":
            self.raise_flag("DEFAULT_CALIBRATION")
        if is_doubtful(self.reduced, self.astrom_params):
            self.raise_flag("FLAGGED_INPUT")
