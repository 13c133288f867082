"""Jumps and drifts in a series of numbers: when an instrument was changed, and how it ages.

A jump is where the median of the points after differs from the median of those before by more than
their scatter allows, one common drift taken off. Up to half a window of bad points is no jump.

References
----------
Moving sums for several change points: Eichinger & Kirch 2018, Bernoulli 24, 526 (MOSUM), here with
medians in the place of means. Drift as the median of pairwise slopes: Theil 1950, Sen 1968,
J. Am. Stat. Assoc. 63, 1379. The standard error of a median is sqrt(pi / 2) times that of a mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.errors import QueryError

__all__ = ["Jump", "days_of", "drift", "find_jumps"]

_SMALLEST_WINDOW = 5
_MEDIAN_ERROR = float(np.sqrt(np.pi / 2))


@dataclass(frozen=True, slots=True)
class Jump:
    """One jump.

    Attributes
    ----------
    index : int
        Which of the points given is the first one after the jump.
    before, after : float
        Medians of the windows on both sides.
    size : float
        Difference of the two, the drift between them taken off.
    significance : float
        Size in standard errors.
    """

    index: int
    before: float
    after: float
    size: float
    significance: float


def days_of(values: Any) -> NDArray[np.float64]:
    """Return numbers as they are and times as days since 2000; NaN where there is none.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers or ``datetime64``, masked where missing.
    """
    column = np.ma.asarray(values)
    if column.dtype.kind == "M":
        since = np.ma.getdata(column).astype("datetime64[us]") - np.datetime64("2000-01-01", "us")
        # Not a time becomes NaN with the division.
        column = np.ma.array(since / np.timedelta64(1, "D"), mask=np.ma.getmaskarray(column))
    found: NDArray[np.float64] = np.ma.masked_invalid(column.astype(np.float64)).filled(np.nan)
    return found


def _sorted_series(
    order: Any, values: Any, window: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return where the points are that count, in order, with places and numbers."""
    if window < _SMALLEST_WINDOW:
        raise QueryError(f"a window of {window} points", f"use at least {_SMALLEST_WINDOW}")
    places, numbers = days_of(order), days_of(values)
    where = np.flatnonzero(np.isfinite(places) & np.isfinite(numbers))
    where = where[np.argsort(places[where], kind="stable")]
    return where, places[where], numbers[where]


def drift(order: Any, values: Any, *, window: int = 15) -> float:
    """Return the drift per unit of order, of times per day, blind to jumps and outliers.

    Parameters
    ----------
    order : array_like, shape (n,)
        Time of every number.
    values : array_like, shape (n,)
        Numbers.
    window : int
        Pairs of points so far apart are compared.

    Returns
    -------
    float
        NaN where there are too few points.
    """
    _, places, numbers = _sorted_series(order, values, window)
    return _slope(places, numbers, window)


def _slope(places: NDArray[np.float64], numbers: NDArray[np.float64], lag: int) -> float:
    if places.size <= lag:
        return float("nan")
    apart = places[lag:] - places[:-lag]
    rises = (numbers[lag:] - numbers[:-lag])[apart > 0]
    return float(np.median(rises / apart[apart > 0])) if rises.size else float("nan")


def find_jumps(order: Any, values: Any, sigma: float = 6.0, *, window: int = 15) -> list[Jump]:
    """Find where a series jumps.

    Parameters
    ----------
    order : array_like, shape (n,)
        What the values are sorted by: numbers or times.
    values : array_like, shape (n,)
        Numbers of one series (one chip, one filter); what is masked or not finite is left out.
    sigma : float
        Threshold in standard errors of the difference of two medians.
    window : int
        Points on each side. What is bad for less than half of it is no jump.

    Returns
    -------
    list of Jump
        In order; none where there are fewer than two windows of points.

    Raises
    ------
    QueryError
        If threshold or window make no sense.
    """
    if not sigma > 0:
        raise QueryError(f"a threshold of {sigma} sigma", "give a positive number")
    where, places, numbers = _sorted_series(order, values, window)
    if where.size < 2 * window:
        return []
    steps, error = _steps(places, numbers, window)
    found = []
    left = np.abs(steps)
    while left.size and left.max() > sigma * error:
        peak = int(left.argmax())
        # The statistic is flat around a jump: the split of least absolute deviation is sharper.
        at = _sharpened(numbers, peak + window, window)
        size = float(steps[min(max(at - window, 0), steps.size - 1)])
        before, after = numbers[max(at - window, 0) : at], numbers[at : at + window]
        strength = float(abs(steps[peak]) / error) if error > 0 else float("inf")
        found.append(
            Jump(int(where[at]), float(np.median(before)), float(np.median(after)), size, strength)
        )
        left[max(0, peak - window) : peak + window + 1] = 0.0
    return sorted(found, key=lambda jump: places[np.flatnonzero(where == jump.index)[0]])


def _steps(
    places: NDArray[np.float64], numbers: NDArray[np.float64], window: int
) -> tuple[NDArray[np.float64], float]:
    """Return the step at every boundary between two windows, and its standard error."""
    from astropy.stats import mad_std

    slope = _slope(places, numbers, window)
    level = numbers - (slope if np.isfinite(slope) else 0.0) * (places - places[0])
    medians = np.median(np.lib.stride_tricks.sliding_window_view(level, window), axis=1)
    # Of neighbours, so that neither jumps nor drifts count as scatter.
    scatter = float(mad_std(np.diff(level))) / np.sqrt(2)
    steps: NDArray[np.float64] = medians[window:] - medians[:-window]
    return steps, float(_MEDIAN_ERROR * scatter * np.sqrt(2.0 / window))


def _sharpened(numbers: NDArray[np.float64], at: int, window: int) -> int:
    """Return the split near ``at`` that leaves the least absolute deviations on both sides."""
    low, high = max(at - window, 0), min(at + window, numbers.size)
    row = numbers[low:high]

    def cost(split: int) -> float:
        parts = row[:split], row[split:]
        return float(sum(np.abs(part - np.median(part)).sum() for part in parts))

    half = max(window // 2, 1)
    choices = range(max(at - low - half, 1), min(at - low + half, row.size - 1) + 1)
    return low + min(choices, key=cost)
