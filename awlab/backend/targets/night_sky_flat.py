"""NightSkyFlatFrame: a flat made of the science frames of a night (requirement 544)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    BadArray,
    SkyPatternOptions,
    combine_night_sky,
    smooth_map,
    subwindow_statistics,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag, RawScienceFrame
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.dark import DarkFrame
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.flat import DomeFlatFrame, TwilightFlatFrame
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.pixels import good_pixels, keep_pixels, same_shape
from awlab.backend.targets.reducing import dithered, evenly, reduced_pixels

__all__ = ["NightSkyFlatFrame", "NightSkyFlatFrameParameters"]


class NightSkyFlatFrameParameters(ProcessParameters):
    """Parameters of `NightSkyFlatFrame`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold, sigma of the sky", float, 3.0)
    SOURCE_THRESHOLD = persistent("Sources stand out of the sky this much, sigma", float, 1.5)
    GROW = persistent("Pixels around sources that are taken in [pixel]", int, 6)
    BLOCK = persistent("Blocks the sky is measured in; 0 takes it pixel by pixel [pixel]", int, 64)
    DITHER = persistent("Least distance of two pointings [pixel]", float, 10.0)
    FRAMES = persistent("Largest number of frames, taken evenly over the night", int, 20)
    MINIMUM_FRAMES = persistent("QC: smallest number of dithered frames", int, 4)
    MAXIMUM_SUBWIN_FLATNESS = persistent("QC: largest step between windows, level is 1", float, 0.8)
    MAXIMUM_SUBWIN_DIFF = persistent("QC: largest change of that step since prev", float, 0.1)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class NightSkyFlatFrame(BaseFrame, FilteredCalibration):
    """Flat of the night sky; its median is 1.

    The dithered frames are divided by the dome flat, or where there is none by that of the
    twilight; what they have in common then is what that flat has wrong. So the small scales are
    those of that flat, which has more light than the sky, and the large ones those of the sky.
    `MasterFlatFrame` takes it with a COMBINE_TYPE of 4, 5 or 6.
    """

    SEQUENCE = "NightSkyFlat"
    REQUIREMENT = "544"
    PURPOSES: ClassVar[tuple[str, ...]] = ("science",)
    MINIMUM: ClassVar[dict[str, int]] = {"raw_science_frames": 3}
    NEEDS_DERIVED: ClassVar[tuple[tuple[str, ...], ...]] = (("dome_flat", "twilight_flat"),)
    _product_code = "NSky"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "FEW_FRAMES", "fewer dithered frames than MINIMUM_FRAMES"),
        Flag(17, "NO_PATTERN", "the frames give no flat; `reason` says why"),
        Flag(18, "NOT_FLAT", "windows differ by more than MAXIMUM_SUBWIN_FLATNESS"),
        Flag(19, "FLATNESS_CHANGED", "flatness differs from prev by more than MAXIMUM_SUBWIN_DIFF"),
    )

    raw_science_frames = persistent("Raw frames of the sky", RawScienceFrame, [])
    bias = persistent("Master bias", BiasFrame)
    dark = persistent("Dark current", DarkFrame, optional=True)
    dome_flat = persistent("Dome flat: the small scales", DomeFlatFrame, optional=True)
    twilight_flat = persistent("Twilight flat, in its place", TwilightFlatFrame, optional=True)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap, optional=True)
    process_params = persistent("Process parameters", NightSkyFlatFrameParameters)
    nframes = persistent("Number of dithered frames that were averaged", int, 0)
    levels = persistent("Sky of each of them [ADU]", float, [])
    subwin_flatness = persistent("Largest step between medians of windows; the level is 1", float)
    reason = persistent("Why there is no flat; empty if there is one", str, "")

    def make(self) -> None:
        """Reduce the dithered frames, average their sky, and give the flat back that was taken."""
        p = self.process_params
        chosen = evenly(dithered(self.raw_science_frames, p.DITHER), p.FRAMES)
        self.nframes = len(chosen)
        image = np.ones((1, 1), np.float32)
        if self.nframes < p.MINIMUM_FRAMES:
            self.reason = f"{self.nframes} dithered frames, MINIMUM_FRAMES is {p.MINIMUM_FRAMES}"
        else:
            try:
                image = self._image(chosen)
            except BadArray as exc:
                self.reason = str(exc)
            else:
                self.subwin_flatness = subwindow_statistics(image).flatness
        keep_pixels(self, image)

    def _image(self, chosen: list[Any]) -> Any:
        p = self.process_params
        first = self.dome_flat or self.twilight_flat
        frames = [reduced_pixels(raw, self, first) for raw in chosen]
        good = good_pixels((self.hot, self.cold), frames[0].shape)
        options = SkyPatternOptions(p.SIGMA_CLIP, p.SOURCE_THRESHOLD, p.GROW)
        found = combine_night_sky(frames, options, good=good)
        self.levels = list(found.levels)
        sky = smooth_map(found.image, good, block=p.BLOCK) if p.BLOCK else found.image
        image = sky * same_shape(first, found.image.shape)
        middle = float(np.median(image[good > 0]))
        return np.asarray(image / np.float32(middle), np.float32)

    def verify(self) -> None:
        """Compare number and flatness with the limits, and with the previous flat."""
        p = self.process_params
        if self.nframes < p.MINIMUM_FRAMES:
            self.raise_flag("FEW_FRAMES")
        elif self.reason:
            self.raise_flag("NO_PATTERN")
        if self.subwin_flatness is not None and self.subwin_flatness > p.MAXIMUM_SUBWIN_FLATNESS:
            self.raise_flag("NOT_FLAT")
        change = self.compare().get("subwin_flatness")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_SUBWIN_DIFF:
            self.raise_flag("FLATNESS_CHANGED")
        if is_doubtful(*self.raw_science_frames):
            self.raise_flag("FLAGGED_INPUT")
