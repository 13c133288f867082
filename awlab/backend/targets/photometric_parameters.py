"""PhotometricParameters: the zeropoint of a chip, filter and night (requirements 563, 564)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import ZeropointOptions, fit_zeropoint
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.atmospheric_extinction import AtmosphericExtinction
from awlab.backend.targets.phot_src_catalog import PhotSrcCatalog
from awlab.backend.targets.phot_transformation import PhotTransformation
from awlab.backend.targets.standard_stars import gather_standards

__all__ = ["PhotometricParameters", "PhotometricParametersParameters"]

_NOMINAL = 25.0  # for a telescope of which nothing is known [mag]


class PhotometricParametersParameters(ProcessParameters):
    """Parameters of `PhotometricParameters`."""

    SIGMA_CLIPPING_LEVEL = persistent("Clipping threshold, sigma", float, 3.0)
    MIN_SOURCE_COUNT = persistent("QC: smallest number of standard stars", int, 3)
    MAX_ERROR = persistent("QC: largest error of the zeropoint [mag]", float, 0.05)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 1.0)


class PhotometricParameters(FilteredCalibration):
    """Zeropoint of a chip and filter in one night, outside of the atmosphere.

    ``m = zeropoint - extinction X - 2.5 log10(ADU / s) + color_term (colour - pivot)``. By default
    a nominal one, which says so in ``zp_origin``.
    """

    SEQUENCE = "Photometry"
    REQUIREMENT = "563"
    PURPOSES: ClassVar[tuple[str, ...]] = ("photom",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_FIT", "the standard stars give no zeropoint; `reason` says why"),
        Flag(17, "ERROR_LARGE", "the error of the zeropoint is above MAX_ERROR"),
    )

    photcats = persistent("Standard stars of the night", PhotSrcCatalog, [])
    extinction = persistent("Extinction", AtmosphericExtinction)
    transform = persistent("Colour term", PhotTransformation)
    process_params = persistent("Process parameters", PhotometricParametersParameters)
    zeropoint = persistent("Zeropoint outside of the atmosphere [mag]", float, _NOMINAL)
    zp_error = persistent("Its error [mag]", float)
    zp_origin = persistent("derived or default", str, "derived")
    num_sources = persistent("Number of measurements of standard stars used", int, 0)
    scatter = persistent("Scatter of the stars beyond their errors [mag]", float)
    rms = persistent("Rms of the residuals [mag]", float)
    frame_offsets = persistent("Median residual of each frame [mag]", dict, {})
    reason = persistent("Why there is none; empty if there is one", str, "")

    def zeropoint_at(self, airmass: float) -> float:
        """Return the magnitude of 1 ADU per second at an airmass [mag]."""
        # The default has no inputs: its nominal zeropoint holds at any airmass.
        loss = self.extinction.extinction if self.extinction is not None else 0.0
        return float(self.zeropoint - loss * airmass)

    def make(self) -> None:
        """Fit one zeropoint to all standard stars of the night."""
        p = self.process_params
        stars = gather_standards(self.photcats, self.filter.mag_id)
        if stars is None:
            self.zp_origin = "default"
            self.reason = f"no standard star has a magnitude in {self.filter.mag_id}"
            return
        # Every frame has an airmass of its own: the extinction comes off star by star.
        above = stars.standards.instrumental - self.extinction.extinction * stars.airmass
        fit = fit_zeropoint(
            replace(stars.standards, instrumental=above),
            ZeropointOptions(
                rejection_threshold=p.SIGMA_CLIPPING_LEVEL,
                minimum_stars=p.MIN_SOURCE_COUNT,
                color_term=self.transform.applied_term,
                color_term_error=self.transform.color_term_error,
                pivot=self.transform.process_params.PIVOT,
                default=_NOMINAL,
            ),
        )
        self.zeropoint, self.zp_origin, self.reason = fit.zeropoint, fit.zp_origin, fit.reason
        self.num_sources = fit.source_count
        if fit.zp_origin == "derived":
            self.zp_error, self.scatter, self.rms = fit.zp_error, fit.scatter, fit.rms
            self.frame_offsets = {
                photcat.raw.filename: float(np.median(fit.residuals[mine]))
                for n, photcat in enumerate(self.photcats)
                if (mine := (stars.frame == n) & fit.used).any()
            }

    def make_default(self) -> None:
        """Take a nominal zeropoint."""
        self.zp_origin = "default"

    def verify(self) -> None:
        """Compare with the limits."""
        if self.reason:
            self.raise_flag("NO_FIT")
        elif self.zp_error is not None and self.zp_error > self.process_params.MAX_ERROR:
            self.raise_flag("ERROR_LARGE")
