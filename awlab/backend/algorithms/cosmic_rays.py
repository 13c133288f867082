"""Cosmic rays of a single frame: L.A.Cosmic, with medians only where there may be one.

A cosmic ray has sharper edges than the seeing allows. The Laplacian finds the edges, the ratio to
the fine structure of the image (a median of 3 x 3 less a wider one) tells stars from cosmic rays.
Where two stars touch, the fine structure is drowned and the original eats their cores: here, a
pixel with light on opposite sides in every direction is never a cosmic ray. Pixels within 3 pixels
of saturated ones are left alone: the edge of a saturated star is as sharp.

References
----------
.. [1] van Dokkum 2001, PASP 113, 1420.
.. [2] Astro-WISE CosmicMap (cosmic_count = events, count = pixels; good = 1, bad = 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, PixelMap, check_image
from awlab.backend.algorithms.combine import DetectorNoise
from awlab.backend.algorithms.statistics import sample_step
from awlab.backend.algorithms.strips import over_strips

__all__ = ["CosmicRayOptions", "CosmicRays", "cosmic_ray_map"]

_GOOD, _EXCLUDED, _COSMIC = 1, 2, 0
# Candidates are judged by the noise of a sky this much fainter: safe against shadows and gradients.
_FAINTEST_SKY = 0.7
# A replaced pixel changes the Laplacian next to it, and medians up to here.
_REACH = 2


@dataclass(frozen=True, slots=True)
class CosmicRayOptions:
    """How cosmic rays are told from everything else.

    Attributes
    ----------
    detection_threshold : float
        Significance of the Laplacian that makes a cosmic ray [sigma].
    neighbour_fraction : float
        Part of it that a neighbour of a cosmic ray needs to belong to it.
    object_contrast : float
        Least ratio of the Laplacian and the fine structure.
    star_roundness : float
        A pixel whose opposite neighbours have at least this part of its light, in every
        direction, is of a star; with 3 as contrast it spares stars down to a FWHM of 2 pixels.
    maximum_iterations : int
        Largest number of rounds; each looks around what the last one removed.
    saturation_level : float
        Pixels at or above are saturated [ADU].
    saturation_grow : int
        Pixels within this distance of a saturated one are left alone [pixel].
    threads : int
        Number of threads.
    """

    detection_threshold: float = 5.0
    neighbour_fraction: float = 0.3
    object_contrast: float = 3.0
    star_roundness: float = 0.2
    maximum_iterations: int = 4
    saturation_level: float = float("inf")
    saturation_grow: int = 3
    threads: int = 2

    def __post_init__(self) -> None:
        if not (self.detection_threshold > 0 and 0 < self.neighbour_fraction <= 1):
            raise BadArray(
                f"detection threshold {self.detection_threshold} and neighbour fraction "
                f"{self.neighbour_fraction}",
                "the threshold is positive, the fraction between 0 and 1",
            )


@dataclass(frozen=True, eq=False, slots=True)
class CosmicRays:
    """Cosmic rays of a frame.

    Attributes
    ----------
    map : ndarray of uint8, shape (ny, nx)
        1 good, 0 hit.
    cosmic_count : int
        Number of events.
    count : int
        Number of pixels hit.
    """

    map: PixelMap
    cosmic_count: int
    count: int


def cosmic_ray_map(
    image: FloatImage,
    noise: DetectorNoise,
    options: CosmicRayOptions | None = None,
    *,
    good: PixelMap | None = None,
    sky: float = 0.0,
) -> CosmicRays:
    """Find the pixels of a reduced frame that were hit by cosmic rays.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Reduced frame [ADU].
    noise : DetectorNoise
        Read noise [ADU] and gain [electron/ADU].
    options : CosmicRayOptions, optional
        Thresholds.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]: bad pixels neither are cosmic rays nor make one of a neighbour.
    sky : float
        Sky that was subtracted from the frame before; it belongs to the noise [ADU].

    Returns
    -------
    CosmicRays
        Map, number of events and of pixels. Bad, saturated and not finite pixels count as good
        here: they are the business of other maps.

    Raises
    ------
    BadArray
        If the arrays do not fit.
    """
    chosen = options or CosmicRayOptions()
    check_image(image, "image", types=("float32",))
    if good is not None:
        check_image(good, "pixel map", shape=image.shape, types=("uint8",))
    work = image.copy()
    state, level = _prepare(work, good, chosen)
    hits = _search(work, state, noise, chosen, (level, sky))
    return _result(image.shape, hits)


def _prepare(
    work: FloatImage, good: PixelMap | None, options: CosmicRayOptions
) -> tuple[PixelMap, float]:
    """Mark what is left alone, fill in bad pixels; return the state of all and the sky level."""
    from awlab.backend.algorithms.pixel_lists_kernel import clean_pixels
    from awlab.backend.algorithms.pixel_maps_kernel import grow_marked

    finite = np.isfinite(work)
    state = finite.astype(np.uint8)
    if good is not None:
        state &= good > 0
    step = sample_step((work.shape[0], work.shape[1]))
    sample = work[::step, ::step][state[::step, ::step] > 0]
    level = float(np.median(sample)) if sample.size else 0.0
    holes = np.flatnonzero(state == 0)
    state.flat[holes] = _EXCLUDED
    clean_pixels(work, state, holes, level)
    if np.isfinite(options.saturation_level):
        full = work >= np.float32(options.saturation_level)
        seeds = np.argwhere(full)
        if options.saturation_grow and len(seeds):
            grow_marked(full, seeds, options.saturation_grow)
        state[full] = _EXCLUDED
    return state, level


def _search(
    work: FloatImage,
    state: PixelMap,
    noise: DetectorNoise,
    options: CosmicRayOptions,
    levels: tuple[float, float],
) -> npt.NDArray[np.int64]:
    """Flat indices of all pixels hit; ``work`` is cleaned on the way."""
    from awlab.backend.algorithms.cosmic_rays_kernel import (
        Limits,
        find_candidates,
        find_cosmics,
        grow_cosmics,
    )
    from awlab.backend.algorithms.pixel_lists_kernel import clean_pixels, neighbourhood

    level, pedestal = levels
    threshold = options.detection_threshold
    limits = Limits(
        read_variance=np.float32(noise.read_noise**2),
        gain=np.float32(noise.gain),
        pedestal=np.float32(pedestal),
        significance=np.float32(threshold),
        contrast=np.float32(options.object_contrast),
        roundness=np.float32(options.star_roundness),
    )
    faint = limits._replace(significance=np.float32(threshold * options.neighbour_fraction))
    least = max(_FAINTEST_SKY * (level + pedestal), 0.0) / noise.gain + noise.read_noise**2
    floor = np.float32(2 * threshold * least**0.5)
    cache = np.zeros_like(work)
    strips = over_strips(
        lambda first, last: find_candidates(work, state, floor, first, last),
        work.shape[0],
        options.threads,
    )
    candidates = np.concatenate(strips)
    hits = []
    for _ in range(options.maximum_iterations):
        found = find_cosmics(work, state, candidates, limits, cache)
        if not found.size:
            break
        # As in the original: neighbours need the full threshold first, then a part of it.
        grown = np.union1d(found, grow_cosmics(work, state, found, limits, cache))
        grown = np.union1d(grown, grow_cosmics(work, state, grown, faint, cache))
        state.flat[grown] = _COSMIC
        hits.append(grown)
        clean_pixels(work, state, grown, level)
        candidates = np.unique(neighbourhood(grown, state, _REACH, cache))
    return np.concatenate(hits) if hits else np.zeros(0, np.int64)


def _result(shape: tuple[int, ...], hits: npt.NDArray[np.int64]) -> CosmicRays:
    from awlab.backend.algorithms.pixel_lists_kernel import count_events

    mask = np.ones(shape, np.uint8)
    mask.flat[hits] = 0
    return CosmicRays(mask, int(count_events(mask.copy(), hits)), int(hits.size))
