"""Kernels of ``pointing``: votes of pairs for an orientation, and for an offset.

References
----------
.. [1] Kaiser et al. 1999, "The imcat pattern matching" (votes in angle and log separation).
.. [2] Bertin 2006, ASP Conf. 351, 112 (SCAMP: pattern matching by cross-correlated histograms).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["vote_offsets", "vote_orientations"]


@compiled
def pair_shapes(x: npt.NDArray[Any], y: npt.NDArray[Any], least: float, most: float) -> Any:
    """Log separation and direction of all pairs in a range of separations.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Positions [arcsec].
    least, most : float
        Range of separations [arcsec].

    Returns
    -------
    length, direction : ndarray of float64, shape (pairs,)
        Natural logarithm of the separation, and direction in [0, pi) [radian].
    """
    number = x.size
    length = np.empty(number * (number - 1) // 2)
    direction = np.empty_like(length)
    count = 0
    for i in range(number):
        for j in range(i + 1, number):
            dx, dy = x[j] - x[i], y[j] - y[i]
            distance = math.sqrt(dx * dx + dy * dy)
            if least <= distance <= most:
                length[count] = math.log(distance)
                direction[count] = math.atan2(dy, dx) % math.pi
                count += 1
    return length[:count].copy(), direction[:count].copy()


@compiled
def vote_orientations(
    sources: Any, stars: Any, ranges: tuple[float, float], bins: tuple[int, int]
) -> npt.NDArray[Any]:
    """Histogram of rotation and log scale over all pairs of sources and of stars.

    Parameters
    ----------
    sources, stars : tuple of ndarray of float64, shape (pairs,)
        Log separation and direction; those of the stars sorted by separation [radian].
    ranges : tuple of float
        Largest rotation [radian] and log scale, both ways.
    bins : tuple of int
        Number of bins in rotation and in log scale.

    Returns
    -------
    ndarray of int64, shape bins
        Votes.
    """
    votes = np.zeros(bins, np.int64)
    turn, stretch = ranges
    for k in range(sources[0].size):
        begin = np.searchsorted(stars[0], sources[0][k] - stretch)
        end = np.searchsorted(stars[0], sources[0][k] + stretch)
        for m in range(begin, end):
            angle = stars[1][m] - sources[1][k]
            angle -= math.pi * round(angle / math.pi)
            if abs(angle) < turn:
                row = int((angle + turn) / (2.0 * turn) * bins[0])
                growth = (stars[0][m] - sources[0][k] + stretch) / (2.0 * stretch)
                column = min(max(int(growth * bins[1]), 0), bins[1] - 1)
                votes[row, column] += 1
    return votes


@compiled
def vote_offsets(
    sources: npt.NDArray[Any], stars: npt.NDArray[Any], half: float, step: float
) -> npt.NDArray[Any]:
    """Histogram of the position differences of all pairs of a source and a star.

    Parameters
    ----------
    sources, stars : ndarray of float64, shape (n, 2)
        Positions; those of the stars sorted by the first coordinate [arcsec].
    half : float
        Largest difference in a coordinate [arcsec].
    step : float
        Width of a bin [arcsec].

    Returns
    -------
    ndarray of int64, shape (side, side)
        Votes by difference in the first and second coordinate.
    """
    side = int(2.0 * half / step) + 1
    votes = np.zeros((side, side), np.int64)
    x = stars[:, 0].copy()
    for i in range(sources.shape[0]):
        begin = np.searchsorted(x, sources[i, 0] - half, side="right")
        end = np.searchsorted(x, sources[i, 0] + half)
        for j in range(begin, end):
            dy = stars[j, 1] - sources[i, 1]
            if abs(dy) < half:
                row = int((x[j] - sources[i, 0] + half) / step)
                votes[row, int((dy + half) / step)] += 1
    return votes
