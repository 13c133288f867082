"""AtmosphericExtinction: what the air takes away (requirement 562)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    clear_sky_extinction,
    extinction_from_zeropoints,
    fit_zeropoint,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.phot_src_catalog import PhotSrcCatalog
from awlab.backend.targets.standard_stars import gather_standards

__all__ = ["AtmosphericExtinction", "AtmosphericExtinctionParameters"]

_MIDDLE_OF_THE_VISIBLE = 5500.0  # for a filter whose wavelength is not known [Angstrom]


class AtmosphericExtinctionParameters(ProcessParameters):
    """Parameters of `AtmosphericExtinction`."""

    SIGCLIP_LEVEL = persistent("Clipping threshold, sigma", float, 3.0)
    MAX_ERROR = persistent("QC: largest error [mag]", float, 0.05)
    MIN_FRAMES = persistent("QC: smallest number of frames", int, 4)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 1.0)


class AtmosphericExtinction(FilteredCalibration):
    """Extinction per airmass of one night and filter, from the zeropoints of its frames.

    By default that of a clear sky at the height of the observatory.
    """

    SEQUENCE = "Extinction"
    REQUIREMENT = "562"
    PURPOSES: ClassVar[tuple[str, ...]] = ("photom",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_FIT", "the frames do not give an extinction; `reason` says why"),
        Flag(17, "ERROR_LARGE", "the error is above MAX_ERROR"),
        Flag(18, "IMPOSSIBLE", "an extinction below zero"),
    )

    photcats = persistent("Standard stars of the night", PhotSrcCatalog, [])
    process_params = persistent("Process parameters", AtmosphericExtinctionParameters)
    extinction = persistent("Extinction coefficient [mag]", float, 0.0)
    error = persistent("Its error [mag]", float)
    nframes = persistent("Number of frames used", int, 0)
    reason = persistent("Why there is none; empty if there is one", str, "")

    def make(self) -> None:
        """Fit a line to the zeropoints of the frames over airmass."""
        p = self.process_params
        points = [
            (found.zeropoint, found.zp_error, photcat.airmass)
            for photcat in self.photcats
            if (found := _zeropoint_of(photcat, self.filter.mag_id)) is not None
        ]
        zeropoints, errors, airmass = (
            np.asarray(points, float).reshape(-1, 3).T if points else np.zeros((3, 0))
        )
        fit = extinction_from_zeropoints(zeropoints, errors, airmass, p.SIGCLIP_LEVEL)
        self.reason, self.nframes = fit.reason, fit.source_count
        if not self.reason and self.nframes < p.MIN_FRAMES:
            self.reason = f"{self.nframes} frames, MIN_FRAMES is {p.MIN_FRAMES}"
        if np.isfinite(fit.value):
            self.extinction, self.error = fit.value, fit.error

    def make_default(self) -> None:
        """Take that of a clear sky."""
        wavelength = self.filter.central_wavelength or _MIDDLE_OF_THE_VISIBLE
        self.extinction = clear_sky_extinction(wavelength, self.instrument.elevation or 0.0)

    def verify(self) -> None:
        """Compare with the limits."""
        if self.reason:
            self.raise_flag("NO_FIT")
        elif self.extinction < 0:
            self.raise_flag("IMPOSSIBLE")
        if self.error is not None and self.error > self.process_params.MAX_ERROR:
            self.raise_flag("ERROR_LARGE")


def _zeropoint_of(photcat: Any, band: str) -> Any:
    """Return the zeropoint of one frame as it stands, None without enough stars."""
    stars = gather_standards([photcat], band)
    if stars is None:
        return None
    found = fit_zeropoint(stars.standards)
    return found if found.zp_origin == "derived" else None
