"""Illumination correction of a chip and filter (requirement 548): the fit, and the frame of it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    BadArray,
    ChipPolynomial,
    IlluminationFit,
    ZeropointOptions,
    fit_illumination,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.phot_src_catalog import PhotSrcCatalog
from awlab.backend.targets.phot_transformation import PhotTransformation
from awlab.backend.targets.pixels import keep_pixels
from awlab.backend.targets.standard_stars import GatheredStars, gather_standards

__all__ = [
    "IlluminationCorrection",
    "IlluminationCorrectionFrame",
    "IlluminationCorrectionParameters",
]

# Offset of every frame and surface of all of them are fitted in turns.
_TURNS = 3
# Extraction flags of neighbours, blends, saturation and the edge: those of the zeropoint.
_SPOILED = ZeropointOptions().flag_mask
_TO_SIGMA = 1.4826  # from the median of absolute residuals


class IlluminationCorrectionParameters(ProcessParameters):
    """Parameters of `IlluminationCorrection`; the first is named as in Astro-WISE."""

    SIGMA_CLIPPING_LEVEL = persistent("Clipping threshold of the residuals, sigma", float, 3.0)
    ORDER = persistent("Order of the polynomial, lowered where stars are few", int, 2)
    MIN_SOURCE_COUNT = persistent("QC: smallest number of measurements of stars", int, 30)
    MAX_ERROR = persistent("QC: largest error of the surface, rms over the chip [mag]", float, 0.02)
    MAXIMUM_RANGE = persistent("QC: largest range of the surface [mag]", float, 0.5)
    MAXIMUM_RANGE_DIFF = persistent("QC: largest change of it since prev [mag]", float, 0.05)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class IlluminationCorrection(FilteredCalibration):
    """Zeropoint as a function of the place on a chip: a polynomial through standard stars.

    Light that reached the flat field, but not by way of the mirror, makes the sky flat and the
    stars wrong. The surface is 0 on average at the stars it was fitted to, which are those of
    `PhotometricParameters`: its zeropoint holds for a frame that was corrected, and for one that
    was not it holds in the mean.
    """

    SEQUENCE = "Illumination"
    REQUIREMENT = "548F"
    PURPOSES: ClassVar[tuple[str, ...]] = ("photom",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_FIT", "the standard stars give no surface; `reason` says why"),
        Flag(17, "FEW_STARS", "fewer measurements than MIN_SOURCE_COUNT"),
        Flag(18, "ERROR_LARGE", "the error of the surface is above MAX_ERROR"),
        Flag(19, "RANGE_LARGE", "the surface varies by more than MAXIMUM_RANGE"),
        Flag(20, "RANGE_CHANGED", "its range differs from prev by more than MAXIMUM_RANGE_DIFF"),
    )

    photcats = persistent("Standard stars of the night", PhotSrcCatalog, [])
    transform = persistent("Colour term", PhotTransformation)
    process_params = persistent("Process parameters", IlluminationCorrectionParameters)
    order = persistent("Order of the polynomial", int, 0)
    coefficients = persistent("Of u**i v**j, u and v from -1 to 1 [mag]", float, [])
    NAXIS1 = persistent("Length of axis 1 of the chip [pixel]", int)
    NAXIS2 = persistent("Length of axis 2 of the chip [pixel]", int)
    rms = persistent("Scatter of the stars about the surface [mag]", float)
    error = persistent("Error of the surface, rms over the chip [mag]", float)
    range = persistent("Largest less smallest value of the surface [mag]", float)
    num_sources = persistent("Number of measurements of stars used", int, 0)
    reason = persistent("Why there is none; empty if there is one", str, "")

    def make(self) -> None:
        """Fit the residuals of the zeropoints over the chip, with an offset for every frame."""
        stars = gather_standards(self.photcats, self.filter.mag_id)
        if stars is None:
            self.reason = f"no standard star has a magnitude in {self.filter.mag_id}"
            return
        reduced = self.photcats[0].reduced
        self.NAXIS1, self.NAXIS2 = reduced.NAXIS1, reduced.NAXIS2
        x, y = (self._column(stars, name) for name in ("X_IMAGE", "Y_IMAGE"))
        # FITS counts pixels from 1.
        places = (x - 1.0, y - 1.0)
        try:
            fit = self._fit(stars, places)
        except BadArray as exc:
            self.reason = str(exc)
            return
        used = fit.polynomial.used
        values = fit.polynomial.at(places[0][used], places[1][used])
        coefficients = fit.polynomial.coefficients.copy()
        coefficients[0] -= float(np.mean(values))
        self.order, self.coefficients = fit.polynomial.order, coefficients.tolist()
        self.rms, self.num_sources = fit.rms, fit.stars
        self.error = float(fit.rms * np.sqrt(len(coefficients) / fit.stars))
        surface = fit.polynomial.image()
        self.range = float(surface.max() - surface.min())

    def _column(self, stars: GatheredStars, name: str) -> NDArray[np.float64]:
        """Return a column of the catalogues that the stars were gathered from, in their order."""
        tables = [self.photcats[int(n)].sources() for n in np.unique(stars.frame)]
        return np.concatenate([np.asarray(table[name], np.float64) for table in tables])

    def _fit(self, stars: GatheredStars, places: tuple[Any, Any]) -> IlluminationFit:
        p, known = self.process_params, stars.standards
        residuals = np.asarray(known.magnitude - known.instrumental, np.float64)
        if known.colour is not None:
            pivot = self.transform.process_params.PIVOT
            residuals = residuals - self.transform.applied_term * (known.colour - pivot)
        if known.flags is not None:
            residuals = np.where((known.flags & _SPOILED) == 0, residuals, np.nan)
        own = np.hypot(known.instrumental_error, known.magnitude_error)
        errors, surface = own, np.zeros_like(residuals)
        for _ in range(_TURNS):
            offsets = np.zeros_like(residuals)
            for n in np.unique(stars.frame):
                mine = stars.frame == n
                left = (residuals - surface)[mine]
                offsets[mine] = np.nanmedian(left) if np.isfinite(left).any() else np.nan
            fit = fit_illumination(
                places,
                residuals - offsets,
                (self.NAXIS2, self.NAXIS1),
                errors=errors,
                order=p.ORDER,
                sigma_clip=p.SIGMA_CLIPPING_LEVEL,
            )
            surface = fit.polynomial.at(*places)
            # Neighbours too faint to be found move stars by more than their errors.
            left = (residuals - offsets - surface)[fit.polynomial.used]
            beyond = (_TO_SIGMA * np.median(np.abs(left))) ** 2 - np.nanmedian(own) ** 2
            errors = np.hypot(own, np.sqrt(max(float(beyond), 0.0)))
        return fit

    @property
    def polynomial(self) -> ChipPolynomial:
        """The surface [mag]."""
        shape = (self.NAXIS2, self.NAXIS1)
        values = np.asarray(self.coefficients, np.float64)
        return ChipPolynomial(values, self.order, shape, self.rms, np.zeros(0, np.bool_))

    def verify(self) -> None:
        """Compare with the limits, and with the previous surface."""
        p = self.process_params
        if self.reason:
            self.raise_flag("NO_FIT")
            return
        if self.num_sources < p.MIN_SOURCE_COUNT:
            self.raise_flag("FEW_STARS")
        if self.error > p.MAX_ERROR:
            self.raise_flag("ERROR_LARGE")
        if self.range > p.MAXIMUM_RANGE:
            self.raise_flag("RANGE_LARGE")
        change = self.compare().get("range")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_RANGE_DIFF:
            self.raise_flag("RANGE_CHANGED")


class IlluminationCorrectionFrame(BaseFrame, FilteredCalibration):
    """Factor by which the pixels of a reduced frame are multiplied, its background subtracted.

    `RegriddedFrame` does so with an ILLUMINATION_CORRECTION of 1.
    """

    SEQUENCE = "IlluminationFrame"
    REQUIREMENT = "548"
    _product_code = "Illu"

    illumination_correction = persistent("Surface of the zeropoints", IlluminationCorrection)

    def make(self) -> None:
        """Turn the surface into factors, pixel by pixel."""
        found = self.illumination_correction
        fit = IlluminationFit(found.polynomial, found.rms, found.num_sources)
        keep_pixels(self, fit.frame())
