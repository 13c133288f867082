"""AtmosphericExtinction: what the air takes away (requirement 562)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    Extinction,
    clear_sky_extinction,
    extinction_from_frames,
    extinction_from_zeropoints,
    fit_zeropoint,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag
from awlab.backend.errors import TargetError
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.phot_src_catalog import PhotSrcCatalog
from awlab.backend.targets.standard_stars import gather_standards

__all__ = ["AtmosphericExtinction", "AtmosphericExtinctionParameters"]

_MIDDLE_OF_THE_VISIBLE = 5500.0  # for a filter whose wavelength is not known [Angstrom]


class AtmosphericExtinctionParameters(ProcessParameters):
    """Parameters of `AtmosphericExtinction`."""

    METHOD = persistent("zeropoints, frames (the same stars) or curve", str, "zeropoints")
    SIGCLIP_LEVEL = persistent("Clipping threshold, sigma", float, 3.0)
    MAX_ERROR = persistent("QC: largest error [mag]", float, 0.05)
    MIN_FRAMES = persistent("QC: fewer frames have to agree with a clear sky", int, 4)
    MAX_DIFFERENCE = persistent(
        "QC: how far they may be from that of a clear sky [mag]", float, 0.1
    )
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 1.0)


class AtmosphericExtinction(FilteredCalibration):
    """Extinction per airmass of one night and filter.

    From the zeropoints of its frames, from the same stars at different airmass, or the curve of a
    clear sky (Astro-WISE has a class for each; here it is ``METHOD``). By default that of a clear
    sky at the height of the observatory.
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
    method = persistent("How it was found: zeropoints, frames or curve", str, "zeropoints")
    extinction = persistent("Extinction coefficient [mag]", float, 0.0)
    error = persistent("Its error [mag]", float)
    nframes = persistent("Number of frames used", int, 0)
    reason = persistent("Why there is none; empty if there is one", str, "")

    def make(self) -> None:
        """Find it in the way that is asked for."""
        p = self.process_params
        self.method = p.METHOD
        ways = {"zeropoints": self._from_zeropoints, "frames": self._from_frames}
        if p.METHOD == "curve":
            self.extinction = self._of_clear_sky()
            return
        if p.METHOD not in ways:
            raise TargetError(
                f"METHOD is {p.METHOD!r}", f"use {', '.join(ways)}, or curve for a clear sky"
            )
        found, self.nframes = ways[p.METHOD]()
        self.reason = found.reason or self._doubt(found.value)
        if np.isfinite(found.value):
            self.extinction, self.error = found.value, found.error

    def _doubt(self, value: float) -> str:
        """Say why a value is not believed: few frames do not tell extinction from a cloud."""
        p = self.process_params
        difference = value - self._of_clear_sky()
        if self.nframes >= p.MIN_FRAMES or abs(difference) <= p.MAX_DIFFERENCE:
            return ""
        return (
            f"{self.nframes} frames can be used, MIN_FRAMES is {p.MIN_FRAMES}, and they give"
            f" {value:.3f} mag, {difference:+.3f} from a clear sky"
        )

    def _from_zeropoints(self) -> tuple[Extinction, int]:
        """Fit a line to the zeropoints of the frames over airmass."""
        points = [
            (found.zeropoint, found.zp_error, photcat.airmass)
            for photcat in self.photcats
            if (found := _zeropoint_of(photcat, self.filter.mag_id)) is not None
        ]
        columns = np.asarray(points, float).reshape(-1, 3).T
        clip = self.process_params.SIGCLIP_LEVEL
        fit = extinction_from_zeropoints(columns[0], columns[1], columns[2], clip)
        return fit, fit.source_count or len(points)

    def _from_frames(self) -> tuple[Extinction, int]:
        """Compare every star with itself at other airmass; its true magnitude is not needed."""
        tables = [(n, cat.airmass, cat.sources()) for n, cat in enumerate(self.photcats)]
        tables = [item for item in tables if item[2].count]
        magnitude, error, star = (
            np.concatenate([np.zeros(0), *(np.asarray(table[name]) for _, _, table in tables)])
            for name in ("INST_MAG", "INST_MAGERR", "STANDARD")
        )
        counts = [table.count for _, _, table in tables]
        airmass = np.repeat([mass for _, mass, _ in tables], counts).astype(float)
        clip = self.process_params.SIGCLIP_LEVEL
        fit = extinction_from_frames((magnitude, error), star, airmass, clip)
        frame = np.repeat([n for n, _, _ in tables], counts)
        return fit, int(np.unique(frame[fit.used]).size)

    def _of_clear_sky(self) -> float:
        wavelength = self.filter.central_wavelength or _MIDDLE_OF_THE_VISIBLE
        return clear_sky_extinction(wavelength, self.instrument.elevation or 0.0)

    def make_default(self) -> None:
        """Take that of a clear sky."""
        self.method, self.extinction = "curve", self._of_clear_sky()

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
