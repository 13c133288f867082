"""DarkFrame: the dark current of a chip (requirement 531)."""

from __future__ import annotations

from typing import ClassVar

from awlab.backend.algorithms import CombineOptions, DetectorNoise, master_dark, measure_overscan
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Flag, RawDarkFrame
from awlab.backend.process import Calibration, ProcessParameters
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.pixels import keep_pixels, layout_of, raw_pixels, same_shape
from awlab.backend.targets.read_noise import ReadNoise

__all__ = ["DarkFrame", "DarkFrameParameters"]


class DarkFrameParameters(ProcessParameters):
    """Parameters of `DarkFrame`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold in units of the noise", float, 3.0)
    MAXIMUM_DARK_CURRENT = persistent("QC: largest median dark current [adu / s]", float, 1.0)
    MAXIMUM_DARK_CURRENT_DIFFERENCE = persistent(
        "QC: largest change of it since prev [adu / s]", float, 0.1
    )
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 7.0)


class DarkFrame(BaseFrame, Calibration):
    """Dark current of a chip, per second; the statistics are in ADU per second."""

    SEQUENCE = "Dark"
    REQUIREMENT = "531"
    _product_code = "Dark"
    MINIMUM: ClassVar[dict[str, int]] = {"raw_dark_frames": 3}
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "DARK_CURRENT_HIGH", "median dark current above MAXIMUM_DARK_CURRENT"),
        Flag(17, "DARK_CURRENT_CHANGED", "median differs from prev by more than the limit"),
    )

    raw_dark_frames = persistent("Raw darks that were averaged", RawDarkFrame, [])
    bias = persistent("Master bias", BiasFrame)
    read_noise = persistent("Read noise, for the clipping", ReadNoise)
    process_params = persistent("Process parameters", DarkFrameParameters)
    rejected = persistent("Pixel values clipped [pixel]", int)

    def make(self) -> None:
        """Average the de-biased darks per second, weighted by their exposure times."""
        p = self.process_params
        layout = layout_of(self.raw_dark_frames[0])
        frames = raw_pixels(self.raw_dark_frames)
        options = CombineOptions(
            sigma_clip=p.SIGMA_CLIP,
            region=layout.image,
            overscan=[measure_overscan(f, layout, p.OVERSCAN_CORRECTION) for f in frames],
            bias=same_shape(self.bias, layout.image.shape),
        )
        times = [raw.EXPTIME for raw in self.raw_dark_frames]
        combined = master_dark(frames, times, DetectorNoise(self.read_noise.read_noise), options)
        self.rejected = combined.rejected
        keep_pixels(self, combined.image, {"BUNIT": "adu/s"})

    def verify(self) -> None:
        """Compare the dark current with the limits and with the previous one."""
        p = self.process_params
        if self.imstat.median > p.MAXIMUM_DARK_CURRENT:
            self.raise_flag("DARK_CURRENT_HIGH")
        change = self.compare().get("imstat.median")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_DARK_CURRENT_DIFFERENCE:
            self.raise_flag("DARK_CURRENT_CHANGED")
