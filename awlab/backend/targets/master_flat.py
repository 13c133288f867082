"""MasterFlatFrame: the flat that science frames are divided by (requirement 546)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import MasterFlatOptions, master_flat, subwindow_statistics
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag
from awlab.backend.dataserver import read_image
from awlab.backend.errors import TargetError
from awlab.backend.process import FilteredCalibration, ProcessParameters
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.flat import DomeFlatFrame, TwilightFlatFrame
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.night_sky_flat import NightSkyFlatFrame
from awlab.backend.targets.pixels import keep_pixels, same_shape

__all__ = ["MasterFlatFrame", "MasterFlatFrameParameters"]


class MasterFlatFrameParameters(ProcessParameters):
    """Parameters of `MasterFlatFrame`; names as in Astro-WISE."""

    COMBINE_TYPE = persistent(
        "1 dome, 2 twilight, 3 both, 4 night sky, 5 dome and night sky, 6 twilight and night sky;"
        " 0 takes what there is of dome and twilight",
        int,
        0,
    )
    METHOD = persistent("How large and small scales are parted: block or fourier", str, "block")
    MEDIAN_FILTER_SIZE = persistent("Block that the large scale is measured in [pixel]", int, 64)
    DIG_FILTER_SIZE = persistent("Gaussian filter in Fourier space", float, 9.0)
    MIRROR_XPIX = persistent("Pixels mirrored beyond the edges in x [pixel]", int, 75)
    MIRROR_YPIX = persistent("Pixels mirrored beyond the edges in y [pixel]", int, 150)
    MAXIMUM_SUBWIN_DIFF = persistent("QC: largest change of the flatness since prev", float, 0.1)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class MasterFlatFrame(BaseFrame, FilteredCalibration):
    """Small scales of the dome flat times large scales of the twilight flat; the median is 1.

    The flat of the night sky takes the place of the latter where COMBINE_TYPE asks for it.
    """

    SEQUENCE = "MasterFlat"
    REQUIREMENT = "546"
    _product_code = "Flat"
    NEEDS_DERIVED: ClassVar[tuple[tuple[str, ...], ...]] = (("dome_flat", "twilight_flat"),)
    ONLY_WITH: ClassVar[dict[str, tuple[str, tuple[int, ...]]]] = {
        "night_sky_flat": ("COMBINE_TYPE", (4, 5, 6))
    }
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "FLATNESS_CHANGED", "flatness differs from prev by more than MAXIMUM_SUBWIN_DIFF"),
        Flag(17, "ONE_KIND_ONLY", "COMBINE_TYPE asks for two kinds of flat, one is missing"),
    )

    dome_flat = persistent("Dome flat: the small scales", DomeFlatFrame, optional=True)
    twilight_flat = persistent("Twilight flat: the large scales", TwilightFlatFrame, optional=True)
    night_sky_flat = persistent("Night-sky flat, if asked for", NightSkyFlatFrame, optional=True)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap, optional=True)
    process_params = persistent("Process parameters", MasterFlatFrameParameters)
    combine_type = persistent("What was done, in the numbers of COMBINE_TYPE", int, 0)
    subwin_flatness = persistent("Largest step between medians of windows; the level is 1", float)

    def make(self) -> None:
        """Take one kind of flat, or the small scales of one and the large ones of another."""
        wanted = self.process_params.COMBINE_TYPE
        kinds = (self.dome_flat, self.twilight_flat, self.night_sky_flat)
        has = sum(1 << n for n, flat in enumerate(kinds) if flat is not None)
        self.combine_type = has & wanted if wanted else has
        if not self.combine_type:
            raise TargetError(
                f"COMBINE_TYPE {wanted} asks for a flat that the night does not have",
                "use another COMBINE_TYPE, or ingest the flats",
            )
        image = self._image()
        self.subwin_flatness = subwindow_statistics(image).flatness
        keep_pixels(self, image, {"FLATTYPE": self.combine_type})

    def _image(self) -> Any:
        p = self.process_params
        small, large = (_pixels(flat) for flat in self._scales())
        shape = (small if small is not None else large).shape
        good = same_shape(self.hot, shape)
        if self.cold is not None:
            good = good & same_shape(self.cold, shape)
        options = MasterFlatOptions(
            combine_type=(small is not None) + 2 * (large is not None),
            method=p.METHOD,
            median_filter_size=p.MEDIAN_FILTER_SIZE,
            dig_filter_size=p.DIG_FILTER_SIZE,
            mirror_xpix=p.MIRROR_XPIX,
            mirror_ypix=p.MIRROR_YPIX,
        )
        return master_flat(small, large, options, good=good).image

    def _scales(self) -> tuple[Any, Any]:
        """Return the flats that small and large scales come from; None leaves it to the other."""
        of = self.combine_type
        large = self.night_sky_flat if of & 4 else self.twilight_flat if of & 2 else None
        small = self.dome_flat if of & 1 else self.twilight_flat if of & 2 and of & 4 else None
        return small, large

    def make_default(self) -> None:
        """Take the response for even."""
        keep_pixels(self, np.ones((1, 1), dtype=np.float32))

    def verify(self) -> None:
        """Compare the flatness with the previous flat, and what was asked with what was done."""
        p = self.process_params
        if p.COMBINE_TYPE and self.combine_type != p.COMBINE_TYPE:
            self.raise_flag("ONE_KIND_ONLY")
        change = self.compare().get("subwin_flatness")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_SUBWIN_DIFF:
            self.raise_flag("FLATNESS_CHANGED")


def _pixels(flat: Any) -> Any:
    return None if flat is None else read_image(flat.retrieve())[0]
