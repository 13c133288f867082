"""Statistics of images: the numbers behind every quality judgement.

References
----------
.. [1] Astro-WISE Imstat, and SubWinStat with its 32 sub-windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import AnyImage, BadArray, PixelMap, check_image
from awlab.backend.algorithms.clipping import ClippedStatistics, clipped_statistics
from awlab.backend.algorithms.regions import Region

__all__ = [
    "ImageStatistics",
    "SubWindowStatistics",
    "image_histogram",
    "image_statistics",
    "sky_level",
    "subwindow_statistics",
]

# Medians for levels are taken from about this many pixels: error 1.25 sigma / 700.
_SAMPLE = 500_000
_PIECE = 1 << 17  # pixels


@dataclass(frozen=True, slots=True)
class ImageStatistics:
    """Statistics of all pixels of a region (Astro-WISE's Imstat).

    Attributes
    ----------
    mean, median, stdev, min, max : float
        Mean, median, sample standard deviation, extremes [ADU].
    npix : int
        Number of pixels.
    min_x, min_y, max_x, max_y : int
        Where the extremes are, first in reading order, 0-based in the whole image [pixel].
    region : Region
        Pixels that were measured.
    """

    mean: float
    median: float
    stdev: float
    min: float
    max: float
    npix: int
    min_x: int
    min_y: int
    max_x: int
    max_y: int
    region: Region


@dataclass(frozen=True, eq=False, slots=True)
class SubWindowStatistics:
    """Statistics of a grid of sub-windows.

    Attributes
    ----------
    medians, stdevs : ndarray of float64, shape (rows, columns)
        Median and standard deviation of each window [ADU].
    flatness : float
        Difference of the largest and the smallest median [ADU].
    max_stdev : float
        Largest standard deviation [ADU].
    """

    medians: npt.NDArray[np.float64]
    stdevs: npt.NDArray[np.float64]
    flatness: float
    max_stdev: float


def image_statistics(image: AnyImage, region: Region | None = None) -> ImageStatistics:
    """Measure all pixels of an image or a region of it.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU].
    region : Region, optional
        Pixels to measure; all by default.

    Returns
    -------
    ImageStatistics
        Mean, median, standard deviation and extremes [ADU].

    Raises
    ------
    BadArray
        If a pixel is not finite, or the region reaches beyond the image.
    """
    from awlab.backend.algorithms.statistics_kernel import moments

    check_image(image, "image")
    where = region or Region.whole((image.shape[0], image.shape[1]))
    where.assert_inside((image.shape[0], image.shape[1]), "statistics region")
    pixels = np.ascontiguousarray(image[where.slices])
    mean, variance = moments(pixels)
    if not math.isfinite(variance):
        raise BadArray(
            "the image has pixels that are not finite", "give them weight 0 when reading"
        )
    low_y, low_x = divmod(int(pixels.argmin()), pixels.shape[1])
    high_y, high_x = divmod(int(pixels.argmax()), pixels.shape[1])
    return ImageStatistics(
        mean=float(mean),
        median=_median(pixels.ravel()),
        stdev=math.sqrt(variance),
        min=float(pixels[low_y, low_x]),
        max=float(pixels[high_y, high_x]),
        npix=pixels.size,
        min_x=low_x + where.x0,
        min_y=low_y + where.y0,
        max_x=high_x + where.x0,
        max_y=high_y + where.y0,
        region=where,
    )


def image_histogram(image: AnyImage) -> tuple[npt.NDArray[np.int64], int]:
    """Count how often each value of an image of integers occurs: all its statistics follow.

    Parameters
    ----------
    image : ndarray of uint16 or int16, shape (ny, nx)
        Image, or a part of one [ADU].

    Returns
    -------
    counts : ndarray of int64, shape (bins,)
        Number of each value.
    first : int
        Value of the first bin [ADU].

    Raises
    ------
    BadArray
        If the image has no pixels, or not two axes, or is not of 16-bit integers.
    """
    from awlab.backend.algorithms.statistics_kernel import add_to_histogram

    if image.ndim != 2 or image.size == 0 or image.dtype not in (np.uint16, np.int16):
        raise BadArray(
            f"a histogram of an image of shape {image.shape} and type {image.dtype}",
            "give an image of two axes of 16-bit integers",
        )
    first = int(image.min())
    counts = np.zeros(int(image.max()) - first + 1, np.int64)
    # Of a part of an image, pieces that stay in the cache are copied, and not the whole.
    rows = max(_PIECE // image.shape[1], 1)
    for y in range(0, image.shape[0], rows):
        add_to_histogram(np.ascontiguousarray(image[y : y + rows]).ravel(), first, counts)
    return counts, first


def _median(values: npt.NDArray[Any]) -> float:
    """Plain median; numpy.median copies and checks for NaN first, which takes twice as long."""
    middle = sorted({(values.size - 1) // 2, values.size // 2})
    return float(np.partition(values, middle)[middle].mean(dtype=np.float64))


def subwindow_statistics(image: AnyImage, rows: int = 8, columns: int = 4) -> SubWindowStatistics:
    """Measure a grid of sub-windows, 32 by default, to judge how flat an image is.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU].
    rows, columns : int
        Number of windows along y and along x.

    Returns
    -------
    SubWindowStatistics
        Medians, standard deviations [ADU] and the flatness.

    Raises
    ------
    BadArray
        If the image has fewer pixels than windows along an axis, or a pixel is not finite.
    """
    from awlab.backend.algorithms.statistics_kernel import moments

    check_image(image, "image")
    if image.shape[0] < rows or image.shape[1] < columns:
        raise BadArray(f"{rows} x {columns} windows in an image of {image.shape}", "take fewer")
    medians = np.zeros((rows, columns))
    stdevs = np.zeros((rows, columns))
    ys = np.linspace(0, image.shape[0], rows + 1).astype(int)
    xs = np.linspace(0, image.shape[1], columns + 1).astype(int)
    for j in range(rows):
        for i in range(columns):
            window = np.ascontiguousarray(image[ys[j] : ys[j + 1], xs[i] : xs[i + 1]])
            medians[j, i] = _median(window.ravel())
            stdevs[j, i] = math.sqrt(moments(window)[1])
    if not np.isfinite(stdevs).all():
        raise BadArray(
            "the image has pixels that are not finite", "give them weight 0 when reading"
        )
    return SubWindowStatistics(medians, stdevs, float(np.ptp(medians)), float(stdevs.max()))


def sky_level(
    image: AnyImage, good: PixelMap | npt.NDArray[Any] | None = None, *, threshold: float = 3.0
) -> ClippedStatistics:
    """Level and noise of the sky, from about half a million pixels spread over the image.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU].
    good : ndarray, shape (ny, nx), optional
        Pixels that count are those above 0: a pixel map [1 good, 0 bad] or a weight.
    threshold : float
        Pixels further than this from the mean are clipped as objects [sigma].

    Returns
    -------
    ClippedStatistics
        The median is the sky level, the standard deviation its noise [ADU].

    Raises
    ------
    BadArray
        If no good pixel is left.
    """
    check_image(image, "image")
    step = sample_step((image.shape[0], image.shape[1]))
    sample = image[::step, ::step]
    values = sample.ravel() if good is None else sample[good[::step, ::step] > 0]
    return clipped_statistics(values, threshold=threshold)


def sample_step(shape: tuple[int, int]) -> int:
    """Step at which about half a million pixels are spread over an image.

    Parameters
    ----------
    shape : tuple of int
        Shape (ny, nx) of the image [pixel].

    Returns
    -------
    int
        Step along both axes [pixel]; odd, so that no read-out pattern of 2 pixels is singled out.
    """
    step = max(1, math.isqrt(shape[0] * shape[1] // _SAMPLE))
    return step + 1 - step % 2
