"""Kernels for lists of pixels, given by flat indices: replace them, look around them, count groups.

References
----------
.. [1] Hoare 1961, "Algorithm 65: find", Comm. ACM 4, 321 (median by selection).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage, PixelMap
from awlab.backend.algorithms.compiling import compiled

__all__ = ["clean_pixels", "count_events", "middle", "neighbourhood"]


@compiled
def middle(values: npt.NDArray[np.float32], number: int) -> Any:
    """Median of the first few values, which are reordered; the larger one of two.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Values [any unit].
    number : int
        How many of them count.

    Returns
    -------
    float32
        Median.
    """
    target = number // 2
    low, high = 0, number - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if target <= j:
            high = j
        elif target >= i:
            low = i
        else:
            break
    return values[target]


@compiled
def clean_pixels(
    image: FloatImage, state: PixelMap, pixels: npt.NDArray[np.int64], level: float
) -> None:
    """Replace pixels by the median of the good ones around them, in place.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [ADU].
    state : ndarray of uint8, shape (ny, nx)
        1 good; all others are not used as neighbours [state].
    pixels : ndarray of int64, shape (n,)
        Flat indices of the pixels to replace [index].
    level : float
        What a pixel becomes that has no good one within 4 pixels [ADU].
    """
    ny, nx = image.shape
    values = np.empty(81, np.float32)
    for index in pixels:
        y0, x0 = index // nx, index % nx
        number, radius = 0, 2
        while number == 0 and radius <= 4:
            for y in range(max(y0 - radius, 0), min(y0 + radius + 1, ny)):
                for x in range(max(x0 - radius, 0), min(x0 + radius + 1, nx)):
                    if state[y, x] == 1:
                        values[number] = image[y, x]
                        number += 1
            radius += 1
        image[y0, x0] = middle(values, number) if number > 0 else np.float32(level)


@compiled
def neighbourhood(
    pixels: npt.NDArray[np.int64], state: PixelMap, radius: int, cache: FloatImage
) -> npt.NDArray[np.int64]:
    """Good pixels near some pixels; what the cache knows of the surroundings is forgotten.

    Parameters
    ----------
    pixels : ndarray of int64, shape (n,)
        Flat indices [index].
    state : ndarray of uint8, shape (ny, nx)
        1 good [state].
    radius : int
        How far a pixel is near [pixel].
    cache : ndarray of float32, shape (ny, nx)
        Noise by pixel, set to 0 within 2 pixels, where medians have changed [ADU].

    Returns
    -------
    ndarray of int64, shape (m,)
        Flat indices, each once or more often.
    """
    ny, nx = state.shape
    found = np.empty(pixels.size * (2 * radius + 1) ** 2, np.int64)
    number = 0
    for index in pixels:
        y0, x0 = index // nx, index % nx
        cache[max(y0 - 2, 0) : y0 + 3, max(x0 - 2, 0) : x0 + 3] = 0
        for y in range(max(y0 - radius, 0), min(y0 + radius + 1, ny)):
            for x in range(max(x0 - radius, 0), min(x0 + radius + 1, nx)):
                if state[y, x] == 1:
                    found[number] = y * nx + x
                    number += 1
    return found[:number]


@compiled
def count_events(state: PixelMap, pixels: npt.NDArray[np.int64]) -> int:
    """Number of groups of pixels that touch each other, corners included.

    Parameters
    ----------
    state : ndarray of uint8, shape (ny, nx)
        0 for pixels that belong to a group; they are set to 3 on the way [state].
    pixels : ndarray of int64, shape (n,)
        Flat indices of all pixels of value 0 [index].

    Returns
    -------
    int
        Number of groups.
    """
    ny, nx = state.shape
    stack = np.empty(pixels.size, np.int64)
    events = 0
    for index in pixels:
        if state[index // nx, index % nx] != 0:
            continue
        events += 1
        stack[0], depth = index, 1
        state[index // nx, index % nx] = 3
        while depth > 0:
            depth -= 1
            y0, x0 = stack[depth] // nx, stack[depth] % nx
            for y in range(max(y0 - 1, 0), min(y0 + 2, ny)):
                for x in range(max(x0 - 1, 0), min(x0 + 2, nx)):
                    if state[y, x] == 0:
                        state[y, x] = 3
                        stack[depth] = y * nx + x
                        depth += 1
    return events
