"""GAstrometric: one plate solution for all chips of overlapping exposures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    GlobalAstrometry,
    GlobalOptions,
    MosaicFrame,
    ReferenceStars,
    associate,
    mean_positions,
    overlap_groups,
    solve_global_astrometry,
    tpv_cards,
)
from awlab.backend.catalogs import ColumnMeaning, SourceTable, write_catalog
from awlab.backend.database import persistent
from awlab.backend.datamodel import DataObject, Flag
from awlab.backend.process import ProcessParameters
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.astrometric_sources import SolvedFrame, read_solved
from awlab.backend.targets.field_solution import FieldSolution

__all__ = ["GAstrometric", "GAstrometricParameters"]

# A star of the reference has one place in it, whichever frame it was read from [arcsec].
_SAME_STAR = 0.3
# Detections of frames whose pixels are large lie further apart [pixel].
_LEAST_RADIUS = 1.5
# No detection is better than that [pixel].
_FLOOR = 0.02
# Without a reference the local solutions hold the field where it is, and no more [arcsec].
_LOCAL_ERROR = 1.0
_EXTERNAL = ("NREF", "SIG_DRA", "SIG_DDEC", "MEAN_DRA", "MEAN_DDEC", "RMS")
_INTERNAL = ("NOVERLAP", "SIG_DRA_OVERLAP", "SIG_DDEC_OVERLAP", "RMS_OVERLAP")
_MEANINGS = {
    "FRAME": ColumnMeaning("", "Frame of the detection, from 0 in the order of the members"),
    "STAR": ColumnMeaning("", "Star that was detected"),
    "SID": ColumnMeaning("", "Source in the file of the local solution"),
    "DRA": ColumnMeaning("arcsec", "RA of the mean of the star minus RA detected, times cos Dec"),
    "DDEC": ColumnMeaning("arcsec", "Dec of the mean of the star minus Dec detected"),
    "DRA_REF": ColumnMeaning("arcsec", "RA of the reference minus RA detected, times cos Dec"),
    "DDEC_REF": ColumnMeaning("arcsec", "Dec of the reference minus Dec detected"),
    "USED": ColumnMeaning("", "1 if the detection was used for the solution, 0 if not"),
}


class GAstrometricParameters(ProcessParameters):
    """Parameters of `GAstrometric`; limits are named as those of Astro-WISE."""

    MATCH_RADIUS = persistent(
        "Radius within which detections are one star, at least 1.5 pixel [arcsec]", float, 1.5
    )
    CHIP_PDEG = persistent("Highest degree of the polynomials of chips", int, 3)
    EXPOSURE_PDEG = persistent("Highest degree of those of exposures", int, 2)
    STARS_PER_COEFFICIENT = persistent(
        "Stars that a coefficient needs, seen twice or known", float, 2.5
    )
    NITER = persistent("Number of Gauss-Newton steps", int, 4)
    REJECTION_THRESHOLD = persistent("Clipping threshold, sigma", float, 4.0)
    MIN_NREF = persistent("QC: smallest number of reference stars", int, 10)
    MAX_RMS = persistent("QC: largest rms about the reference [arcsec]", float, 1.0)
    MAX_SIGMA = persistent("QC: largest SIG_DRA or SIG_DDEC [arcsec]", float, 0.6)
    MIN_NOVERLAP = persistent("QC: smallest number of stars seen more than once", int, 10)
    MAX_RMS_OVERLAP = persistent("QC: largest rms of the overlaps [arcsec]", float, 0.3)
    MAX_SIGMA_OVERLAP = persistent("QC: largest SIG_D.._OVERLAP [arcsec]", float, 0.25)


class GAstrometric(FieldSolution, DataObject):
    """Plate solutions of all frames of a field, from the stars they share and the reference.

    Chips have a polynomial that is the same in all exposures, exposures have one of the whole
    focal plane. It is made from the sources that the local solutions keep, and needs no pixels.
    Its file has a row per detection, with residuals about the mean and the reference.
    """

    SEQUENCE = "GAstrometry"
    _product_code = "GAstr"
    _file_category = "Sci"
    _indexes = (("OBJECT", "filter"),)
    FATAL: ClassVar[tuple[str, ...]] = ("NO_SOLUTION",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_SOLUTION", "the frames cannot be solved together; `reason` says why"),
        Flag(17, "NO_REFERENCE", "no frame has a reference: the local solutions hold the field",
             informs=True),
        Flag(18, "FEW_REFERENCES", "fewer reference stars than MIN_NREF"),
        Flag(19, "RMS_LARGE", "the rms about the reference is above MAX_RMS"),
        Flag(20, "SIGMA_LARGE", "the scatter in RA or Dec about it is above MAX_SIGMA"),
        Flag(21, "FEW_OVERLAPS", "fewer stars seen more than once than MIN_NOVERLAP"),
        Flag(22, "RMS_OVERLAP_LARGE", "the rms of the overlaps is above MAX_RMS_OVERLAP"),
        Flag(23, "SIGMA_OVERLAP_LARGE", "their scatter in RA or Dec is above MAX_SIGMA_OVERLAP"),
        Flag(24, "DISCONNECTED", "some exposures share no star with the others: `groups`"),
    )  # fmt: skip

    local_solutions = persistent("Local solutions of the frames", AstrometricParameters, [])
    process_params = persistent("Process parameters", GAstrometricParameters)
    chip_order = persistent("Degree of the polynomials of the chips", int, 0)
    exposure_order = persistent("Degree of those of the exposures", int, 0)
    NREF = persistent("Number of stars that the reference has", int, 0)
    SIG_DRA = persistent("Standard deviation about the reference in RA [arcsec]", float)
    SIG_DDEC = persistent("Standard deviation about the reference in Dec [arcsec]", float)
    MEAN_DRA = persistent("Mean of reference minus star in RA [arcsec]", float)
    MEAN_DDEC = persistent("Mean of reference minus star in Dec [arcsec]", float)
    RMS = persistent("Rms separation of stars and reference [arcsec]", float)
    SIG_DRA_OVERLAP = persistent("Scatter of detections of one star in RA [arcsec]", float)
    SIG_DDEC_OVERLAP = persistent("Scatter of detections of one star in Dec [arcsec]", float)
    MEAN_DRA_OVERLAP = persistent("Mean residual of the overlaps in RA [arcsec]", float)
    MEAN_DDEC_OVERLAP = persistent("Mean residual of the overlaps in Dec [arcsec]", float)
    RMS_OVERLAP = persistent("Rms of detections about their star [arcsec]", float)

    def cards_of(self, raw: Any) -> dict[str, Any] | None:
        """Return the world coordinates of a raw frame as FITS keywords, for the trimmed image.

        Parameters
        ----------
        raw : RawScienceFrame
            The raw frame; None is returned for one that is not among the frames.
        """
        found = self.solution_of(raw)
        return None if found is None else dict(found["cards"])

    def make(self) -> None:
        """Read the sources of all frames, and solve them together."""
        members = list(self.local_solutions)
        raws = [member.raw for member in members]
        self.take_facts(raws)
        frames = [read_solved(member) for member in members]
        mosaic = _mosaic(raws, frames)
        scale = float(np.median([frame.plate.pixel_scale for frame in frames]))
        radius = max(self.process_params.MATCH_RADIUS, _LEAST_RADIUS * scale)
        ties = _ties(frames, radius)
        reference, self._has_reference = _reference(frames, ties)
        options = self._options(mosaic, ties)
        options = replace(options, match_radius=radius, floor=_FLOOR * scale)
        found = solve_global_astrometry(mosaic, reference, options)
        self.pathname = self.new_pathname(".parquet")
        table = _residuals(found, reference, frames)
        write_catalog(self.pathname, table)
        exposure = np.array([one.exposure for one in mosaic])
        group = self._overlap_groups(found, exposure)[exposure]
        if self.reason:
            return
        external = _EXTERNAL if self._has_reference else ()
        for name in (*external, *_INTERNAL):
            setattr(self, name, _plain(getattr(found, name)))
        several = _several(found)
        self.MEAN_DRA_OVERLAP = float(found.dra[several].mean())
        self.MEAN_DDEC_OVERLAP = float(found.ddec[several].mean())
        facts = self._of_frames(table, several)
        self.solutions = {
            raw.filename: {"cards": tpv_cards(plate), "group": int(its)} | one
            for raw, plate, its, one in zip(raws, found.plates, group, facts, strict=True)
        }

    _has_reference = True

    def _options(self, mosaic: list[MosaicFrame], ties: _Ties) -> GlobalOptions:
        """Lower the orders of polynomials where stars are few."""
        p = self.process_params
        for name, highest, part in (
            ("chip_order", p.CHIP_PDEG, [one.chip for one in mosaic]),
            ("exposure_order", p.EXPOSURE_PDEG, [one.exposure for one in mosaic]),
        ):
            pairs = np.unique(np.stack([np.array(part)[ties.frame], ties.star]), axis=1)
            stars = np.bincount(pairs[0], minlength=max(part) + 1)
            allowed = float(np.median(stars)) / p.STARS_PER_COEFFICIENT
            setattr(self, name, _order(allowed, highest))
        return GlobalOptions(
            chip_order=self.chip_order,
            exposure_order=self.exposure_order,
            iterations=p.NITER,
            rejection_threshold=p.REJECTION_THRESHOLD,
        )

    def _overlap_groups(
        self, found: GlobalAstrometry, exposure: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Group the exposures, and say why there is no solution if there is none."""
        self.reason = found.reason
        several = _several(found)
        group = overlap_groups(exposure[found.frame[several]], found.star[several], self.nexposures)
        self.groups = int(group.max()) + 1
        if not self.reason and self.groups == self.nexposures:
            self.reason = (
                f"no star is seen on two of {self.nexposures} exposures"
                if self.nexposures > 1
                else "there is one exposure only"
            )
        return group

    def _of_frames(self, table: SourceTable, several: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Return numbers and residuals of the detections of each frame."""
        frames = self.nframes
        number, rms = _by_frame(table, frames, ("DRA", "DDEC"), several)
        facts = [{"NOVERLAP": n, "RMS_OVERLAP": r} for n, r in zip(number, rms, strict=True)]
        if self._has_reference:
            known = (table["USED"] > 0) & np.isfinite(table["DRA_REF"])
            number, rms = _by_frame(table, frames, ("DRA_REF", "DDEC_REF"), known)
            for one, n, r in zip(facts, number, rms, strict=True):
                one |= {"NREF": n, "RMS": r}
        return facts

    def verify(self) -> None:
        """Compare with the limits; no solution is a flag, its reason an attribute."""
        p = self.process_params
        if self.reason:
            self.raise_flag("NO_SOLUTION")
            return
        if not self._has_reference:
            self.raise_flag("NO_REFERENCE")
        elif self.NREF < p.MIN_NREF:
            self.raise_flag("FEW_REFERENCES")
        for suffix in ("", "_OVERLAP"):
            names = (f"RMS{suffix}", f"SIG_DRA{suffix}", f"SIG_DDEC{suffix}")
            rms, *sigmas = (getattr(self, name) or 0.0 for name in names)
            if rms > getattr(p, f"MAX_RMS{suffix}"):
                self.raise_flag(f"RMS{suffix}_LARGE")
            if max(sigmas) > getattr(p, f"MAX_SIGMA{suffix}"):
                self.raise_flag(f"SIGMA{suffix}_LARGE")
        if self.NOVERLAP < p.MIN_NOVERLAP:
            self.raise_flag("FEW_OVERLAPS")
        if self.groups > 1:
            self.raise_flag("DISCONNECTED")


def _mosaic(raws: list[Any], frames: list[SolvedFrame]) -> list[MosaicFrame]:
    """Number exposures and chips: what began at the same moment is one exposure."""
    _, exposure = np.unique([raw.DATE_OBS for raw in raws], return_inverse=True)
    _, chip = np.unique([raw.chip.name for raw in raws], return_inverse=True)
    return [
        MosaicFrame(int(e), int(c), frame.sources, frame.plate)
        for e, c, frame in zip(exposure, chip, frames, strict=True)
    ]


class _Ties(NamedTuple):
    """Detections of stars that tie a frame to others or to the reference: frame and star.

    And the mean places of the stars that are seen more than once [deg].
    """

    frame: NDArray[np.int64]
    star: NDArray[np.int64]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]


def _ties(frames: list[SolvedFrame], radius: float) -> _Ties:
    lists = [(frame.ra, frame.dec) for frame in frames]
    found = associate(lists, radius)
    ra, dec = mean_positions(found, lists)
    several = np.bincount(found.AID, minlength=ra.size) > 1
    starts = np.cumsum([0, *(frame.ra.size for frame in frames)])
    known = np.concatenate([frame.is_known for frame in frames])
    rows = several[found.AID] | known[starts[found.list_index] + found.SID]
    return _Ties(found.list_index[rows], found.AID[rows], ra[several], dec[several])


def _reference(frames: list[SolvedFrame], ties: _Ties) -> tuple[ReferenceStars, bool]:
    """Gather the reference stars of all frames; without any, the mean places of their stars."""
    lists = [(frame.reference.ra, frame.reference.dec) for frame in frames]
    if not any(ra.size for ra, _ in lists):
        nothing = np.zeros(ties.ra.size)
        return ReferenceStars(ties.ra, ties.dec, nothing, nothing + _LOCAL_ERROR), False
    found = associate(lists, _SAME_STAR)
    ra, dec = mean_positions(found, lists)
    errors = np.concatenate([_errors(frame.reference) for frame in frames])
    starts = np.cumsum([0, *(one.size for one, _ in lists)])
    error = np.full(ra.size, np.nan)
    error[found.AID] = errors[starts[found.list_index] + found.SID]
    return ReferenceStars(ra, dec, np.zeros(ra.size), error), True


def _errors(stars: ReferenceStars) -> NDArray[np.float64]:
    return np.full(stars.ra.size, np.nan) if stars.error is None else stars.error


def _several(found: GlobalAstrometry) -> NDArray[np.bool_]:
    """Mark the used detections of stars that are used more than once."""
    count = np.bincount(found.star[found.used], minlength=found.ra.size)
    marks: NDArray[np.bool_] = found.used & (count[found.star] > 1)
    return marks


def _residuals(
    found: GlobalAstrometry, reference: ReferenceStars, frames: list[SolvedFrame]
) -> SourceTable:
    """Return a row per detection: its star, and how far that and the reference are from it."""
    star = found.star
    known = found.reference[star]
    has = known >= 0
    east, north = np.full(star.size, np.nan), np.full(star.size, np.nan)
    ra, dec = found.ra[star], found.dec[star]
    if has.any():
        apart = (reference.ra[known] - ra + 180.0) % 360.0 - 180.0
        east = np.where(has, 3600.0 * apart * np.cos(np.radians(dec)) + found.dra, np.nan)
        north = np.where(has, 3600.0 * (reference.dec[known] - dec) + found.ddec, np.nan)
    starts = np.cumsum([0, *(frame.sources.x.size for frame in frames)])
    place = starts[found.frame] + found.source
    x, y = (np.concatenate([getattr(f.sources, c) for f in frames])[place] for c in ("x", "y"))
    columns = {
        "RA": ra, "DEC": dec, "FRAME": found.frame, "STAR": star, "SID": found.source,
        "X_IMAGE": x + 1.0, "Y_IMAGE": y + 1.0, "DRA": found.dra, "DDEC": found.ddec,
        "DRA_REF": east, "DDEC_REF": north, "USED": found.used.astype(np.uint8),
    }  # fmt: skip
    return SourceTable(columns, _MEANINGS)


def _by_frame(
    table: SourceTable, frames: int, names: tuple[str, str], which: NDArray[np.bool_]
) -> tuple[list[int], list[float | None]]:
    """Return how many detections of each frame count, and their rms; nothing without any."""
    frame = table["FRAME"][which]
    squares = sum(table[name][which] ** 2 for name in names)
    number = np.bincount(frame, minlength=frames)
    sums = np.bincount(frame, squares, minlength=frames)
    rms = [float(np.sqrt(s / n)) if n else None for s, n in zip(sums, number, strict=True)]
    return number.tolist(), rms


def _order(allowed: float, highest: int) -> int:
    """Return the highest degree with at most so many coefficients; 1 at least."""
    degrees = [n for n in range(1, highest + 1) if (n + 1) * (n + 2) // 2 <= allowed]
    return max(degrees, default=1)


def _plain(value: Any) -> Any:
    """Return a number as the database takes it; nothing for what is not a number."""
    return value if isinstance(value, int) or np.isfinite(value) else None
