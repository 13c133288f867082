"""Kernels of ``pixel_maps``: grow a few marked pixels, at a cost that goes with their number.

References
----------
.. [1] Serra 1982, Image Analysis and Mathematical Morphology (dilation by a disc).
.. [2] Janesick 2001, Scientific Charge-Coupled Devices (blooming: charge follows the columns).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["follow_columns", "grow_marked"]

# Wider than a trail, narrower than the wings of a bright star.
_NEIGHBOURS = 8


@compiled
def grow_marked(marked: npt.NDArray[Any], seeds: npt.NDArray[Any], radius: int) -> None:
    """Mark all pixels within a radius of the seeds, in place.

    Parameters
    ----------
    marked : ndarray of bool, shape (ny, nx)
        Marked pixels [true or false].
    seeds : ndarray of int64, shape (n, 2)
        Positions (y, x) to grow [pixel].
    radius : int
        How far to grow [pixel].
    """
    ny, nx = marked.shape
    for i in range(seeds.shape[0]):
        y0, x0 = seeds[i]
        for y in range(max(y0 - radius, 0), min(y0 + radius + 1, ny)):
            for x in range(max(x0 - radius, 0), min(x0 + radius + 1, nx)):
                if (y - y0) ** 2 + (x - x0) ** 2 <= radius * radius:
                    marked[y, x] = True


@compiled
def follow_columns(
    pixels: npt.NDArray[Any], marked: npt.NDArray[Any], ends: npt.NDArray[Any], least: float
) -> None:
    """Mark what lies beyond the ends of full runs and is brighter than its row nearby, in place.

    Parameters
    ----------
    pixels : ndarray of uint16 or float32, shape (ny, nx)
        Raw pixels [ADU].
    marked : ndarray of bool, shape (ny, nx)
        Marked pixels [true or false].
    ends : ndarray of int64, shape (n, 3)
        Position (y, x) of the first pixel beyond an end, and the step in y away from it [pixel].
    least : float
        A pixel is in the trail while it is so much above the median of its row nearby [ADU].
    """
    ny, nx = pixels.shape
    for i in range(ends.shape[0]):
        y, x, step = ends[i]
        first, last = max(x - _NEIGHBOURS, 0), min(x + _NEIGHBOURS + 1, nx)
        while 0 <= y < ny:
            level = np.median(pixels[y, first:last].astype(np.float64))
            if not pixels[y, x] > level + least:
                break
            marked[y, x] = True
            y += step
