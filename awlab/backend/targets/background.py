"""BackgroundFrame: the background of one reduced frame."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import BackgroundOptions, background_map
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Filter, Flag, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.pixels import DIGITISATION_NOISE, keep_pixels
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.weight import WeightFrame

__all__ = ["BackgroundFrame", "BackgroundFrameParameters"]


class BackgroundFrameParameters(ProcessParameters):
    """Parameters of `BackgroundFrame`; the first two are named as in SExtractor."""

    BACK_SIZE = persistent("Mesh of the background map [pixel]", int, 128)
    BACK_FILTERSIZE = persistent("Median filter of the background map, in meshes", int, 3)
    GROW = persistent("Pixels around sources that are left out [pixel]", int, 4)
    MAXIMUM_RANGE = persistent("QC: largest range of the map, part of its level", float, 0.5)


class BackgroundFrame(BaseFrame, ProcessTarget):
    """Background of one reduced frame [ADU], sources and bad pixels left out.

    `RegriddedFrame` subtracts it with a BACKGROUND_SUBTRACTION_TYPE of 3; otherwise it measures a
    background of its own.
    """

    SEQUENCE = "Background"
    FATAL: ClassVar[tuple[str, ...]] = ("NO_BACKGROUND",)
    _product_code = "Back"
    _file_category = "Sci"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_BACKGROUND", "no pixel of the frame is good"),
        Flag(17, "RANGE_LARGE", "it varies by more than MAXIMUM_RANGE of its level and its noise"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame", ReducedScienceFrame)
    weight = persistent("Weight of its pixels", WeightFrame)
    filter = persistent("Filter", Filter)
    process_params = persistent("Process parameters", BackgroundFrameParameters)
    level = persistent("Median of the background [ADU]", float)
    npix = persistent("Number of good pixels [pixel]", int, 0)
    noise = persistent("Noise of a pixel of the background [ADU]", float)

    def make(self) -> None:
        """Measure the background in meshes, and join them by a spline."""
        p = self.process_params
        self.filter = self.raw.filter
        image, _ = read_image(self.reduced.retrieve())
        weight, _ = read_image(self.weight.retrieve())
        options = BackgroundOptions(
            BACK_SIZE=p.BACK_SIZE,
            BACK_FILTERSIZE=p.BACK_FILTERSIZE,
            grow=p.GROW,
            least_noise=DIGITISATION_NOISE,
        )
        good = (weight > 0) & np.isfinite(image)
        self.npix = int(good.sum())
        found = background_map(image, options, good=good.astype(np.uint8))
        self.level, self.noise = found.level, found.noise
        keep_pixels(self, found.map, {"BACKLEV": self.level, "BACKRMS": self.noise})

    def verify(self) -> None:
        """Say so if there is none, or if it varies more than a sky does."""
        if not self.npix:
            self.raise_flag("NO_BACKGROUND")
            return
        limit = self.process_params.MAXIMUM_RANGE * abs(self.level) + self.noise
        if self.imstat.max - self.imstat.min > limit:
            self.raise_flag("RANGE_LARGE")
        if is_doubtful(self.reduced):
            self.raise_flag("FLAGGED_INPUT")
