"""FringeFrame: the fringes of the night sky in a thin chip (requirement 545)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from awlab.backend.algorithms import BadArray, SkyPatternOptions, fringe_pattern
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag, RawScienceFrame
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.dark import DarkFrame
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.master_flat import MasterFlatFrame
from awlab.backend.targets.pixels import good_pixels, keep_pixels
from awlab.backend.targets.reducing import dithered, evenly, reduced_pixels

__all__ = ["FringeFrame", "FringeFrameParameters"]


class FringeFrameParameters(ProcessParameters):
    """Parameters of `FringeFrame`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold, sigma of the sky", float, 3.0)
    SOURCE_THRESHOLD = persistent("Sources stand out of the sky this much, sigma", float, 1.5)
    GROW = persistent("Pixels around sources that are taken in [pixel]", int, 6)
    SMOOTHING = persistent("Gaussian that the pattern is smoothed with [pixel]", float, 1.5)
    DITHER = persistent("Least distance of two pointings [pixel]", float, 10.0)
    FRAMES = persistent("Largest number of frames, taken evenly over the night", int, 20)
    MINIMUM_FRAMES = persistent("QC: smallest number of dithered frames", int, 4)
    MAXIMUM_AMPLITUDE = persistent("QC: largest amplitude, part of the sky", float, 0.2)
    MAXIMUM_AMPLITUDE_DIFF = persistent("QC: largest change of it since prev", float, 0.02)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class FringeFrame(BaseFrame, FilteredCalibration):
    """Fringes over the sky, of median 0: times a scale in ADU they are those of a frame.

    Only for filters with fringes, from dithered frames of the night: a field that was looked at
    from one place leaves its stars in it. Where there is none a frame is reduced without.
    """

    SEQUENCE = "FringeFlat"
    REQUIREMENT = "545"
    ONLY_FOR_FILTERS = "has_fringes"
    PURPOSES: ClassVar[tuple[str, ...]] = ("science",)
    MINIMUM: ClassVar[dict[str, int]] = {"raw_science_frames": 3}
    _product_code = "Frin"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "FEW_FRAMES", "fewer dithered frames than MINIMUM_FRAMES"),
        Flag(17, "NO_PATTERN", "the frames give no pattern; `reason` says why"),
        Flag(18, "AMPLITUDE_HIGH", "the amplitude is above MAXIMUM_AMPLITUDE"),
        Flag(19, "AMPLITUDE_CHANGED", "it differs from prev by more than MAXIMUM_AMPLITUDE_DIFF"),
    )

    raw_science_frames = persistent("Raw frames of the sky", RawScienceFrame, [])
    bias = persistent("Master bias", BiasFrame)
    dark = persistent("Dark current", DarkFrame, optional=True)
    flat = persistent("Master flat", MasterFlatFrame)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap)
    process_params = persistent("Process parameters", FringeFrameParameters)
    nframes = persistent("Number of dithered frames that were averaged", int, 0)
    amplitude = persistent("Half the range of 90 % of the pixels, part of the sky", float, 0.0)
    levels = persistent("Sky of each of them [ADU]", float, [])
    reason = persistent("Why there is no pattern; empty if there is one", str, "")

    def make(self) -> None:
        """Reduce the dithered frames, and average what they have in common."""
        p = self.process_params
        chosen = evenly(dithered(self.raw_science_frames, p.DITHER), p.FRAMES)
        self.nframes = len(chosen)
        pattern = np.zeros((1, 1), np.float32)
        if self.nframes < p.MINIMUM_FRAMES:
            self.reason = f"{self.nframes} dithered frames, MINIMUM_FRAMES is {p.MINIMUM_FRAMES}"
        else:
            frames = [reduced_pixels(raw, self, self.flat) for raw in chosen]
            good = good_pixels((self.hot, self.cold), frames[0].shape)
            options = SkyPatternOptions(p.SIGMA_CLIP, p.SOURCE_THRESHOLD, p.GROW)
            try:
                found = fringe_pattern(frames, options, good=good, smoothing=p.SMOOTHING)
            except BadArray as exc:
                self.reason = str(exc)
            else:
                pattern, self.amplitude = found.image, found.amplitude
                self.levels = list(found.levels)
        keep_pixels(self, pattern, {"FRINGAMP": self.amplitude})

    def verify(self) -> None:
        """Compare number and amplitude with the limits, and with the previous fringes."""
        p = self.process_params
        if self.nframes < p.MINIMUM_FRAMES:
            self.raise_flag("FEW_FRAMES")
        elif self.reason:
            self.raise_flag("NO_PATTERN")
        if self.amplitude > p.MAXIMUM_AMPLITUDE:
            self.raise_flag("AMPLITUDE_HIGH")
        change = self.compare().get("amplitude")
        if change and not self.reason and abs(change[1] - change[0]) > p.MAXIMUM_AMPLITUDE_DIFF:
            self.raise_flag("AMPLITUDE_CHANGED")
        if is_doubtful(*self.raw_science_frames):
            self.raise_flag("FLAGGED_INPUT")
