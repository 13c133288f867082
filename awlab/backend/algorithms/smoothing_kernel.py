"""Kernel of ``smoothing``: the median of each block, in place of many small NumPy calls.

References
----------
.. [1] Hoare 1961, "Algorithm 65: find", Comm. ACM 4, 321 (selection, used by numpy.median).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.compiling import compiled

__all__ = ["medians_of_blocks"]


@compiled
def medians_of_blocks(
    images: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    edges: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    medians: npt.NDArray[Any],
    first: int,
    last: int,
) -> None:
    """Median of each block, for some rows of the grid of blocks; NaN where no pixel is good.

    Parameters
    ----------
    images : tuple of ndarray, each of shape (ny, nx)
        Image [ADU] and pixel map [1 good, 0 bad], which may have the shape (0, 0).
    edges : tuple of ndarray of int64, each of shape (blocks + 1,)
        Edges of the blocks in y and in x [pixel].
    medians : ndarray of float32, shape (blocks in y, blocks in x)
        Where the medians go [ADU].
    first, last : int
        First row of blocks and the row after the last.
    """
    image, good = images
    y_edges, x_edges = edges
    largest = (np.diff(y_edges).max()) * (np.diff(x_edges).max())
    values = np.empty(largest, np.float32)
    for j in range(first, last):
        for i in range(medians.shape[1]):
            number = 0
            for y in range(y_edges[j], y_edges[j + 1]):
                for x in range(x_edges[i], x_edges[i + 1]):
                    if good.shape[0] == 0 or good[y, x] > 0:
                        values[number] = image[y, x]
                        number += 1
            medians[j, i] = np.median(values[:number]) if number > 0 else np.nan
