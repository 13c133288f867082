"""GainLinearity: the conversion factor of a chip, and how linear it is (requirements 523, 533)."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from awlab.backend.algorithms import BadArray, GainOptions, measure_gain, measure_overscan
from awlab.backend.database import persistent
from awlab.backend.datamodel import Flag, RawDomeFlatFrame
from awlab.backend.process import Calibration, ProcessParameters
from awlab.backend.targets.bias import BiasFrame
from awlab.backend.targets.pixels import layout_of, raw_pixels, same_shape

__all__ = ["GainLinearity", "GainLinearityParameters"]


class GainLinearityParameters(ProcessParameters):
    """Parameters of `GainLinearity`."""

    OVERSCAN_CORRECTION = persistent("Overscan correction method, 0 ... 10", int, 6)
    REJECTION_THRESHOLD = persistent("Clipping threshold of the differences, sigma", float, 5.0)
    MAXIMUM_ITERATIONS = persistent("Largest number of clipping iterations", int, 10)
    MINIMUM_GAIN = persistent("QC: smallest gain [electron / adu]", float, 0.2)
    MAXIMUM_GAIN = persistent("QC: largest gain [electron / adu]", float, 10.0)
    MAXIMUM_GAIN_ERROR = persistent("QC: largest relative error of the gain", float, 0.05)
    MAXIMUM_GAIN_DIFFERENCE = persistent("QC: largest change [electron / adu]", float, 0.1)
    MAXIMUM_NONLINEARITY = persistent("QC: largest relative departure from a line", float, 0.02)
    VALID_NIGHTS = persistent("For how many nights it applies [d]", float, 30.0)


class GainLinearity(Calibration):
    """Gain of a chip by photon transfer, from dome flats of a range of exposure times."""

    SEQUENCE = "Gain"
    REQUIREMENT = "523"
    MINIMUM: ClassVar[dict[str, int]] = {"raw_dome_flat_frames": 4}
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "GAIN_OUT_OF_RANGE", "gain outside MINIMUM_GAIN ... MAXIMUM_GAIN, or undefined"),
        Flag(17, "GAIN_UNCERTAIN", "relative error of the gain above MAXIMUM_GAIN_ERROR"),
        Flag(18, "GAIN_CHANGED", "gain differs from prev by more than the limit"),
        Flag(19, "NOT_LINEAR", "level against exposure time departs from a line"),
    )

    raw_dome_flat_frames = persistent("Raw dome flats, compared in pairs", RawDomeFlatFrame, [])
    bias = persistent("Master bias", BiasFrame)
    process_params = persistent("Process parameters", GainLinearityParameters)
    gain = persistent("Conversion factor [electron / adu]", float)
    gain_error = persistent("Standard error of the gain [electron / adu]", float)
    nonlinearity = persistent("Largest relative departure of the level from a line", float)
    exposure_times = persistent("Exposure time of each flat [s]", float, [])
    exposure_levels = persistent("Level of each flat above the bias [ADU]", float, [])
    median_sum = persistent("Level of the sum of each pair [ADU]", float, [])
    rms_diff = persistent("Standard deviation of the difference of each pair [ADU]", float, [])
    remark = persistent("Why there is no gain, if so", str, "")

    def make(self) -> None:
        """Fit the noise variance of pairs of flats against their level.

        The flats of one filter are used, of which there are most: flats of two filters are no
        pair. Without a usable pair the gain stays undefined, and `verify` says so.
        """
        p = self.process_params
        raws = _one_filter(self.raw_dome_flat_frames)
        layout = layout_of(raws[0])
        frames = raw_pixels(raws)
        options = GainOptions(
            region=layout.image,
            overscan=[measure_overscan(f, layout, p.OVERSCAN_CORRECTION) for f in frames],
            bias=same_shape(self.bias, layout.image.shape),
            rejection_threshold=p.REJECTION_THRESHOLD,
            maximum_iterations=p.MAXIMUM_ITERATIONS,
        )
        self.exposure_times = [raw.EXPTIME for raw in raws]
        try:
            found = measure_gain(frames, options, exposure_times=self.exposure_times)
        except BadArray as exc:
            self.remark = str(exc)
            return
        self.gain, self.gain_error = found.gain, found.error
        self.exposure_levels = list(found.exposure_levels)
        self.median_sum, self.rms_diff = list(found.median_sum), list(found.rms_diff)
        if found.linearity is not None:
            self.nonlinearity = found.linearity.deviation

    def make_default(self) -> None:
        """Take the nominal gain of the chip; 1 where none is known."""
        self.gain = self.chip.gain or 1.0

    def verify(self) -> None:
        """Compare the gain with the limits and with the previous one."""
        p = self.process_params
        if self.gain is None or not p.MINIMUM_GAIN <= self.gain <= p.MAXIMUM_GAIN:
            self.raise_flag("GAIN_OUT_OF_RANGE")
            return
        if not self.gain_error <= p.MAXIMUM_GAIN_ERROR * self.gain:
            self.raise_flag("GAIN_UNCERTAIN")
        if self.nonlinearity is not None and self.nonlinearity > p.MAXIMUM_NONLINEARITY:
            self.raise_flag("NOT_LINEAR")
        change = self.compare().get("gain")
        if change and abs(change[1] - change[0]) > p.MAXIMUM_GAIN_DIFFERENCE:
            self.raise_flag("GAIN_CHANGED")
        if any(raw.quality_flags.are_serious for raw in self.raw_dome_flat_frames):
            self.raise_flag("FLAGGED_INPUT")


def _one_filter(raws: Any) -> list[Any]:
    """Return the flats of the filter that has most."""
    most, _ = Counter(raw.filter for raw in raws).most_common(1)[0]
    return [raw for raw in raws if raw.filter == most]
