"""What all dithered frames of a night have in common: the night-sky flat, and the fringes.

Two passes. The first takes the clipped mean of the frames, each divided by its sky, *without*
masking objects: fringes look like objects, and a mask would take them away. The second divides
each frame by the first pattern, so that its sky is flat, masks the objects, which now are all that
is left, and averages what lies between them.

References
----------
.. [1] Astro-WISE NightSkyFlatFrame, FringeFrame.
.. [2] Snodgrass & Carry 2013, The Messenger 152, 14 (fringe maps from dithered frames).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import (
    BadArray,
    FloatImage,
    PixelMap,
    check_frames,
    check_image,
)
from awlab.backend.algorithms.background import (
    BackgroundOptions,
    finite_pixels,
    measure_background,
    source_pixels,
)
from awlab.backend.algorithms.combine import CombineOptions, DetectorNoise, combine_frames
from awlab.backend.algorithms.statistics import sky_level

__all__ = ["NightSkyFlat", "SkyPatternOptions", "combine_night_sky"]

_LEAST_FRAMES = 3


@dataclass(frozen=True, slots=True)
class SkyPatternOptions:
    """How the common pattern of dithered frames is found.

    Attributes
    ----------
    sigma_clip : float
        Values further than this from the first pattern are left out [sigma of the sky].
    source_threshold : float
        Objects stand out this much on the frame with a flat sky [sigma].
    grow : int
        Pixels within this distance of an object are left out [pixel].
    """

    sigma_clip: float = 3.0
    source_threshold: float = 1.5
    grow: int = 6

    def __post_init__(self) -> None:
        if not (self.sigma_clip > 0 and self.source_threshold > 0 and self.grow >= 0):
            raise BadArray(
                f"thresholds {self.sigma_clip}, {self.source_threshold} and growth {self.grow}",
                "thresholds are positive, the growth is not negative",
            )


@dataclass(frozen=True, eq=False, slots=True)
class NightSkyFlat:
    """Common pattern of the sky in dithered frames.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Sky over its median; 1 where no frame shows it.
    levels : tuple of float
        Sky of each frame [ADU].
    count : ndarray of uint8, shape (ny, nx)
        Number of frames that contributed to a pixel.
    frames : int
        Number of frames.
    """

    image: FloatImage
    levels: tuple[float, ...]
    count: PixelMap
    frames: int


def combine_night_sky(
    frames: Sequence[FloatImage],
    options: SkyPatternOptions | None = None,
    *,
    good: PixelMap | None = None,
) -> NightSkyFlat:
    """Make a flat field of the night sky from dithered frames.

    Parameters
    ----------
    frames : sequence of ndarray of float32, shape (ny, nx)
        Reduced frames of one chip and filter, with their sky [ADU].
    options : SkyPatternOptions, optional
        Clipping and masking.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]; bad pixels become 1 in the flat.

    Returns
    -------
    NightSkyFlat
        Pattern with median 1 over the good pixels.

    Raises
    ------
    BadArray
        If there are fewer than 3 frames, they do not fit, or one has no sky.
    """
    chosen = options or SkyPatternOptions()
    check_frames(frames, "frames", least=_LEAST_FRAMES)
    for i, frame in enumerate(frames):
        check_image(frame, f"frames[{i}]", types=("float32",))
    skies = [_sky(frame, good, i) for i, frame in enumerate(frames)]
    noise = DetectorNoise(float(np.median([stdev for _, stdev in skies])))
    finite = [finite_pixels(frame, good) for frame in frames]
    first = combine_frames(
        [pixels for pixels, _ in finite],
        noise,
        CombineOptions(sigma_clip=chosen.sigma_clip, scales=[1.0 / level for level, _ in skies]),
    ).image
    first[~(first > 0.05)] = 1.0
    total, weight, count = np.zeros_like(first), np.zeros_like(first), np.zeros_like(first)
    for (pixels, mask), (level, stdev) in zip(finite, skies, strict=True):
        # Photon noise over the sky is 1 / sqrt(sky): the weight of a scaled frame is its sky.
        pattern = first * np.float32(level)
        used = _sky_pixels(pixels, mask, (pattern, stdev, chosen))
        np.add(total, pixels, out=total, where=used)
        np.add(weight, np.float32(level), out=weight, where=used)
        count += used
    image = np.where(count > 0, total / np.maximum(weight, 1e-30), first)
    bad = np.zeros(first.shape, np.bool_) if good is None else good == 0
    image[bad] = 1.0
    middle = float(np.median(image[~bad]))
    image[~bad] /= np.float32(middle)
    levels = tuple(level * middle for level, _ in skies)
    image = np.ascontiguousarray(image, np.float32)
    return NightSkyFlat(image, levels, count.astype(np.uint8), len(frames))


def _sky(frame: FloatImage, good: PixelMap | None, i: int) -> tuple[float, float]:
    """Level and noise of the sky [ADU]; noise includes the pattern."""
    usable = np.isfinite(frame)
    if good is not None:
        usable &= good > 0
    if usable.any():
        found = sky_level(frame, usable.astype(np.uint8))
        if found.median > 0 and found.stdev > 0:
            return found.median, found.stdev
    raise BadArray(f"frame {i} has no sky", "leave it out: there is no light, or no good pixel")


def _sky_pixels(
    pixels: FloatImage,
    mask: npt.NDArray[np.bool_] | None,
    known: tuple[FloatImage, float, SkyPatternOptions],
) -> npt.NDArray[np.bool_]:
    """Pixels of a frame that are sky: no object, no outlier, given the pattern of the sky [ADU]."""
    pattern, noise, options = known
    level = np.float32(np.median(pattern))
    flat = pixels / pattern * level
    back = measure_background(flat, mask, BackgroundOptions(mask_sources=False))
    flat -= back.back()
    # Without the pattern the noise of the sky is smaller.
    sigma = min(float(back.globalrms), noise)
    used = ~source_pixels(
        flat, sigma, mask=mask, grow=options.grow, threshold=options.source_threshold
    )
    used &= np.abs(flat) < np.float32(options.sigma_clip * sigma)
    return used if mask is None else used & ~mask
