"""The point spread function of a frame: its stars, their FWHM, and how their shape runs.

Stars all have the same size: on the plane of FWHM against magnitude they form a narrow ridge, the
stellar locus, with galaxies above and cosmic rays below. The FWHM of the frame is where the mean
profile of the stars falls to half its peak (a Moffat function fitted to all of them at once), not
that of the best Gaussian, which the wings of the seeing broaden by several per cent. The map of
e1 and e2 over the chip is the anisotropy plot of Astro-WISE.

References
----------
.. [1] Kaiser, Squires & Broadhurst 1995, ApJ 449, 460 (stellar locus, anisotropy map).
.. [2] Moffat 1969, A&A 3, 455 (profile).
.. [3] Bernstein & Jarvis 2002, AJ 123, 583; Hirata & Seljak 2003, MNRAS 343, 459.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage, check_image
from awlab.backend.algorithms.moments import AdaptiveMoments, adaptive_moments
from awlab.backend.algorithms.polynomials import ChipPolynomial, fit_chip_polynomial

__all__ = ["PointSpread", "StellarLocus", "measure_psf", "stellar_locus"]

# A locus needs this many stars, bright enough for their size to be known to 5 %.
_LEAST_STARS = 5
_LEAST_SIGNAL = 20.0
_NARROWEST, _WIDEST = 0.8, 25.0
_CORE = 0.06
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class StellarLocus:
    """Where the stars are on the plane of FWHM and magnitude.

    Attributes
    ----------
    fwhm, scatter : float
        FWHM of the stars and its scatter [pixel]; NaN if there is no locus.
    stars : ndarray of bool, shape (n,)
        Which sources are on the locus and bright enough.
    """

    fwhm: float
    scatter: float
    stars: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class PointSpread:
    """Point spread function of a frame.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum [pixel]; NaN if there were too few stars.
    fwhm_arcsec : float
        The same [arcsec]; NaN without a pixel scale. Astro-WISE's psf_radius.
    beta : float
        Exponent of the Moffat profile; large for a Gaussian.
    e1, e2 : float
        Mean ellipticity.
    e1_map, e2_map, fwhm_map : ChipPolynomial, or None
        Ellipticity, and FWHM [pixel], as functions of 0-based x and y; None with too few stars.
    residual : float
        Scatter of the stars' ellipticity about the map, per component.
    stars : ndarray of int64, shape (m,)
        Which of the sources are the stars used.
    moments : AdaptiveMoments
        Their shapes.
    """

    fwhm: float
    fwhm_arcsec: float
    beta: float
    e1: float
    e2: float
    e1_map: ChipPolynomial | None
    e2_map: ChipPolynomial | None
    fwhm_map: ChipPolynomial | None
    residual: float
    stars: npt.NDArray[np.int64]
    moments: AdaptiveMoments


def stellar_locus(
    fwhm: npt.NDArray[Any], signal: npt.NDArray[Any], clean: npt.NDArray[np.bool_]
) -> StellarLocus:
    """Find the ridge of stars among sources.

    Parameters
    ----------
    fwhm : ndarray, shape (n,)
        FWHM of the sources [pixel].
    signal : ndarray, shape (n,)
        Signal to noise of the sources [ratio].
    clean : ndarray of bool, shape (n,)
        Sources that are neither saturated nor blended nor cut [true or false].

    Returns
    -------
    StellarLocus
        FWHM, scatter, and the sources on the locus.
    """
    usable = clean & (signal > _LEAST_SIGNAL) & np.isfinite(fwhm)
    usable &= (fwhm > _NARROWEST) & (fwhm < _WIDEST)
    nowhere = StellarLocus(float("nan"), float("nan"), np.zeros(len(fwhm), np.bool_))
    if usable.sum() < _LEAST_STARS:
        return nowhere
    sizes = np.log(np.sort(np.asarray(fwhm, np.float64)[usable]))
    # The densest window of fixed relative width; of equals the smallest, where galaxies are not.
    inside = np.searchsorted(sizes, sizes + 2 * _CORE, side="right") - np.arange(sizes.size)
    first = int(np.argmax(inside))
    centre = float(np.median(sizes[first : first + int(inside[first])]))
    width = _CORE
    for _ in range(8):
        core = sizes[np.abs(sizes - centre) < 2.5 * width]
        if core.size < _LEAST_STARS:
            return nowhere
        centre = float(np.median(core))
        width = float(np.clip(1.4826 * np.median(np.abs(core - centre)), 0.01, _CORE))
    size = float(np.exp(centre))
    # Faint stars scatter by their noise, so the ridge widens downwards.
    error = np.maximum(3 * width, 2.0 / np.maximum(signal, 1e-3))
    offset = np.abs(np.log(np.where(usable, fwhm, 1.0)) - centre)
    stars = usable & (offset < np.minimum(error, 0.15))
    if stars.sum() < _LEAST_STARS:
        return nowhere
    return StellarLocus(size, width * size, stars)


def measure_psf(
    image: FloatImage,
    sources: npt.NDArray[np.void],
    *,
    pixel_scale: float = float("nan"),
    order: int = 2,
    mask: npt.NDArray[np.bool_] | None = None,
) -> PointSpread:
    """Measure the point spread function of a frame.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame without its background, finite everywhere [ADU].
    sources : ndarray, shape (n,)
        Catalogue of `extract_sources` for this frame [pixel, ADU].
    pixel_scale : float
        Pixel scale [arcsec/pixel].
    order : int
        Order of the maps over the chip; it is lowered to what the number of stars allows.
    mask : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count [true or false].

    Returns
    -------
    PointSpread
        FWHM, ellipticity and maps; NaN and None if there are too few stars.

    Raises
    ------
    BadArray
        If the image is not one.
    """
    check_image(image, "image", types=("float32",))
    signal = sources["FLUX_AUTO"] / np.maximum(sources["FLUXERR_AUTO"], 1e-30)
    clean = (sources["FLAGS"] & ~1) == 0
    locus = stellar_locus(sources["FWHM_IMAGE"], signal, clean)
    chosen = np.flatnonzero(locus.stars)
    x, y = sources["XWIN_IMAGE"][chosen] - 1.0, sources["YWIN_IMAGE"][chosen] - 1.0
    start = np.nan_to_num(locus.fwhm, nan=3.0) / 2.35
    shapes = adaptive_moments(image, x, y, start, mask=mask)
    kept = shapes.converged
    chosen = chosen[kept]
    shapes = AdaptiveMoments(*(getattr(shapes, name)[kept] for name in AdaptiveMoments.__slots__))
    if len(chosen) < _LEAST_STARS:
        return _unknown(chosen, shapes)
    fwhm, beta = _profile(image, shapes, mask)
    weights = 1.0 / np.hypot(1.0 / signal[chosen], 0.005)
    # Errors of shapes are about 1 / signal; 0.005 keeps single bright stars from ruling.
    extent = (image.shape[0], image.shape[1])
    e1, e2, sizes = (
        fit_chip_polynomial((shapes.x, shapes.y), value, extent, order=order, weights=weights)
        for value in (shapes.e1, shapes.e2, shapes.fwhm * fwhm / np.median(shapes.fwhm))
    )
    off = [shapes.e1 - e1.at(shapes.x, shapes.y), shapes.e2 - e2.at(shapes.x, shapes.y)]
    return PointSpread(
        fwhm=fwhm,
        fwhm_arcsec=fwhm * pixel_scale,
        beta=beta,
        e1=float(np.average(shapes.e1, weights=weights)),
        e2=float(np.average(shapes.e2, weights=weights)),
        e1_map=e1,
        e2_map=e2,
        fwhm_map=sizes,
        residual=float(np.median(np.abs(np.concatenate(off))) * 1.4826),
        stars=chosen,
        moments=shapes,
    )


def _unknown(chosen: npt.NDArray[np.int64], shapes: AdaptiveMoments) -> PointSpread:
    nan = float("nan")
    return PointSpread(nan, nan, nan, nan, nan, None, None, None, nan, chosen, shapes)


def _profile(
    image: FloatImage, shapes: AdaptiveMoments, mask: npt.NDArray[np.bool_] | None
) -> tuple[float, float]:
    """FWHM and exponent of a Moffat function through the pixels of all stars."""
    from scipy.optimize import least_squares

    brightest = np.argsort(-shapes.peak)[:200]
    radii, values, weights = [], [], []
    typical = float(np.median(shapes.fwhm))
    reach = int(np.ceil(2.0 * typical)) + 1
    span = np.arange(-reach, reach + 1)
    for i in brightest:
        rows, columns = round(float(shapes.y[i])) + span, round(float(shapes.x[i])) + span
        if rows[0] < 0 or columns[0] < 0:
            continue
        if rows[-1] >= image.shape[0] or columns[-1] >= image.shape[1]:
            continue
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        dy, dx = rows[:, None] - shapes.y[i], columns[None, :] - shapes.x[i]
        xx, xy, yy = shapes.xx[i], shapes.xy[i], shapes.yy[i]
        det = xx * yy - xy * xy
        rho2 = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / det
        # Radii in units of the star's own size, scaled to the typical one: all profiles are one.
        radius = np.sqrt(rho2) * typical / 2.354820045
        used = radius < 2.0 * typical
        if mask is not None:
            used &= ~mask[box]
        radii.append(radius[used])
        values.append(image[box][used] / shapes.peak[i])
        weights.append(np.full(int(used.sum()), min(shapes.peak[i], 1e4)))
    if not radii:
        return typical, float("inf")
    r, v, w = (np.concatenate(part) for part in (radii, values, weights))
    w = np.sqrt(w / w.max())

    def _off(p: Values) -> Values:
        return np.asarray(w * (p[0] * (1 + (r / p[1]) ** 2) ** -p[2] + p[3] - v))

    fit = least_squares(
        _off, (1.0, typical, 3.0, 0.0), loss="soft_l1", f_scale=0.02,
        bounds=((0.1, 0.1, 1.1, -0.2), (10.0, 100.0, 50.0, 0.2)),
    )  # fmt: skip
    return float(2 * fit.x[1] * np.sqrt(2 ** (1 / fit.x[2]) - 1)), float(fit.x[2])
