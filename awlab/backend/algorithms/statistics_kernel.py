"""Kernels of ``statistics``: moments in one pass, and histograms of integers.

Sums run in double precision about a value near the mean, which keeps the variance exact to a
part in 1e10 where single-precision sums of 1e7 pixels would lose the noise.

References
----------
.. [1] Chan, Golub & LeVeque 1983, The American Statistician 37, 242 (shifted data).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["add_to_histogram", "core_moments", "difference_histogram", "histogram", "moments"]

_LEVELS = 65536


@compiled
def moments(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Mean and sample variance of all pixels of an image.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU].

    Returns
    -------
    mean, variance : float
        Mean [ADU] and sample variance [ADU^2]; NaN if a pixel is not finite.
    """
    shift = np.float64(image[0, 0])
    total = 0.0
    squares = 0.0
    for y in range(image.shape[0]):
        row = image[y]
        part = 0.0
        part_squares = 0.0
        for x in range(row.shape[0]):
            gap = np.float64(row[x]) - shift
            part += gap
            part_squares += gap * gap
        total += part
        squares += part_squares
    n = image.size
    variance = (squares - total * total / n) / max(n - 1, 1)
    # Rounding may leave a constant image with a tiny negative variance; NaN must stay NaN.
    return shift + total / n, 0.0 if variance < 0.0 else variance


@compiled
def core_moments(
    values: npt.NDArray[Any], low: np.float32, high: np.float32, shift: float
) -> tuple[int, float, float]:
    """Number, mean and sample variance of the values in an interval.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Values [ADU].
    low, high : float
        Interval, ends included [ADU].
    shift : float
        A value near the mean [ADU].

    Returns
    -------
    number : int
        Number of values inside.
    mean, variance : float
        Mean [ADU] and sample variance [ADU^2].
    """
    number = 0
    total = 0.0
    squares = 0.0
    for i in range(values.shape[0]):
        value = values[i]
        inside = low <= value <= high
        gap = np.float64(value) - shift if inside else 0.0
        number += 1 if inside else 0
        total += gap
        squares += gap * gap
    if number == 0:
        return 0, 0.0, 0.0
    variance = (squares - total * total / number) / max(number - 1, 1)
    return number, shift + total / number, 0.0 if variance < 0.0 else variance


@compiled
def add_to_histogram(values: npt.NDArray[Any], first: int, counts: npt.NDArray[Any]) -> None:
    """Count integers into a histogram with bins of width 1.

    Parameters
    ----------
    values : ndarray of integers, shape (n,)
        Values [ADU]; none below the first bin or beyond the last.
    first : int
        Value of the first bin [ADU].
    counts : ndarray of int64, shape (bins,)
        Number of each value so far [pixel], changed in place.
    """
    for i in range(values.shape[0]):
        counts[np.int64(values[i]) - first] += 1


def histogram(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], int]:
    """Histogram of integers with bins of width 1.

    Parameters
    ----------
    values : ndarray of integers, shape (n,)
        Values [ADU].

    Returns
    -------
    counts : ndarray of int64, shape (bins,)
        Number of each value.
    first : int
        Value of the first bin [ADU].
    """
    first = int(values.min())
    counts = np.zeros(int(values.max()) - first + 1, np.int64)
    add_to_histogram(values, first, counts)
    return counts, first


@compiled
def _count_differences(
    first: npt.NDArray[Any], second: npt.NDArray[Any], counts: npt.NDArray[Any]
) -> None:
    for y in range(first.shape[0]):
        a = first[y]
        b = second[y]
        for x in range(a.shape[0]):
            counts[np.int64(a[x]) - np.int64(b[x]) + _LEVELS] += 1


def difference_histogram(
    first: npt.NDArray[np.uint16], second: npt.NDArray[np.uint16]
) -> tuple[npt.NDArray[np.int64], int]:
    """Histogram of ``first - second``, pixel by pixel.

    Parameters
    ----------
    first, second : ndarray of uint16, shape (ny, nx)
        Two raw frames [ADU].

    Returns
    -------
    counts : ndarray of int64, shape (bins,)
        Number of each difference.
    first : int
        Difference of the first bin [ADU].
    """
    counts = np.zeros(2 * _LEVELS, np.int64)
    _count_differences(first, second, counts)
    used = np.flatnonzero(counts)
    return counts[used[0] : used[-1] + 1], int(used[0]) - _LEVELS
