"""The stars of a frame: how wide and how round they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    BackgroundOptions,
    ExtractedSources,
    ExtractionFrame,
    ExtractionOptions,
    PointSpread,
    extract_sources,
    measure_psf,
)

__all__ = ["anisotropy_of", "point_spread", "seeing_of"]

# Enough for the plot of the anisotropy of a chip.
_MOST_STARS = 500
_SAMPLES = 12


def point_spread(
    image: NDArray[np.float32],
    weight: NDArray[np.float32],
    found: ExtractedSources,
    pixel_scale: float,
) -> PointSpread:
    """Measure the PSF of a frame from the sources that were found in it.

    Parameters
    ----------
    image, weight : ndarray of float32, shape (ny, nx)
        Frame with its background [ADU], and its weight; 0 is bad.
    found : ExtractedSources
        Its sources.
    pixel_scale : float
        Pixel size [arcsec / pixel].
    """
    bad = ~(weight > 0) | ~np.isfinite(image)
    return measure_psf(found.light, found.sources, pixel_scale=pixel_scale, mask=bad)


def seeing_of(
    image: NDArray[np.float32],
    weight: NDArray[np.float32],
    pixel_scale: float,
    least_noise: float = 0.0,
) -> float | None:
    """Return the FWHM of the stars of a frame [arcsec]; None where there are too few.

    Parameters
    ----------
    image, weight : ndarray of float32, shape (ny, nx)
        Frame [ADU] and its weight; 0 is bad.
    pixel_scale : float
        Pixel size [arcsec / pixel].
    least_noise : float
        Noise that no pixel is better than [ADU].
    """
    pixels, good = np.asarray(image), np.asarray(weight)
    background = BackgroundOptions(mask_sources=False, least_noise=least_noise)
    found = extract_sources(ExtractionFrame(pixels, good), ExtractionOptions(background=background))
    psf = point_spread(pixels, good, found, pixel_scale)
    return float(psf.fwhm_arcsec) if np.isfinite(psf.fwhm_arcsec) else None


def anisotropy_of(
    psf: PointSpread, found: ExtractedSources, shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return the ellipticity of the stars and of its map as plain numbers, for the plot.

    Parameters
    ----------
    psf : PointSpread
        Measured PSF.
    found : ExtractedSources
        The sources it was measured on.
    shape : tuple of int
        Shape (ny, nx) of the frame [pixel].
    """
    chosen = psf.stars[:_MOST_STARS]
    table = found.sources[chosen]
    stars = {
        "x": np.round(table["XWIN_IMAGE"], 2).tolist(),
        "y": np.round(table["YWIN_IMAGE"], 2).tolist(),
        "e1": np.round(psf.moments.e1[:_MOST_STARS], 5).tolist(),
        "e2": np.round(psf.moments.e2[:_MOST_STARS], 5).tolist(),
    }
    x = np.linspace(0, shape[1] - 1, _SAMPLES)
    y = np.linspace(0, shape[0] - 1, _SAMPLES)
    grid_x, grid_y = (axis.ravel() for axis in np.meshgrid(x, y))
    maps = {
        name: np.round(getattr(psf, f"{name}_map").at(grid_x, grid_y), 5).tolist()
        for name in ("e1", "e2")
        if getattr(psf, f"{name}_map") is not None
    }
    if maps:
        maps |= {"x": (grid_x + 1).tolist(), "y": (grid_y + 1).tolist()}
    return {"stars": stars, "map": maps, "residual": float(psf.residual)}
