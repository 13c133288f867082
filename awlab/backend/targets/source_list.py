"""SourceList: the sources of one frame (requirement 635)."""

from __future__ import annotations

from datetime import datetime
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
from awlab.backend.catalogs import SourceTable
from awlab.backend.database import draw_number, persistent
from awlab.backend.datamodel import BaseFrame, Chip, Filter, Flag, Instrument, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.errors import TargetError
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.coadded import CoaddedRegriddedFrame
from awlab.backend.targets.coordinates import airmass_of
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.photometric_parameters import PhotometricParameters
from awlab.backend.targets.pixels import DIGITISATION_NOISE
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.regridded import RegriddedBaseFrame, RegriddedFrame
from awlab.backend.targets.source import BaseList
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
    PHOT_AUTOPARAMS = persistent("Kron factor, least radius in A and B", float, [2.5, 3.5])
    SATUR_LEVEL = persistent("Saturation; 0 takes that of the chip [ADU]", float, 0.0)
    MINIMUM_SOURCES = persistent("QC: smallest number of sources", int, 1)


class SourceList(BaseList, ProcessTarget):
    """Sources of a reduced, regridded or coadded frame.

    Its file is a catalogue: one row per source, known by SLID and SID, sorted along the sky.
    """

    SEQUENCE = "SourceList"
    REQUIREMENT = "635"
    _product_code = "SList"
    _file_category = "Sci"
    _is_selection = True
    _is_blank = False
    _indexes = (("OBJECT", "filter"),)
    CHOICES: ClassVar[dict[str, tuple[Any, ...]]] = {
        "frame": (ReducedScienceFrame, CoaddedRegriddedFrame, RegriddedFrame)
    }
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "FEW_SOURCES", "fewer sources than MINIMUM_SOURCES"),
        Flag(17, "NO_ZEROPOINT", "the magnitudes are instrumental: no zeropoint applies"),
        Flag(18, "NO_PIXELS", "the frame has no pixel that counts"),
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
    photom_params = persistent("Zeropoint of a reduced frame", PhotometricParameters, optional=True)
    process_params = persistent("Process parameters", SourceListParameters)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip, for the list of one chip", Chip)
    filter = persistent("Filter", Filter)
    night = persistent("Observing night if it is of one only, CCYY-MM-DD", str, "")
    OBJECT = persistent("Name of the object observed", str, "")
    chosen_by = persistent("key, or frames if the frame was named", str, "")
    DATE_OBS = persistent("Start of the first observation, UTC", datetime)
    EXPTIME = persistent("Exposure time, all exposures together [s]", float)
    zeropoint = persistent("Magnitude of 1 unit of flux; 0 if unknown [mag]", float, 0.0)
    background = persistent("Background of the frame [ADU]", float)
    noise = persistent("Noise of the background [ADU]", float)
    seeing = persistent("FWHM of the stars [pixel]", float)

    def make(self) -> None:
        """Extract the sources, and give each its place on the sky."""
        frame = self.frame
        self._take_facts(frame)
        pixels = _pixels(frame, self.weight)
        other = self._detection(frame, pixels.image.shape)
        found = extract_sources(pixels, self._options(), detection=other)
        self.background, self.noise = found.background, found.noise
        self.seeing = float(found.seeing) if np.isfinite(found.seeing) else None
        counts = np.isfinite(pixels.image)
        if pixels.weight is not None:
            counts &= pixels.weight > 0
        self._is_blank = not bool(counts.any())
        self.SLID = draw_number()
        table = self._catalogue(found, self._plate(frame))
        self.content_hash = table.digest(leave_out=("SLID",))
        self.keep_sources(table, work_folder())

    def _take_facts(self, frame: Any) -> None:
        if self.raw is not None:
            self.night = self.raw.night
            # What was detected on another frame is no answer to the key of the raw frame.
            self.chosen_by = "frames" if self.detection_frame is not None else "key"
        names = ("instrument", "chip", "filter", "OBJECT", "zeropoint", "DATE_OBS", "EXPTIME")
        for name in names:
            if name in type(frame)._attributes and not getattr(self, name):
                setattr(self, name, getattr(frame, name))
        if self.photom_params is not None and self.photom_params.origin == "derived":
            # The zeropoint of the night is for 1 ADU per second, the frame is in ADU.
            at_airmass = self.photom_params.zeropoint_at(airmass_of(self.raw))
            self.zeropoint = at_airmass + 2.5 * float(np.log10(self.EXPTIME or 1.0))
        self.name = self.name or f"{self.OBJECT} {self.filter.name if self.filter else ''}".strip()

    def _detection(self, frame: Any, shape: tuple[int, ...]) -> ExtractionFrame | None:
        """Read the frame to detect on, moved onto the pixels of the frame to measure on."""
        other = self.detection_frame
        if other is None:
            return None
        found = _pixels(other, None)
        if isinstance(frame, RegriddedBaseFrame) and isinstance(other, RegriddedBaseFrame):
            found = _onto(frame, other, found)
        if found.image.shape != shape:
            raise TargetError(
                f"{other.filename} has {found.image.shape} pixels, the frame measured has {shape}",
                "detect on a frame of the same chip, or of the same grid",
            )
        return found

    def _options(self) -> ExtractionOptions:
        p = self.process_params
        return ExtractionOptions(
            detection=DetectionOptions(
                DETECT_THRESH=p.DETECT_THRESH,
                DETECT_MINAREA=p.DETECT_MINAREA,
                DEBLEND_NTHRESH=p.DEBLEND_NTHRESH,
                DEBLEND_MINCONT=p.DEBLEND_MINCONT,
            ),
            background=BackgroundOptions(
                BACK_SIZE=p.BACK_SIZE,
                BACK_FILTERSIZE=p.BACK_FILTERSIZE,
                mask_sources=False,
                least_noise=getattr(self.frame, "digitisation_noise", DIGITISATION_NOISE) or 0.0,
            ),
            PHOT_APERTURES=tuple(p.PHOT_APERTURES),
            PHOT_AUTOPARAMS=(p.PHOT_AUTOPARAMS[0], p.PHOT_AUTOPARAMS[1]),
            SATUR_LEVEL=self._saturation(),
            MAG_ZEROPOINT=self.zeropoint or 0.0,
        )

    def _saturation(self) -> float:
        """Return where the pixels of a frame of one chip are saturated, without the bias [ADU]."""
        given = self.process_params.SATUR_LEVEL
        if given or self.raw is None or self.chip is None or not self.chip.saturation:
            return float(given or np.inf)
        return float(self.chip.saturation - (self.raw.overscan_x_stat.mean or 0.0))

    def _plate(self, frame: Any) -> PlateSolution:
        """Return the coordinates of the frame: its grid's, or the solution of its astrometry."""
        if isinstance(frame, RegriddedBaseFrame):
            return plate_from_cards(frame.tan_grid.cards(frame.window))
        if self.astrom_params is not None and self.astrom_params.cards:
            return plate_from_cards(self.astrom_params.cards)
        linear = {n: v for n, v in frame.astrom.as_dict().items() if v is not None}
        if "CRVAL1" not in linear:
            raise TargetError(
                f"nobody knows where {frame.filename} is on the sky: its header has no coordinates",
                "mend the header and ingest the frame again",
            )
        return plate_from_cards(linear)

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

    def verify(self) -> None:
        """Say so if there are too few sources, no zeropoint, or the frame is flagged."""
        if self.nsources < self.process_params.MINIMUM_SOURCES:
            self.raise_flag("FEW_SOURCES")
        if not self.zeropoint:
            self.raise_flag("NO_ZEROPOINT")
        if self._is_blank:
            self.raise_flag("NO_PIXELS")
        if is_doubtful(self.frame, self.astrom_params, self.photom_params):
            self.raise_flag("FLAGGED_INPUT")


def _pixels(frame: Any, weight: Any) -> ExtractionFrame:
    """Read a frame and its weight."""
    path = frame.retrieve()
    if isinstance(frame, RegriddedBaseFrame):
        return ExtractionFrame(read_image(path, "IMAGE")[0], read_image(path, "WEIGHT")[0])
    plane = None if weight is None else read_image(weight.retrieve())[0]
    return ExtractionFrame(read_image(path)[0], plane)


def _onto(frame: Any, other: Any, pixels: ExtractionFrame) -> ExtractionFrame:
    """Move an image onto the window of another one of the same grid; no weight beyond its edge."""
    if frame.grid != other.grid:
        raise TargetError(
            f"{other.filename} is on the grid {other.grid}, the frame measured on {frame.grid}",
            "regrid both onto one grid",
        )
    common = frame.window & other.window
    planes = [np.zeros(frame.window.shape, np.float32) for _ in range(2)]
    if common is not None:
        for plane, own in zip(planes, (pixels.image, pixels.weight), strict=True):
            assert own is not None
            plane[common.slices_in(frame.window)] = own[common.slices_in(other.window)]
    return ExtractionFrame(*planes)
