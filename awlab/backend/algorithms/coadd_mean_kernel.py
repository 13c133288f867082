"""Kernels of ``coadd``: weighted mean or median of what was not rejected, and the maps.

References
----------
.. [1] Demmel & Nguyen 2015, IEEE Trans. Computers 64, 2060 (reproducible sums by pre-rounding).
.. [2] Kenney & Keeping 1962, Mathematics of Statistics 2, 3.4 (variance of the median).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.coadd_kernel import (
    TILE,
    Strip,
    gather,
    median_of_tile,
    rounder_of,
    sum_sharpness,
)
from awlab.backend.algorithms.compiling import compiled

__all__ = ["Products", "average_rows"]

_ZERO = np.float32(0.0)


class Products(NamedTuple):
    """Where the results go, each (ny, nx)."""

    image: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    exposures: npt.NDArray[np.uint16]
    exposure_time: npt.NDArray[np.float32]


@compiled
def _weighted_sums(
    tile: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    active: int,
    times: tuple[npt.NDArray[Any], npt.NDArray[Any], float],
    sums: npt.NDArray[Any],
) -> None:
    """Exact sums over the frames: weight x value, weight, exposure time, number."""
    values, shares = tile
    seconds, who, time_rounder = times
    top, heavy = sums[0], sums[1]
    sums[:] = 0.0
    for i in range(active):
        value, share = values[i], shares[i]
        for k in range(TILE):
            weight = np.float64(share[k]) if share[k] > _ZERO else 0.0
            heavy[k] = weight if weight > heavy[k] else heavy[k]
            size = abs(weight * np.float64(value[k]))
            top[k] = size if size > top[k] else top[k]
    share_rounder, rounder = rounder_of(heavy.max(), active), rounder_of(top.max(), active)
    sums[:] = 0.0
    for i in range(active):
        value, share = values[i], shares[i]
        second = (seconds[who[i]] + time_rounder) - time_rounder
        total, weights, time, number = sums[0], sums[1], sums[2], sums[3]
        for k in range(TILE):
            keep = share[k] > _ZERO
            weight = np.float64(share[k]) if keep else 0.0
            total[k] += (weight * np.float64(value[k]) + rounder) - rounder
            weights[k] += (weight + share_rounder) - share_rounder
            time[k] += second if keep else 0.0
            number[k] += 1.0 if keep else 0.0


@compiled
def _median_weight(number: float, reach: float) -> float:
    """Inverse variance of the median of values with a sum of 1/sigma, good to 2 % for any n."""
    if number == 0.0:
        return 0.0
    small = math.pi - 2.0 if int(number) % 2 == 0 else 0.5 * math.pi - 1.0
    sharpness = reach / number
    return sharpness * sharpness * (number + small) * 2.0 / math.pi


@compiled
def average_rows(
    strip: Strip, products: Products, place: tuple[int, int], first: int, last: int
) -> None:
    """Combine what is not rejected, for some rows.

    Parameters
    ----------
    strip : Strip
        Rows of all frames.
    products : Products
        Where the results go.
    place : tuple of int
        Row of the strip that is the first of the products [pixel]; 1 for the median, 0 for the
        weighted mean.
    first, last : int
        First row and the row after the last, of the products [pixel].
    """
    skipped, by_median = place[0], place[1] == 1
    n = strip.places.shape[0]
    nx = products.image.shape[1]
    values, ordered = np.zeros((n, TILE), np.float32), np.zeros((n + 2, TILE), np.float32)
    shares, sums = np.zeros((n, TILE), np.float32), np.zeros((4, TILE), np.float64)
    middle, reach = np.zeros((3, TILE), np.float32), np.zeros(TILE, np.float64)
    who = np.zeros(n, np.int64)
    slowest = 0.0
    for i in range(n):
        slowest = max(slowest, strip.times[i])
    times = (strip.times, who, rounder_of(slowest, n))
    for y in range(first, last):
        for x in range(0, nx, TILE):
            width = min(TILE, nx - x)
            active = gather(strip, (y + skipped, x, width), values, shares, who)
            _weighted_sums((values, shares), active, times, sums)
            if by_median:
                median_of_tile(values, shares, active, strip, ordered, middle)
                sum_sharpness(shares, active, reach)
            for k in range(width):
                weight = sums[1, k]
                mean = sums[0, k] / (weight if weight > 0.0 else 1.0)
                if by_median:
                    mean, weight = middle[0, k], _median_weight(sums[3, k], reach[k])
                products.image[y, x + k] = np.float32(mean)
                products.weight[y, x + k] = np.float32(weight)
                products.exposures[y, x + k] = np.uint16(sums[3, k])
                products.exposure_time[y, x + k] = np.float32(sums[2, k])
