"""Kernels of ``combine``: load a tile of all frames, sort it, clip about the median, average.

A tile of all frames stays in the level-1 cache between the steps. Values are summed in sorted
order, or in an order the caller has made canonical, so the result does not depend on the order in
which frames were given, to the last bit.

References
----------
.. [1] Astro-WISE BiasFrameParameters.SIGMA_CLIP: "sigma is taken as the readout noise".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray  # type: ignore[attr-defined]

from awlab.backend.algorithms.compiling import compiled, image_at
from awlab.backend.algorithms.sorting_network import sort_tile

__all__ = ["ClipModel", "FrameSet", "Products", "combine_mean", "combine_weighted"]

TILE = 256
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_HUGE = np.float32(3.0e38)


class FrameSet(NamedTuple):
    """What is combined: n frames by address, and what is taken off each."""

    addresses: npt.NDArray[np.uintp]  # (n,)
    like: npt.NDArray[Any]  # any one of the frames: carries data type and full shape
    origin: tuple[int, int]  # first row and column of the image area [pixel]
    rows: npt.NDArray[np.float32]  # (n, ny) overscan per row [ADU]
    columns: npt.NDArray[np.float32]  # (n, nx) or (n, 0) overscan per column [ADU]
    bias: npt.NDArray[np.float32]  # (ny, nx) or (0, 0) [ADU]


class ClipModel(NamedTuple):
    """Per frame: scale, variance = a + b * signal, weight; and how to sort."""

    scale: npt.NDArray[np.float32]  # (n,)
    a: npt.NDArray[np.float32]  # (n,) sigma_clip^2 * variance without signal [scaled ADU^2]
    b: npt.NDArray[np.float32]  # (n,) sigma_clip^2 * variance per signal [scaled ADU]
    weight: npt.NDArray[np.float32]  # (n,)
    steps: npt.NDArray[np.int32]  # (m, 4) from network_steps
    ranks: npt.NDArray[np.int32]  # (n,) from network_steps


class Products(NamedTuple):
    """Where the results go."""

    image: npt.NDArray[np.float32]  # (ny, nx)
    kept: npt.NDArray[np.uint8]  # (ny, nx) or (0, 0): frames kept per pixel


@compiled
def _load(
    frames: FrameSet, scale: npt.NDArray[Any], place: tuple[int, int, int], tile: npt.NDArray[Any]
) -> int:
    """Fill rows of a tile with corrected values; returns how many are not finite."""
    y, x, width = place
    bad = 0
    for i in range(scale.shape[0]):
        raw = carray(image_at(frames.addresses[i], frames.like), frames.like.shape)
        first = frames.origin[1] + x
        line = raw[frames.origin[0] + y, first : first + width]
        out = tile[i]
        offset = frames.rows[i, y]
        for k in range(width):
            out[k] = np.float32(line[k]) - offset
        if frames.columns.shape[1] > 0:
            taken = frames.columns[i, x : x + width]
            for k in range(width):
                out[k] -= taken[k]
        if frames.bias.shape[0] > 0:
            taken = frames.bias[y, x : x + width]
            for k in range(width):
                out[k] -= taken[k]
        factor = scale[i]
        if factor != _ONE:
            for k in range(width):
                out[k] *= factor
        for k in range(width):
            bad += 0 if abs(out[k]) < _HUGE else 1
    return bad


@compiled
def _middle(low: npt.NDArray[Any], high: npt.NDArray[Any], median: npt.NDArray[Any]) -> None:
    """Median from the two middle rows of a sorted tile."""
    for k in range(TILE):
        median[k] = _HALF * low[k] + _HALF * high[k]


@compiled
def _store(
    work: npt.NDArray[Any],
    fallback: npt.NDArray[Any],
    n: int,
    place: tuple[int, int, int],
    products: Products,
) -> int:
    """Turn sums of deviations into means; returns the number of values rejected."""
    median, total, weight, kept = work[0], work[1], work[2], work[3]
    y, x, width = place
    rejected = 0
    out = products.image[y, x : x + width]
    for k in range(width):
        # Where two halves disagree nothing is near the median: then the lower middle value
        # stands, because what strikes a detector only ever adds.
        lost = kept[k] < _HALF
        mean = median[k] + total[k] / (_ONE if lost else weight[k])
        out[k] = fallback[k] if lost else mean
        kept[k] = _ONE if lost else kept[k]
        rejected += n - int(kept[k])
    if products.kept.shape[0] > 0:
        counts = products.kept[y, x : x + width]
        for k in range(width):
            counts[k] = np.uint8(kept[k])
    return rejected


@compiled
def combine_mean(
    frames: FrameSet, model: ClipModel, products: Products, first: int, last: int
) -> tuple[int, int]:
    """Clipped mean of equally good frames, for some rows.

    Parameters
    ----------
    frames : FrameSet
        What is combined.
    model : ClipModel
        Noise model, weights, and how to sort.
    products : Products
        Where the results go.
    first, last : int
        First row and the row after the last [pixel].

    Returns
    -------
    rejected, bad : int
        Number of values rejected, and of values that are not finite.
    """
    n = model.scale.shape[0]
    nx = products.image.shape[1]
    tile = np.zeros((n + 2, TILE), np.float32)
    work = np.zeros((5, TILE), np.float32)
    median, total, weight, kept, limit = work[0], work[1], work[2], work[3], work[4]
    low, high = tile[model.ranks[(n - 1) // 2]], tile[model.ranks[n // 2]]
    a, b = model.a[0], model.b[0]
    rejected = 0
    bad = 0
    for y in range(first, last):
        for x in range(0, nx, TILE):
            place = (y, x, min(TILE, nx - x))
            bad += _load(frames, model.scale, place, tile)
            sort_tile(tile, n, model.steps)
            _middle(low, high, median)
            for k in range(TILE):
                limit[k] = a + b * max(median[k], _ZERO)
                total[k] = _ZERO
                kept[k] = _ZERO
            for i in range(n):
                values = tile[model.ranks[i]]
                for k in range(TILE):
                    gap = values[k] - median[k]
                    keep = gap * gap <= limit[k]
                    total[k] += gap if keep else _ZERO
                    kept[k] += _ONE if keep else _ZERO
            weight[:] = kept
            rejected += _store(work, low, n, place, products)
    return rejected, bad


@compiled
def _reach(model: ClipModel, median: npt.NDArray[Any]) -> tuple[float, float]:
    """Mean signal of a tile, and the sum of 1 / limit over the frames.

    The variance of the median of n values with different sigmas is pi n / 2 / (sum of
    1 / sigma)^2, and its covariance with one of them sigma / (sum of 1 / sigma).
    """
    signal = 0.0
    for k in range(median.shape[0]):
        signal += max(median[k], _ZERO)
    signal /= median.shape[0]
    reach = 0.0
    for i in range(model.scale.shape[0]):
        reach += 1.0 / np.sqrt(model.a[i] + model.b[i] * signal)
    return signal, reach


@compiled
def combine_weighted(
    frames: FrameSet, model: ClipModel, products: Products, first: int, last: int
) -> tuple[int, int]:
    """Clipped weighted mean, each frame with its own noise, for some rows.

    Parameters
    ----------
    frames : FrameSet
        What is combined.
    model : ClipModel
        Noise model, weights, and how to sort.
    products : Products
        Where the results go.
    first, last : int
        First row and the row after the last [pixel].

    Returns
    -------
    rejected, bad : int
        Number of values rejected, and of values that are not finite.
    """
    n = model.scale.shape[0]
    nx = products.image.shape[1]
    tile = np.zeros((n, TILE), np.float32)
    ordered = np.zeros((n + 2, TILE), np.float32)
    work = np.zeros((4, TILE), np.float32)
    median, total, weight, kept = work[0], work[1], work[2], work[3]
    low, high = ordered[model.ranks[(n - 1) // 2]], ordered[model.ranks[n // 2]]
    rejected = 0
    bad = 0
    for y in range(first, last):
        for x in range(0, nx, TILE):
            place = (y, x, min(TILE, nx - x))
            bad += _load(frames, model.scale, place, tile)
            ordered[:n] = tile
            sort_tile(ordered, n, model.steps)
            _middle(low, high, median)
            work[1:] = _ZERO
            signal, reach = _reach(model, median[: place[2]])
            for i in range(n):
                values = tile[i]
                a, b, share = model.a[i], model.b[i], model.weight[i]
                # Variance of a value minus the median, beyond that of the value itself.
                limit = np.sqrt(a + b * signal)
                extra = np.float32(0.5 * np.pi * n / reach**2 - 2.0 * limit / reach)
                a += extra if extra > _ZERO else _ZERO
                for k in range(TILE):
                    gap = values[k] - median[k]
                    keep = gap * gap <= a + b * max(median[k], _ZERO)
                    total[k] += share * gap if keep else _ZERO
                    weight[k] += share if keep else _ZERO
                    kept[k] += _ONE if keep else _ZERO
            rejected += _store(work, low, n, place, products)
    return rejected, bad
