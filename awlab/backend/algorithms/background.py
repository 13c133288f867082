"""The background of a frame: a mesh of clipped modes, median filtered, joined by a spline.

References
----------
.. [1] Bertin & Arnouts 1996, A&AS 117, 393, section 4 (mesh, mode, median filter).
.. [2] Barbary 2016, JOSS 1, 58 (sep, SExtractor's code as a library).
.. [3] Astro-WISE BackgroundFrame; SextractorConfig (BACK_SIZE, BACK_FILTERSIZE).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, PixelMap, check_image

__all__ = ["BackgroundMap", "BackgroundOptions", "background_map", "source_pixels"]

# Sources are masked where the smoothed frame stands out this much, and around it.
_SOURCE_THRESHOLD = 2.0
_SOURCE_AREA = 5


@dataclass(frozen=True, slots=True)
class BackgroundOptions:
    """How a background is made; names are those of SExtractor.

    Attributes
    ----------
    BACK_SIZE : int
        Size of a mesh [pixel].
    BACK_FILTERSIZE : int
        Size of the median filter [mesh].
    mask_sources : bool
        Whether sources are found on a first background and left out of a second one.
    grow : int
        Pixels within this distance of a source are left out too [pixel].
    least_noise : float
        Noise that no pixel is better than: numbers that are coarser than the noise of the sky
        hide it, and with it the difference between a source and a step of the converter [ADU].
    """

    BACK_SIZE: int = 64
    BACK_FILTERSIZE: int = 3
    mask_sources: bool = True
    grow: int = 4
    least_noise: float = 0.0

    def __post_init__(self) -> None:
        if self.BACK_SIZE < 2 or self.BACK_FILTERSIZE < 1 or self.grow < 0:
            raise BadArray(
                f"BACK_SIZE {self.BACK_SIZE}, BACK_FILTERSIZE {self.BACK_FILTERSIZE} and growth "
                f"{self.grow}",
                "a mesh has at least 2 pixels, a filter 1 mesh, the growth is not negative",
            )
        if not 0.0 <= self.least_noise < np.inf:
            raise BadArray(f"a least noise of {self.least_noise} ADU", "it is not negative")


@dataclass(frozen=True, eq=False, slots=True)
class BackgroundMap:
    """The background of a frame.

    Attributes
    ----------
    map : ndarray of float32, shape (ny, nx)
        Background [ADU].
    rms : ndarray of float32, shape (ny, nx)
        Noise of a pixel of the background [ADU].
    level, noise : float
        Global background and its noise [ADU]; 0 if no pixel was good.
    """

    map: FloatImage
    rms: FloatImage
    level: float
    noise: float


def background_map(
    image: FloatImage, options: BackgroundOptions | None = None, *, good: PixelMap | None = None
) -> BackgroundMap:
    """Measure the background of a frame.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame [ADU].
    options : BackgroundOptions, optional
        Mesh, filter, and whether sources are masked.
    good : ndarray of uint8, shape (ny, nx), optional
        Pixel map [1 good, 0 bad]; bad and not finite pixels do not count.

    Returns
    -------
    BackgroundMap
        Map, noise, and their global values; all 0 for a frame without a good pixel.

    Raises
    ------
    BadArray
        If the arrays do not fit.
    """
    chosen = options or BackgroundOptions()
    check_image(image, "image", types=("float32",))
    pixels, mask = finite_pixels(image, good)
    measured = measure_background(pixels, mask, chosen)
    if chosen.mask_sources and measured.globalrms > 0:
        noise = max(float(measured.globalrms), chosen.least_noise)
        sources = source_pixels(pixels - measured.back(), noise, mask=mask, grow=chosen.grow)
        if mask is not None:
            sources |= mask
        if not sources.all():
            measured = measure_background(pixels, sources, chosen)
    rms = measured.rms()
    # The library says 1 for the noise of a constant frame.
    noise = float(measured.globalrms) if rms.any() else 0.0
    if chosen.least_noise:
        np.maximum(rms, np.float32(chosen.least_noise), out=rms)
    return BackgroundMap(
        measured.back(), rms, float(measured.globalback), max(noise, chosen.least_noise)
    )


def finite_pixels(
    image: FloatImage, good: npt.NDArray[Any] | None
) -> tuple[FloatImage, npt.NDArray[np.bool_] | None]:
    """Replace what is not a number by 0, and tell which pixels do not count.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame [ADU].
    good : ndarray, shape (ny, nx), optional
        Pixels that count are those above 0: a pixel map [1 good, 0 bad] or a weight.

    Returns
    -------
    image : ndarray of float32, shape (ny, nx)
        The frame itself if all is finite [ADU].
    mask : ndarray of bool, shape (ny, nx), or None
        True for pixels that do not count; None if all do.

    Raises
    ------
    BadArray
        If the arrays do not fit.
    """
    if good is not None:
        check_image(good, "pixel map", shape=image.shape, types=("uint8", "float32"))
    # The sum is finite if every pixel is, and costs a quarter of looking at each.
    finite = None if np.isfinite(image.sum(dtype=np.float64)) else np.isfinite(image)
    bad = None if good is None else ~(good > 0)
    if finite is None:
        return image, bad if bad is not None and bad.any() else None
    pixels = np.where(finite, image, np.float32(0))
    return pixels, ~finite if bad is None else bad | ~finite


def measure_background(
    image: FloatImage, mask: npt.NDArray[np.bool_] | None, options: BackgroundOptions
) -> Any:
    """Background as an object of the library, whose maps are made when asked for.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame, finite everywhere [ADU].
    mask : ndarray of bool, shape (ny, nx), or None
        Pixels that do not count [true or false].
    options : BackgroundOptions
        Mesh and filter.

    Returns
    -------
    sep.Background
        Background; without a good pixel it is 0.
    """
    import sep

    if mask is not None and mask.all():
        image, mask = np.zeros_like(image), None
    ny, nx = image.shape
    size = options.BACK_SIZE
    return sep.Background(
        image,
        mask=mask,
        bw=min(size, nx),
        bh=min(size, ny),
        fw=options.BACK_FILTERSIZE,
        fh=options.BACK_FILTERSIZE,
    )


def source_pixels(
    image: FloatImage,
    noise: float,
    *,
    mask: npt.NDArray[np.bool_] | None = None,
    grow: int = 4,
    threshold: float = _SOURCE_THRESHOLD,
) -> npt.NDArray[np.bool_]:
    """Pixels that belong to sources, with a margin.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame without its background [ADU].
    noise : float
        Noise of a pixel [ADU].
    mask : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count [true or false].
    grow : int
        Margin [pixel].
    threshold : float
        A source has at least 5 pixels above this, after smoothing [sigma].

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True for pixels of sources.
    """
    from scipy.ndimage import maximum_filter

    from awlab.backend.algorithms.detection import DetectionOptions, detect

    options = DetectionOptions(
        DETECT_THRESH=threshold, DETECT_MINAREA=_SOURCE_AREA, DEBLEND_MINCONT=1.0, CLEAN=False
    )
    segments = detect(image, noise, mask, options).segments
    found = (segments > 0).view(np.uint8)
    if grow:
        found = maximum_filter(found, size=2 * grow + 1)
    return found.view(np.bool_)
