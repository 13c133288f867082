"""ColdPixelMap: pixels that respond too little or too much to light (requirement 535)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import cold_pixel_map
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag
from awlab.backend.dataserver import read_image
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.flat import DomeFlatFrame
from awlab.backend.targets.pixel_map import PixelMap

__all__ = ["ColdPixelMap", "ColdPixelMapParameters"]


class ColdPixelMapParameters(ProcessParameters):
    """Parameters of `ColdPixelMap`."""

    THRESHOLD_LOW = persistent("Cold below this part of the smoothed flat", float, 0.85)
    THRESHOLD_HIGH = persistent("Too sensitive above this part of the smoothed flat", float, 1.15)
    MAXIMUM_COLD_PIXEL_COUNT = persistent("QC: largest part of the chip that is cold", float, 0.05)
    MAXIMUM_COLD_PIXEL_COUNT_DIFFERENCE = persistent(
        "QC: largest number of new cold pixels since prev [pixel]", int, 5000
    )
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class ColdPixelMap(PixelMap, FilteredCalibration):
    """Cold pixels of a chip, found in a dome flat."""

    SEQUENCE = "ColdPixels"
    REQUIREMENT = "535"
    _product_code = "Cold"
    NEEDS_DERIVED: ClassVar[tuple[tuple[str, ...], ...]] = (("flat",),)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "TOO_MANY_COLD", "more cold pixels than MAXIMUM_COLD_PIXEL_COUNT of the chip"),
        Flag(
            17, "COLD_CHANGED", "the number of cold pixels differs from prev by more than the limit"
        ),
    )

    flat = persistent("Dome flat the pixels were found in", DomeFlatFrame)
    process_params = persistent("Process parameters", ColdPixelMapParameters)
    npix = persistent("Number of all pixels [pixel]", int)

    def make(self) -> None:
        """Find pixels far from the smoothed flat."""
        p = self.process_params
        image, _ = read_image(self.flat.retrieve())
        found = cold_pixel_map(
            image, threshold_low=p.THRESHOLD_LOW, threshold_high=p.THRESHOLD_HIGH
        )
        self.npix = int(image.size)
        self.keep_map(found.map)

    def make_default(self) -> None:
        """Take all pixels for good."""
        self.npix = 1
        self.keep_map(np.ones((1, 1), dtype=np.uint8))

    def verify(self) -> None:
        """Compare the number of cold pixels with the limits and with the previous map."""
        p = self.process_params
        if self.count > p.MAXIMUM_COLD_PIXEL_COUNT * self.npix:
            self.raise_flag("TOO_MANY_COLD")
        change = self.compare().get("count")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_COLD_PIXEL_COUNT_DIFFERENCE:
            self.raise_flag("COLD_CHANGED")
