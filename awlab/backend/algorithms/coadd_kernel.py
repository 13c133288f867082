"""Kernels of ``coadd``: clip about the median, mark what was rejected, average what is left.

Rejected pixels are marked by the sign of their weight, so that no map per frame is needed.

Sums do not depend on the order of the frames, to the last bit: each term is rounded to a multiple
of one power of two before, chosen so that the sum in double precision is exact. Tiles lie at the
same columns whatever the height of a strip and the number of threads.

References
----------
.. [1] Demmel & Nguyen 2015, IEEE Trans. Computers 64, 2060 (reproducible sums by pre-rounding).
.. [2] Gruen, Seitz & Bernstein 2014, PASP 126, 158 (clipping that spares stars).
.. [3] Kenney & Keeping 1962, Mathematics of Statistics 2, 3.4 (variance of the median).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray  # type: ignore[attr-defined]

from awlab.backend.algorithms.compiling import compiled, image_at
from awlab.backend.algorithms.sorting_network import UNROLLED, sort_tile

__all__ = [
    "Clip",
    "Strip",
    "clip_rows",
    "gather",
    "load_rows",
    "median_of_tile",
    "rounder_of",
    "sum_sharpness",
]

TILE = 256
_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_HALF = np.float32(0.5)
_HUGE = np.float32(3.0e38)
_SUM_BITS = 50  # of 53, below the largest possible sum


class Strip(NamedTuple):
    """Some rows of all frames that lie there, by address."""

    images: npt.NDArray[np.uintp]  # (n,) addresses of float32 arrays
    weights: npt.NDArray[np.uintp]  # (n,) the same, 1/ADU^2; 0 bad, negative rejected
    places: npt.NDArray[np.int64]  # (n, 4) x0, x1, y0, y1 in the strip [pixel]
    times: npt.NDArray[np.float64]  # (n,) exposure times [second]
    like: npt.NDArray[np.float32]  # any array, for the type
    steps: npt.NDArray[np.int32]  # (m, 4) from network_steps
    ranks: npt.NDArray[np.int32]  # (n,) from network_steps


class Clip(NamedTuple):
    """What is rejected, and where a run of it is grown."""

    sigma: float
    amplitude: float  # of the signal
    reach: int  # rings about a pixel that are looked at [pixel]
    run: int  # rings with a rejected pixel that make a run
    gap: int  # rings without one, in a row, that end it
    radius: int  # by which a run grows [pixel]


@compiled
def load_rows(
    given: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    column: int,
    factors: tuple[np.float32, np.float32, np.float32],
    image: npt.NDArray[Any],
    weight: npt.NDArray[Any],
) -> None:
    """Copy rows of a frame: background off, scaled, weights as inverse variances.

    Parameters
    ----------
    given : tuple of ndarray of float32, each of shape (ny, width)
        Image [ADU] and weight [relative, or 1/ADU^2] as read.
    column : int
        First column to copy [pixel].
    factors : tuple of float
        Background [ADU], factor of the values, factor of the weights.
    image, weight : ndarray of float32, shape (ny, nx)
        Where the copies go [ADU, 1/ADU^2].
    """
    background, scale, share = factors
    last = column + image.shape[1]
    for y in range(image.shape[0]):
        values, shares = given[0][y, column:last], given[1][y, column:last]
        out, left = image[y], weight[y]
        for x in range(out.shape[0]):
            value = (values[x] - background) * scale
            mine = shares[x] * share
            keep = (abs(value) < _HUGE) & (mine > _ZERO) & (mine < _HUGE)
            out[x] = value if keep else _ZERO
            left[x] = mine if keep else _ZERO


@compiled
def _row(addresses: npt.NDArray[Any], strip: Strip, i: int, y: int) -> Any:
    """One row of a frame's strip."""
    x0, x1, y0, y1 = strip.places[i]
    plane = carray(image_at(addresses[i], strip.like), (y1 - y0, x1 - x0))
    return plane[y - y0]


