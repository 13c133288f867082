"""Flat fields: combine debiased flats, and make the master flat from dome and twilight.

Domes are bright and many: they carry the structure from pixel to pixel at the photon limit, but
the screen is not lit like the sky. Twilights are lit like the sky. The master flat is the dome
times the large-scale part of twilight / dome, normalised by its median, which is recorded.

References
----------
.. [1] Astro-WISE MasterFlatFrame: COMBINE_TYPE, DIG_FILTER_SIZE, MEDIAN_FILTER_SIZE, MIRROR_XPIX,
   MIRROR_YPIX.
.. [2] Manfroid 1996, A&AS 118, 391 (flat fields of CCD mosaics, dome against sky).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from awlab.backend.algorithms.arrays import AnyImage, BadArray, FloatImage, PixelMap, check_image
from awlab.backend.algorithms.clipping import ROUNDING_VARIANCE
from awlab.backend.algorithms.combine import CombineOptions, DetectorNoise, combine_frames
from awlab.backend.algorithms.overscan import stacked_levels
from awlab.backend.algorithms.regions import Region
from awlab.backend.algorithms.smoothing import smooth_map
from awlab.backend.algorithms.statistics import sample_step

__all__ = ["CombinedFlat", "MasterFlat", "MasterFlatOptions", "combine_flats", "master_flat"]

DOME, TWILIGHT, BOTH = 1, 2, 3
METHODS = ("block", "fourier")


@dataclass(frozen=True, eq=False, slots=True)
class CombinedFlat:
    """Combination of flats of one kind.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Flat field, median 1.
    normalisation : float
        Mean level the flat was divided by, weighted as in the mean [ADU].
    levels : tuple of float
        Median level of each frame [ADU].
    rejected : int
        Number of values rejected, over all pixels and frames.
    frames : int
        Number of frames combined.
    """

    image: FloatImage
    normalisation: float
    levels: tuple[float, ...]
    rejected: int
    frames: int


@dataclass(frozen=True, slots=True)
class MasterFlatOptions:
    """How dome and twilight become the master flat.

    Attributes
    ----------
    combine_type : int
        1 dome alone, 2 twilight alone, 3 both.
    method : str
        ``block``: large scales are medians of blocks joined by a spline; ``fourier``: a Gaussian
        low-pass filter, as in Astro-WISE.
    median_filter_size : int
        Size of the blocks; with ``fourier``, of those that replace bad pixels first [pixel].
    dig_filter_size : float
        ``fourier``: standard deviation of the Gaussian in frequency [cycles per frame].
    mirror_xpix, mirror_ypix : int
        ``fourier``: pixels mirrored beyond the edges for continuity [pixel].
    """

    combine_type: int = BOTH
    method: str = "block"
    median_filter_size: int = 64
    dig_filter_size: float = 9.0
    mirror_xpix: int = 75
    mirror_ypix: int = 150

    def __post_init__(self) -> None:
        if self.combine_type not in (DOME, TWILIGHT, BOTH):
            raise BadArray(
                f"COMBINE_TYPE {self.combine_type!r} does not exist",
                "use 1 (dome), 2 (twilight) or 3 (both)",
            )
        if self.method not in METHODS:
            raise BadArray(f"flat method {self.method!r} does not exist", "use block or fourier")
        if not (self.median_filter_size > 0 and self.dig_filter_size > 0):
            raise BadArray(
                f"filter sizes {self.median_filter_size} and {self.dig_filter_size}",
                "both are positive",
            )


@dataclass(frozen=True, eq=False, slots=True)
class MasterFlat:
    """Master flat field.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Flat field, median 1 over the good pixels.
    normalisation : float
        Median that the flat was divided by.
    """

    image: FloatImage
    normalisation: float


def combine_flats(
    flats: Sequence[AnyImage], noise: DetectorNoise, options: CombineOptions | None = None
) -> CombinedFlat:
    """Combine raw flats: take off overscan and bias, scale each by its level, clip, average.

    Parameters
    ----------
    flats : sequence of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw flats of one chip, filter and kind [ADU].
    noise : DetectorNoise
        Read noise [ADU] and gain [electron/ADU]: sigma of the clipping.
    options : CombineOptions, optional
        Region, overscan, bias and clipping threshold; its scales and weights are not used.

    Returns
    -------
    CombinedFlat
        Flat field of the image region, median 1.

    Raises
    ------
    BadArray
        If frames do not fit, or one has no light.
    """
    chosen = options or CombineOptions(sigma_clip=5.0)
    levels = _levels(flats, chosen)
    variance = noise.read_noise**2 + ROUNDING_VARIANCE
    # Inverse variance of a frame scaled to 1: bright frames count more.
    weights = [level**2 / (variance + level / noise.gain) for level in levels]
    heaviest = max(weights)
    weighted = replace(
        chosen,
        scales=[1.0 / level for level in levels],
        weights=[weight / heaviest for weight in weights],
    )
    combined = combine_frames(flats, noise, weighted)
    middle = _positive_median(combined.image, None)
    combined.image[:] /= np.float32(middle)
    mean_level = sum(w * v for w, v in zip(weights, levels, strict=True)) / sum(weights)
    return CombinedFlat(
        combined.image, middle * mean_level, tuple(levels), combined.rejected, len(flats)
    )


def _levels(flats: Sequence[AnyImage], options: CombineOptions) -> list[float]:
    """Median level of each flat above overscan and bias, from a spread sample [ADU]."""
    for i, flat in enumerate(flats):
        check_image(flat, f"flats[{i}]", shape=(flats[0].shape[0], flats[0].shape[1]))
    if not flats:
        raise BadArray("no flats given, at least 1 needed", "add frames")
    region = options.region or Region.whole((flats[0].shape[0], flats[0].shape[1]))
    region.assert_inside((flats[0].shape[0], flats[0].shape[1]), "image region")
    rows, columns = stacked_levels(options.overscan, region, len(flats))
    step = sample_step(region.shape)
    levels = []
    for i, flat in enumerate(flats):
        sample = flat[region.slices][::step, ::step] - rows[i, ::step, None]
        if columns.shape[1]:
            sample -= columns[i, ::step]
        if options.bias is not None:
            check_image(options.bias, "bias", shape=region.shape, types=("float32",))
            sample -= options.bias[::step, ::step]
        level = float(np.median(sample))
        if not level > 0:
            raise BadArray(
                f"flat {i} has the level {level:.1f} ADU", "leave it out: it has no light"
            )
        levels.append(level)
    return levels


def master_flat(
    dome: FloatImage | None,
    twilight: FloatImage | None,
    options: MasterFlatOptions | None = None,
    *,
    good: PixelMap | None = None,
) -> MasterFlat:
    """Make the master flat from dome and twilight, or from either alone.

    Parameters
    ----------
    dome, twilight : ndarray of float32, shape (ny, nx), or None
        Combined flats [relative response], any normalisation.
    options : MasterFlatOptions, optional
        What to use and how.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]: hot and cold pixels do not count for the large scales.

    Returns
    -------
    MasterFlat
        Flat field with median 1 over the good pixels.

    Raises
    ------
    BadArray
        If the flat asked for is missing, or arrays do not fit.
    """
    chosen = options or MasterFlatOptions()
    flats = {"dome": dome, "twilight": twilight}
    needed = {DOME: ("dome",), TWILIGHT: ("twilight",), BOTH: ("dome", "twilight")}
    for name in needed[chosen.combine_type]:
        if flats[name] is None:
            raise BadArray(
                f"COMBINE_TYPE {chosen.combine_type} needs the {name} flat, which is missing",
                "give it or choose another COMBINE_TYPE",
            )
    present = [flat for flat in (dome, twilight) if flat is not None]
    for flat in present:
        check_image(flat, "flat", shape=present[0].shape, types=("float32",))
    if good is not None:
        check_image(good, "pixel map", shape=present[0].shape, types=("uint8",))
    if chosen.combine_type == BOTH and dome is not None and twilight is not None:
        image = dome * _large_scale_ratio(dome, twilight, good, chosen)
    else:
        image = np.array(present[0] if chosen.combine_type == DOME or dome is None else twilight)
    middle = _positive_median(image, good)
    image /= np.float32(middle)
    return MasterFlat(image, middle)


def _large_scale_ratio(
    dome: FloatImage, twilight: FloatImage, good: PixelMap | None, options: MasterFlatOptions
) -> FloatImage:
    """Large-scale part of twilight / dome."""
    usable = (dome > 0) & (twilight > 0)
    if good is not None:
        usable &= good > 0
    ratio = np.ones_like(dome)
    np.divide(twilight, dome, out=ratio, where=usable)
    mask = usable.astype(np.uint8)
    smooth = smooth_map(ratio, mask, block=options.median_filter_size)
    if options.method == "block":
        return smooth
    ratio[~usable] = smooth[~usable]
    return low_pass(ratio, options)


def low_pass(image: FloatImage, options: MasterFlatOptions) -> FloatImage:
    """Low-pass filter an image with a Gaussian in Fourier space.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image [any unit].
    options : MasterFlatOptions
        Filter size [cycles per frame] and mirrored edges [pixel].

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Smooth image.
    """
    from scipy import fft

    ny, nx = image.shape
    my, mx = min(options.mirror_ypix, ny - 1), min(options.mirror_xpix, nx - 1)
    padded = np.pad(image, ((my, my), (mx, mx)), mode="symmetric")
    # Frequencies in cycles per frame: the filter is the same fraction of both axes.
    fy = fft.fftfreq(padded.shape[0]).astype(np.float32)[:, None] * ny
    fx = fft.rfftfreq(padded.shape[1]).astype(np.float32)[None, :] * nx
    spectrum = fft.rfft2(padded, overwrite_x=True)
    spectrum *= np.exp(-0.5 * (fy / options.dig_filter_size) ** 2)
    spectrum *= np.exp(-0.5 * (fx / options.dig_filter_size) ** 2)
    smooth = fft.irfft2(spectrum, s=padded.shape, overwrite_x=True)
    return np.ascontiguousarray(smooth[my : my + ny, mx : mx + nx], np.float32)


def _positive_median(image: FloatImage, good: PixelMap | None) -> float:
    values = image.ravel() if good is None else image[good > 0]
    middle = float(np.median(values)) if values.size else 0.0
    if not middle > 0:
        raise BadArray(f"the flat has the median {middle}", "look at the flats: there is no light")
    return middle
