"""Trends in numbers: robust statistics, and what falls out of line.

References
----------
Sigma clipping and the scaled median absolute deviation: `astropy.stats`. Running median:
`scipy.ndimage.median_filter`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.errors import QueryError

__all__ = ["RobustStatistics", "clip_outliers", "robust_statistics", "running_outliers"]

_SMALLEST_WINDOW = 3


@dataclass(frozen=True, slots=True)
class RobustStatistics:
    """What a column of numbers is like.

    Attributes
    ----------
    count : int
        Numbers that are there.
    missing : int
        Entries that are null or not finite.
    mean, stdev : float
        Of all numbers, in their unit.
    median, sigma : float
        Median, and the scaled median absolute deviation about it.
    low, high : float
        Smallest and largest number.
    """

    count: int
    missing: int
    mean: float
    stdev: float
    median: float
    sigma: float
    low: float
    high: float


def _numbers(values: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values as floats, and which of them are there."""
    masked = np.ma.masked_invalid(np.ma.asarray(values, dtype=np.float64))
    return masked.filled(np.nan), ~np.ma.getmaskarray(masked)


def robust_statistics(values: Any) -> RobustStatistics:
    """Describe a column.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers; what is masked or not finite counts as missing and enters nothing.
    """
    from astropy.stats import mad_std

    numbers, there = _numbers(values)
    good = numbers[there]
    if not good.size:
        nan = float("nan")
        return RobustStatistics(0, int(numbers.size), nan, nan, nan, nan, nan, nan)
    return RobustStatistics(
        count=int(good.size),
        missing=int(numbers.size - good.size),
        mean=float(good.mean()),
        stdev=float(good.std(ddof=1)) if good.size > 1 else 0.0,
        median=float(np.median(good)),
        sigma=float(mad_std(good)),
        low=float(good.min()),
        high=float(good.max()),
    )


def clip_outliers(values: Any, sigma: float = 4.0, *, iterations: int = 10) -> NDArray[np.bool_]:
    """Find what is farther from the median than so many robust standard deviations.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers.
    sigma : float
        Threshold.
    iterations : int
        How often median and deviation are taken anew without what was found.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for outliers; what is missing is none.
    """
    from astropy.stats import mad_std, sigma_clip

    _check(sigma)
    numbers, there = _numbers(values)
    found = np.zeros(numbers.shape, bool)
    if there.any():
        clipped = sigma_clip(
            numbers[there], sigma=sigma, maxiters=iterations, cenfunc="median", stdfunc=mad_std
        )
        found[there] = np.ma.getmaskarray(clipped)
    return found


def running_outliers(
    order: Any, values: Any, sigma: float = 4.0, *, window: int = 31
) -> NDArray[np.bool_]:
    """Find what is far from the running median: jumps and single points, not slow drifts.

    Parameters
    ----------
    order : array_like, shape (n,)
        What the values are sorted by, such as time.
    values : array_like, shape (n,)
        Numbers.
    sigma : float
        Threshold in robust standard deviations of the differences from the running median.
    window : int
        Number of points of which the running median is taken.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for outliers; what is missing is none.
    """
    from astropy.stats import mad_std
    from scipy.ndimage import median_filter

    _check(sigma)
    if window < _SMALLEST_WINDOW:
        raise QueryError(f"a running median of {window} points", f"use at least {_SMALLEST_WINDOW}")
    numbers, there = _numbers(values)
    _, has_place = _numbers(order)
    where = np.flatnonzero(there & has_place)
    found = np.zeros(numbers.shape, bool)
    if where.size < _SMALLEST_WINDOW:
        return found
    where = where[np.argsort(np.asarray(order)[where], kind="stable")]
    row = numbers[where]
    # Mirrored at the ends: a last point that is repeated would be its own median.
    rest = row - median_filter(row, size=min(window, row.size), mode="mirror")
    spread = float(mad_std(rest))
    found[where] = np.abs(rest) > sigma * spread if spread > 0 else rest != 0
    return found


def _check(sigma: float) -> None:
    if not sigma > 0:
        raise QueryError(f"a threshold of {sigma} sigma", "give a positive number")
