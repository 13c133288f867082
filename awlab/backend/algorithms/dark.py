"""Master dark: what a closed detector collects, per second.

References
----------
.. [1] Howell 2006, Handbook of CCD Astronomy, 4.3 (dark current).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from awlab.backend.algorithms.arrays import AnyImage, BadArray
from awlab.backend.algorithms.combine import (
    CombinedImage,
    CombineOptions,
    DetectorNoise,
    combine_frames,
)

__all__ = ["master_dark"]


def master_dark(
    darks: Sequence[AnyImage],
    exposure_times: Sequence[float],
    noise: DetectorNoise,
    options: CombineOptions,
) -> CombinedImage:
    """Combine darks into the dark rate.

    Every frame is divided by its exposure time; in the mean it has the weight the read noise
    gives it, the square of its exposure time.

    Parameters
    ----------
    darks : sequence of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw darks [ADU].
    exposure_times : sequence of float
        Exposure time of each [second].
    noise : DetectorNoise
        Read noise [ADU] and gain [electron/ADU].
    options : CombineOptions
        Region, overscan and bias to take off; its scales and weights are not used.

    Returns
    -------
    CombinedImage
        Dark rate [ADU/second].

    Raises
    ------
    BadArray
        If an exposure time is not positive, or the frames do not fit.
    """
    if len(exposure_times) != len(darks) or not all(time > 0 for time in exposure_times):
        raise BadArray(
            f"exposure times {list(exposure_times)} for {len(darks)} darks",
            "give one positive time [second] per dark",
        )
    longest = max(exposure_times)
    weighted = replace(
        options,
        scales=[1.0 / time for time in exposure_times],
        weights=[(time / longest) ** 2 for time in exposure_times],
    )
    return combine_frames(darks, noise, weighted)
