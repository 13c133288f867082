"""HotPixelMap: pixels that collect charge without light (requirement 522)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import hot_pixel_map
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag
from awlab.backend.dataserver import read_image
from awlab.backend.process import Calibration, ProcessParameters
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.pixel_map import PixelMap

__all__ = ["HotPixelMap", "HotPixelMapParameters"]


class HotPixelMapParameters(ProcessParameters):
    """Parameters of `HotPixelMap`."""

    REJECTION_THRESHOLD = persistent("Threshold above the local background, sigma", float, 6.0)
    MAXIMUM_ITERATIONS = persistent("Largest number of clipping iterations", int, 10)
    MAXIMUM_HOT_PIXEL_COUNT = persistent("QC: largest part of the chip that is hot", float, 0.02)
    MAXIMUM_HOT_PIXEL_COUNT_DIFFERENCE = persistent(
        "QC: largest number of new hot pixels since prev [pixel]", int, 5000
    )
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class HotPixelMap(PixelMap, Calibration):
    """Hot pixels of a chip, found in the master bias."""

    SEQUENCE = "HotPixels"
    REQUIREMENT = "522"
    _product_code = "Hot"
    NEEDS_DERIVED: ClassVar[tuple[tuple[str, ...], ...]] = (("bias",),)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "TOO_MANY_HOT", "more hot pixels than MAXIMUM_HOT_PIXEL_COUNT of the chip"),
        Flag(
            17, "HOT_CHANGED", "the number of hot pixels differs from prev by more than the limit"
        ),
    )

    bias = persistent("Master bias the pixels were found in", BiasFrame)
    process_params = persistent("Process parameters", HotPixelMapParameters)
    npix = persistent("Number of all pixels [pixel]", int)

    def make(self) -> None:
        """Find pixels and columns that stand out of the local background of the master bias."""
        p = self.process_params
        image, _ = read_image(self.bias.retrieve())
        found = hot_pixel_map(
            image,
            rejection_threshold=p.REJECTION_THRESHOLD,
            maximum_iterations=p.MAXIMUM_ITERATIONS,
        )
        self.npix = int(image.size)
        self.keep_map(found.map)

    def make_default(self) -> None:
        """Take all pixels for good."""
        self.npix = 1
        self.keep_map(np.ones((1, 1), dtype=np.uint8))

    def verify(self) -> None:
        """Compare the number of hot pixels with the limits and with the previous map."""
        p = self.process_params
        if self.count > p.MAXIMUM_HOT_PIXEL_COUNT * self.npix:
            self.raise_flag("TOO_MANY_HOT")
        change = self.compare().get("count")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_HOT_PIXEL_COUNT_DIFFERENCE:
            self.raise_flag("HOT_CHANGED")
