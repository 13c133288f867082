"""CosmicMap: pixels of one frame that were hit by cosmic rays."""

from __future__ import annotations

from typing import ClassVar

from awlab.backend.algorithms import CosmicRayOptions, DetectorNoise, cosmic_ray_map
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Flag, Instrument, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.gain import GainLinearity
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.pixel_map import PixelMap
from awlab.backend.targets.pixels import good_pixels
from awlab.backend.targets.read_noise import ReadNoise
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.saturated import SaturatedPixelMap

__all__ = ["CosmicMap", "CosmicMapParameters"]


class CosmicMapParameters(ProcessParameters):
    """Parameters of `CosmicMap`."""

    DETECTION_THRESHOLD = persistent("Significance of the Laplacian, sigma", float, 5.0)
    NEIGHBOUR_FRACTION = persistent("Part of it that a neighbour needs", float, 0.3)
    OBJECT_CONTRAST = persistent("Least Laplacian over fine structure", float, 3.0)
    MAXIMUM_ITERATIONS = persistent("Largest number of rounds", int, 4)
    MAXIMUM_HIT = persistent("QC: largest part of the chip that is hit", float, 0.01)


class CosmicMap(PixelMap, ProcessTarget):
    """Pixels of one reduced frame that were hit by cosmic rays; 1 is good, 0 was hit."""

    SEQUENCE = "CosmicMap"
    _product_code = "Cosm"
    _file_category = "Sci"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "TOO_MANY_COSMICS", "more pixels are hit than MAXIMUM_HIT of the chip"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame that was searched", ReducedScienceFrame)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap)
    saturated = persistent("Saturated pixels", SaturatedPixelMap)
    gain = persistent("Gain, for the noise", GainLinearity)
    read_noise = persistent("Read noise", ReadNoise)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    process_params = persistent("Process parameters", CosmicMapParameters)
    cosmic_count = persistent("Number of events", int)
    npix = persistent("Number of all pixels [pixel]", int)

    def make(self) -> None:
        """Search the reduced frame; pixels that are bad already neither hit nor are hit."""
        p = self.process_params
        image, _ = read_image(self.reduced.retrieve())
        found = cosmic_ray_map(
            image,
            DetectorNoise(self.read_noise.read_noise, self.gain.gain),
            CosmicRayOptions(
                detection_threshold=p.DETECTION_THRESHOLD,
                neighbour_fraction=p.NEIGHBOUR_FRACTION,
                object_contrast=p.OBJECT_CONTRAST,
                maximum_iterations=p.MAXIMUM_ITERATIONS,
            ),
            good=good_pixels((self.hot, self.cold, self.saturated), image.shape),
        )
        self.cosmic_count = found.cosmic_count
        self.npix = int(image.size)
        self.keep_map(found.map)

    def verify(self) -> None:
        """Say so if more is hit than rays can explain."""
        if self.count > self.process_params.MAXIMUM_HIT * self.npix:
            self.raise_flag("TOO_MANY_COSMICS")
