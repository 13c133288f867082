"""Kernel of ``coadd``: grow what was rejected along a line, to take the wings of a track too.

Only rejected pixels are looked at, so the cost goes with their number. A line is told from the
core of a star by the rings about a pixel: a line meets all of them, on and on.

References
----------
.. [1] Gruen, Seitz & Bernstein 2014, PASP 126, 158 (tracks outlive clipping by their wings).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import carray  # type: ignore[attr-defined]

from awlab.backend.algorithms.coadd_kernel import Clip, Strip
from awlab.backend.algorithms.compiling import compiled, image_at

__all__ = ["grow_runs"]

_ZERO = np.float32(0.0)


@compiled
def grow_runs(strip: Strip, clip: Clip, first: int, last: int) -> None:
    """Grow what was rejected in long runs, such as satellite tracks, to reject their wings.

    Parameters
    ----------
    strip : Strip
        Rows of all frames; weights are changed in place.
    clip : Clip
        What is a run, and how far it grows.
    first, last : int
        First frame and the frame after the last.
    """
    for i in range(first, last):
        x0, x1, y0, y1 = strip.places[i]
        weight = carray(image_at(strip.weights[i], strip.like), (y1 - y0, x1 - x0))
        seeds = [(0, 0) for _ in range(0)]
        for y in range(y1 - y0):
            for x in range(x1 - x0):
                if weight[y, x] < _ZERO and _is_run(weight, (y, x), clip):
                    seeds.append((y, x))
        # All runs are found before the first one grows.
        for y, x in seeds:
            _reject_disc(weight, (y, x), clip.radius)


@compiled
def _ring_is_hit(weight: npt.NDArray[Any], place: tuple[int, int], distance: int) -> bool:
    """Whether a square ring about a pixel holds a rejected one."""
    y, x = place
    ny, nx = weight.shape
    for row in range(max(y - distance, 0), min(y + distance + 1, ny)):
        # Whole rows below and above, two pixels in the rows between.
        step = 1 if abs(row - y) == distance else 2 * distance
        for column in range(x - distance, x + distance + 1, step):
            if 0 <= column < nx and weight[row, column] < _ZERO:
                return True
    return False


@compiled
def _is_run(weight: npt.NDArray[Any], place: tuple[int, int], clip: Clip) -> bool:
    """Whether rejected pixels go on from one ring to the next, as a line does and a star not."""
    hit = 0
    gap = 0
    for distance in range(1, clip.reach + 1):
        if _ring_is_hit(weight, place, distance):
            hit += 1
            gap = 0
        else:
            gap += 1
            if gap > clip.gap:
                return False
    return hit >= clip.run


@compiled
def _reject_disc(weight: npt.NDArray[Any], place: tuple[int, int], radius: int) -> None:
    """Turn the sign of the weights within a radius."""
    y, x = place
    for row in range(max(y - radius, 0), min(y + radius + 1, weight.shape[0])):
        for column in range(max(x - radius, 0), min(x + radius + 1, weight.shape[1])):
            if (row - y) ** 2 + (column - x) ** 2 <= radius * radius:
                weight[row, column] = -abs(weight[row, column])
