"""Thumbnails: a small 8-bit picture of an image, for quality pages and previews.

An image is binned by area, so that nothing is skipped and noise averages out; its range is
chosen by ZScale, and stretched by asinh, which shows sky and stars at once.

References
----------
.. [1] Lupton et al. 2004, PASP 116, 133 (asinh stretch).
.. [2] IRAF, task ``display`` (ZScale: a line through the sorted pixels about the median).
.. [3] Astro-WISE InspectFigure, subtype Thumbnail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import AnyImage, BadArray, FloatImage, check_image

__all__ = ["Thumbnail", "ThumbnailOptions", "binned_mean", "thumbnail"]

STRETCHES = ("asinh", "linear")
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class ThumbnailOptions:
    """How a thumbnail is made.

    Attributes
    ----------
    size : int
        Largest number of pixels of the longer side; an image is never enlarged [pixel].
    stretch : str
        "asinh" or "linear".
    softening : float
        Value of the asinh stretch where it turns from linear to logarithmic, of the range.
    contrast : float
        Contrast of ZScale; smaller shows a wider range.
    limits : tuple of float, optional
        Values that become 0 and 255, the same for several thumbnails say [ADU].
    """

    size: int = 256
    stretch: str = "asinh"
    softening: float = 0.1
    contrast: float = 0.25
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.stretch not in STRETCHES:
            raise BadArray(f"stretch {self.stretch!r}", f"use one of {STRETCHES}")
        if not (self.size >= 1 and 0 < self.softening <= 1 and self.contrast > 0):
            raise BadArray(
                f"a thumbnail of {self.size} px, softening {self.softening}, contrast"
                f" {self.contrast}",
                "use at least 1 px, a softening of 0 to 1 and a positive contrast",
            )
        if self.limits is not None and not -math.inf < self.limits[0] < self.limits[1] < math.inf:
            raise BadArray(f"limits {self.limits} of a thumbnail", "give the lower one first")


@dataclass(frozen=True, eq=False, slots=True)
class Thumbnail:
    """A small picture of an image.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (ny, nx)
        Grey levels, 0 to 255; the first row is the lowest, as in the image.
    binning : int
        Image pixels per thumbnail pixel and axis [pixel].
    limits : tuple of float
        Values that became 0 and 255 [ADU].
    empty : int
        Thumbnail pixels without a good image pixel; they are 0 [pixel].
    """

    pixels: npt.NDArray[np.uint8]
    binning: int
    limits: tuple[float, float]
    empty: int


def thumbnail(
    image: AnyImage, weight: FloatImage | None = None, options: ThumbnailOptions | None = None
) -> Thumbnail:
    """Make a small picture of an image.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU]; pixels that are not finite count as bad.
    weight : ndarray of float32, shape (ny, nx), optional
        Weight; pixels with 0 are bad [any unit].
    options : ThumbnailOptions, optional
        Size, stretch, limits.

    Returns
    -------
    Thumbnail
        Grey levels, at most ``size`` pixels on the longer side. An image without a good pixel
        is black.

    Raises
    ------
    BadArray
        If the arrays do not fit.
    """
    chosen = options or ThumbnailOptions()
    check_image(image, "image")
    if weight is not None:
        check_image(weight, "weight", shape=image.shape, types=("float32",))
    binning = max(1, math.ceil(max(image.shape) / chosen.size))
    small = binned_mean(image, weight, binning)
    known = np.isfinite(small)
    limits = chosen.limits or _limits(small[known], chosen.contrast)
    grey = np.zeros(small.shape, np.uint8)
    grey[known] = _stretched(small[known], limits, chosen)
    return Thumbnail(grey, binning, limits, int((~known).sum()))


def _limits(values: npt.NDArray[np.float64], contrast: float) -> tuple[float, float]:
    """Range by ZScale; of width 1 where all values are the same, or there are none."""
    from astropy.visualization import ZScaleInterval

    if values.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in ZScaleInterval(contrast=contrast).get_limits(values))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _stretched(
    values: npt.NDArray[np.float64], limits: tuple[float, float], options: ThumbnailOptions
) -> npt.NDArray[np.uint8]:
    """Grey levels of values."""
    from astropy.visualization import AsinhStretch, LinearStretch

    stretch = AsinhStretch(options.softening) if options.stretch == "asinh" else LinearStretch()
    share = np.clip((values - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    levels: npt.NDArray[np.uint8] = np.rint(_LEVELS * stretch(share)).astype(np.uint8)
    return levels


def binned_mean(
    image: AnyImage, weight: FloatImage | None, binning: int
) -> npt.NDArray[np.float64]:
    """Mean of the good pixels of square bins; the last ones of a row or column may be smaller.

    Parameters
    ----------
    image : ndarray of float32 or uint16, shape (ny, nx)
        Image [ADU].
    weight : ndarray of float32, shape (ny, nx), optional
        Weight; pixels with 0 are bad [any unit].
    binning : int
        Size of a bin [pixel].

    Returns
    -------
    ndarray of float64, shape (rows, columns)
        Means [ADU]; NaN where no pixel is good.
    """
    rows, columns = (np.arange(0, size, binning) for size in image.shape)
    total, number = (np.zeros((rows.size, columns.size)) for _ in range(2))
    for i, first in enumerate(rows):
        # A strip at a time: a mask of the whole image would be as large as the image.
        part = image[first : first + binning].astype(np.float64)
        good = np.isfinite(part)
        if weight is not None:
            good &= weight[first : first + binning] > 0
        values = np.where(good, part, 0.0).sum(axis=0)
        total[i] = np.add.reduceat(values, columns)
        number[i] = np.add.reduceat(good.sum(axis=0), columns)
    with np.errstate(invalid="ignore"):
        mean: npt.NDArray[np.float64] = np.where(number > 0, total / number, np.nan)
    return mean
