"""SourceList: the sources of one frame (requirement 635)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    BackgroundOptions,
    DetectionOptions,
    ExtractedSources,
    ExtractionFrame,
    ExtractionOptions,
    PlateSolution,
    extract_sources,
    plate_from_cards,
)
from awlab.backend.catalogs import BaseCatalog, SourceTable
from awlab.backend.database import draw_number, persistent
from awlab.backend.datamodel import BaseFrame, Chip, Filter, Flag, Instrument, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.coadded import CoaddedRegriddedFrame
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.regridded import RegriddedBaseFrame, RegriddedFrame
from awlab.backend.targets.weight import WeightFrame

__all__ = ["SourceList", "SourceListParameters"]


class SourceListParameters(ProcessParameters):
    """Parameters of `SourceList`; names are those of SExtractor."""

    DETECT_THRESH = persistent("Detection threshold, sigma of the background", float, 1.5)
    DETECT_MINAREA = persistent("Least number of pixels above it [pixel]", int, 5)
    DEBLEND_NTHRESH = persistent("Number of thresholds for deblending", int, 32)
    DEBLEND_MINCONT = persistent("Least part of the flux of a deblended source", float, 0.005)
    BACK_SIZE = persistent("Mesh of the background [pixel]", int, 64)
    BACK_FILTERSIZE = persistent("Median filter of the background, in meshes", int, 3)
    PHOT_APERTURES = persistent("Diameters of the apertures [pixel]", float, [5.0, 10.0, 24.0])
    MINIMUM_SOURCES = persistent("QC: smallest number of sources", int, 1)


class SourceList(BaseCatalog, ProcessTarget):
    """Sources of a reduced, regridded or coadded frame.

    Its file is a catalogue: one row per source, known by SLID and SID, sorted along the sky.
    """

    SEQUENCE = "SourceList"
    REQUIREMENT = "635"
    _product_code = "SList"
    _file_category = "Sci"
    _is_selection = True
    _indexes = (("OBJECT", "filter"),)
    CHOICES: ClassVar[dict[str, tuple[Any, ...]]] = {
        "frame": (ReducedScienceFrame, CoaddedRegriddedFrame, RegriddedFrame)
    }
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "FEW_SOURCES", "fewer sources than MINIMUM_SOURCES"),
    )

    raw = persistent("Raw frame, for the list of a reduced frame", RawScienceFrame, optional=True)
    frame = persistent("Frame the sources are of", BaseFrame)
    detection_frame = persistent(
        "Frame they were detected on, if another", BaseFrame, optional=True
    )
    weight = persistent("Weight of a reduced frame", WeightFrame, optional=True)
    astrom_params = persistent(
        "Where a reduced frame is on the sky", AstrometricParameters, optional=True
    )
    process_params = persistent("Process parameters", SourceListParameters)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip, for the list of one chip", Chip)
    filter = persistent("Filter", Filter)
    night = persistent("Observing night if it is of one only, CCYY-MM-DD", str, "")
    OBJECT = persistent("Name of the object observed", str, "")
    chosen_by = persistent("key, or frames if the frame was named", str, "")
    SLID = persistent("Number of this list in the rows of all lists", int)
    zeropoint = persistent("Magnitude of 1 unit of flux [mag]", float, 0.0)
    background = persistent("Background of the frame [ADU]", float)
    noise = persistent("Noise of the background [ADU]", float)
    seeing = persistent("FWHM of the stars [pixel]", float)

    def make(self) -> None:
        """Extract the sources, and give each its place on the sky."""
        frame = self.frame
        self._take_facts(frame)
        chosen = self._options(frame)
        other = None if self.detection_frame is None else _pixels(self.detection_frame, None)
        found = extract_sources(_pixels(frame, self.weight), chosen, detection=other)
        self.background, self.noise = found.background, found.noise
        self.seeing = float(found.seeing) if np.isfinite(found.seeing) else None
        self.SLID = draw_number()
        table = self._catalogue(found, self._plate(frame))
        self.keep_sources(table, work_folder())

    def _take_facts(self, frame: Any) -> None:
        if self.raw is not None:
            self.chosen_by, self.night = "key", self.raw.night
        for name in ("instrument", "chip", "filter", "OBJECT", "zeropoint"):
            if name in type(frame)._attributes and not getattr(self, name):
                setattr(self, name, getattr(frame, name))
        self.name = self.name or f"{self.OBJECT} {self.filter.name if self.filter else ''}".strip()

    def _options(self, frame: Any) -> ExtractionOptions:
        p = self.process_params
        return ExtractionOptions(
            detection=DetectionOptions(
                DETECT_THRESH=p.DETECT_THRESH,
                DETECT_MINAREA=p.DETECT_MINAREA,
                DEBLEND_NTHRESH=p.DEBLEND_NTHRESH,
                DEBLEND_MINCONT=p.DEBLEND_MINCONT,
            ),
            background=BackgroundOptions(
                BACK_SIZE=p.BACK_SIZE, BACK_FILTERSIZE=p.BACK_FILTERSIZE, mask_sources=False
            ),
            PHOT_APERTURES=tuple(p.PHOT_APERTURES),
            MAG_ZEROPOINT=self.zeropoint or 0.0,
        )

    def _plate(self, frame: Any) -> PlateSolution:
        """Return the coordinates of the frame: its grid's, or the solution of its astrometry."""
        if isinstance(frame, RegriddedBaseFrame):
            return plate_from_cards(frame.tan_grid.cards(frame.window))
        if self.astrom_params is not None and self.astrom_params.cards:
            return plate_from_cards(self.astrom_params.cards)
        return plate_from_cards({n: v for n, v in frame.astrom.as_dict().items() if v is not None})

    def _catalogue(self, found: ExtractedSources, plate: PlateSolution) -> SourceTable:
        rows = found.sources
        # FITS counts pixels from 1, the solution from 0.
        ra, dec = plate.pixel_to_sky(rows["XWIN_IMAGE"] - 1.0, rows["YWIN_IMAGE"] - 1.0)
        columns: dict[str, Any] = {
            "SLID": np.full(len(rows), self.SLID, np.int64),
            "SID": np.arange(len(rows), dtype=np.int64),
            "RA": np.asarray(ra),
            "DEC": np.asarray(dec),
        }
        columns |= {name: rows[name] for name in rows.dtype.names or () if name != "NUMBER"}
        facts = {"PHOT_APERTURES": list(found.apertures), "MAG_ZEROPOINT": self.zeropoint}
        return SourceTable(columns, facts=facts)

    def __getitem__(self, sid: int) -> Any:
        """Return one source by its SID, as a catalogue of one row."""
        return self.sources().rows(self.sources(["SID"])["SID"] == sid)

    def verify(self) -> None:
        """Say so if there are too few sources, or the frame is flagged."""
        if self.nsources < self.process_params.MINIMUM_SOURCES:
            self.raise_flag("FEW_SOURCES")
        inputs = (self.frame, self.astrom_params)
        if any(item is not None and item.quality_flags for item in inputs):
            self.raise_flag("FLAGGED_INPUT")


def _pixels(frame: Any, weight: Any) -> ExtractionFrame:
    """Read a frame and its weight."""
    path = frame.retrieve()
    if isinstance(frame, RegriddedBaseFrame):
        return ExtractionFrame(read_image(path, "IMAGE")[0], read_image(path, "WEIGHT")[0])
    plane = None if weight is None else read_image(weight.retrieve())[0]
    return ExtractionFrame(read_image(path)[0], plane)
