"""ReadNoise: the read noise of a chip, from pairs of raw biases (requirement 521)."""

from __future__ import annotations

from typing import ClassVar

from awlab.backend.algorithms import measure_read_noise
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag, RawBiasFrame
from awlab.backend.process import Calibration, ProcessParameters
from awlab.backend.targets.pixels import layout_of, raw_pixels

__all__ = ["ReadNoise", "ReadNoiseParameters"]


class ReadNoiseParameters(ProcessParameters):
    """Parameters of `ReadNoise`."""

    REJECTION_THRESHOLD = persistent("Clipping threshold of the differences, sigma", float, 5.0)
    MAXIMUM_ITERATIONS = persistent("Largest number of clipping iterations", int, 10)
    MAXIMUM_READ_NOISE = persistent("QC: largest read noise [ADU]", float, 10.0)
    MINIMUM_READ_NOISE = persistent(
        "QC: smallest read noise that can be measured [ADU]", float, 0.5
    )
    MAXIMUM_BIAS_DIFFERENCE = persistent("QC: largest mean difference of a pair [ADU]", float, 5.0)
    MAXIMUM_READ_NOISE_DIFFERENCE = persistent("QC: largest change since prev [ADU]", float, 0.5)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 30.0)


class ReadNoise(Calibration):
    """Read noise of a chip."""

    SEQUENCE = "ReadNoise"
    REQUIREMENT = "521"
    MINIMUM: ClassVar[dict[str, int]] = {"raw_bias_frames": 2}
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "READ_NOISE_HIGH", "read noise above MAXIMUM_READ_NOISE"),
        Flag(17, "READ_NOISE_LOW", "read noise below MINIMUM_READ_NOISE: not measurable"),
        Flag(18, "BIAS_DIFFERENCE", "biases of a pair differ by more than MAXIMUM_BIAS_DIFFERENCE"),
        Flag(19, "READ_NOISE_CHANGED", "differs from prev by more than the limit"),
    )

    raw_bias_frames = persistent("Raw biases, compared in pairs", RawBiasFrame, [])
    process_params = persistent("Process parameters", ReadNoiseParameters)
    read_noise = persistent("Read noise [ADU]", float)
    read_noise_error = persistent("Standard error of the read noise [ADU]", float)
    mean_diff = persistent("Mean difference of the pairs [ADU]", float)
    median_diff = persistent("Median difference of the pairs [ADU]", float)

    def make(self) -> None:
        """Measure the scatter of differences of pairs of biases."""
        p = self.process_params
        found = measure_read_noise(
            raw_pixels(self.raw_bias_frames),
            region=layout_of(self.raw_bias_frames[0]).image,
            rejection_threshold=p.REJECTION_THRESHOLD,
            maximum_iterations=p.MAXIMUM_ITERATIONS,
        )
        self.read_noise, self.read_noise_error = found.read_noise, found.error
        self.mean_diff, self.median_diff = found.mean_diff, found.median_diff

    def make_default(self) -> None:
        """Take the nominal read noise of the chip; 5 ADU where none is known."""
        self.read_noise = self.chip.read_noise or 5.0

    def verify(self) -> None:
        """Compare with the limits and with the previous measurement."""
        p = self.process_params
        if self.read_noise > p.MAXIMUM_READ_NOISE:
            self.raise_flag("READ_NOISE_HIGH")
        if not self.read_noise >= p.MINIMUM_READ_NOISE:
            self.raise_flag("READ_NOISE_LOW")
        if abs(self.mean_diff) > p.MAXIMUM_BIAS_DIFFERENCE:
            self.raise_flag("BIAS_DIFFERENCE")
        change = self.compare().get("read_noise")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_READ_NOISE_DIFFERENCE:
            self.raise_flag("READ_NOISE_CHANGED")
        if any(raw.quality_flags.are_serious for raw in self.raw_bias_frames):
            self.raise_flag("FLAGGED_INPUT")
