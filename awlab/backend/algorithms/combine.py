"""Combine frames of one kind into one: clipped mean with a noise model.

Per pixel: median of all frames, then the mean of the values within
``sigma_clip * sqrt(read_noise^2 + signal / gain)`` of it. The noise comes from a model, not from
the few values themselves: one outlier among n values is never further than ``(n-1)/sqrt(n)``
standard deviations from their mean (below 3 for n = 10), so clipping by the sample's own scatter
cannot reject it.

References
----------
.. [1] Shiffler 1988, The American Statistician 42, 79 (largest possible z-score).
.. [2] Astro-WISE BiasFrameParameters.SIGMA_CLIP, DomeFlatFrameParameters.SIGMA_CLIP.
.. [3] Newberry 1991, PASP 103, 122 (signal to noise in sky-subtracted stellar data).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import (
    AnyImage,
    BadArray,
    FloatImage,
    PixelMap,
    check_frames,
    check_image,
)
from awlab.backend.algorithms.clipping import ROUNDING_VARIANCE
from awlab.backend.algorithms.content import content_hash
from awlab.backend.algorithms.overscan import OverscanLevels, stacked_levels
from awlab.backend.algorithms.regions import Region
from awlab.backend.algorithms.strips import over_strips

if TYPE_CHECKING:
    from awlab.backend.algorithms.combine_kernel import ClipModel, FrameSet

__all__ = ["CombineOptions", "CombinedImage", "DetectorNoise", "combine_frames"]

MOST_FRAMES = 255


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """Noise model of a detector.

    Attributes
    ----------
    read_noise : float
        Read noise [ADU].
    gain : float
        Conversion factor [electron/ADU]; infinite means no photon noise (bias frames).
    """

    read_noise: float
    gain: float = math.inf

    def __post_init__(self) -> None:
        if not (0 < self.read_noise < math.inf and self.gain > 0):
            raise BadArray(
                f"read noise {self.read_noise} ADU and gain {self.gain} e/ADU make no noise model",
                "both are positive; measure them with ReadNoise and GainLinearity",
            )


@dataclass(frozen=True, eq=False, slots=True)
class CombineOptions:
    """How frames are combined.

    Attributes
    ----------
    sigma_clip : float
        Clipping threshold [sigma of the noise model]; infinite for a plain mean.
    region : Region, optional
        Image region of the frames; all by default.
    overscan : sequence of OverscanLevels, optional
        Zero level of each frame, subtracted on the fly [ADU].
    bias : ndarray of float32, shape (ny, nx), optional
        Master bias, subtracted from every frame [ADU].
    scales : sequence of float, optional
        Factor for each frame, after the subtractions.
    weights : sequence of float, optional
        Weight of each frame in the mean; equal by default.
    with_count : bool
        Whether to return the number of frames kept per pixel.
    threads : int
        Number of threads.
    """

    sigma_clip: float = 3.0
    region: Region | None = None
    overscan: Sequence[OverscanLevels] | None = None
    bias: FloatImage | None = None
    scales: Sequence[float] | None = None
    weights: Sequence[float] | None = None
    with_count: bool = False
    threads: int = 2


@dataclass(frozen=True, eq=False, slots=True)
class CombinedImage:
    """Result of a combination.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Clipped mean [ADU, or scaled ADU].
    rejected : int
        Number of values rejected, over all pixels and frames.
    frames : int
        Number of frames combined.
    count : ndarray of uint8, shape (ny, nx), or None
        Number of frames kept per pixel.
    """

    image: FloatImage
    rejected: int
    frames: int
    count: PixelMap | None = None

    @property
    def rejected_fraction(self) -> float:
        """Fraction of all values that were rejected."""
        return self.rejected / (self.frames * self.image.size)


def combine_frames(
    frames: Sequence[AnyImage], noise: DetectorNoise, options: CombineOptions | None = None
) -> CombinedImage:
    """Combine frames pixel by pixel into their clipped mean.

    The result does not depend on the order of the frames nor on the number of threads, to the
    last bit. Where no value is near the median (two frames that disagree, say) the lower of the
    middle values stands.

    Parameters
    ----------
    frames : sequence of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        1 to 255 frames of one shape and type [ADU].
    noise : DetectorNoise
        Read noise [ADU] and gain [electron/ADU] of one frame.
    options : CombineOptions, optional
        Clipping threshold, overscan, bias, scales, weights.

    Returns
    -------
    CombinedImage
        Clipped mean of the image region, number of values rejected.

    Raises
    ------
    BadArray
        If frames, levels or scales do not fit each other, or a value is not finite.
    """
    from awlab.backend.algorithms import combine_kernel as kernel

    chosen = options or CombineOptions()
    check_frames(frames, "frames")
    region = _checked_region(frames, chosen)
    scales, weights = _factors(chosen.scales, len(frames)), _factors(chosen.weights, len(frames))
    equal = bool((scales == scales[0]).all() and (weights == weights[0]).all())
    order = list(range(len(frames))) if equal else _canonical_order(frames, scales, weights)
    sources = _sources([frames[i] for i in order], chosen, region, order)
    variance = noise.read_noise**2 + (ROUNDING_VARIANCE if frames[0].dtype == np.uint16 else 0.0)
    model = _clip_model((scales[order], weights[order]), variance, noise.gain, chosen.sigma_clip)
    count = np.zeros(region.shape if chosen.with_count else (0, 0), np.uint8)
    products = kernel.Products(np.zeros(region.shape, np.float32), count)
    run = kernel.combine_mean if equal else kernel.combine_weighted
    parts = over_strips(
        lambda first, last: run(sources, model, products, first, last),
        region.shape[0],
        chosen.threads,
    )
    strange = sum(bad for _, bad in parts)
    if strange:
        raise BadArray(
            f"{strange} values to combine are not finite",
            "NaN has no place inside; give bad pixels weight 0 when reading",
        )
    rejected = sum(lost for lost, _ in parts)
    kept = count if chosen.with_count else None
    return CombinedImage(products.image, int(rejected), len(frames), kept)


def _checked_region(frames: Sequence[AnyImage], options: CombineOptions) -> Region:
    shape = (frames[0].shape[0], frames[0].shape[1])
    region = options.region or Region.whole(shape)
    region.assert_inside(shape, "image region")
    if len(frames) > MOST_FRAMES:
        raise BadArray(f"{len(frames)} frames to combine", f"combine at most {MOST_FRAMES}")
    if not options.sigma_clip > 0:
        raise BadArray(f"clipping at {options.sigma_clip} sigma", "use a positive threshold")
    if options.bias is not None:
        check_image(options.bias, "bias", shape=region.shape, types=("float32",))
    return region


def _factors(given: Sequence[float] | None, n: int) -> npt.NDArray[np.float32]:
    """Scales or weights as an array; ones by default."""
    values = np.ones(n, np.float32) if given is None else np.array(given, np.float32)
    if values.shape != (n,) or not np.isfinite(values).all() or (values <= 0).any():
        raise BadArray(f"scales or weights {given} for {n} frames", "give one positive number each")
    return values


def _canonical_order(
    frames: Sequence[AnyImage], scales: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]
) -> list[int]:
    """Order that does not depend on how the frames were given: by scale, weight, then content."""
    keys = [(float(s), float(w)) for s, w in zip(scales, weights, strict=True)]
    # Hashing a frame takes as long as combining it, so it is done for ties only.
    full = [
        (*key, content_hash(frames[i]) if keys.count(key) > 1 else "") for i, key in enumerate(keys)
    ]
    return sorted(range(len(frames)), key=full.__getitem__)


def _sources(
    frames: Sequence[AnyImage], options: CombineOptions, region: Region, order: list[int]
) -> FrameSet:
    from awlab.backend.algorithms.combine_kernel import FrameSet

    rows, columns = stacked_levels(options.overscan, region, len(frames))
    return FrameSet(
        np.array([frame.ctypes.data for frame in frames], np.uintp),
        frames[0],
        (region.y0, region.x0),
        np.ascontiguousarray(rows[order]),
        np.ascontiguousarray(columns[order]),
        np.zeros((0, 0), np.float32) if options.bias is None else options.bias,
    )


def _clip_model(
    factors: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    variance: float,
    gain: float,
    sigma_clip: float,
) -> ClipModel:
    """Limit on the squared deviation of each frame: a + b * signal [scaled ADU^2]."""
    from awlab.backend.algorithms.combine_kernel import ClipModel
    from awlab.backend.algorithms.sorting_network import network_steps

    scales, weights = factors
    if math.isfinite(sigma_clip):
        a = (sigma_clip**2 * variance * scales.astype(np.float64) ** 2).astype(np.float32)
        b = (sigma_clip**2 / gain * scales).astype(np.float32)
    else:
        a, b = np.full_like(scales, np.inf), np.zeros_like(scales)
    return ClipModel(scales, a, b, weights, *network_steps(len(scales)))
