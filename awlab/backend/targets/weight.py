"""WeightFrame: what every pixel of a reduced frame is worth (requirement 633)."""

from __future__ import annotations

from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Filter, RawScienceFrame
from awlab.backend.process import ProcessTarget
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.cosmic import CosmicMap
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.master_flat import MasterFlatFrame
from awlab.backend.targets.pixels import good_pixels, keep_pixels, layout_of, same_shape
from awlab.backend.targets.satellite import SatelliteMap
from awlab.backend.targets.saturated import SaturatedPixelMap

__all__ = ["WeightFrame"]


class WeightFrame(BaseFrame, ProcessTarget):
    """What pixels are worth: flat x hot x cold x saturated x cosmic x satellite; 0 is no use.

    The illumination correction is not in it: it is made from stars that were measured with weights.
    `RegriddedFrame` applies it to image and weight.
    """

    SEQUENCE = "Weight"
    REQUIREMENT = "633"
    _product_code = "Weig"
    _file_category = "Sci"

    raw = persistent("Raw frame", RawScienceFrame)
    filter = persistent("Filter", Filter)
    flat = persistent("Master flat", MasterFlatFrame)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap)
    saturated = persistent("Saturated pixels", SaturatedPixelMap)
    cosmic = persistent("Cosmic rays", CosmicMap)
    satellite = persistent("Satellite tracks", SatelliteMap)

    def make(self) -> None:
        """Multiply the flat with the maps of good pixels."""
        shape = layout_of(self.raw).image.shape
        maps = (self.hot, self.cold, self.saturated, self.cosmic, self.satellite)
        keep_pixels(self, same_shape(self.flat, shape) * good_pixels(maps, shape))

    def verify(self) -> None:
        """Say so if the flat or a map is only a default."""
        if any(item.origin == "default" for item in (self.flat, self.hot, self.cold)):
            self.raise_flag("DEFAULT_CALIBRATION")
