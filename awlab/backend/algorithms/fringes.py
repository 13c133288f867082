"""Fringes of the night sky in thin chips: their pattern, and how strong they are in a frame.

The pattern comes from dithered frames in two passes (see `night_sky_flat`). Its strength in a
frame is fitted by least squares to the pixels without objects, together with a sky that is a
quadratic of x and y: moonlight is not fringed, so the fringes need not follow the sky level.

References
----------
.. [1] Astro-WISE FringeFrame; ReducedScienceFrame (FRINGE_THRESHOLD_LOW, FRINGE_THRESHOLD_HIGH,
   IMAGE_THRESHOLD, scale_factor).
.. [2] Snodgrass & Carry 2013, The Messenger 152, 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, PixelMap, check_image
from awlab.backend.algorithms.background import (
    BackgroundOptions,
    finite_pixels,
    measure_background,
    source_pixels,
)
from awlab.backend.algorithms.night_sky_flat import SkyPatternOptions, combine_night_sky
from awlab.backend.algorithms.statistics import sample_step, sky_level

__all__ = ["FringePattern", "FringeScale", "FringeScaleOptions", "fringe_pattern", "fringe_scale"]

_ITERATIONS = 5
_TERMS = 7
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class FringePattern:
    """Fringes of a chip and filter.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Fringes over the sky, median 0; times a scale in ADU they are those of a frame.
    amplitude : float
        Half the range between the 5 and the 95 per cent of the pixels [part of the sky].
    levels : tuple of float
        Sky of each frame [ADU].
    frames : int
        Number of frames.
    """

    image: FloatImage
    amplitude: float
    levels: tuple[float, ...]
    frames: int


@dataclass(frozen=True, slots=True)
class FringeScaleOptions:
    """Which pixels tell the strength of the fringes.

    Attributes
    ----------
    FRINGE_THRESHOLD_LOW, FRINGE_THRESHOLD_HIGH : float
        Pixels of the pattern between these count [part of the sky].
    IMAGE_THRESHOLD : float
        Pixels further than this from the fit are left out [sigma].
    """

    FRINGE_THRESHOLD_LOW: float = -1.0
    FRINGE_THRESHOLD_HIGH: float = 1.0
    IMAGE_THRESHOLD: float = 3.0

    def __post_init__(self) -> None:
        if not (
            self.FRINGE_THRESHOLD_LOW < self.FRINGE_THRESHOLD_HIGH and self.IMAGE_THRESHOLD > 0
        ):
            raise BadArray(
                f"fringe thresholds {self.FRINGE_THRESHOLD_LOW}, {self.FRINGE_THRESHOLD_HIGH} and "
                f"IMAGE_THRESHOLD {self.IMAGE_THRESHOLD}",
                "the lower one is below the upper one, the last is positive",
            )


@dataclass(frozen=True, slots=True)
class FringeScale:
    """Strength of the fringes in a frame.

    Attributes
    ----------
    scale, error : float
        Factor of the pattern and its error [ADU]; 0 and infinite if it cannot be told.
    npix : int
        Number of pixels used.
    """

    scale: float
    error: float
    npix: int


def fringe_pattern(
    frames: Sequence[FloatImage],
    options: SkyPatternOptions | None = None,
    *,
    good: PixelMap | None = None,
    smoothing: float = 0.0,
) -> FringePattern:
    """Make the fringe pattern from dithered frames.

    Parameters
    ----------
    frames : sequence of ndarray of float32, shape (ny, nx)
        Reduced, flat-fielded frames of one chip and filter, with their sky [ADU].
    options : SkyPatternOptions, optional
        Clipping and masking.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]; bad pixels become 0.
    smoothing : float
        Width of a Gaussian that the pattern is smoothed with, sigma [pixel]; 0 does not. Fringes
        are wider than the noise of few frames, which would be added to every frame, and which
        makes the scale of a frame too small: it is a slope over a noisy quantity.

    Returns
    -------
    FringePattern
        Fringes as a part of the sky.

    Raises
    ------
    BadArray
        If there are fewer than 3 frames, they do not fit, or one has no sky.
    """
    flat = combine_night_sky(frames, options, good=good)
    image = flat.image - np.float32(1)
    if smoothing > 0:
        image = _smoothed(image, smoothing, good)
    step = sample_step((image.shape[0], image.shape[1]))
    low, high = np.percentile(image[::step, ::step], (5, 95))
    return FringePattern(image, float(high - low) / 2, flat.levels, flat.frames)


def _smoothed(image: FloatImage, sigma: float, good: PixelMap | None) -> FloatImage:
    """Smooth a pattern with a Gaussian, bad pixels left out of it."""
    from scipy.ndimage import gaussian_filter

    if good is None:
        return np.asarray(gaussian_filter(image, sigma), np.float32)
    weight = (good > 0).astype(np.float32)
    total = gaussian_filter(image * weight, sigma)
    share = gaussian_filter(weight, sigma)
    return np.asarray(np.where(weight > 0, total / np.maximum(share, 1e-6), 0), np.float32)


def fringe_scale(
    image: FloatImage,
    fringe: FloatImage,
    options: FringeScaleOptions | None = None,
    *,
    good: PixelMap | None = None,
) -> FringeScale:
    """Fit the strength of the fringes in a frame.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Reduced, flat-fielded frame with its sky [ADU].
    fringe : ndarray of float32, shape (ny, nx)
        Fringe pattern [part of the sky].
    options : FringeScaleOptions, optional
        Which pixels count.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad].

    Returns
    -------
    FringeScale
        Scale to multiply the pattern with before it is subtracted [ADU].

    Raises
    ------
    BadArray
        If the arrays do not fit.
    """
    chosen = options or FringeScaleOptions()
    check_image(image, "image", types=("float32",))
    check_image(fringe, "fringe", shape=image.shape, types=("float32",))
    pixels, mask = finite_pixels(image, good)
    usable = (fringe > chosen.FRINGE_THRESHOLD_LOW) & (fringe < chosen.FRINGE_THRESHOLD_HIGH)
    if mask is not None:
        usable &= ~mask
    if not usable.any():
        return FringeScale(0.0, float("inf"), 0)
    # Objects are looked for where the fringes are gone already: by a scale from all pixels first.
    level = sky_level(pixels, usable.astype(np.uint8)).median
    guess = _fit(pixels, fringe, usable, chosen.IMAGE_THRESHOLD, every=4)
    scale = guess.scale if 0.2 * level < guess.scale < 3 * level else level
    flat = pixels - np.float32(scale) * fringe
    back = measure_background(flat, mask, BackgroundOptions(mask_sources=False))
    usable &= ~source_pixels(flat - back.back(), float(back.globalrms), mask=mask)
    return _fit(pixels, fringe, usable, chosen.IMAGE_THRESHOLD)


def _fit(
    pixels: FloatImage,
    fringe: FloatImage,
    usable: npt.NDArray[np.bool_],
    threshold: float,
    *,
    every: int = 1,
) -> FringeScale:
    """Clipped least squares of sky, slopes, bends and fringes on a spread sample of pixels."""
    ny, nx = pixels.shape
    step = every * sample_step((ny, nx))
    grid = np.s_[::step, ::step]
    rows, columns = np.nonzero(usable[grid])
    if rows.size <= _TERMS:
        return FringeScale(0.0, float("inf"), int(rows.size))
    value = pixels[grid][rows, columns].astype(np.float64)
    u, v = rows * (2.0 * step / ny) - 1, columns * (2.0 * step / nx) - 1
    pattern = fringe[grid][rows, columns].astype(np.float64)
    # In units of its own the pattern is as large as the other terms, and squares are harmless.
    unit = float(np.std(pattern)) or 1.0
    terms = np.stack([pattern / unit, np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    kept = np.ones(value.size, np.bool_)
    solution, sigma = np.zeros(_TERMS), 0.0
    for _ in range(_ITERATIONS):
        # The 7 normal equations, not the tall matrix: this runs for every frame.
        rows_kept = terms[kept]
        equations = rows_kept.T @ rows_kept, rows_kept.T @ value[kept]
        solution = np.linalg.lstsq(*equations, rcond=None)[0]
        residual = value - terms @ solution
        sigma = 1.4826 * float(np.median(np.abs(residual[kept] - np.median(residual[kept]))))
        inside = np.abs(residual) <= max(threshold * sigma, 1e-9)
        if np.array_equal(inside, kept) or inside.sum() <= _TERMS:
            break
        kept = inside
    spread = float(np.var(pattern[kept]) * kept.sum())
    if not spread > 0:
        return FringeScale(0.0, float("inf"), int(kept.sum()))
    return FringeScale(float(solution[0]) / unit, sigma / spread**0.5, int(kept.sum()))
