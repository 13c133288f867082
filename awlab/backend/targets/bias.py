"""BiasFrame: the master bias of a night (requirement 541)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import clipped_statistics, master_bias, subwindow_statistics
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag, RawBiasFrame
from awlab.backend.process import Calibration, ProcessParameters
from awlab.backend.targets.pixels import keep_pixels, layout_of, raw_pixels
from awlab.backend.targets.read_noise import ReadNoise

__all__ = ["BiasFrame", "BiasFrameParameters"]


class BiasFrameParameters(ProcessParameters):
    """Parameters of `BiasFrame`; names and defaults as in Astro-WISE."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold in units of the read noise", float, 3.0)
    MAXIMUM_ABS_MEAN = persistent("QC: largest mean, overscan subtracted [ADU]", float, 10.0)
    MAXIMUM_STDEV = persistent("QC: largest clipped standard deviation [ADU]", float, 10.0)
    MAXIMUM_STDEV_DIFFERENCE = persistent("QC: largest change of it since prev [ADU]", float, 10.0)
    MAXIMUM_SUBWIN_FLATNESS = persistent("QC: largest step between windows [ADU]", float, 100000.0)
    MAXIMUM_SUBWIN_STDEV = persistent("QC: largest scatter in a window [ADU]", float, 100000.0)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class BiasFrame(BaseFrame, Calibration):
    """Master bias of a chip."""

    SEQUENCE = "Bias"
    REQUIREMENT = "541"
    _product_code = "Bias"
    MINIMUM: ClassVar[dict[str, int]] = {"raw_bias_frames": 3}
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "MEAN_OUT_OF_RANGE", "mean beyond MAXIMUM_ABS_MEAN although overscan corrected"),
        Flag(17, "STDEV_HIGH", "standard deviation above MAXIMUM_STDEV"),
        Flag(18, "STDEV_CHANGED", "standard deviation differs from prev by more than the limit"),
        Flag(19, "NOT_FLAT", "windows differ by more than MAXIMUM_SUBWIN_FLATNESS"),
        Flag(20, "WINDOW_NOISY", "scatter in a window above MAXIMUM_SUBWIN_STDEV"),
    )

    raw_bias_frames = persistent("Raw biases that were averaged", RawBiasFrame, [])
    read_noise = persistent("Read noise, the sigma of the clipping", ReadNoise)
    process_params = persistent("Process parameters", BiasFrameParameters)
    subwin_flatness = persistent("Largest step between medians of windows [ADU]", float)
    subwin_stdev = persistent("Largest scatter in a window [ADU]", float)
    clipped_stdev = persistent("Standard deviation without hot pixels [ADU]", float)
    rejected = persistent("Pixel values clipped [pixel]", int)

    def make(self) -> None:
        """Average the overscan-corrected biases, clipping at SIGMA_CLIP times the read noise."""
        p = self.process_params
        combined = master_bias(
            raw_pixels(self.raw_bias_frames),
            self.read_noise.read_noise,
            layout_of(self.raw_bias_frames[0]),
            sigma_clip=p.SIGMA_CLIP,
            overscan_correction=p.OVERSCAN_CORRECTION,
        )
        windows = subwindow_statistics(combined.image)
        self.subwin_flatness, self.subwin_stdev = windows.flatness, windows.max_stdev
        self.clipped_stdev = clipped_statistics(combined.image).stdev
        self.rejected = combined.rejected
        keep_pixels(self, combined.image, {"OVSCAN": p.OVERSCAN_CORRECTION})

    def make_default(self) -> None:
        """Take no bias structure at all: zero beyond the overscan."""
        keep_pixels(self, np.zeros((1, 1), dtype=np.float32))

    def verify(self) -> None:
        """Compare the statistics with the limits and with the previous master."""
        p = self.process_params
        if p.OVERSCAN_CORRECTION != 0 and abs(self.imstat.mean) > p.MAXIMUM_ABS_MEAN:
            self.raise_flag("MEAN_OUT_OF_RANGE")
        if self.clipped_stdev > p.MAXIMUM_STDEV:
            self.raise_flag("STDEV_HIGH")
        if self.subwin_flatness > p.MAXIMUM_SUBWIN_FLATNESS:
            self.raise_flag("NOT_FLAT")
        if self.subwin_stdev > p.MAXIMUM_SUBWIN_STDEV:
            self.raise_flag("WINDOW_NOISY")
        change = self.compare().get("clipped_stdev")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_STDEV_DIFFERENCE:
            self.raise_flag("STDEV_CHANGED")
