"""The large-scale structure of an image: medians of blocks, joined by a spline.

A median of a 64 x 64 block does not see stars, dead pixels or single columns; the spline between
the blocks has no steps, and reaches the edges of the image with the slope it has there.

References
----------
.. [1] de Boor 2001, A Practical Guide to Splines, ch. IV (not-a-knot end conditions).
.. [2] Bertin & Arnouts 1996, A&AS 117, 393, 4 (background mesh and its median filter).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, PixelMap, check_image
from awlab.backend.algorithms.strips import over_strips

__all__ = ["block_medians", "interpolation_matrix", "smooth_map"]

# At least this many blocks along each axis: fewer could not follow the vignetting.
_LEAST_BLOCKS = 8
_SMALLEST_BLOCK = 8
_OUTLIER = 5.0


def block_edges(length: int, block: int) -> npt.NDArray[np.int64]:
    """Edges of nearly equal blocks along an axis.

    Parameters
    ----------
    length : int
        Length of the axis [pixel].
    block : int
        Wanted length of a block [pixel]; short axes get shorter blocks.

    Returns
    -------
    ndarray of int64, shape (blocks + 1,)
        Edges [pixel].
    """
    size = max(min(block, length // _LEAST_BLOCKS), min(_SMALLEST_BLOCK, length))
    count = max(1, round(length / size))
    return np.linspace(0, length, count + 1).round().astype(np.int64)


def interpolation_matrix(edges: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Matrix that takes values of blocks to values of pixels along an axis, by a cubic spline.

    Parameters
    ----------
    edges : ndarray of int64, shape (blocks + 1,)
        Edges of the blocks [pixel].

    Returns
    -------
    ndarray of float32, shape (length, blocks)
        Weights of the blocks for each pixel.
    """
    from scipy.interpolate import make_interp_spline

    blocks = edges.size - 1
    if blocks == 1:
        return np.ones((int(edges[-1]), 1), np.float32)
    centres = 0.5 * (edges[1:] + edges[:-1] - 1)
    spline = make_interp_spline(centres, np.eye(blocks), k=3 if blocks > 3 else 1)
    return np.asarray(spline(np.arange(edges[-1])), np.float32)


def block_medians(
    image: FloatImage, good: PixelMap | None = None, *, block: int = 64, threads: int = 2
) -> tuple[FloatImage, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Median of each block of an image.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [ADU].
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]; bad pixels do not count.
    block : int
        Wanted size of a block [pixel].
    threads : int
        Number of threads.

    Returns
    -------
    medians : ndarray of float32, shape (blocks in y, blocks in x)
        Medians [ADU]; a block without good pixels has that of the nearest block.
    y_edges, x_edges : ndarray of int64, shape (blocks + 1,)
        Edges of the blocks [pixel].

    Raises
    ------
    BadArray
        If the arrays do not fit, or no pixel is good.
    """
    from awlab.backend.algorithms.smoothing_kernel import medians_of_blocks

    check_image(image, "image", types=("float32",))
    if good is not None:
        check_image(good, "pixel map", shape=image.shape, types=("uint8",))
    mask = np.zeros((0, 0), np.uint8) if good is None else good
    edges = block_edges(image.shape[0], block), block_edges(image.shape[1], block)
    medians = np.zeros((edges[0].size - 1, edges[1].size - 1), np.float32)
    over_strips(
        lambda first, last: medians_of_blocks((image, mask), edges, medians, first, last),
        medians.shape[0],
        threads,
    )
    empty = np.isnan(medians)
    if empty.all():
        raise BadArray("the image has no good pixel", "look at the pixel maps given")
    if empty.any():
        from scipy.ndimage import distance_transform_edt

        nearest = distance_transform_edt(empty, return_distances=False, return_indices=True)
        medians = np.ascontiguousarray(medians[tuple(nearest)])
    return medians, *edges


def _without_outliers(medians: FloatImage) -> FloatImage:
    """Replace blocks far from their neighbours.

    Only outliers are replaced: filtering every block would flatten slopes at the edges.
    """
    from scipy.ndimage import median_filter

    if min(medians.shape) < 3:
        return medians
    # Continued with their slope beyond the edges, or corners of a slope would look like outliers.
    wide = np.pad(medians, 1, mode="reflect", reflect_type="odd")
    local = median_filter(wide, size=3, mode="nearest")[1:-1, 1:-1]
    gap = np.abs(medians - local)
    # The usual gap is that of noise and curvature; fewer than one block in ten is an outlier.
    usual = float(np.quantile(gap, 0.9)) + 1e-6 * float(np.abs(local).mean())
    return np.where(gap > _OUTLIER * usual, local, medians).astype(np.float32)


def smooth_map(
    image: FloatImage, good: PixelMap | None = None, *, block: int = 64, threads: int = 2
) -> FloatImage:
    """Large-scale structure of an image.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [ADU].
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]; bad pixels do not count.
    block : int
        Size of the blocks whose medians are joined [pixel].
    threads : int
        Number of threads.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Smooth image [ADU].

    Raises
    ------
    BadArray
        If the arrays do not fit, or no pixel is good.
    """
    medians, y_edges, x_edges = block_medians(image, good, block=block, threads=threads)
    along_y, along_x = interpolation_matrix(y_edges), interpolation_matrix(x_edges)
    smooth: FloatImage = along_y @ (_without_outliers(medians) @ along_x.T)
    # The median of a curved block is not its centre: the residual, nearly flat, tells by how much.
    rest, _, _ = block_medians(image - smooth, good, block=block, threads=threads)
    smooth += along_y @ (_without_outliers(rest) @ along_x.T)
    return smooth