@compiled
def gather(
    strip: Strip,
    place: tuple[int, int, int],
    values: npt.NDArray[Any],
    shares: npt.NDArray[Any],
    who: npt.NDArray[Any],
) -> int:
    """Fill a tile from the frames that lie there; weights are 0 where one does not reach.

    Parameters
    ----------
    strip : Strip
        Rows of all frames.
    place : tuple of int
        Row and first column of the tile, and its width [pixel].
    values, shares : ndarray of float32, shape (n, TILE)
        Where values and weights go, one row per frame [ADU, 1/ADU^2].
    who : ndarray of int64, shape (n,)
        Where the number of each row's frame goes [frame].

    Returns
    -------
    int
        Number of frames that lie in the tile.
    """
    y, x, width = place
    active = 0
    for i in range(strip.places.shape[0]):
        x0, x1, y0, y1 = strip.places[i]
        first, last = max(x0, x), min(x1, x + width)
        if y < y0 or y >= y1 or first >= last:
            continue
        image, weight = _row(strip.images, strip, i, y), _row(strip.weights, strip, i, y)
        values[active] = _ZERO
        shares[active] = _ZERO
        values[active, first - x : last - x] = image[first - x0 : last - x0]
        shares[active, first - x : last - x] = weight[first - x0 : last - x0]
        who[active] = i
        active += 1
    return active


@compiled
def rounder_of(largest: float, terms: int) -> float:
    """Constant that rounds terms so that their sum is exact: (term + constant) - constant.

    Parameters
    ----------
    largest : float
        Largest size of a term.
    terms : int
        Number of terms.

    Returns
    -------
    float
        The constant.
    """
    _, exponent = math.frexp(largest * max(terms, 1))
    return math.ldexp(1.5, 52 - _SUM_BITS + exponent)


@compiled
def median_of_tile(
    values: npt.NDArray[Any],
    shares: npt.NDArray[Any],
    active: int,
    strip: Strip,
    ordered: npt.NDArray[Any],
    middle: npt.NDArray[Any],
) -> None:
    """Median of the values with weight.

    Parameters
    ----------
    values, shares : ndarray of float32, shape (n, TILE)
        Values and weights, from ``gather`` [ADU, 1/ADU^2].
    active : int
        Number of rows that are filled.
    strip : Strip
        Says how to sort.
    ordered : ndarray of float32, shape (n + 2, TILE)
        Scratch [ADU].
    middle : ndarray of float32, shape (3, TILE)
        Where median, lower of the middle values, and number of values go [ADU, ADU, frame].
    """
    n = strip.places.shape[0]
    rows = active if active <= UNROLLED else n
    median, low, number = middle[0], middle[1], middle[2]
    number[:] = _ZERO
    for i in range(active):
        out, value, share = ordered[i], values[i], shares[i]
        for k in range(TILE):
            out[k] = value[k] if share[k] > _ZERO else _HUGE
            number[k] += np.float32(1.0) if share[k] > _ZERO else _ZERO
    ordered[active:rows] = _HUGE
    sort_tile(ordered, rows, strip.steps)
    for k in range(TILE):
        m = int(number[k])
        if m == 0:
            median[k] = _ZERO
            low[k] = _ZERO
            continue
        a, b = (m - 1) // 2, m // 2
        if rows > UNROLLED:
            a, b = strip.ranks[a], strip.ranks[b]
        low[k] = ordered[a, k]
        median[k] = _HALF * ordered[a, k] + _HALF * ordered[b, k]


@compiled
def sum_sharpness(shares: npt.NDArray[Any], active: int, total: npt.NDArray[Any]) -> None:
    """Sum of 1/sigma over the frames, the same in any order.

    Parameters
    ----------
    shares : ndarray of float32, shape (n, TILE)
        Weights, from ``gather`` [1/ADU^2].
    active : int
        Number of rows that are filled.
    total : ndarray of float64, shape (TILE,)
        Where the sums go [1/ADU].
    """
    total[:] = 0.0
    for i in range(active):
        share = shares[i]
        for k in range(TILE):
            total[k] = max(total[k], np.float64(share[k]))
    rounder = rounder_of(math.sqrt(total.max()), active)
    total[:] = 0.0
    for i in range(active):
        share = shares[i]
        for k in range(TILE):
            total[k] += (np.float64(np.sqrt(max(share[k], _ZERO))) + rounder) - rounder


