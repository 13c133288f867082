"""SatelliteMap: pixels of one frame that lie under satellite tracks."""

from __future__ import annotations

from typing import ClassVar

from awlab.backend.algorithms import SatelliteOptions, satellite_map
from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Flag, Instrument, RawScienceFrame
from awlab.backend.dataserver import read_image
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.targets.cold_pixels import ColdPixelMap
from awlab.backend.targets.hot_pixels import HotPixelMap
from awlab.backend.targets.pixel_map import PixelMap
from awlab.backend.targets.pixels import DIGITISATION_NOISE, good_pixels
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.saturated import SaturatedPixelMap

__all__ = ["SatelliteMap", "SatelliteMapParameters"]


class SatelliteMapParameters(ProcessParameters):
    """Parameters of `SatelliteMap`; the first two are named as in Astro-WISE."""

    DETECTION_THRESHOLD = persistent("Least significance of a line, sigma", float, 6.0)
    HOUGH_THRESHOLD = persistent("Least length of a track [pixel]", int, 100)
    COVERAGE = persistent("Least part of its way along which a track is seen", float, 0.7)
    MARGIN = persistent("Added to the half width of the wings [pixel]", float, 1.0)
    TRACKS = persistent("Largest number of tracks", int, 10)
    MAXIMUM_MASKED = persistent("QC: largest part of the chip under tracks", float, 0.1)


class SatelliteMap(PixelMap, ProcessTarget):
    """Pixels of one reduced frame under satellite tracks and their wings; 1 is good."""

    SEQUENCE = "SatelliteMap"
    _product_code = "Satel"
    _file_category = "Sci"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "TOO_MUCH_MASKED", "more of the chip is under tracks than MAXIMUM_MASKED"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame that was searched", ReducedScienceFrame)
    hot = persistent("Hot pixels", HotPixelMap)
    cold = persistent("Cold pixels", ColdPixelMap)
    saturated = persistent("Saturated pixels", SaturatedPixelMap)
    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    process_params = persistent("Process parameters", SatelliteMapParameters)
    track_count = persistent("Number of tracks", int, 0)
    tracks = persistent("Ends and half widths of the tracks [pixel]", dict, {})
    npix = persistent("Number of all pixels [pixel]", int)

    def make(self) -> None:
        """Search the reduced frame for lines from edge to edge, and mask those that are tracks."""
        p = self.process_params
        image, _ = read_image(self.reduced.retrieve())
        found = satellite_map(
            image,
            SatelliteOptions(
                DETECTION_THRESHOLD=p.DETECTION_THRESHOLD,
                HOUGH_THRESHOLD=p.HOUGH_THRESHOLD,
                coverage=p.COVERAGE,
                margin=p.MARGIN,
                most=p.TRACKS,
                least_noise=DIGITISATION_NOISE,
            ),
            good=good_pixels((self.hot, self.cold, self.saturated), image.shape),
        )
        self.npix = int(image.size)
        self.track_count = len(found.tracks)
        self.tracks = {
            name: [round(float(getattr(track, name)), 2) for track in found.tracks]
            for name in ("x0", "y0", "x1", "y1", "half_width")
        }
        self.keep_map(found.map)

    def verify(self) -> None:
        """Say so if more is masked than tracks can explain."""
        if self.count > self.process_params.MAXIMUM_MASKED * self.npix:
            self.raise_flag("TOO_MUCH_MASKED")
