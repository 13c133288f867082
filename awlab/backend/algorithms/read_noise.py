"""Read noise from pairs of raw biases.

The difference of two biases is free of everything that repeats; its clipped standard deviation
is sqrt(2) times the noise of one. Each pixel was rounded to an integer, which adds a variance of
1/12 that is not read noise.

References
----------
.. [1] Astro-WISE ReadNoise: read_noise, mean_diff, median_diff; process parameters
   REJECTION_THRESHOLD and MAXIMUM_ITERATIONS.
.. [2] Janesick 2001, Scientific Charge-Coupled Devices, 2.2 (photon transfer).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import AnyImage, check_frames
from awlab.backend.algorithms.clipping import (
    ROUNDING_VARIANCE,
    ClippedStatistics,
    clipped_histogram,
    clipped_statistics,
)
from awlab.backend.algorithms.regions import Region

__all__ = ["ReadNoiseMeasurement", "measure_read_noise"]


@dataclass(frozen=True, slots=True)
class ReadNoiseMeasurement:
    """Read noise of a detector.

    Attributes
    ----------
    read_noise : float
        Read noise of one frame [ADU].
    error : float
        Statistical error of the read noise [ADU].
    mean_diff, median_diff : float
        Mean and median difference of the pair that differs most [ADU].
    pair_values : tuple of float
        Read noise from each pair [ADU].
    rejected : int
        Number of pixels clipped, over all pairs.
    """

    read_noise: float
    error: float
    mean_diff: float
    median_diff: float
    pair_values: tuple[float, ...]
    rejected: int


def measure_read_noise(
    biases: Sequence[AnyImage],
    *,
    region: Region | None = None,
    rejection_threshold: float = 5.0,
    maximum_iterations: int = 10,
) -> ReadNoiseMeasurement:
    """Measure the read noise from raw biases, taken in pairs (1st and 2nd, 3rd and 4th, ...).

    Parameters
    ----------
    biases : sequence of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        At least two raw biases [ADU]; an odd last one is left out. Floats that are all whole
        numbers count as rounded data.
    region : Region, optional
        Pixels to use; all by default.
    rejection_threshold : float
        Clipping threshold [sigma].
    maximum_iterations : int
        Largest number of clipping iterations.

    Returns
    -------
    ReadNoiseMeasurement
        Read noise [ADU] with its error.

    Raises
    ------
    BadArray
        If there are fewer than two frames, or they do not fit.
    """
    check_frames(biases, "raw biases", least=2)
    shape = (biases[0].shape[0], biases[0].shape[1])
    where = region or Region.whole(shape)
    where.assert_inside(shape, "read-noise region")
    pairs = [
        _difference(
            first[where.slices], second[where.slices], rejection_threshold, maximum_iterations
        )
        for first, second in zip(biases[0::2], biases[1::2], strict=False)
    ]
    values = [pair.stdev / math.sqrt(2.0) for pair in pairs]
    read_noise = math.sqrt(sum(value**2 for value in values) / len(values))
    largest = max(pairs, key=lambda pair: abs(pair.mean))
    return ReadNoiseMeasurement(
        read_noise=read_noise,
        error=read_noise / math.sqrt(2.0 * sum(pair.npix for pair in pairs)),
        mean_diff=largest.mean,
        median_diff=largest.median,
        pair_values=tuple(values),
        rejected=sum(pair.rejected for pair in pairs),
    )


def _difference(
    first: AnyImage, second: AnyImage, threshold: float, iterations: int
) -> ClippedStatistics:
    """Clipped statistics of the difference of two frames, without the rounding variance."""
    from awlab.backend.algorithms.statistics_kernel import difference_histogram

    # Two frames were rounded, so the difference has twice the variance of rounding.
    twice = 2.0 * ROUNDING_VARIANCE
    if first.dtype == np.uint16:
        counts, start = difference_histogram(
            cast(npt.NDArray[np.uint16], first), cast(npt.NDArray[np.uint16], second)
        )
        return clipped_histogram(
            counts, start, threshold=threshold, iterations=iterations, rounding=twice
        )
    difference = first.astype(np.float32) - second
    whole = is_whole(first) and is_whole(second)
    values: npt.NDArray[Any] = difference.astype(np.int32) if whole else difference
    return clipped_statistics(
        values, threshold=threshold, iterations=iterations, rounding=twice if whole else 0.0
    )


def is_whole(image: AnyImage) -> bool:
    """Whether all values are whole numbers, as of integers stored as floats.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU].

    Returns
    -------
    bool
        True for rounded data.
    """
    return bool((np.rint(image) == image).all())
