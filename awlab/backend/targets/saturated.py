"""SaturatedPixelMap: pixels of one raw frame whose value says nothing any more."""

from __future__ import annotations

from typing import ClassVar

from awlab.backend.algorithms import saturated_pixel_map
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Flag, Instrument, RawScienceFrame
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.targets.pixel_map import PixelMap
from awlab.backend.targets.pixels import full_scale, layout_of, raw_pixels

__all__ = ["SaturatedPixelMap", "SaturatedPixelMapParameters"]


class SaturatedPixelMapParameters(ProcessParameters):
    """Parameters of `SaturatedPixelMap`."""

    THRESHOLD_HIGH = persistent("Saturated above; 0 takes the level of the chip [ADU]", float, 0.0)
    THRESHOLD_LOW = persistent("Dead below [ADU]", float, 0.0)
    GROW = persistent("Pixels around saturated ones that are taken in [pixel]", int, 1)
    BLEED = persistent(
        "Full runs along a column so long have trails beyond, 0 looks for none [pixel]", int, 10
    )
    MAXIMUM_SATURATED_PIXEL_COUNT = persistent(
        "QC: largest part of the chip that is saturated", float, 0.1
    )


class SaturatedPixelMap(PixelMap, ProcessTarget):
    """Saturated pixels of one raw science frame."""

    _product_code = "Sat"
    _file_category = "Sci"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "TOO_MANY_SATURATED", "more of the chip than MAXIMUM_SATURATED_PIXEL_COUNT"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    process_params = persistent("Process parameters", SaturatedPixelMapParameters)
    npix = persistent("Number of all pixels [pixel]", int)

    def make(self) -> None:
        """Mark the pixels at or above the saturation level, their neighbours, and their trails."""
        p = self.process_params
        pixels = raw_pixels([self.raw])[0]
        level = p.THRESHOLD_HIGH or self.chip.saturation or full_scale(self.raw)
        found = saturated_pixel_map(
            pixels,
            layout_of(self.raw).image,
            threshold_low=p.THRESHOLD_LOW,
            threshold_high=level,
            grow=p.GROW,
            bleed=p.BLEED,
        )
        self.npix = int(found.map.size)
        self.keep_map(found.map)

    def verify(self) -> None:
        """Say so if the frame is hardly more than saturated."""
        if self.count > self.process_params.MAXIMUM_SATURATED_PIXEL_COUNT * self.npix:
            self.raise_flag("TOO_MANY_SATURATED")
