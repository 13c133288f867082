"""AstrometricParameters: where the pixels of one frame are on the sky (requirement 634)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    AstrometryOptions,
    BackgroundOptions,
    DetectedSources,
    DetectionOptions,
    ExtractionFrame,
    ExtractionOptions,
    LocalAstrometry,
    PlateSolution,
    PointingOptions,
    ReferenceStars,
    extract_sources,
    solve_astrometry,
    tpv_cards,
)
from awlab.backend.catalogs import BANDS, AstrometricCatalog, write_catalog
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, DataObject, Filter, Flag, Instrument, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.targets.astrometric_sources import position_errors, solved_table
from awlab.backend.targets.coordinates import delivered_plate, julian_year
from awlab.backend.targets.pixels import DIGITISATION_NOISE
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.stars import anisotropy_of, point_spread
from awlab.backend.targets.weight import WeightFrame

__all__ = ["AstrometricParameters", "AstrometricParametersParameters"]

# Extraction flags of SExtractor that spoil a position: saturated, cut, aperture or memory broken.
_SPOILED = 4 | 8 | 16 | 32 | 64


class AstrometricParametersParameters(ProcessParameters):
    """Parameters of `AstrometricParameters`."""

    DETECT_THRESH = persistent("Detection threshold, sigma of the background", float, 5.0)
    DETECT_MINAREA = persistent("Least number of pixels above it [pixel]", int, 5)
    MAX_POINTING_ERROR = persistent("How far the pointing may be off [arcsec]", float, 180.0)
    MATCH_RADIUS = persistent("Radius of the first match of stars [arcsec]", float, 3.0)
    PDEG = persistent("Highest degree of the polynomials", int, 3)
    STARS_PER_COEFFICIENT = persistent("Stars that a coefficient needs", float, 4.0)
    REJECTION_THRESHOLD = persistent("Clipping threshold, sigma", float, 3.5)
    REFERENCE = persistent("Name of the reference catalogue; empty takes the newest", str, "")
    MIN_NREF = persistent("QC: smallest number of reference stars", int, 10)
    MAX_RMS = persistent("QC: largest rms of the residuals [arcsec]", float, 1.0)
    MAX_SIGMA = persistent("QC: largest SIG_DRA or SIG_DDEC [arcsec]", float, 0.6)


class AstrometricParameters(DataObject, ProcessTarget):
    """The plate solution of one reduced frame; its file has its sources and their residuals.

    It is a version of its own: a better solution never touches the frame.
    """

    SEQUENCE = "Astrometry"
    REQUIREMENT = "634"
    _product_code = "Astr"
    _file_category = "Sci"
    FATAL: ClassVar[tuple[str, ...]] = ("NO_SOLUTION",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_SOLUTION", "the stars do not fit the reference: the position is unknown"),
        Flag(17, "NO_REFERENCE", "no reference covers it: coordinates of the header", informs=True),
        Flag(18, "FEW_REFERENCES", "fewer reference stars than MIN_NREF"),
        Flag(19, "RMS_LARGE", "the rms of the residuals is above MAX_RMS"),
        Flag(20, "SIGMA_LARGE", "the scatter in RA or Dec is above MAX_SIGMA"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame that was solved", ReducedScienceFrame)
    weight = persistent("Its weight: what no star is", WeightFrame)
    reference = persistent("Reference catalogue", AstrometricCatalog, optional=True)
    process_params = persistent("Process parameters", AstrometricParametersParameters)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    filter = persistent("Filter", Filter)
    cards = persistent("World coordinates as FITS keywords, for the trimmed image", dict, {})
    failure = persistent("Why there is no solution; empty if there is one", str, "")
    RA = persistent("Middle of the frame, right ascension [deg]", float)
    DEC = persistent("Middle of the frame, declination [deg]", float)
    pixel_scale = persistent("Pixel size in the middle [arcsec / pixel]", float)
    order = persistent("Degree of the polynomials", int, 0)
    significance = persistent("-log10 of the probability that the match is chance", float)
    NREF = persistent("Number of reference stars used", int, 0)
    NSOURCES = persistent("Number of sources extracted", int, 0)
    SIG_DRA = persistent("Standard deviation of the residuals in RA [arcsec]", float)
    SIG_DDEC = persistent("Standard deviation of the residuals in Dec [arcsec]", float)
    MEAN_DRA = persistent("Mean residual in RA [arcsec]", float)
    MEAN_DDEC = persistent("Mean residual in Dec [arcsec]", float)
    RMS = persistent("Rms separation of reference and extracted positions [arcsec]", float)
    SEEING = persistent("FWHM of the stars [arcsec]", float)
    PSF_E1 = persistent("Mean ellipticity of the stars, along x", float)
    PSF_E2 = persistent("Mean ellipticity of the stars, along the diagonal", float)
    anisotropy = persistent("Ellipticity over the chip: stars and polynomials", dict, {})

    def make(self) -> None:
        """Extract sources, find them in the reference catalogue, and fit."""
        self.filter = self.raw.filter
        image, _ = read_image(self.reduced.retrieve())
        plate = delivered_plate(self.raw)
        sources = self._sources(image, plate)
        self.NSOURCES = int(sources.x.size)
        if plate is None:
            self._keep(sources, None, None, image.shape)
            self.failure = "the header does not say where the telescope was"
        elif self.reference is None:
            self._keep(sources, plate, None, image.shape)
        else:
            stars = self._stars(plate, image.shape)
            # All stars alike: on a chip of few stars a bright one must not decide alone.
            plain = DetectedSources(sources.x, sources.y, sources.mag)
            found = solve_astrometry(plain, plate, stars, self._options())
            self._keep(sources, found.plate, found, image.shape, stars)
            self.failure = found.reason

    def _options(self) -> AstrometryOptions:
        p = self.process_params
        return AstrometryOptions(
            pointing=PointingOptions(search_radius=p.MAX_POINTING_ERROR),
            match_radius=p.MATCH_RADIUS,
            maximum_order=p.PDEG,
            stars_per_coefficient=p.STARS_PER_COEFFICIENT,
            rejection_threshold=p.REJECTION_THRESHOLD,
            epoch=self._epoch,
        )

    def _sources(self, image: Any, plate: PlateSolution | None) -> DetectedSources:
        """Extract the sources whose positions can be trusted, and measure the stars' shapes."""
        p = self.process_params
        weight, _ = read_image(self.weight.retrieve())
        detection = DetectionOptions(DETECT_THRESH=p.DETECT_THRESH, DETECT_MINAREA=p.DETECT_MINAREA)
        background = BackgroundOptions(mask_sources=False, least_noise=DIGITISATION_NOISE)
        found = extract_sources(
            ExtractionFrame(image, weight), ExtractionOptions(detection, background)
        )
        scale = plate.pixel_scale if plate is not None else float("nan")
        psf = point_spread(image, weight, found, scale)
        if np.isfinite(psf.fwhm_arcsec):
            self.SEEING, self.PSF_E1, self.PSF_E2 = psf.fwhm_arcsec, psf.e1, psf.e2
            self.anisotropy = anisotropy_of(psf, found, image.shape)
        table = found.sources[found.sources["FLAGS"] & _SPOILED == 0]
        # FITS counts pixels from 1, the solution from 0.
        x, y = table["XWIN_IMAGE"] - 1.0, table["YWIN_IMAGE"] - 1.0
        return DetectedSources(x, y, table["MAG_AUTO"], position_errors(table))

    def _stars(self, plate: PlateSolution, shape: tuple[int, ...]) -> ReferenceStars:
        """Read the stars around the frame, as far as the pointing may be off."""
        ra, dec = _middle(plate, shape)
        reach = 0.5 * float(np.hypot(shape[0], shape[1])) * plate.pixel_scale
        radius = (1.05 * reach + self.process_params.MAX_POINTING_ERROR) / 3600.0
        table = self.reference.cone(ra, dec, radius)
        band = next((b for b in _bands_near(self.raw.filter) if b in table), None)
        mags = table[band] if band else np.zeros(table.count)

        def column(name: str) -> Any:
            return np.asarray(table[name], float) if name in table else None

        return ReferenceStars(
            np.asarray(table["RA"], float),
            np.asarray(table["DEC"], float),
            np.asarray(mags, float),
            error=column("RA_ERR"),
            pmra=column("PMRA"),
            pmdec=column("PMDEC"),
            epoch=self.reference.epoch,
        )

    def _keep(
        self,
        sources: DetectedSources,
        plate: PlateSolution | None,
        found: LocalAstrometry | None,
        shape: tuple[int, ...],
        stars: ReferenceStars | None = None,
    ) -> None:
        if plate is not None:
            self.cards = tpv_cards(plate)
            self.RA, self.DEC = _middle(plate, shape)
            self.pixel_scale = float(plate.pixel_scale)
            self.order = int(plate.order)
        if found is not None and not found.reason:
            for name in ("NREF", "SIG_DRA", "SIG_DDEC", "MEAN_DRA", "MEAN_DDEC", "RMS"):
                setattr(self, name, getattr(found, name))
            self.significance = found.significance
        known = (np.zeros(0), np.zeros(0)) if stars is None else stars.at_epoch(self._epoch)
        error = None if stars is None else stars.error
        self.pathname = self.new_pathname(".parquet")
        write_catalog(self.pathname, solved_table(sources, plate, found, (*known, error)))

    @property
    def _epoch(self) -> float | None:
        return julian_year(self.raw.DATE_OBS)

    def verify(self) -> None:
        """Compare with the limits; a failed solution is a flag, its reason an attribute."""
        p = self.process_params
        if self.failure:
            self.raise_flag("NO_SOLUTION")
        elif self.reference is None:
            self.raise_flag("NO_REFERENCE")
        else:
            if self.NREF < p.MIN_NREF:
                self.raise_flag("FEW_REFERENCES")
            if self.RMS > p.MAX_RMS:
                self.raise_flag("RMS_LARGE")
            if max(self.SIG_DRA, self.SIG_DDEC) > p.MAX_SIGMA:
                self.raise_flag("SIGMA_LARGE")


def _middle(plate: PlateSolution, shape: tuple[int, ...]) -> tuple[float, float]:
    ra, dec = plate.pixel_to_sky([(shape[1] - 1) / 2], [(shape[0] - 1) / 2])
    return float(ra[0]), float(dec[0])


def _bands_near(band: Any) -> list[str]:
    """Return bands in the order in which their magnitudes are like those of a filter."""
    own = str(band.mag_id) if band is not None else ""
    return [own, "GaiaG", "SloanR", "CousinsR", "JohnsonV", *BANDS]
