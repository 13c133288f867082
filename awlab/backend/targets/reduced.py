"""ReducedScienceFrame: a science frame without the marks of the detector (requirement 632)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import FringeScaleOptions, fringe_scale
from awlab.backend.database import Query, class_named, persistent
from awlab.backend.datamodel import Astrom, BaseFrame, Filter, Flag, RawScienceFrame
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.dark import DarkFrame
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.fringe import FringeFrame
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.master_flat import MasterFlatFrame
from awlab.backend.targets.pixels import good_pixels, keep_pixels, layout_of, same_shape
from awlab.backend.targets.reducing import reduced_pixels

__all__ = ["ReducedScienceFrame", "ReducedScienceFrameParameters"]

_LEAST_SIGNIFICANCE = 5.0


class ReducedScienceFrameParameters(ProcessParameters):
    """Parameters of `ReducedScienceFrame`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    FRINGE_THRESHOLD_LOW = persistent(
        "Pixels above this in the fringe frame are scaled by, part of the sky", float, -1.0
    )
    FRINGE_THRESHOLD_HIGH = persistent(
        "Pixels below this in the fringe frame are scaled by, part of the sky", float, 1.0
    )
    IMAGE_THRESHOLD = persistent(
        "Pixels further from the sky than this are sources, sigma", float, 3.0
    )


class ReducedScienceFrame(BaseFrame, ProcessTarget):
    """(raw - overscan - bias - dark x EXPTIME) / flat - fringe_scale x fringe.

    What its pixels are worth is `weight`.
    """

    SEQUENCE = "Reduce"
    REQUIREMENT = "632"
    _product_code = "Red"
    _file_category = "Sci"
    _indexes = (("night", "chip"), ("chip", "DATE_OBS"))
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(
            16,
            "BACKGROUND_NEGATIVE",
            "the median is below zero by more than the noise",
        ),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Master bias", BiasFrame)
    dark = persistent("Dark current", DarkFrame, optional=True)
    flat = persistent("Master flat", MasterFlatFrame)
    fringe = persistent("Fringes of the night sky", FringeFrame, optional=True)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap)
    filter = persistent("Filter", Filter)
    process_params = persistent("Process parameters", ReducedScienceFrameParameters)
    night = persistent("Observing night, CCYY-MM-DD", str, "")
    DATE_OBS = persistent("Start of the observation, UTC", datetime)
    EXPTIME = persistent("Exposure time [s]", float)
    OBJECT = persistent("Name of the object observed", str, "")
    AIRMSTRT = persistent("Airmass at the start", float)
    AIRMEND = persistent("Airmass at the end", float)
    astrom = persistent("Linear coordinates as delivered, trimmed", Astrom)
    fringe_scale = persistent("Factor of the fringes that were subtracted [ADU]", float, 0.0)
    fringe_scale_error = persistent("Its error [ADU]", float)

    def make(self) -> None:
        """Take off what the detector added and divide by its response."""
        raw = self.raw
        for name in ("night", "DATE_OBS", "EXPTIME", "OBJECT", "AIRMSTRT", "AIRMEND"):
            setattr(self, name, getattr(raw, name))
        layout = layout_of(raw)
        self.astrom = _trimmed(raw.astrom, layout.image.x0, layout.image.y0)
        image = reduced_pixels(raw, self, self.flat)
        if self.fringe is not None:
            image = self._without_fringes(image)
        keep_pixels(self, image, _wcs_keywords(self.astrom))

    def _without_fringes(self, image: Any) -> Any:
        """Subtract the fringes, as strong as they are between the sources of this frame."""
        p = self.process_params
        fringe = same_shape(self.fringe, image.shape)
        options = FringeScaleOptions(
            FRINGE_THRESHOLD_LOW=p.FRINGE_THRESHOLD_LOW,
            FRINGE_THRESHOLD_HIGH=p.FRINGE_THRESHOLD_HIGH,
            IMAGE_THRESHOLD=p.IMAGE_THRESHOLD,
        )
        good = good_pixels((self.hot, self.cold), image.shape)
        found = fringe_scale(image, fringe, options, good=good)
        # Where they are lost in the noise, to subtract them would only add that of the pattern.
        if not found.scale > _LEAST_SIGNIFICANCE * found.error:
            return image
        self.fringe_scale, self.fringe_scale_error = found.scale, found.error
        return image - np.float32(found.scale) * fringe

    @property
    def weight(self) -> Any:
        """The newest valid weight of this frame, None before one was made.

        A weight is made from the frame, not the other way round: better maps of cosmic rays give
        another weight and leave the frame as it is. ``WeightFrame.get(raw=frame.raw)`` makes it.
        """
        weights: Any = class_named("WeightFrame")
        found: Query = (weights.raw == self.raw) & (weights.is_valid > 0)
        return found.max("creation_date")

    def verify(self) -> None:
        """Say so if a calibration was only a default, or the background is impossible."""
        used = (self.bias, self.flat, self.hot, self.cold)
        if any(item.origin == "default" for item in used):
            self.raise_flag("DEFAULT_CALIBRATION")
        if self.imstat.median < -self.imstat.stdev:
            self.raise_flag("BACKGROUND_NEGATIVE")
        if "QUANTISED" in self.raw.quality_flags.names:
            self.raise_flag("QUANTISED")
        if is_doubtful(self.raw):
            self.raise_flag("FLAGGED_INPUT")


def _trimmed(astrom: Astrom, x0: int, y0: int) -> Astrom:
    """Coordinates of the trimmed image: the reference pixel moves with the first pixel kept."""
    values = astrom.as_dict()
    if values["CRPIX1"] is not None:
        values["CRPIX1"] -= x0
        values["CRPIX2"] -= y0
    return Astrom(**values)


def _wcs_keywords(astrom: Astrom) -> dict[str, object]:
    return {name: value for name, value in astrom.as_dict().items() if value is not None}
