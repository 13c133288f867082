"""A million points as one picture: counts per pixel, coloured by class, as PNG.

References
----------
PNG (Portable Network Graphics) Specification, third edition, https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["density_picture", "encode_png"]

Range = tuple[float, float]


def encode_png(pixels: NDArray[Any]) -> bytes:
    """Write an RGBA picture as PNG.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (ny, nx, 4)
        The first row is the top one.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 4 * width), dtype=np.uint8)
    rows[:, 1:] = pixels.reshape(height, 4 * width)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 1)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def density_picture(
    points: tuple[NDArray[Any], NDArray[Any]],
    groups: NDArray[Any],
    colours: list[str],
    window: tuple[Range, Range],
    size: tuple[int, int] = (600, 320),
) -> bytes:
    """Draw the density of points in a window.

    Parameters
    ----------
    points : tuple of ndarray of float64, shape (n,)
        x and y.
    groups : ndarray of int, shape (n,)
        Group of every point.
    colours : list of str
        ``#RRGGBB`` of every group.
    window : tuple of (low, high)
        What the picture shows, in x and in y.
    size : tuple of int
        Width and height [pixel].

    Returns
    -------
    bytes
        PNG; transparent where there is nothing, and a single point is still to be seen.
    """
    width, height = size
    inside, place = _pixels(points, window, size)
    if len(colours) > 1:
        place += groups[inside] * (height * width)
    found = np.bincount(place, minlength=len(colours) * height * width)
    counts = found.reshape(len(colours), height * width)
    total = counts.sum(axis=0)
    drawn = np.flatnonzero(total)
    pixels = np.zeros((height * width, 4), dtype=np.uint8)
    if len(drawn):
        some = counts[:, drawn]
        inks = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=float)
        pixels[drawn, :3] = (some.T @ inks) / total[drawn, None]
        strength = np.log1p(total[drawn]) / np.log1p(total.max())
        pixels[drawn, 3] = 90 + 165 * strength
    return encode_png(pixels.reshape(height, width, 4))


def _pixels(
    points: tuple[NDArray[Any], NDArray[Any]], window: tuple[Range, Range], size: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which points are inside, and the number of the pixel of each of those."""
    width, height = size
    (x0, x1), (y0, y1) = window
    column = (points[0] - x0) * (width / (x1 - x0))
    row = (y1 - points[1]) * (height / (y1 - y0))
    # A point that is NaN is nowhere: comparisons with it are false.
    inside = np.flatnonzero((column >= 0) & (column < width) & (row >= 0) & (row < height))
    place = row[inside].astype(np.int64) * width + column[inside].astype(np.int64)
    return inside, place
