"""Statistics of the parts of a raw frame, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import image_histogram, image_statistics
from awlab.backend.ingest.description import FrameDescription, Section

__all__ = ["Measurement", "PartStatistics", "measure"]

_PIECE = 1 << 18  # pixels
# Pixels from which a compiled loop is worth the half second that its compiler takes to load.
_LARGE = 1 << 22
_WINDOWS = (8, 4)  # rows and columns of windows
_LEAST = 4  # pixels along the side of a window
_PARTS = ("trim", "overscan_x", "overscan_y", "prescan_x", "prescan_y")


@dataclass(frozen=True, slots=True)
class PartStatistics:
    """Statistics of the finite pixels of a part of a frame; None [ADU] where there are none."""

    npix: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    median: float | None = None
    stdev: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that is measured of a raw frame.

    Attributes
    ----------
    parts : dict
        `PartStatistics` of ``trim``, the pixels that see the sky, and of the strips there are.
    not_finite : int
        Number of pixels of these parts that are not numbers.
    flatness : float or None
        Of a bias: largest minus smallest median of 4 x 8 windows [ADU].
    """

    parts: dict[str, PartStatistics]
    not_finite: int
    flatness: float | None = None


def measure(pixels: NDArray[Any], frame: FrameDescription) -> Measurement:
    """Measure the image region of a frame and the strips beside it.

    Parameters
    ----------
    pixels : ndarray, shape (NAXIS2, NAXIS1)
        The frame as delivered [ADU].
    frame : FrameDescription
        Says where the parts are.
    """
    parts: dict[str, PartStatistics] = {}
    missing = 0
    for name in _PARTS:
        section = getattr(frame, name)
        if section is not None:
            parts[name], lost = _measure_part(pixels, section)
            missing += lost
    flatness = _flatness(pixels, frame.trim) if frame.kind == "bias" else None
    return Measurement(parts, missing, flatness)


def _flatness(pixels: NDArray[Any], section: Section) -> float | None:
    """Spread of the medians of 32 windows, from every fourth pixel in x and y of a large frame."""
    part = pixels[section.y1 - 1 : section.y2, section.x1 - 1 : section.x2]
    if min(part.shape) < _WINDOWS[0] * _LEAST:
        return None
    step = 4 if min(part.shape) >= 4 * _WINDOWS[0] * _LEAST else 1
    rows = np.array_split(part[::step, ::step], _WINDOWS[0])
    windows = [window for row in rows for window in np.array_split(row, _WINDOWS[1], axis=1)]
    if part.dtype.kind == "f":
        windows = [window[np.isfinite(window)] for window in windows]
    medians = [_median(window.ravel()) for window in windows if window.size]
    return max(medians) - min(medians) if medians else None


def _median(values: NDArray[Any]) -> float:
    """As numpy.median, which takes as long again to look for pixels that are no numbers."""
    middle = sorted(set(_middle(values.size)))
    return sum(map(float, np.partition(values, middle)[middle])) / len(middle)


def _measure_part(pixels: NDArray[Any], section: Section) -> tuple[PartStatistics, int]:
    part = pixels[section.y1 - 1 : section.y2, section.x1 - 1 : section.x2]
    if part.dtype in (np.uint8, np.uint16, np.int16):
        return _count(part), 0
    part = np.ascontiguousarray(part, np.float32)
    finite = np.isfinite(part)
    lost = int(part.size - np.count_nonzero(finite))
    if lost:
        part = part[finite].reshape(1, -1)
    if part.size == 0:
        return PartStatistics(0), lost
    found = image_statistics(part)
    names = ("npix", "min", "max", "mean", "median", "stdev")
    return PartStatistics(**{name: getattr(found, name) for name in names}), lost


def _count(part: NDArray[Any]) -> PartStatistics:
    """Exact statistics of integers of at most 16 bits, from how often each value occurs.

    Several times faster than sorting: raw frames are nearly always such integers.
    """
    occurs, first = _occurrences(part)
    places = np.flatnonzero(occurs)
    number, values = occurs[places], places + first
    size = int(part.size)
    mean = float(values @ number) / size
    squares = float(((values - mean) ** 2) @ number)
    upto = np.cumsum(number)
    middle = [values[np.searchsorted(upto, place, side="right")] for place in _middle(size)]
    return PartStatistics(
        npix=size,
        min=float(values[0]),
        max=float(values[-1]),
        mean=mean,
        median=float(np.mean(middle)),
        stdev=math.sqrt(squares / (size - 1)) if size > 1 else 0.0,
    )


def _occurrences(part: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """How often each value occurs, and the first value."""
    if part.size >= _LARGE and part.dtype != np.uint8:
        return image_histogram(part)
    flat = np.ascontiguousarray(part).ravel()
    if part.dtype == np.int16:
        return _count_words(flat.view(np.uint16) ^ np.uint16(1 << 15)), -1 << 15
    if part.dtype == np.uint16:
        return _count_words(flat), 0
    if flat.size % 2:
        return np.bincount(flat), 0
    # Bytes two by two, and the pairs taken apart afterwards: half as many to count.
    pairs = np.zeros(1 << 16, np.int64)
    found = _count_words(flat.view(np.uint16))
    pairs[: found.size] = found
    both = pairs.reshape(256, 256)
    return both.sum(axis=0) + both.sum(axis=1), 0


def _count_words(flat: NDArray[np.uint16]) -> NDArray[Any]:
    """Count values a piece at a time: bincount makes 8 bytes of each, which must fit the cache."""
    total = np.zeros(int(flat.max()) + 1, np.int64)
    for start in range(0, flat.size, _PIECE):
        found = np.bincount(flat[start : start + _PIECE])
        total[: found.size] += found
    return total


def _middle(size: int) -> tuple[int, int]:
    return (size - 1) // 2, size // 2
