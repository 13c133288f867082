"""GPhotometric: zeropoints of all frames of a field, from the stars they share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    FrameMagnitudes,
    FrameParts,
    FrameZeropointOptions,
    FrameZeropoints,
    associate,
    mean_positions,
    solve_frame_zeropoints,
)
from awlab.backend.catalogs import ColumnMeaning, SourceTable, write_catalog
from awlab.backend.database import persistent
from awlab.backend.datamodel import DataObject, Flag
from awlab.backend.process import ProcessParameters
from awlab.backend.targets.field_solution import FieldSolution
from awlab.backend.targets.frame_catalog import Catalog

__all__ = ["GPhotometric", "GPhotometricParameters"]

_MEANINGS = {
    "FRAME": ColumnMeaning("", "Frame of the detection, from 0 in the order of the members"),
    "STAR": ColumnMeaning("", "Star that was detected"),
    "SID": ColumnMeaning("", "Source in the catalogue of the frame"),
    "MAG": ColumnMeaning("mag", "Magnitude by the corrected zeropoint", "phot.mag"),
    "MAGERR": ColumnMeaning("mag", "Its error", "stat.error;phot.mag"),
    "DMAG": ColumnMeaning("mag", "MAG minus the mean of the star"),
    "USED": ColumnMeaning("", "1 if the detection was used for the solution, 0 if not"),
}


class GPhotometricParameters(ProcessParameters):
    """Parameters of `GPhotometric`."""

    SEARCH_DISTANCE = persistent("Radius within which detections are one star [arcsec]", float, 2.0)
    SEXTRACTOR_FLAG_MASK = persistent("Extraction flags, as bits, that a star may have", int, 0)
    MAX_MAGERR = persistent("Stars with larger errors are left out [mag]", float, 0.1)
    FLOOR = persistent("Error that no magnitude is better than [mag]", float, 0.005)
    REJECTION_THRESHOLD = persistent("Clipping threshold, sigma", float, 4.0)
    NITER = persistent("Number of solutions, with clipping between them", int, 5)
    EXPOSURE_SIGMA = persistent("How far an exposure may be off the night [mag]", float, 0.1)
    DEFAULT_SIGMA = persistent("How far a default zeropoint may be off [mag]", float, 1.0)
    MIN_NOVERLAP = persistent("QC: smallest number of stars seen more than once", int, 10)
    MAX_RMS_OVERLAP = persistent("QC: largest scatter of the overlaps [mag]", float, 0.1)
    MAX_ERROR = persistent("QC: largest error of a correction beyond the mean [mag]", float, 0.03)
    MAX_CORRECTION = persistent("QC: largest correction [mag]", float, 0.5)


class GPhotometric(FieldSolution, DataObject):
    """Corrections to the zeropoints of all frames of a field, so that their stars agree.

    Exposures differ by thin clouds and apertures, chips by the errors of their zeropoints: both
    are solved for, and the zeropoints of the nights hold the mean. Its file has a row per
    detection, with residuals about the mean of the star.
    """

    SEQUENCE = "GPhotometry"
    _product_code = "GPhot"
    _file_category = "Sci"
    _indexes = (("OBJECT", "filter"),)
    FATAL: ClassVar[tuple[str, ...]] = ("NO_SOLUTION",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_SOLUTION", "the frames cannot be solved together; `reason` says why"),
        Flag(17, "FEW_OVERLAPS", "fewer stars seen more than once than MIN_NOVERLAP"),
        Flag(18, "RMS_OVERLAP_LARGE", "the scatter of the overlaps is above MAX_RMS_OVERLAP"),
        Flag(19, "ERROR_LARGE", "the error of a correction is above MAX_ERROR"),
        Flag(20, "CORRECTION_LARGE", "a correction is above MAX_CORRECTION"),
        Flag(21, "DISCONNECTED", "some exposures share no star with the others: `groups`"),
    )

    catalogs = persistent("Stars of the frames", Catalog, [])
    process_params = persistent("Process parameters", GPhotometricParameters)
    zp_error = persistent("Largest error of a correction, beyond that of the mean [mag]", float)
    max_correction = persistent("Largest correction [mag]", float)
    RMS_OVERLAP = persistent("Scatter of detections about their star [mag]", float)
    RMS_BEFORE = persistent("The same without the corrections [mag]", float)

    def correction_of(self, raw: Any) -> float | None:
        """Return what to add to the zeropoint of a raw frame [mag].

        Parameters
        ----------
        raw : RawScienceFrame
            The raw frame; None is returned for one that is not among the frames.
        """
        found = self.solution_of(raw)
        return None if found is None else float(found["zp_correction"])

    def make(self) -> None:
        """Find the stars that frames share, and solve for the zeropoints."""
        p = self.process_params
        catalogs = list(self.catalogs)
        raws = [catalog.raw for catalog in catalogs]
        self.take_facts(raws)
        tables = [_good_stars(catalog, p) for catalog in catalogs]
        stars = _associated(tables, p.SEARCH_DISTANCE)
        magnitudes = FrameMagnitudes(stars["FRAME"], stars["STAR"], stars["MAG"], stars["MAGERR"])
        found = solve_frame_zeropoints(
            magnitudes,
            self._parts(catalogs),
            FrameZeropointOptions(p.REJECTION_THRESHOLD, p.NITER, p.FLOOR),
        )
        self._keep_file(stars, found)
        self.groups, self.NOVERLAP = int(found.group.max()) + 1, found.NOVERLAP
        if not found.NOVERLAP:
            self.reason = (
                f"no star is seen on two of {self.nframes} frames"
                if self.nframes > 1
                else "there is one frame only"
            )
            return
        self.RMS_OVERLAP, self.RMS_BEFORE = found.RMS_OVERLAP, found.before
        # A frame without standard stars of its own may be far off, and badly known.
        own = np.array([not _is_default(catalog.photom_params) for catalog in catalogs])
        self.zp_error = float(found.error[own].max(initial=0.0))
        self.max_correction = float(np.abs(found.correction[own]).max(initial=0.0))
        self.solutions = {
            raw.filename: {
                "zp_correction": float(found.correction[k]),
                "error": float(found.error[k]),
                "NOVERLAP": int(found.overlaps[k]),
                "group": int(found.group[k]),
            }
            for k, raw in enumerate(raws)
        }

    def _parts(self, catalogs: list[Any]) -> FrameParts:
        """Number exposures and calibrations, and say how far each may be off."""
        p = self.process_params
        times, exposure = np.unique([c.raw.DATE_OBS for c in catalogs], return_inverse=True)
        used = {c.photom_params.object_id: c.photom_params for c in catalogs}
        names, calibration = np.unique(
            [c.photom_params.object_id for c in catalogs], return_inverse=True
        )
        errors = [
            p.DEFAULT_SIGMA if _is_default(used[str(n)]) else used[str(n)].zp_error or p.FLOOR
            for n in names
        ]
        return FrameParts(
            exposure,
            calibration,
            np.full(times.size, float(p.EXPOSURE_SIGMA)),
            np.maximum(np.array(errors, float), p.FLOOR),
        )

    def _keep_file(self, stars: SourceTable, found: FrameZeropoints) -> None:
        corrected = stars["MAG"] + found.correction[stars["FRAME"]]
        columns = {"MAG": corrected, "DMAG": found.residuals, "USED": found.used.astype(np.uint8)}
        self.pathname = self.new_pathname(".parquet")
        write_catalog(self.pathname, stars.with_columns(columns))

    def verify(self) -> None:
        """Compare with the limits; no solution is a flag, its reason an attribute."""
        p = self.process_params
        if self.reason:
            self.raise_flag("NO_SOLUTION")
            return
        if self.NOVERLAP < p.MIN_NOVERLAP:
            self.raise_flag("FEW_OVERLAPS")
        if (self.RMS_OVERLAP or 0.0) > p.MAX_RMS_OVERLAP:
            self.raise_flag("RMS_OVERLAP_LARGE")
        if (self.zp_error or 0.0) > p.MAX_ERROR:
            self.raise_flag("ERROR_LARGE")
        if (self.max_correction or 0.0) > p.MAX_CORRECTION:
            self.raise_flag("CORRECTION_LARGE")
        if self.groups > 1:
            self.raise_flag("DISCONNECTED")


def _is_default(night: Any) -> bool:
    return "default" in (night.origin, night.zp_origin)


def _good_stars(catalog: Any, parameters: Any) -> SourceTable:
    """Read the stars of a frame whose magnitudes can be compared."""
    names = ["SID", "RA", "DEC", "MAG", "INST_MAGERR", "FLAGS"]
    table: SourceTable = catalog.sources(names)
    good = (table["FLAGS"].astype(np.int64) & ~parameters.SEXTRACTOR_FLAG_MASK) == 0
    good &= np.isfinite(table["MAG"]) & (table["INST_MAGERR"] <= parameters.MAX_MAGERR)
    return table.rows(good)


def _associated(tables: list[SourceTable], radius: float) -> SourceTable:
    """Return the detections of all frames with their star; those that could be two are left out."""
    lists = [(np.asarray(t["RA"], float), np.asarray(t["DEC"], float)) for t in tables]
    found = associate(lists, radius)
    ra, dec = mean_positions(found, lists)
    twice = np.bincount(found.AID, (found.FLAG & 1) > 0, minlength=ra.size) > 0
    kept = ~twice[found.AID]
    frame, row, star = found.list_index[kept], found.SID[kept], found.AID[kept]
    starts = np.cumsum([0, *(t.count for t in tables)])
    place = starts[frame] + row

    def column(name: str) -> NDArray[Any]:
        return np.asarray(np.concatenate([np.asarray(t[name]) for t in tables])[place])

    columns = {
        "RA": ra[star], "DEC": dec[star], "FRAME": frame, "STAR": star, "SID": column("SID"),
        "MAG": column("MAG").astype(float), "MAGERR": column("INST_MAGERR").astype(float),
    }  # fmt: skip
    return SourceTable(columns, _MEANINGS)
