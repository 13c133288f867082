"""Coadd: combine regridded frames of one grid, strip by strip, in bounded memory.

All frames lie on the same grid, so no pixel is interpolated again. Rows are read through a
function that the caller gives, and as many at a time as the memory allows, whatever the number
of frames.

Combination
-----------
"mean" is the weighted mean, "median" the median of what has weight, "clipped" the weighted mean
of the values within ``sigma_clip * sigma + amplitude * median`` of the median. The share of the
signal spares stars, whose profile differs from frame to frame; it expects frames without
background. What is rejected in long runs (satellite tracks) is grown, to take the wings too.

Weights
-------
A weight is the inverse variance of the *sky*. The noise of sources must not enter: it would give
high values of a star a low weight, and its flux would be too small (by 0.9 per cent). The weight
of the coadd is the inverse variance per pixel before the smoothing by Lanczos-3: the noise from
pixel to pixel is `noise_ratio` times 1/sqrt(weight), that of large areas follows the weight.

References
----------
.. [1] Bertin et al. 2002, ASP Conf. 281, 228 (SWarp: WEIGHTED, MEDIAN, CLIPPED).
.. [2] Gruen, Seitz & Bernstein 2014, PASP 126, 158 (clipping that spares stars).
.. [3] Zackay & Ofek 2017, ApJ 836, 187 (weights of a coadd).
.. [4] Astro-WISE CoaddedRegriddedFrame (regridded_frames, weight, grid_target).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage, check_image
from awlab.backend.algorithms.coadd_inputs import (
    RUN_GAP,
    RUN_REACH,
    RUN_RINGS,
    CoaddFrame,
    CoaddOptions,
    coadd_window,
)
from awlab.backend.algorithms.grid import GridWindow, TanGrid
from awlab.backend.algorithms.strips import over_strips

if TYPE_CHECKING:
    from awlab.backend.algorithms.coadd_kernel import Strip
    from awlab.backend.algorithms.coadd_mean_kernel import Products

__all__ = ["CoaddStrip", "CoaddedImage", "coadd_frames", "coadd_strips"]

Scratch: TypeAlias = dict[int, FloatImage]

_LEAST_ROWS = 16
_FRAME_BYTES = 16  # per pixel: image and weight, as read and as kept
_PRODUCT_BYTES = 14


@dataclass(frozen=True, eq=False, slots=True)
class CoaddStrip:
    """Some rows of a coadd.

    Attributes
    ----------
    window : GridWindow
        What the arrays cover of the grid.
    image : ndarray of float32, shape (ny, nx)
        Coadd [ADU]; 0 without weight.
    weight : ndarray of float32, shape (ny, nx)
        Inverse variance of the sky [1/ADU^2].
    exposures : ndarray of uint16, shape (ny, nx)
        Number of frames kept per pixel [frame].
    exposure_time : ndarray of float32, shape (ny, nx)
        Sum of the exposure times of these frames [second].
    used, rejected : ndarray of int64, shape (n,)
        Pixels that each frame gave, and that were clipped of it [pixel].
    """

    window: GridWindow
    image: FloatImage
    weight: FloatImage
    exposures: npt.NDArray[np.uint16]
    exposure_time: FloatImage
    used: npt.NDArray[np.int64]
    rejected: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class CoaddedImage:
    """A whole coadd.

    Attributes
    ----------
    image, weight, exposures, exposure_time : ndarray of float32 or uint16, shape (ny, nx)
        As in `CoaddStrip` [ADU, 1/ADU^2, frame, second].
    grid : TanGrid
        The grid.
    window : GridWindow
        What the arrays cover of it.
    used, rejected : dict
        Pixels that each frame gave, and that were clipped of it, by name [pixel].
    unused : dict
        Frames that gave nothing, and the reason.
    """

    image: FloatImage
    weight: FloatImage
    exposures: npt.NDArray[np.uint16]
    exposure_time: FloatImage
    grid: TanGrid
    window: GridWindow
    used: dict[str, int]
    rejected: dict[str, int]
    unused: dict[str, str]

    @property
    def cards(self) -> dict[str, Any]:
        """FITS header cards of the WCS."""
        return self.grid.cards(self.window)


def coadd_frames(frames: Sequence[CoaddFrame], options: CoaddOptions | None = None) -> CoaddedImage:
    """Coadd frames into arrays in memory (14 bytes per pixel; see `coadd_strips` for more).

    The result does not depend on the order of the frames, the memory or the number of threads,
    to the last bit.

    Parameters
    ----------
    frames : sequence of CoaddFrame
        Frames on one grid.
    options : CoaddOptions, optional
        Combination, clipping, window, memory.

    Returns
    -------
    CoaddedImage
        Image, weight, number of exposures, exposure time.

    Raises
    ------
    BadArray
        If the frames do not belong together, or a strip is not as announced.
    """
    chosen = options or CoaddOptions()
    window = coadd_window(frames, chosen)
    types = (np.float32, np.float32, np.uint16, np.float32)
    image, weight, exposures, time = (np.zeros(window.shape, kind) for kind in types)
    used, rejected = (np.zeros(len(frames), np.int64) for _ in range(2))
    for strip in coadd_strips(frames, chosen):
        rows = strip.window.slices_in(window)
        image[rows], weight[rows] = strip.image, strip.weight
        exposures[rows], time[rows] = strip.exposures, strip.exposure_time
        used += strip.used
        rejected += strip.rejected
    names = [frame.name for frame in frames]
    return CoaddedImage(
        image, weight, exposures, time, frames[0].grid, window,
        dict(zip(names, used.tolist(), strict=True)),
        dict(zip(names, rejected.tolist(), strict=True)),
        _unused(frames, window, used, rejected),
    )  # fmt: skip


def _unused(
    frames: Sequence[CoaddFrame],
    window: GridWindow,
    used: npt.NDArray[np.int64],
    rejected: npt.NDArray[np.int64],
) -> dict[str, str]:
    """Reasons of the frames that gave no pixel."""
    reasons = {}
    for i, frame in enumerate(frames):
        if used[i]:
            continue
        if not frame.window & window:
            reasons[frame.name] = f"lies outside of {window}"
        else:
            reasons[frame.name] = (
                f"all {rejected[i]} pixels were clipped" if rejected[i] else "no pixel has weight"
            )
    return reasons


def coadd_strips(
    frames: Sequence[CoaddFrame], options: CoaddOptions | None = None
) -> Iterator[CoaddStrip]:
    """Coadd frames strip by strip, from the lowest row up.

    Parameters
    ----------
    frames : sequence of CoaddFrame
        Frames on one grid.
    options : CoaddOptions, optional
        Combination, clipping, window, memory.

    Yields
    ------
    CoaddStrip
        Rows of the coadd; together they cover its window.

    Raises
    ------
    BadArray
        If the frames do not belong together, or a strip is not as announced.
    """
    chosen = options or CoaddOptions()
    window = coadd_window(frames, chosen)
    rows = _rows_at_a_time(frames, window, chosen)
    scratch: Scratch = {}
    for y0 in range(window.y0, window.y1, rows):
        part = GridWindow(window.x0, window.x1, y0, min(y0 + rows, window.y1))
        yield _coadd_strip(frames, part, chosen, scratch)


def _rows_at_a_time(frames: Sequence[CoaddFrame], window: GridWindow, options: CoaddOptions) -> int:
    """Rows of all frames that fit into the memory, where most frames lie."""
    inside = [part for frame in frames if (part := frame.window & window)]
    most = max(
        sum(other.shape[1] for other in inside if other.y0 <= part.y0 < other.y1) for part in inside
    )
    bytes_per_row = _FRAME_BYTES * most + _PRODUCT_BYTES * window.shape[1]
    return max(options.memory // bytes_per_row - 2 * options.halo, _LEAST_ROWS)


def _coadd_strip(
    frames: Sequence[CoaddFrame], part: GridWindow, options: CoaddOptions, scratch: Scratch
) -> CoaddStrip:
    from awlab.backend.algorithms import coadd_growth_kernel as growth
    from awlab.backend.algorithms import coadd_kernel as kernel

    ny, nx = part.shape
    around = GridWindow(part.x0, part.x1, part.y0 - options.halo, part.y1 + options.halo)
    strip, planes, who = _load(frames, around, scratch)
    if options.combine == "clipped" and who:
        clip = kernel.Clip(
            options.sigma_clip, options.amplitude, RUN_REACH, RUN_RINGS, RUN_GAP, options.grow
        )
        over_strips(
            lambda first, last: kernel.clip_rows(strip, clip, nx, first, last),
            around.shape[0],
            options.threads,
        )
        if options.grow:
            over_strips(
                lambda first, last: growth.grow_runs(strip, clip, first, last),
                len(who),
                options.threads,
            )
    products = _products(strip, part, options)
    used, rejected = (np.zeros(len(frames), np.int64) for _ in range(2))
    for i, (_, weight), place in zip(who, planes, strip.places, strict=True):
        inner = slice(max(options.halo - place[2], 0), max(options.halo + ny - place[2], 0))
        used[i] = np.count_nonzero(weight[inner] > 0)
        rejected[i] = np.count_nonzero(weight[inner] < 0)
    return CoaddStrip(part, *products, used, rejected)


def _products(strip: Strip, part: GridWindow, options: CoaddOptions) -> Products:
    """Average of what is left in a strip."""
    from awlab.backend.algorithms import coadd_mean_kernel as kernel

    image, weight, time = (np.zeros(part.shape, np.float32) for _ in range(3))
    made = kernel.Products(image, weight, np.zeros(part.shape, np.uint16), time)
    place = (options.halo, 1 if options.combine == "median" else 0)
    if len(strip.places):
        over_strips(
            lambda first, last: kernel.average_rows(strip, made, place, first, last),
            part.shape[0],
            options.threads,
        )
    return made


def _load(
    frames: Sequence[CoaddFrame], around: GridWindow, scratch: Scratch
) -> tuple[Strip, list[tuple[FloatImage, FloatImage]], list[int]]:
    """Read the rows of all frames that lie in a window; which ones these are."""
    from awlab.backend.algorithms import coadd_kernel as kernel
    from awlab.backend.algorithms.sorting_network import network_steps

    planes, places, who = [], [], []
    for i, frame in enumerate(frames):
        part = frame.window & around
        if part is None:
            scratch.pop(i, None)
            continue
        image, weight = _planes(scratch, i, part.shape)
        share = np.float32(1.0 / (frame.variance * frame.scale**2))
        factors = (np.float32(frame.background), np.float32(frame.scale), share)
        kernel.load_rows(_read(frame, part), part.x0 - frame.window.x0, factors, image, weight)
        rows, columns = part.slices_in(around)
        planes.append((image, weight))
        places.append((columns.start, columns.stop, rows.start, rows.stop))
        who.append(i)
    steps, ranks = network_steps(len(who))
    strip = kernel.Strip(
        np.array([image.ctypes.data for image, _ in planes], np.uintp),
        np.array([weight.ctypes.data for _, weight in planes], np.uintp),
        np.array(places, np.int64).reshape(-1, 4),
        np.array([frames[i].exposure_time for i in who], np.float64),
        np.zeros((0, 0), np.float32),
        steps,
        ranks,
    )
    return strip, planes, who


def _planes(scratch: Scratch, i: int, shape: tuple[int, int]) -> FloatImage:
    """Image and weight of a frame's rows, in memory kept from strip to strip.

    Fresh memory for each strip would cost more than what is done with it.
    """
    size = 2 * shape[0] * shape[1]
    if i not in scratch or scratch[i].size < size:
        scratch[i] = np.empty(size, np.float32)
    return scratch[i][:size].reshape(2, *shape)


def _read(frame: CoaddFrame, part: GridWindow) -> tuple[FloatImage, FloatImage]:
    """Rows of a frame, as wide as it is."""
    rows, _ = part.slices_in(frame.window)
    image, weight = frame.read(rows.start, rows.stop)
    shape = (part.shape[0], frame.window.shape[1])
    check_image(image, f"image of frame {frame.name}", shape=shape, types=("float32",))
    check_image(weight, f"weight of frame {frame.name}", shape=shape, types=("float32",))
    return image, weight
