"""Satellite tracks: straight lines across a frame, found by summing along all lines.

The frame without its background is binned and clipped, so that a star adds little to a line however
bright it is, and summed along all lines from edge to edge (Radon transform; a Hough transform that
counts light in place of pixels). A line that stands out of its parallels is a candidate. It is a
track if it is bright nearly everywhere along its way, evenly so: spikes of bright stars fade, a
bleeding column and a row of stars do not cross the frame, a bad column has no wings.

References
----------
.. [1] Astro-WISE SatelliteMap (DETECTION_THRESHOLD, HOUGH_THRESHOLD; good = 1, bad = 0).
.. [2] Nir, Zackay & Ofek 2018, AJ 156, 229 (streaks by the fast Radon transform).
.. [3] Duda & Hart 1972, Comm. ACM 15, 11 (Hough transform).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, PixelMap, check_image
from awlab.backend.algorithms.background import (
    BackgroundOptions,
    finite_pixels,
    measure_background,
)
from awlab.backend.algorithms.tracks import Track, examine_line, mask_track

__all__ = ["SatelliteOptions", "SatelliteTracks", "satellite_map"]

_LARGEST_SIDE = 512
_CLIP = 3.0
# The search ends after this many lines that were no tracks.
_MOST_FAILURES = 8
_SMALLEST_FRAME = 32
# A line is compared with its parallels this near, in binned pixels.
_PARALLELS = 12
# Lines that cut off a corner are followed down to this part of the shorter side.
_SHORTEST = 0.25


class _Line(NamedTuple):
    """A line through the frame, 0-based [pixel], and how much it stands out [sigma]."""

    x0: float
    y0: float
    x1: float
    y1: float
    significance: float


@dataclass(frozen=True, slots=True)
class SatelliteOptions:
    """What a satellite track is.

    Attributes
    ----------
    DETECTION_THRESHOLD : float
        Least significance of a line against its parallels [sigma].
    HOUGH_THRESHOLD : int
        Least length of a track [pixel].
    coverage : float
        Least part of the way along which it is seen.
    margin : float
        Added to the half width at which the wings are lost in the noise [pixel].
    most : int
        Largest number of tracks.
    least_noise : float
        A frame with less noise is not searched: its numbers are too coarse, and the borders
        between two of them are lines from edge to edge [ADU].
    """

    DETECTION_THRESHOLD: float = 6.0
    HOUGH_THRESHOLD: int = 100
    coverage: float = 0.7
    margin: float = 1.0
    most: int = 10
    least_noise: float = 0.0

    def __post_init__(self) -> None:
        if not (self.DETECTION_THRESHOLD > 0 and 0 < self.coverage <= 1 and self.margin >= 0):
            raise BadArray(
                f"DETECTION_THRESHOLD {self.DETECTION_THRESHOLD}, coverage {self.coverage} and "
                f"margin {self.margin}",
                "the threshold is positive, the coverage a part of 1, the margin not negative",
            )


@dataclass(frozen=True, eq=False, slots=True)
class SatelliteTracks:
    """Satellite tracks of a frame.

    Attributes
    ----------
    map : ndarray of uint8, shape (ny, nx)
        1 good, 0 under a track or its wings.
    count : int
        Number of pixels under tracks.
    tracks : tuple of Track
        Ends, half width and brightness of each track.
    """

    map: PixelMap
    count: int
    tracks: tuple[Track, ...]


def satellite_map(
    image: FloatImage, options: SatelliteOptions | None = None, *, good: PixelMap | None = None
) -> SatelliteTracks:
    """Find satellite tracks on a reduced frame.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Reduced frame, with or without its sky [ADU].
    options : SatelliteOptions, optional
        What a track is.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]: bad columns, saturated pixels and what bleeds from them.

    Returns
    -------
    SatelliteTracks
        Map, number of pixels, and the tracks. A frame smaller than 32 pixels has none.

    Raises
    ------
    BadArray
        If the arrays do not fit.
    """
    chosen = options or SatelliteOptions()
    check_image(image, "image", types=("float32",))
    pixels, mask = finite_pixels(image, good)
    hidden = np.zeros(image.shape, np.bool_) if mask is None else mask
    free = np.ones(image.shape, np.uint8)
    tracks: list[Track] = []
    if min(image.shape) >= _SMALLEST_FRAME and not hidden.all():
        background = measure_background(pixels, mask, BackgroundOptions(mask_sources=False))
        back = background.back()
        if background.rms().any() and background.globalrms > chosen.least_noise:
            noise = np.float32(background.globalrms)
            tracks = _search((pixels - back) / noise, hidden, free, chosen)
    return SatelliteTracks(free, int(free.size - np.count_nonzero(free)), tuple(tracks))


def _search(
    excess: FloatImage, hidden: npt.NDArray[np.bool_], free: PixelMap, options: SatelliteOptions
) -> list[Track]:
    """Find one track after the other; each is masked before the next is looked for."""
    factor = max(1, -(-max(excess.shape) // _LARGEST_SIDE))
    light, weight = _binned(excess, hidden, factor)
    tracks: list[Track] = []
    failures = 0
    while failures < _MOST_FAILURES:
        line = _best_line(light, weight, factor)
        if line is None or line.significance < options.DETECTION_THRESHOLD:
            break
        ends = (line.x0, line.y0, line.x1, line.y1)
        track = examine_line(excess, hidden | (free == 0), ends, options.coverage)
        if track is not None and track.length >= options.HOUGH_THRESHOLD:
            mask_track(free, track, options.margin)
            tracks.append(track)
            if len(tracks) == options.most:
                break
            width = track.half_width + options.margin
        else:
            width = 2.0 * factor
            failures += 1
        _erase(light, weight, (ends, width), factor)
    return tracks


def _binned(
    excess: FloatImage, hidden: npt.NDArray[np.bool_], factor: int
) -> tuple[FloatImage, FloatImage]:
    """Significance of squares of pixels, clipped, and how much of each counts."""
    ny, nx = (side // factor * factor for side in excess.shape)
    shape = (ny // factor, factor, nx // factor, factor)
    shown = ~hidden[:ny, :nx]
    # Clipped before the sum as well: one saturated pixel would light up its whole square.
    clipped = np.clip(excess[:ny, :nx], -_CLIP, 2 * _CLIP) * shown
    number = shown.reshape(shape).sum(axis=(1, 3), dtype=np.float32)
    total = clipped.reshape(shape).sum(axis=(1, 3), dtype=np.float32)
    light = np.clip(total / np.sqrt(np.maximum(number, 1)), -_CLIP, _CLIP)
    weight = (number >= 0.5 * factor * factor).astype(np.float32)
    return np.ascontiguousarray(light * weight, np.float32), weight


def _best_line(light: FloatImage, weight: FloatImage, factor: int) -> _Line | None:
    """The line that stands out most of its parallels, among those of all directions."""
    from awlab.backend.algorithms.lines_kernel import radon_sums

    best: _Line | None = None
    ny, nx = light.shape
    for across in (False, True):
        for flipped in (False, True):
            arrays = []
            for one in (light, weight):
                turned = one.T if across else one
                turned = turned[:, ::-1] if flipped else turned
                size = 1 << max(1, int(turned.shape[0] - 1).bit_length())
                padded = np.zeros((size, turned.shape[1]), np.float32)
                padded[: turned.shape[0]] = turned
                arrays.append(radon_sums(padded))
            rows = nx if across else ny
            drift, start, value = _strongest(*arrays, least=_SHORTEST * min(ny, nx))
            if best is not None and value <= best.significance:
                continue
            size = arrays[0].shape[0]
            x0 = float(start - size)
            x1 = x0 + drift * (rows - 1) / (size - 1)
            if flipped:
                width = ny if across else nx
                x0, x1 = width - 1 - x0, width - 1 - x1
            ends = (x0, 0.0, x1, float(rows - 1))
            if across:
                ends = (0.0, x0, float(rows - 1), x1)
            centres = [factor * (at + 0.5) - 0.5 for at in ends]
            best = _Line(centres[0], centres[1], centres[2], centres[3], value)
    return best


def _strongest(sums: FloatImage, lengths: FloatImage, *, least: float) -> tuple[int, int, float]:
    """Drift, start and significance of the line that stands out most of its parallels."""
    from scipy.ndimage import uniform_filter1d

    enough = lengths >= least
    mean = np.where(enough, sums / np.maximum(lengths, 1), np.float32(0))
    size = 2 * _PARALLELS + 1
    # Mean of the parallels on both sides, without the line itself and its wings.
    inner, share = (
        [uniform_filter1d(part, s, axis=1, mode="constant") * s for s in (size, 5)]
        for part in (mean, enough.astype(np.float32))
    )
    beside = (inner[0] - inner[1]) / np.maximum(share[0] - share[1], 1)
    contrast = np.where(enough & (share[0] - share[1] > 4), mean - beside, np.float32(0))
    used = contrast[enough]
    if not used.size:
        return 0, 0, 0.0
    # The scatter of parallels, relative to their length, holds what stars do to them.
    scaled = contrast * np.sqrt(lengths)
    scatter = 1.4826 * float(np.median(np.abs(scaled[enough])))
    where = int(np.argmax(scaled))
    drift, start = divmod(where, scaled.shape[1])
    return drift, start, float(scaled.flat[where]) / max(scatter, 0.5)


def _erase(
    light: FloatImage,
    weight: FloatImage,
    strip: tuple[tuple[float, float, float, float], float],
    factor: int,
) -> None:
    """Take the surroundings of a line out of the search, in place."""
    (x0, y0, x1, y1), width = strip
    rows, columns = np.indices(light.shape, np.float32)
    dx, dy = x1 - x0, y1 - y0
    x, y = factor * (columns + 0.5) - 0.5 - x0, factor * (rows + 0.5) - 0.5 - y0
    near = np.abs(x * dy - y * dx) <= (width + 0.75 * factor) * np.hypot(dx, dy)
    light[near] = weight[near] = 0
