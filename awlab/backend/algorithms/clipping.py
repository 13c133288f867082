"""Noise and level of the core of a distribution, free of outliers.

The noise of integer data is measured by an iteratively clipped standard deviation. A median
absolute deviation would be quantised (15 % low for a read noise of a few ADU). Clipping cuts the
wings of the distribution, so the standard deviation is corrected for a truncated normal
distribution, and the variance of rounding, 1/12, is subtracted.

References
----------
.. [1] Johnson, Kotz & Balakrishnan 1994, Continuous Univariate Distributions 1, 13.10.1
   (truncated normal distribution).
.. [2] Sheppard 1898, Proc. London Math. Soc. 29, 353 (variance of grouped data).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray

__all__ = ["ClippedStatistics", "clipped_histogram", "clipped_statistics"]

ROUNDING_VARIANCE = 1.0 / 12.0
_QUARTILES_TO_SIGMA = 1.3489795


@dataclass(frozen=True, slots=True)
class ClippedStatistics:
    """Statistics of the core of a distribution.

    Attributes
    ----------
    mean, median, stdev : float
        Mean, median of all, and standard deviation of the core [ADU].
    npix : int
        Number of pixels kept.
    rejected : int
        Number of pixels clipped.
    iterations : int
        Number of iterations done.
    """

    mean: float
    median: float
    stdev: float
    npix: int
    rejected: int
    iterations: int


def truncation(k: float) -> float:
    """Variance of a unit normal distribution cut at -k and k.

    Parameters
    ----------
    k : float
        Half width of the interval [sigma].

    Returns
    -------
    float
        Variance, between 0 and 1.
    """
    inside = math.erf(k / math.sqrt(2.0))
    return 1.0 - 2.0 * k * math.exp(-0.5 * k * k) / math.sqrt(2.0 * math.pi) / inside


def iterate_clipping(
    measure: Callable[[float, float], tuple[int, float, float, float]],
    start: tuple[float, float],
    threshold: float,
    iterations: int,
) -> tuple[float, float, int, int]:
    """Narrow an interval until mean and standard deviation settle.

    Parameters
    ----------
    measure : callable
        ``measure(low, high)`` gives number, mean, variance and effective width of an interval.
    start : tuple of float
        First mean and standard deviation [ADU].
    threshold : float
        Half width of the interval [sigma].
    iterations : int
        Largest number of iterations.

    Returns
    -------
    mean, stdev : float
        Of the core, corrected for the truncation [ADU].
    number : int
        Number of values inside.
    done : int
        Number of iterations.
    """
    mean, stdev = start
    number, done = 0, 0
    while done < iterations:
        done += 1
        count, new_mean, variance, width = measure(
            mean - threshold * stdev, mean + threshold * stdev
        )
        if count == 0:
            break
        k = max(0.5 * width / stdev, 1.0) if stdev > 0 else threshold
        new_stdev = math.sqrt(variance / truncation(k))
        settled = count == number or abs(new_stdev - stdev) <= 1e-6 * stdev
        mean, stdev, number = new_mean, new_stdev, count
        if settled:
            break
    return mean, stdev, number, done


def clipped_statistics(
    values: npt.NDArray[Any],
    *,
    threshold: float = 5.0,
    iterations: int = 20,
    rounding: float | None = None,
) -> ClippedStatistics:
    """Mean and noise of the core of a distribution, free of outliers.

    Parameters
    ----------
    values : ndarray of float32, uint16 or int32, any shape
        Values [ADU].
    threshold : float
        Values further than this from the mean are clipped [sigma].
    iterations : int
        Largest number of iterations.
    rounding : float, optional
        Variance of rounding to subtract [ADU^2]; by default 1/12 for integers, 0 for floats.

    Returns
    -------
    ClippedStatistics
        Mean, median and standard deviation [ADU].

    Raises
    ------
    BadArray
        If there are no values, or one is not finite.
    """
    from awlab.backend.algorithms.statistics_kernel import core_moments, histogram

    flat = np.ascontiguousarray(values).ravel()
    if flat.size == 0:
        raise BadArray("no values to measure", "give at least one pixel")
    if np.issubdtype(flat.dtype, np.integer):
        counts, first = histogram(flat)
        return clipped_histogram(
            counts, first, threshold=threshold, iterations=iterations, rounding=rounding
        )
    flat = flat.astype(np.float32, copy=False)
    quarters = [flat.size // 4, flat.size // 2, (3 * flat.size) // 4]
    low, median, high = (float(v) for v in np.partition(flat, quarters)[quarters])

    def measure(start: float, end: float) -> tuple[int, float, float, float]:
        number, mean, variance = core_moments(flat, np.float32(start), np.float32(end), median)
        return number, mean, variance, end - start

    number, mean, variance = core_moments(flat, np.float32(-np.inf), np.float32(np.inf), median)
    if not math.isfinite(variance) or number < flat.size:
        raise BadArray("the values are not all finite", "give bad pixels weight 0 when reading")
    sigma = (high - low) / _QUARTILES_TO_SIGMA or math.sqrt(variance)
    mean, stdev, number, done = iterate_clipping(measure, (median, sigma), threshold, iterations)
    stdev = math.sqrt(max(stdev * stdev - (rounding or 0.0), 0.0))
    return ClippedStatistics(mean, median, stdev, number, flat.size - number, done)


def clipped_histogram(
    counts: npt.NDArray[np.int64],
    first: int,
    *,
    threshold: float = 5.0,
    iterations: int = 20,
    rounding: float | None = None,
) -> ClippedStatistics:
    """Mean and noise of integers given as a histogram; exact, and independent of their number.

    Parameters
    ----------
    counts : ndarray of int64, shape (bins,)
        Number of pixels with each value [pixel].
    first : int
        Value of the first bin [ADU].
    threshold : float
        Values further than this from the mean are clipped [sigma].
    iterations : int
        Largest number of iterations.
    rounding : float, optional
        Variance of rounding to subtract [ADU^2]; 1/12 by default.

    Returns
    -------
    ClippedStatistics
        Mean, median and standard deviation [ADU].
    """
    total = int(counts.sum())
    below = np.cumsum(counts)
    quarters = np.searchsorted(below, [total / 4, total / 2, 3 * total / 4])
    start = float(quarters[2] - quarters[0] + 1) / _QUARTILES_TO_SIGMA
    level = int(quarters[1])
    inside = (0.5 * total - (below[level] - counts[level])) / counts[level]
    median = first + level - 0.5 + float(inside)

    def measure(low: float, high: float) -> tuple[int, float, float, float]:
        begin = max(math.ceil(low - first), 0)
        end = max(min(math.floor(high - first) + 1, counts.size), begin)
        part = counts[begin:end]
        number = int(part.sum())
        if number == 0:
            return 0, 0.0, 0.0, 0.0
        shifted = np.arange(begin, end, dtype=np.float64) - level
        mean = float(part @ shifted) / number
        variance = float(part @ (shifted - mean) ** 2) / max(number - 1, 1)
        return number, mean + first + level, variance, math.floor(high) - math.ceil(low) + 1.0

    mean, stdev, number, done = iterate_clipping(measure, (median, start), threshold, iterations)
    variance = stdev * stdev - (ROUNDING_VARIANCE if rounding is None else rounding)
    return ClippedStatistics(
        mean, median, math.sqrt(max(variance, 0.0)), number, total - number, done
    )
