"""Kernels of ``cosmic_rays``: L.A.Cosmic that computes medians only where they are asked for.

The Laplacian is cheap and taken everywhere; noise, significance and fine structure need medians of
25 and 49 values and are taken at the few pixels whose Laplacian is large. The significance left by
the median filter is never larger than the one before it, so no cosmic ray is missed by looking at
these pixels alone.

References
----------
.. [1] van Dokkum 2001, PASP 113, 1420 (Laplacian cosmic ray identification).
.. [2] McCully et al. 2018, Zenodo 1482019 (astroscrappy).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage, PixelMap
from awlab.backend.algorithms.compiling import compiled
from awlab.backend.algorithms.pixel_lists_kernel import middle

__all__ = ["Limits", "find_candidates", "find_cosmics", "grow_cosmics"]


class Limits(NamedTuple):
    """Noise model and thresholds.

    Attributes
    ----------
    read_variance : float32
        Read noise squared [ADU^2].
    gain : float32
        Gain [electron/ADU].
    pedestal : float32
        Sky that was subtracted before [ADU].
    significance : float32
        Detection threshold [sigma].
    contrast : float32
        Smallest ratio of Laplacian and fine structure.
    roundness : float32
        Pixels whose opposite neighbours have this part of its light all around are of a star.
    """

    read_variance: np.float32
    gain: np.float32
    pedestal: np.float32
    significance: np.float32
    contrast: np.float32
    roundness: np.float32


@compiled
def _laplacian(image: FloatImage, y: int, x: int) -> Any:
    """Positive Laplacian of the image sampled twice as finely; 2 p for a lone pixel."""
    ny, nx = image.shape
    p = image[y, x] + image[y, x]
    up = image[y + 1, x] if y + 1 < ny else image[y, x]
    down = image[y - 1, x] if y > 0 else image[y, x]
    right = image[y, x + 1] if x + 1 < nx else image[y, x]
    left = image[y, x - 1] if x > 0 else image[y, x]
    total = max(p - up - right, np.float32(0)) + max(p - up - left, np.float32(0))
    total += max(p - down - right, np.float32(0)) + max(p - down - left, np.float32(0))
    return np.float32(0.25) * total


@compiled
def find_candidates(
    image: FloatImage, state: PixelMap, least: np.float32, first: int, last: int
) -> npt.NDArray[np.int64]:
    """Pixels whose Laplacian exceeds a level, for some rows.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [ADU].
    state : ndarray of uint8, shape (ny, nx)
        1 where a pixel may be a cosmic ray [state].
    least : float32
        Level [ADU].
    first, last : int
        First row and the row after the last.

    Returns
    -------
    ndarray of int64, shape (n,)
        Flat indices, ascending.
    """
    ny, nx = image.shape
    row = np.zeros(nx, np.float32)
    found = np.empty(1024, np.int64)
    number = 0
    for y in range(first, last):
        here, up, down = image[y], image[min(y + 1, ny - 1)], image[max(y - 1, 0)]
        for x in range(1, nx - 1):
            p = here[x] + here[x]
            total = max(p - up[x] - here[x + 1], np.float32(0))
            total += max(p - up[x] - here[x - 1], np.float32(0))
            total += max(p - down[x] - here[x + 1], np.float32(0))
            total += max(p - down[x] - here[x - 1], np.float32(0))
            row[x] = np.float32(0.25) * total
        row[0], row[nx - 1] = _laplacian(image, y, 0), _laplacian(image, y, nx - 1)
        for x in range(nx):
            if row[x] > least and state[y, x] == 1:
                if number == found.size:
                    larger = np.empty(2 * number, np.int64)
                    larger[:number] = found
                    found = larger
                found[number] = y * nx + x
                number += 1
    return found[:number]


@compiled
def _median(
    image: FloatImage, where: tuple[int, int], radius: int, values: npt.NDArray[np.float32]
) -> Any:
    """Median of a square; beyond the edge the nearest pixel counts again."""
    ny, nx = image.shape
    y0, x0 = where
    number = 0
    for dy in range(-radius, radius + 1):
        y = min(max(y0 + dy, 0), ny - 1)
        for dx in range(-radius, radius + 1):
            values[number] = image[y, min(max(x0 + dx, 0), nx - 1)]
            number += 1
    return middle(values, number)


@compiled
def _noise(image: FloatImage, limits: Limits, where: tuple[int, int], cache: FloatImage) -> Any:
    """Noise at a pixel, by the level of the median around it; kept for the next to ask."""
    y, x = where
    if cache[y, x] == 0:
        values = np.empty(25, np.float32)
        level = max(_median(image, where, 2, values) + limits.pedestal, np.float32(0))
        cache[y, x] = np.sqrt(limits.read_variance + level / limits.gain)
    return cache[y, x]


@compiled
def _significance(
    image: FloatImage, limits: Limits, where: tuple[int, int], cache: FloatImage
) -> Any:
    """Laplacian over noise, less its median around the pixel: what large structures have of it."""
    ny, nx = image.shape
    y0, x0 = where
    own = _laplacian(image, y0, x0) / (2 * _noise(image, limits, where, cache))
    if own <= 0:
        return own
    values = np.empty(25, np.float32)
    number = 0
    for dy in range(-2, 3):
        y = min(max(y0 + dy, 0), ny - 1)
        for dx in range(-2, 3):
            x = min(max(x0 + dx, 0), nx - 1)
            top = _laplacian(image, y, x)
            values[number] = top / (2 * _noise(image, limits, (y, x), cache)) if top > 0 else 0
            number += 1
    return own - middle(values, number)


@compiled
def _fine_structure(image: FloatImage, where: tuple[int, int], noise: float) -> Any:
    """How much a median of 3 x 3 stands out of the median of 7 x 7 such medians [sigma]."""
    ny, nx = image.shape
    y0, x0 = where
    nine, values = np.empty(9, np.float32), np.empty(49, np.float32)
    number = 0
    for dy in range(-3, 4):
        y = min(max(y0 + dy, 0), ny - 1)
        for dx in range(-3, 4):
            x = min(max(x0 + dx, 0), nx - 1)
            values[number] = _median(image, (y, x), 1, nine)
            number += 1
    centre = _median(image, where, 1, nine)
    return max((centre - middle(values, number)) / noise, np.float32(0.01))


@compiled
def _roundness(image: FloatImage, where: tuple[int, int]) -> Any:
    """Light of opposite neighbours as a part of the pixel's, in the direction that has least.

    A track has nothing on both of its sides; a star goes down alike in all directions. The level
    below is the lower quartile of the ring of 16 pixels at distance 2.
    """
    ny, nx = image.shape
    y0, x0 = where
    ring = np.empty(16, np.float32)
    number = 0
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            if max(abs(dy), abs(dx)) == 2:
                ring[number] = image[min(max(y0 + dy, 0), ny - 1), min(max(x0 + dx, 0), nx - 1)]
                number += 1
    ring.sort()
    level = ring[4]
    own = image[y0, x0] - level
    least = np.float32(1)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        inside = 0 < y0 < ny - 1 and 0 < x0 < nx - 1
        if inside and own > 0:
            one = max(image[y0 + dy, x0 + dx] - level, np.float32(0))
            other = max(image[y0 - dy, x0 - dx] - level, np.float32(0))
            least = min(least, np.sqrt(one * other) / own)
        elif inside:
            least = np.float32(0)
    return least if 0 < y0 < ny - 1 and 0 < x0 < nx - 1 else np.float32(0)


@compiled
def find_cosmics(
    image: FloatImage,
    state: PixelMap,
    candidates: npt.NDArray[np.int64],
    limits: Limits,
    cache: FloatImage,
) -> npt.NDArray[np.int64]:
    """Those candidates that are sharper than a star can be.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [ADU].
    state : ndarray of uint8, shape (ny, nx)
        1 where a pixel may be a cosmic ray [state].
    candidates : ndarray of int64, shape (n,)
        Flat indices of the pixels to look at [index].
    limits : Limits
        Noise model and thresholds.
    cache : ndarray of float32, shape (ny, nx)
        Noise where it is known already, 0 elsewhere; filled on the way [ADU].

    Returns
    -------
    ndarray of int64, shape (m,)
        Flat indices of the cosmic rays' pixels.
    """
    nx = image.shape[1]
    found = np.empty(candidates.size, np.int64)
    number = 0
    for index in candidates:
        y, x = index // nx, index % nx
        if state[y, x] != 1:
            continue
        noise = _noise(image, limits, (y, x), cache)
        if not _laplacian(image, y, x) > 2 * noise * limits.significance:
            continue
        excess = _significance(image, limits, (y, x), cache)
        if not excess > limits.significance:
            continue
        if excess > limits.contrast * _fine_structure(
            image, (y, x), noise
        ) and limits.roundness > _roundness(image, (y, x)):
            found[number] = index
            number += 1
    return found[:number]


@compiled
def grow_cosmics(
    image: FloatImage,
    state: PixelMap,
    seeds: npt.NDArray[np.int64],
    limits: Limits,
    cache: FloatImage,
) -> npt.NDArray[np.int64]:
    """Pixels next to cosmic rays that stand out themselves, less than a cosmic ray must.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [ADU].
    state : ndarray of uint8, shape (ny, nx)
        1 where a pixel may be a cosmic ray [state].
    seeds : ndarray of int64, shape (n,)
        Flat indices of the pixels of cosmic rays [index].
    limits : Limits
        Noise model, and the significance that a neighbour must have.
    cache : ndarray of float32, shape (ny, nx)
        Noise where it is known already, 0 elsewhere; filled on the way [ADU].

    Returns
    -------
    ndarray of int64, shape (m,)
        Flat indices of the neighbours, in any order, each once or more often.
    """
    ny, nx = image.shape
    found = np.empty(8 * seeds.size, np.int64)
    number = 0
    for index in seeds:
        y0, x0 = index // nx, index % nx
        for y in range(max(y0 - 1, 0), min(y0 + 2, ny)):
            for x in range(max(x0 - 1, 0), min(x0 + 2, nx)):
                if (
                    state[y, x] == 1
                    and (y != y0 or x != x0)
                    and _roundness(image, (y, x)) < limits.roundness
                    and _significance(image, limits, (y, x), cache) > limits.significance
                ):
                    found[number] = y * nx + x
                    number += 1
    return found[:number]
