"""Kernel of ``pixel_maps``: grow a few marked pixels, at a cost that goes with their number.

References
----------
.. [1] Serra 1982, Image Analysis and Mathematical Morphology (dilation by a disc).
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["grow_marked"]


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
