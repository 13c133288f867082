"""Flats of a night: of the dome (requirement 542) and of the twilight (543)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    CombineOptions,
    DetectorNoise,
    combine_flats,
    measure_overscan,
    subwindow_statistics,
    trim,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag, RawDomeFlatFrame, RawTwilightFlatFrame
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.dark import DarkFrame
from awlab.backend.targets.gain import GainLinearity
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.pixels import full_scale, keep_pixels, layout_of, raw_pixels, same_shape
from awlab.backend.targets.read_noise import ReadNoise

__all__ = [
    "BaseFlatFrame",
    "DomeFlatFrame",
    "DomeFlatFrameParameters",
    "TwilightFlatFrame",
    "TwilightFlatFrameParameters",
]


class DomeFlatFrameParameters(ProcessParameters):
    """Parameters of `DomeFlatFrame`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold in units of the noise", float, 5.0)
    MINIMUM_LEVEL = persistent("QC: smallest level, as a part of full scale", float, 0.015)
    MAXIMUM_SUBWIN_FLATNESS = persistent("QC: largest step between windows, level is 1", float, 0.8)
    MAXIMUM_SUBWIN_DIFF = persistent("QC: largest change of that step since prev", float, 0.1)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class TwilightFlatFrameParameters(ProcessParameters):
    """Parameters of `TwilightFlatFrame`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold in units of the noise", float, 5.0)
    MINIMUM_LEVEL = persistent("QC: smallest level, as a part of full scale", float, 0.015)
    MAXIMUM_SUBWIN_FLATNESS = persistent("QC: largest step between windows, level is 1", float, 0.8)
    MAXIMUM_SUBWIN_DIFF = persistent("QC: largest change of that step since prev", float, 0.1)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class BaseFlatFrame(BaseFrame, FilteredCalibration, abstract=True):
    """A flat field of one chip in one filter; its median is 1."""

    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "LEVEL_LOW", "the raw flats have too little light for the chip's noise"),
        Flag(17, "NOT_FLAT", "windows differ by more than MAXIMUM_SUBWIN_FLATNESS"),
        Flag(18, "FLATNESS_CHANGED", "flatness differs from prev by more than MAXIMUM_SUBWIN_DIFF"),
    )

    bias = persistent("Master bias", BiasFrame)
    gain = persistent("Gain, for the clipping", GainLinearity)
    read_noise = persistent("Read noise, for the clipping", ReadNoise)
    hot = persistent("Hot pixels", HotPixelMap)
    dark = persistent("Dark current", DarkFrame, optional=True)
    level = persistent("Median level of the raw flats, bias subtracted [ADU]", float)
    subwin_flatness = persistent("Largest step between medians of windows; the level is 1", float)
    full_scale = persistent("Largest number the converter can give [ADU]", float)
    rejected = persistent("Pixel values clipped [pixel]", int)

    def combine(self, raws: Any) -> None:
        """Average the de-biased flats, each scaled to its median, and normalise.

        Parameters
        ----------
        raws : sequence of RawFrame
            Raw flats.
        """
        p = self.process_params
        layout = layout_of(raws[0])
        frames = raw_pixels(raws)
        levels = [measure_overscan(f, layout, p.OVERSCAN_CORRECTION) for f in frames]
        bias = same_shape(self.bias, layout.image.shape)
        if self.dark is None:
            options = CombineOptions(
                sigma_clip=p.SIGMA_CLIP, region=layout.image, overscan=levels, bias=bias
            )
        else:
            # Exposure times differ, so the dark comes off frame by frame before the mean.
            rate = same_shape(self.dark, layout.image.shape)
            pairs = zip(frames, levels, raws, strict=True)
            frames = [trim(f, layout.image, level) - rate * raw.EXPTIME for f, level, raw in pairs]
            options = CombineOptions(sigma_clip=p.SIGMA_CLIP, bias=bias)
        noise = DetectorNoise(self.read_noise.read_noise, self.gain.gain)
        found = combine_flats(frames, noise, options)
        self.level = float(np.median(found.levels))
        self.full_scale = full_scale(raws[0])
        self.rejected = found.rejected
        self.subwin_flatness = subwindow_statistics(found.image).flatness
        keep_pixels(self, found.image, {"FLATLEV": self.level})

    def verify(self) -> None:
        """Compare level and flatness with the limits and with the previous flat."""
        p = self.process_params
        if self.level < p.MINIMUM_LEVEL * self.full_scale:
            self.raise_flag("LEVEL_LOW")
        if self.subwin_flatness > p.MAXIMUM_SUBWIN_FLATNESS:
            self.raise_flag("NOT_FLAT")
        change = self.compare().get("subwin_flatness")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_SUBWIN_DIFF:
            self.raise_flag("FLATNESS_CHANGED")


class DomeFlatFrame(BaseFlatFrame):
    """Flat of the illuminated dome: the small-scale response."""

    SEQUENCE = "DomeFlat"
    REQUIREMENT = "542"
    _product_code = "Dome"
    MINIMUM: ClassVar[dict[str, int]] = {"raw_dome_flat_frames": 3}

    raw_dome_flat_frames = persistent("Raw dome flats that were averaged", RawDomeFlatFrame, [])
    process_params = persistent("Process parameters", DomeFlatFrameParameters)

    def make(self) -> None:
        """Combine the raw dome flats."""
        self.combine(self.raw_dome_flat_frames)


class TwilightFlatFrame(BaseFlatFrame):
    """Flat of the twilight sky: the large-scale response."""

    SEQUENCE = "TwilightFlat"
    REQUIREMENT = "543"
    _product_code = "Twil"
    MINIMUM: ClassVar[dict[str, int]] = {"raw_twilight_flat_frames": 3}

    raw_twilight_flat_frames = persistent("Raw twilight flats averaged", RawTwilightFlatFrame, [])
    process_params = persistent("Process parameters", TwilightFlatFrameParameters)

    def make(self) -> None:
        """Combine the raw twilight flats."""
        self.combine(self.raw_twilight_flat_frames)
