"""Kernel of ``satellites``: sums along all straight lines that cross an image from edge to edge.

References
----------
.. [1] Brady 1998, SIAM J. Comput. 27, 107 (fast discrete Radon transform).
.. [2] Nir, Zackay & Ofek 2018, AJ 156, 229 (streaks by the fast Radon transform).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awlab.backend.algorithms.arrays import FloatImage
from awlab.backend.algorithms.compiling import compiled

__all__ = ["radon_sums"]


@compiled
def radon_sums(image: FloatImage) -> Any:
    """Sums along lines that go from the first to the last row and drift to larger x.

    Parameters
    ----------
    image : ndarray of float32, shape (n, width)
        Image; n is a power of two, and lines leave it to the right [any unit].

    Returns
    -------
    ndarray of float32, shape (n, n + width)
        Element (s, x) is the sum along the line from x - n in row 0 to x - n + s in the last row.
    """
    n, width = image.shape
    wide = n + width
    # Level by level: sums over blocks of 1, 2, 4 ... rows, for all drifts within a block.
    now = np.zeros((n, 1, wide), np.float32)
    now[:, 0, n:] = image
    height = 1
    while height < n:
        blocks = now.shape[0] // 2
        following = np.zeros((blocks, 2 * height, wide), np.float32)
        for block in range(blocks):
            for drift in range(2 * height):
                half = drift // 2
                ahead = drift - half
                low, high = now[2 * block, half], now[2 * block + 1, half]
                out = following[block, drift]
                for x in range(wide - ahead):
                    out[x] = low[x] + high[x + ahead]
                for x in range(wide - ahead, wide):
                    out[x] = low[x]
        now = following
        height *= 2
    return now[0]
