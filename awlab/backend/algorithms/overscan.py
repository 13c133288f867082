"""Overscan: measure the electronic zero level of a frame and take it off.

Methods
-------
Astro-WISE numbers its methods 0..10. Only 0 (none), 6 (the default) and 10 (average per row,
smoothed over 10 rows) are attested in its public documents, with the remark that the rest is
built from {prescan, overscan} x {x, y} x {median, value per row}. The other numbers are ours:

====== ============================= ==========================================================
number strip                         level
====== ============================= ==========================================================
0      none                          nothing is subtracted
1      prescan x                     one median
2      overscan x                    one median
3      prescan y                     one median
4      overscan y                    one median
5      prescan x                     median per row, smoothed
6      overscan x                    median per row, smoothed (default)
7      prescan y                     median per column, smoothed
8      overscan y                    median per column, smoothed
9      prescan x and overscan x      median per row of both together, smoothed
10     overscan x                    average per row, smoothed over 10 rows
====== ============================= ==========================================================

The median of integers is an integer, up to half an ADU from the true level; the median used here
is that of grouped data, which spreads the equal values evenly over their bin.

References
----------
.. [1] Astro-WISE HOW-TO "overscan", option ``oc`` of the Reduce task (default 6).
.. [2] Yule & Kendall 1950, An Introduction to the Theory of Statistics, ch. 5 (grouped median).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import AnyImage, BadArray, FloatImage, check_image
from awlab.backend.algorithms.regions import ReadoutLayout, Region

__all__ = [
    "OVERSCAN_METHODS",
    "OverscanLevels",
    "grouped_median",
    "measure_overscan",
    "trim",
]

OVERSCAN_METHODS = {
    0: "none",
    1: "median of the prescan x",
    2: "median of the overscan x",
    3: "median of the prescan y",
    4: "median of the overscan y",
    5: "median per row of the prescan x, smoothed",
    6: "median per row of the overscan x, smoothed",
    7: "median per column of the prescan y, smoothed",
    8: "median per column of the overscan y, smoothed",
    9: "median per row of prescan x and overscan x, smoothed",
    10: "average per row of the overscan x, smoothed over 10 rows",
}
_STRIPS: dict[int, tuple[str, ...]] = {
    1: ("prescan_x",),
    2: ("overscan_x",),
    3: ("prescan_y",),
    4: ("overscan_y",),
    5: ("prescan_x",),
    6: ("overscan_x",),
    7: ("prescan_y",),
    8: ("overscan_y",),
    9: ("prescan_x", "overscan_x"),
    10: ("overscan_x",),
}
_ONE_LEVEL = (1, 2, 3, 4)
_PER_COLUMN = (7, 8)
_AVERAGE = 10
_AVERAGE_ROWS = 10


@dataclass(frozen=True, eq=False, slots=True)
class OverscanLevels:
    """Zero level of one frame, over its image region.

    Attributes
    ----------
    method : int
        Method it was measured with, 0..10.
    rows : ndarray of float32, shape (ny,)
        Level per row [ADU]; zeros where the level goes by column.
    columns : ndarray of float32, shape (nx,) or None
        Level per column [ADU].
    """

    method: int
    rows: npt.NDArray[np.float32]
    columns: npt.NDArray[np.float32] | None = None

    @property
    def mean(self) -> float:
        """Mean level [ADU]."""
        columns = 0.0 if self.columns is None else float(self.columns.mean(dtype=np.float64))
        return float(self.rows.mean(dtype=np.float64)) + columns


def grouped_median(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Median along the last axis, unbiased for integers.

    Parameters
    ----------
    values : ndarray, shape (..., n)
        Values [ADU]. Integers are taken as bins of width 1; of floats the plain median is taken.

    Returns
    -------
    ndarray of float64, shape (...)
        Medians [ADU].
    """
    n = values.shape[-1]
    ordered = np.partition(values, sorted({(n - 1) // 2, n // 2}), axis=-1)
    low = ordered[..., (n - 1) // 2].astype(np.float64)
    high = ordered[..., n // 2].astype(np.float64)
    if not np.issubdtype(values.dtype, np.integer):
        return np.asarray(0.5 * (low + high))
    below = (ordered < low[..., None]).sum(axis=-1)
    equal = (ordered == low[..., None]).sum(axis=-1)
    inside = low - 0.5 + (0.5 * n - below) / equal
    return np.asarray(np.where(low == high, inside, 0.5 * (low + high)))


def _strip(frame: AnyImage, layout: ReadoutLayout, method: int) -> AnyImage:
    """Pixels the level is measured from, cut to the rows or columns of the image."""
    parts = []
    image = layout.image
    for name in _STRIPS[method]:
        region = getattr(layout, name)
        if region is None:
            raise BadArray(
                f"overscan method {method} needs the {name} strip, which this chip has not",
                "choose another OVERSCAN_CORRECTION, of what is asked for: 0 is none",
            )
        region.assert_inside(frame.shape, name)
        if method not in _ONE_LEVEL and not _covers(region, image, by_column=method in _PER_COLUMN):
            raise BadArray(
                f"{name} {region.to_fits()} does not run along the image {image.to_fits()}",
                "choose a method with one level (1 to 4) or mend the chip's definition",
            )
        if method in _ONE_LEVEL:
            parts.append(frame[region.slices])
        elif method in _PER_COLUMN:
            parts.append(frame[region.y0 : region.y1, image.x0 : image.x1].T)
        else:
            parts.append(frame[image.y0 : image.y1, region.x0 : region.x1])
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _covers(strip: Region, image: Region, *, by_column: bool) -> bool:
    if by_column:
        return strip.x0 <= image.x0 and strip.x1 >= image.x1
    return strip.y0 <= image.y0 and strip.y1 >= image.y1


def measure_overscan(
    frame: AnyImage, layout: ReadoutLayout, method: int = 6, *, smooth: int = 11
) -> OverscanLevels:
    """Measure the zero level of a raw frame.

    Parameters
    ----------
    frame : ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw frame [ADU].
    layout : ReadoutLayout
        Where image and strips lie.
    method : int
        Astro-WISE's OVERSCAN_CORRECTION, 0..10; see the module's table.
    smooth : int
        Length of the running mean over rows or columns, methods 5 to 9 [pixel]; 1 is none.

    Returns
    -------
    OverscanLevels
        Level of every row (and column) of the image region [ADU].

    Raises
    ------
    BadArray
        If the method is unknown, or needs a strip that the chip has not.
    """
    check_image(frame, "raw frame")
    layout.image.assert_inside((frame.shape[0], frame.shape[1]), "image region")
    if method not in OVERSCAN_METHODS:
        raise BadArray(f"overscan method {method!r} does not exist", "methods are 0 to 10")
    ny, _ = layout.image.shape
    if method == 0:
        return OverscanLevels(0, np.zeros(ny, np.float32))
    strip = _strip(frame, layout, method)
    if method in _ONE_LEVEL:
        level = float(grouped_median(strip.ravel()))
        return OverscanLevels(method, np.full(ny, level, np.float32))
    from scipy.ndimage import uniform_filter1d

    if method == _AVERAGE:
        levels, smooth = strip.mean(axis=1, dtype=np.float64), _AVERAGE_ROWS
    else:
        levels = grouped_median(strip)
    if smooth > 1:
        levels = uniform_filter1d(levels, min(smooth, levels.size), mode="nearest")
    levels = levels.astype(np.float32)
    if method in _PER_COLUMN:
        return OverscanLevels(method, np.zeros(ny, np.float32), levels)
    return OverscanLevels(method, levels)


def trim(frame: AnyImage, region: Region, levels: OverscanLevels | None = None) -> FloatImage:
    """Cut out the image region and take the overscan off.

    Parameters
    ----------
    frame : ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw frame [ADU].
    region : Region
        Image region.
    levels : OverscanLevels, optional
        Zero level of the frame; none is subtracted by default.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Image [ADU], a copy.

    Raises
    ------
    BadArray
        If the region reaches beyond the frame or the levels do not fit it.
    """
    check_image(frame, "raw frame")
    region.assert_inside((frame.shape[0], frame.shape[1]), "image region")
    image = np.array(frame[region.slices], np.float32, order="C")
    if levels is not None:
        rows, columns = stacked_levels([levels], region)
        image -= rows[0][:, None]
        if columns.shape[1]:
            image -= columns
    return image


def stacked_levels(
    levels: Sequence[OverscanLevels] | None, region: Region, n: int = 1
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Levels of n frames as two arrays, the form kernels take.

    Parameters
    ----------
    levels : sequence of OverscanLevels, optional
        One per frame; zeros by default.
    region : Region
        Image region the levels must fit.
    n : int
        Number of frames.

    Returns
    -------
    rows : ndarray of float32, shape (n, ny)
        Level per row [ADU].
    columns : ndarray of float32, shape (n, nx) or (n, 0)
        Level per column [ADU].

    Raises
    ------
    BadArray
        If number or lengths do not fit.
    """
    ny, nx = region.shape
    if levels is None:
        return np.zeros((n, ny), np.float32), np.zeros((n, 0), np.float32)
    if len(levels) != n:
        raise BadArray(f"{len(levels)} overscan levels for {n} frames", "give one per frame")
    by_column = any(level.columns is not None for level in levels)
    rows = np.zeros((n, ny), np.float32)
    columns = np.zeros((n, nx if by_column else 0), np.float32)
    for i, level in enumerate(levels):
        across = nx if level.columns is None else level.columns.size
        if level.rows.size != ny or across != nx:
            raise BadArray(
                f"overscan level {i} has {level.rows.size} rows, the image {ny}",
                "measure the overscan with the same layout",
            )
        rows[i] = level.rows
        if level.columns is not None:
            columns[i] = level.columns
    return rows, columns
