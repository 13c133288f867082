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
from awlab.backend.targets.pixels import keep_pixels, same_shape

__all__ = ["MasterFlatFrame", "MasterFlatFrameParameters"]


class MasterFlatFrameParameters(ProcessParameters):
    """Parameters of `MasterFlatFrame`; names as in Astro-WISE."""

    COMBINE_TYPE = persistent("1 dome, 2 twilight, 3 both; 0 takes what there is", int, 0)
    METHOD = persistent("How large and small scales are parted: block or fourier", str, "block")
    MEDIAN_FILTER_SIZE = persistent("Block that the large scale is measured in [pixel]", int, 64)
    DIG_FILTER_SIZE = persistent("Gaussian filter in Fourier space", float, 9.0)
    MIRROR_XPIX = persistent("Pixels mirrored beyond the edges in x [pixel]", int, 75)
    MIRROR_YPIX = persistent("Pixels mirrored beyond the edges in y [pixel]", int, 150)
    MAXIMUM_SUBWIN_DIFF = persistent("QC: largest change of the flatness since prev", float, 0.1)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class MasterFlatFrame(BaseFrame, FilteredCalibration):
    """Small scales of the dome flat times large scales of the twilight flat; the median is 1."""

    SEQUENCE = "MasterFlat"
    REQUIREMENT = "546"
    _product_code = "Flat"
    NEEDS_DERIVED: ClassVar[tuple[tuple[str, ...], ...]] = (("dome_flat", "twilight_flat"),)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "FLATNESS_CHANGED", "flatness differs from prev by more than MAXIMUM_SUBWIN_DIFF"),
        Flag(17, "ONE_KIND_ONLY", "COMBINE_TYPE asks for dome and twilight, one is missing"),
    )

    dome_flat = persistent("Dome flat: the small scales", DomeFlatFrame, optional=True)
    twilight_flat = persistent("Twilight flat: the large scales", TwilightFlatFrame, optional=True)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap, optional=True)
    process_params = persistent("Process parameters", MasterFlatFrameParameters)
    combine_type = persistent("1 dome, 2 twilight, 3 both: what was done", int, 0)
    subwin_flatness = persistent("Largest step between medians of windows; the level is 1", float)

    def make(self) -> None:
        """Take the dome flat, the twilight flat, or both."""
        wanted = self.process_params.COMBINE_TYPE
        has = (1 if self.dome_flat else 0) + (2 if self.twilight_flat else 0)
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
        dome, twilight = (_pixels(flat) for flat in (self.dome_flat, self.twilight_flat))
        shape = (dome if dome is not None else twilight).shape
        good = same_shape(self.hot, shape)
        if self.cold is not None:
            good = good & same_shape(self.cold, shape)
        options = MasterFlatOptions(
            combine_type=self.combine_type,
            method=p.METHOD,
            median_filter_size=p.MEDIAN_FILTER_SIZE,
            dig_filter_size=p.DIG_FILTER_SIZE,
            mirror_xpix=p.MIRROR_XPIX,
            mirror_ypix=p.MIRROR_YPIX,
        )
        return master_flat(dome, twilight, options, good=good).image

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