@compiled
def _typical_sigma(shares: npt.NDArray[Any], active: int, best: npt.NDArray[Any]) -> float:
    """Median over the frames of their noise in a tile; 0 if none has weight there."""
    found = 0
    for i in range(active):
        top = shares[i].max()
        if top > _ZERO:
            best[found] = 1.0 / math.sqrt(np.float64(top))
            found += 1
    ordered = np.sort(best[:found])
    return 0.5 * (ordered[(found - 1) // 2] + ordered[found // 2]) if found > 0 else 0.0


@compiled
def _keep(
    tile: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    middle: npt.NDArray[Any],
    typical: float,
    clip: Clip,
    kept: npt.NDArray[Any],
) -> None:
    """Whether one frame's values are near the median: 1, 0, or 0 without weight."""
    value, share = tile
    median, number = middle[0], middle[2]
    sigma, amplitude, noise = (
        np.float32(clip.sigma),
        np.float32(clip.amplitude),
        np.float32(typical),
    )
    reach = np.float32(0.5 * math.pi) * noise
    for k in range(TILE):
        good = share[k] > _ZERO
        own = np.sqrt(_ONE / (share[k] if good else _ONE))
        # Variance of a value minus the median, beyond that of the value: a good frame among
        # poor ones is far from their median without fault of its own.
        extra = noise * (reach - _TWO * own) / (number[k] if number[k] > _ONE else _ONE)
        limit = sigma * np.sqrt(own * own + (extra if extra > _ZERO else _ZERO))
        middle_value = median[k]
        limit += amplitude * (middle_value if middle_value > _ZERO else _ZERO)
        near = abs(value[k] - middle_value) <= limit
        kept[k] = np.uint8(1) if near & good else np.uint8(0)


@compiled
def clip_rows(strip: Strip, clip: Clip, nx: int, first: int, last: int) -> None:
    """Reject values far from the median of their pixel: their weight becomes negative.

    Parameters
    ----------
    strip : Strip
        Rows of all frames; weights are changed in place.
    clip : Clip
        What is rejected.
    nx : int
        Width of the coadd [pixel].
    first, last : int
        First row and the row after the last, of the strip [pixel].
    """
    n = strip.places.shape[0]
    values, ordered = np.zeros((n, TILE), np.float32), np.zeros((n + 2, TILE), np.float32)
    shares, kept = np.zeros((n, TILE), np.float32), np.zeros((n, TILE), np.uint8)
    middle, best = np.zeros((3, TILE), np.float32), np.zeros(n, np.float64)
    who, left = np.zeros(n, np.int64), np.zeros(TILE, np.uint32)
    for y in range(first, last):
        for x in range(0, nx, TILE):
            width = min(TILE, nx - x)
            active = gather(strip, (y, x, width), values, shares, who)
            if active < 2:
                continue
            median_of_tile(values, shares, active, strip, ordered, middle)
            typical = _typical_sigma(shares, active, best)
            left[:] = 0
            for i in range(active):
                _keep((values[i], shares[i]), middle, typical, clip, kept[i])
                for k in range(TILE):
                    left[k] += kept[i, k]
            for i in range(active):
                # Where nothing is near the median (two frames that disagree, say) the lower
                # middle value stands: what strikes a detector only ever adds.
                for k in range(TILE):
                    rescued = (left[k] == 0) & (values[i, k] == middle[1, k])
                    kept[i, k] = np.uint8(1) if rescued else kept[i, k]
                _mark(strip, (y, x, width), who[i], kept[i])


@compiled
def _mark(strip: Strip, place: tuple[int, int, int], i: int, kept: npt.NDArray[Any]) -> None:
    """Turn the sign of the weights of rejected pixels."""
    y, x, width = place
    x0, x1 = strip.places[i, 0], strip.places[i, 1]
    weight = _row(strip.weights, strip, i, y)
    first, last = max(x0, x), min(x1, x + width)
    part, flag = weight[first - x0 : last - x0], kept[first - x : last - x]
    for k in range(part.shape[0]):
        part[k] = part[k] if flag[k] else -abs(part[k])
