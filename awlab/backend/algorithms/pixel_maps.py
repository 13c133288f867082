"""Maps of bad pixels: hot, cold, saturated. 1 is good, 0 is bad, as in Astro-WISE.

Hot pixels stand out of the bias (or the dark) against their column: the columns of a bias have
levels of their own that repeat and are calibrated away, so a pixel is compared with the median of
its own column nearby, and a column only counts as bad if it stands out of its neighbours.

References
----------
.. [1] Astro-WISE HotPixelMap (REJECTION_THRESHOLD, MAXIMUM_ITERATIONS), ColdPixelMap and
   SaturatedPixelMap (THRESHOLD_LOW, THRESHOLD_HIGH); good = 1, bad = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import (
    AnyImage,
    BadArray,
    FloatImage,
    Marks,
    PixelMap,
    check_image,
)
from awlab.backend.algorithms.clipping import clipped_statistics
from awlab.backend.algorithms.regions import Region
from awlab.backend.algorithms.smoothing import block_edges, interpolation_matrix, smooth_map

__all__ = [
    "BadPixels",
    "cold_pixel_map",
    "hot_pixel_map",
    "merge_pixel_maps",
    "saturated_pixel_map",
]

_SEGMENT = 64
_NEIGHBOURS = 9
# Every so many pixels tell the noise of a frame; a trail is so many sigma above its row.
_SPARSE = 8
_ABOVE_NOISE = 3.0


@dataclass(frozen=True, eq=False, slots=True)
class BadPixels:
    """A map of bad pixels.

    Attributes
    ----------
    map : ndarray of uint8, shape (ny, nx)
        1 good, 0 bad.
    count : int
        Number of bad pixels.
    columns : tuple of int
        Columns of which at least half is bad, counted from 0 [pixel].
    """

    map: PixelMap
    count: int
    columns: tuple[int, ...]


def _result(bad: npt.NDArray[np.bool_]) -> BadPixels:
    share = bad.mean(axis=0)
    columns = tuple(int(x) for x in np.flatnonzero(share >= 0.5))
    return BadPixels((~bad).astype(np.uint8), int(bad.sum()), columns)


def hot_pixel_map(
    bias: FloatImage,
    *,
    dark: FloatImage | None = None,
    rejection_threshold: float = 6.0,
    maximum_iterations: int = 10,
) -> BadPixels:
    """Find pixels and columns that stand out of a master bias, and of a master dark if given.

    Parameters
    ----------
    bias : ndarray of float32, shape (ny, nx)
        Master bias [ADU].
    dark : ndarray of float32, shape (ny, nx), optional
        Master dark [ADU/second].
    rejection_threshold : float
        Pixels further than this from their column are bad [sigma of the residual].
    maximum_iterations : int
        Largest number of clipping iterations for the sigma.

    Returns
    -------
    BadPixels
        Map of the hot pixels.

    Raises
    ------
    BadArray
        If the arrays do not fit, or a pixel is not finite.
    """
    check_image(bias, "bias", types=("float32",))
    bad = _standing_out(bias, rejection_threshold, maximum_iterations)
    if dark is not None:
        check_image(dark, "dark", shape=bias.shape, types=("float32",))
        bad |= _standing_out(dark, rejection_threshold, maximum_iterations)
    return _result(bad)


def _standing_out(image: FloatImage, threshold: float, iterations: int) -> npt.NDArray[np.bool_]:
    from scipy.ndimage import median_filter

    if not np.isfinite(image).all():
        raise BadArray(
            "the image has pixels that are not finite", "give them weight 0 when reading"
        )
    edges = block_edges(image.shape[0], _SEGMENT)
    profile = np.stack([np.median(image[a:b], axis=0) for a, b in pairwise(edges)])
    smooth = median_filter(profile, size=(1, min(_NEIGHBOURS, image.shape[1])), mode="nearest")
    offset = profile - smooth
    spread = clipped_statistics(offset, threshold=threshold, iterations=iterations).stdev
    levels = interpolation_matrix(edges)
    residual = image - levels @ profile
    core = clipped_statistics(residual, threshold=threshold, iterations=iterations)
    strange = np.abs(offset) > max(threshold * spread, core.stdev)
    if strange.any():
        # The level of a bad column is not its background: compare it with its neighbours.
        background = np.where(strange, smooth, profile).astype(np.float32)
        residual = image - levels @ background
    bad: npt.NDArray[np.bool_] = np.abs(residual - np.float32(core.mean)) > np.float32(
        threshold * core.stdev
    )
    # A column so faint that noise hides part of its pixels is bad as a whole.
    faint = strange & (np.abs(offset) < (threshold + 4.0) * core.stdev)
    for j, x in np.argwhere(faint):
        bad[edges[j] : edges[j + 1], x] = True
    return bad


def cold_pixel_map(
    flat: FloatImage,
    *,
    threshold_low: float = 0.85,
    threshold_high: float = 1.15,
    block: int = 64,
) -> BadPixels:
    """Find pixels whose response differs much from that of their surroundings.

    Parameters
    ----------
    flat : ndarray of float32, shape (ny, nx)
        Dome flat [relative response], any normalisation.
    threshold_low, threshold_high : float
        Pixels below and above these, relative to the smoothed flat, are bad.
    block : int
        Scale of the smoothing [pixel].

    Returns
    -------
    BadPixels
        Map of the cold (and of the too sensitive) pixels.

    Raises
    ------
    BadArray
        If the thresholds do not enclose 1, or a pixel is not finite.
    """
    check_image(flat, "flat", types=("float32",))
    if not threshold_low < 1.0 < threshold_high:
        raise BadArray(
            f"thresholds {threshold_low} and {threshold_high} do not enclose 1",
            "they are relative to the smoothed flat",
        )
    if not np.isfinite(flat).all():
        raise BadArray("the flat has pixels that are not finite", "give them weight 0 when reading")
    smooth = smooth_map(flat, block=block)
    low, high = np.float32(threshold_low), np.float32(threshold_high)
    return _result((flat < low * smooth) | (flat > high * smooth) | (smooth <= 0))


def saturated_pixel_map(
    raw: AnyImage,
    region: Region | None = None,
    *,
    threshold_low: float = 0.0,
    threshold_high: float = 60000.0,
    grow: int = 1,
    bleed: int = 10,
) -> BadPixels:
    """Find pixels of a raw frame that are full, or have lost their signal, and what is around them.

    Charge that a full pixel cannot hold runs along its column, farther than the column is full:
    beyond long full runs pixels are bad as long as they are brighter than their rows.

    Parameters
    ----------
    raw : ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw frame [ADU].
    region : Region, optional
        Image region; all by default.
    threshold_low, threshold_high : float
        Pixels at or below the lower, and at or above the upper threshold are bad [ADU].
    grow : int
        Pixels within this distance of one are bad too [pixel]; charge spills over.
    bleed : int
        Full runs of at least this length along a column bleed; 0 for none [pixel].

    Returns
    -------
    BadPixels
        Map of the image region.

    Raises
    ------
    BadArray
        If the region reaches beyond the frame, or the thresholds are in disorder.
    """
    from awlab.backend.algorithms.pixel_maps_kernel import grow_marked

    check_image(raw, "raw frame")
    where = region or Region.whole((raw.shape[0], raw.shape[1]))
    where.assert_inside((raw.shape[0], raw.shape[1]), "image region")
    if not threshold_low < threshold_high or min(grow, bleed) < 0:
        raise BadArray(
            f"thresholds {threshold_low}, {threshold_high} ADU, growth {grow} and {bleed} px",
            "the lower threshold is below the upper one, the lengths not negative",
        )
    pixels: npt.NDArray[Any] = raw[where.slices]
    # Written as "not inside", so that a value that is not a number is bad as well.
    marked = ~((pixels > threshold_low) & (pixels < threshold_high))
    if bleed:
        _mark_trails(pixels, marked, pixels >= threshold_high, bleed)
    seeds = np.argwhere(marked)
    if grow and len(seeds):
        grow_marked(marked, seeds, grow)
    return _result(marked)


def _mark_trails(pixels: npt.NDArray[Any], marked: Marks, full: Marks, shortest: int) -> None:
    """Mark the trails of charge beyond full runs along columns, in place."""
    from awlab.backend.algorithms.pixel_maps_kernel import follow_columns

    columns = np.flatnonzero(full.sum(axis=0) >= shortest)
    if not columns.size:
        return
    # A row of zeros at either end: every run begins and ends inside.
    chosen = np.pad(full[:, columns].astype(np.int8), ((1, 1), (0, 0)))
    steps = np.diff(chosen, axis=0).T
    column, first = np.nonzero(steps == 1)
    _, beyond = np.nonzero(steps == -1)
    long = beyond - first >= shortest
    x, below, above = columns[column[long]], first[long] - 1, beyond[long]
    ends = np.concatenate(
        [np.stack([y, x, np.full(x.size, step)], axis=-1) for y, step in ((below, -1), (above, 1))]
    ).astype(np.int64)
    if not len(ends):
        return
    some = pixels[::_SPARSE, ::_SPARSE].astype(np.float64)
    noise = 1.4826 * float(np.nanmedian(np.abs(some - np.nanmedian(some))))
    follow_columns(np.ascontiguousarray(pixels), marked, ends, _ABOVE_NOISE * max(noise, 1.0))


def merge_pixel_maps(*maps: PixelMap | None) -> PixelMap | None:
    """Merge maps: a pixel is good that is good in all of them.

    Parameters
    ----------
    *maps : ndarray of uint8, shape (ny, nx), or None
        Pixel maps, 1 good and 0 bad; None is left out.

    Returns
    -------
    ndarray of uint8, shape (ny, nx), or None
        The merged map; None if there was none to merge.

    Raises
    ------
    BadArray
        If the maps do not fit each other.
    """
    present = [one for one in maps if one is not None]
    merged: PixelMap | None = None
    for one in present:
        check_image(one, "pixel map", shape=present[0].shape, types=("uint8",))
        good = (one > 0).astype(np.uint8)
        merged = good if merged is None else merged & good
    return merged
