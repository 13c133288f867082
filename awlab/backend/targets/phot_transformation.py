"""PhotTransformation: from the band of the instrument to the standard one (requirement 565)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import fit_transformation
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.phot_src_catalog import PhotSrcCatalog
from awlab.backend.targets.standard_stars import gather_standards

__all__ = ["PhotTransformation", "PhotTransformationParameters"]


class PhotTransformationParameters(ProcessParameters):
    """Parameters of `PhotTransformation`."""

    PIVOT = persistent("Colour that needs no correction [mag]", float, 0.0)
    SIGMA_CLIPPING_LEVEL = persistent("Clipping threshold, sigma", float, 3.0)
    LEAST_SIGNIFICANCE = persistent("Terms of fewer sigma are not applied", float, 3.0)
    MIN_SOURCE_COUNT = persistent("QC: smallest number of measurements", int, 5)
    MAX_ERROR = persistent("QC: largest error of the colour term", float, 0.1)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 30.0)


class PhotTransformation(FilteredCalibration):
    """Colour term of a chip and filter: standard minus natural magnitude, per colour.

    By default there is none.
    """

    SEQUENCE = "Transformation"
    REQUIREMENT = "565"
    PURPOSES: ClassVar[tuple[str, ...]] = ("photom",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_FIT", "the standard stars give no colour term; `reason` says why"),
        Flag(17, "ERROR_LARGE", "the error of the colour term is above MAX_ERROR"),
        Flag(18, "FEW_STARS", "fewer measurements than MIN_SOURCE_COUNT"),
    )

    photcats = persistent("Standard stars of the night", PhotSrcCatalog, [])
    process_params = persistent("Process parameters", PhotTransformationParameters)
    primary_band = persistent("Standard band", str, "")
    secondary_band = persistent("Bluer band of the colour", str, "")
    tertiary_band = persistent("Redder band of the colour", str, "")
    color_term = persistent("Colour term", float, 0.0)
    color_term_error = persistent("Its error", float, 0.0)
    coefficient = persistent("Constant [mag]", float, 0.0)
    num_sources = persistent("Number of measurements used", int, 0)
    scatter = persistent("Scatter of the stars beyond their errors [mag]", float)
    reason = persistent("Why there is none; empty if there is one", str, "")

    @property
    def applied_term(self) -> float:
        """The colour term if it is one, 0 if it is lost in its error.

        Stars are far from the pivot: an error of 0.002 in a term that is none would move the
        zeropoint by as many mmag.
        """
        least = self.process_params.LEAST_SIGNIFICANCE * self.color_term_error
        return float(self.color_term) if abs(self.color_term) >= least else 0.0

    def make(self) -> None:
        """Fit one colour term, and a zeropoint for every frame beside it."""
        p = self.process_params
        self.primary_band = self.filter.mag_id
        stars = gather_standards(self.photcats, self.filter.mag_id)
        if stars is None or not stars.colour:
            self.reason = f"the standard stars have no colour with {self.filter.mag_id}"
            return
        self.secondary_band, self.tertiary_band = stars.colour
        fit = fit_transformation(
            stars.standards,
            stars.frame,
            pivot=p.PIVOT,
            rejection_threshold=p.SIGMA_CLIPPING_LEVEL,
        )
        self.reason, self.num_sources = fit.reason, fit.source_count
        if np.isfinite(fit.color_term):
            self.color_term, self.color_term_error = fit.color_term, fit.color_term_error
            self.coefficient, self.scatter = fit.coefficient, fit.scatter

    def make_default(self) -> None:
        """Take the natural magnitude for the standard one."""
        self.primary_band = self.filter.mag_id

    def verify(self) -> None:
        """Compare with the limits."""
        p = self.process_params
        if self.reason:
            self.raise_flag("NO_FIT")
            return
        if self.color_term_error > p.MAX_ERROR:
            self.raise_flag("ERROR_LARGE")
        if self.num_sources < p.MIN_SOURCE_COUNT:
            self.raise_flag("FEW_STARS")
