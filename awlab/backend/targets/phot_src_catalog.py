"""PhotSrcCatalog: the standard stars of one frame, measured."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    BackgroundOptions,
    DetectionOptions,
    ExtractedSources,
    ExtractionFrame,
    ExtractionOptions,
    PointSpread,
    extract_sources,
    instrumental_magnitudes,
    match_mutual,
    plate_from_cards,
)
from awlab.backend.catalogs import (
    BANDS,
    BaseCatalog,
    ColumnMeaning,
    PhotRefCatalog,
    SourceTable,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Filter, Flag, Instrument, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.coordinates import airmass_of
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.pixels import DIGITISATION_NOISE, full_scale
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.stars import point_spread
from awlab.backend.targets.weight import WeightFrame

__all__ = ["PhotSrcCatalog", "PhotSrcCatalogParameters"]

_MEANINGS = {
    "INST_MAG": ColumnMeaning("mag", "Instrumental magnitude for 1 s, of all the light"),
    "INST_MAGERR": ColumnMeaning("mag", "Error of INST_MAG"),
    "DISTANCE": ColumnMeaning("arcsec", "Distance to the place in the reference catalogue"),
    "STANDARD": ColumnMeaning("", "Row of the star in the reference catalogue"),
}
# Beyond such an exponent a profile has no wings to speak of.
_STEEPEST = 8.0


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
        raw, p = self.raw, self.process_params
        self.filter, self.airmass = raw.filter, airmass_of(raw)
        self.name = f"standard stars of {raw.filename}"
        image, _ = read_image(self.reduced.retrieve())
        weight, _ = read_image(self.weight.retrieve())
        found = extract_sources(
            ExtractionFrame(image, weight),
            ExtractionOptions(
                detection=DetectionOptions(DETECT_THRESH=p.DETECT_THRESH),
                background=BackgroundOptions(mask_sources=False, least_noise=DIGITISATION_NOISE),
                PHOT_APERTURES=(p.APERTURE,),
                SATUR_LEVEL=p.SATURATION_FRACTION * full_scale(raw),
            ),
        )
        scale = self.astrom_params.pixel_scale or 1.0
        self.wings = _wings(point_spread(image, weight, found, scale), p.APERTURE)
        self.keep_sources(self._standards(found), work_folder())

    def _standards(self, found: ExtractedSources) -> SourceTable:
        """Pair the sources with standard stars."""
        rows = found.sources
        plate = plate_from_cards(self.astrom_params.cards)
        # FITS counts pixels from 1, the solution from 0.
        ra, dec = plate.pixel_to_sky(rows["XWIN_IMAGE"] - 1.0, rows["YWIN_IMAGE"] - 1.0)
        known = self.refcat.sources()
        pairs = match_mutual(
            (np.asarray(ra), np.asarray(dec)),
            (np.asarray(known["RA"], float), np.asarray(known["DEC"], float)),
            self.process_params.SEARCH_DISTANCE,
        )
        stars, standards = rows[pairs.first], known.rows(pairs.second)
        mag, error = instrumental_magnitudes(
            np.asarray(stars["FLUX_APER"][:, 0], float),
            np.asarray(stars["FLUXERR_APER"][:, 0], float),
            self.raw.EXPTIME or 1.0,
        )
        columns: dict[str, Any] = {
            "SID": np.arange(len(stars), dtype=np.int64),
            "RA": np.asarray(ra)[pairs.first],
            "DEC": np.asarray(dec)[pairs.first],
            "X_IMAGE": stars["XWIN_IMAGE"],
            "Y_IMAGE": stars["YWIN_IMAGE"],
            "INST_MAG": mag + self.wings,
            "INST_MAGERR": error,
            "FLAGS": stars["FLAGS"],
            "DISTANCE": pairs.separation,
            "STANDARD": np.asarray(pairs.second, np.int64),
        }
        for band in BANDS:
            for name in (band, f"{band}_ERR"):
                if name in standards:
                    columns[name] = np.asarray(standards[name], float)
        return SourceTable(columns, _MEANINGS | known.meanings, {"APERTURE": found.apertures[0]})

    def verify(self) -> None:
        """Say so if there is no standard star, or the frame is flagged."""
        if not self.nsources:
            self.raise_flag("NO_STANDARDS")
        if not self.raw.EXPTIME:
            self.raise_flag("NO_EXPTIME")
        if is_doubtful(self.reduced, self.astrom_params):
            self.raise_flag("FLAGGED_INPUT")


def _wings(psf: PointSpread, diameter: float) -> float:
    """Return the magnitude of what a Moffat profile has outside of an aperture; 0 if unknown."""
    if not (np.isfinite(psf.fwhm) and 1.0 < psf.beta < _STEEPEST):
        return 0.0
    alpha = psf.fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / psf.beta) - 1.0))
    outside = (1.0 + (0.5 * diameter / alpha) ** 2) ** (1.0 - psf.beta)
    return float(2.5 * np.log10(1.0 - outside))
