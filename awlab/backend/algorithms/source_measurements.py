"""What is measured of detected sources: fluxes, sizes, windowed positions, flags, star or not.

FLAGS are SExtractor's: 1 neighbours bias the flux, 2 blended, 4 saturated, 8 cut by the edge of
the frame, 16 aperture data incomplete, 64 not deblended for lack of memory.

CLASS_STAR is not SExtractor's neural network, which must be told the seeing and was trained on
simulated photographic plates. The FWHM of each source is compared with that of the stars of the
same frame: 1 / (1 + exp(2 (|z| - 3))), z the difference in units of its error, which is the FWHM
over S/N and 3 % of the FWHM. It is 0.5 where a frame has no stars to compare with.

References
----------
.. [1] Bertin & Arnouts 1996, A&AS 117, 393, section 7 (photometry), 9 (flags).
.. [2] Kron 1980, ApJS 43, 305.
.. [3] SExtractor manual, Windowed parameters (sigma is 2 FLUX_RADIUS / 2.35).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage
from awlab.backend.algorithms.detection import DetectedSources
from awlab.backend.algorithms.moments import GAUSSIAN_FWHM, adaptive_moments

__all__ = ["Measuring", "measure_sources"]

# SExtractor: the Kron radius is measured within 6 isophotal radii, apertures with 5 x 5 subpixels.
_KRON_REACH = 6.0
_SUBPIXELS = 5
_NEIGHBOUR_AREA = 0.1
_STAR_SCATTER = 0.03
_BIASED, _BLENDED, _SATURATED, _CUT, _INCOMPLETE, _MEMORY = 1, 2, 4, 8, 16, 64
_COLUMNS = (
    "X_IMAGE", "Y_IMAGE", "XWIN_IMAGE", "YWIN_IMAGE", "X2_IMAGE", "Y2_IMAGE", "XY_IMAGE",
    "ERRX2_IMAGE", "ERRY2_IMAGE", "ERRXY_IMAGE", "A_IMAGE", "B_IMAGE", "THETA_IMAGE",
    "ELONGATION", "ELLIPTICITY", "FLUX_AUTO", "FLUXERR_AUTO", "MAG_AUTO", "MAGERR_AUTO",
    "FLUX_ISO", "FLUXERR_ISO", "MAG_ISO", "MAGERR_ISO", "KRON_RADIUS", "FLUX_RADIUS",
    "FWHM_IMAGE", "FLUX_MAX", "BACKGROUND", "THRESHOLD", "CLASS_STAR",
)  # fmt: skip
_VECTORS = ("FLUX_APER", "FLUXERR_APER", "MAG_APER", "MAGERR_APER")
_MAG = 2.5 / np.log(10.0)


@dataclass(frozen=True, eq=False, slots=True)
class Measuring:
    """A frame as measurements need it.

    Attributes
    ----------
    raw, back, image : ndarray of float32, shape (ny, nx)
        Frame, its background, and the difference [ADU].
    noise : float, or ndarray of float32, shape (ny, nx)
        Noise of a pixel of the background [ADU].
    mask : ndarray of bool, shape (ny, nx), or None
        Pixels that do not count.
    flags : ndarray of uint16, shape (ny, nx), or None
        Flags of the pixels.
    level, global_noise : float
        Global background and noise [ADU].
    apertures : tuple of float
        Diameters [pixel].
    auto : tuple of float
        Kron factor, least radius in units of A and B.
    gain, saturation, zeropoint : float
        [electron/ADU], [ADU], [mag].
    """

    raw: FloatImage
    back: FloatImage
    image: FloatImage
    noise: Any
    mask: npt.NDArray[np.bool_] | None
    flags: npt.NDArray[np.uint16] | None
    level: float
    global_noise: float
    apertures: tuple[float, ...]
    auto: tuple[float, float]
    gain: float
    saturation: float
    zeropoint: float


def catalogue_type(apertures: int) -> np.dtype[np.void]:
    """Columns of a catalogue.

    Parameters
    ----------
    apertures : int
        Number of apertures.

    Returns
    -------
    dtype
        Structured type.
    """
    fields: list[Any] = [("NUMBER", "i4"), ("ISOAREA_IMAGE", "i4"), ("FLAGS", "i2")]
    fields += [("IMAFLAGS_ISO", "i4")]
    fields += [(name, "f8") for name in _COLUMNS]
    fields += [(name, "f8", (apertures,)) for name in _VECTORS]
    return np.dtype(fields)


def measure_sources(
    found: DetectedSources, detecting: Measuring, measuring: Measuring
) -> tuple[npt.NDArray[np.void], float]:
    """Measure detected sources.

    Parameters
    ----------
    found : DetectedSources
        Sources and their pixels.
    detecting, measuring : Measuring
        Frame they were detected on, and frame to measure on; the same in single-image mode.

    Returns
    -------
    table : ndarray, shape (n,)
        Catalogue; positions are 0-based.
    seeing : float
        FWHM of the stars [pixel]; NaN if there is no locus.
    """
    table = np.zeros(len(found.objects), catalogue_type(len(measuring.apertures)))
    if not len(table):
        return table, float("nan")
    _isophotal(table, found, measuring, other=measuring is not detecting)
    _apertures(table, measuring)
    radius = _kron(table, found, detecting, measuring)
    _sizes(table, radius, measuring)
    _flags(table, found, radius, measuring)
    _magnitudes(table, measuring.zeropoint)
    return table, _stars(table)


def _isophotal(
    table: npt.NDArray[np.void], found: DetectedSources, measuring: Measuring, *, other: bool
) -> None:
    """What the pixels above the threshold say."""
    objects = found.objects
    table["NUMBER"] = np.arange(1, len(objects) + 1)
    pairs = {
        "X_IMAGE": "x", "Y_IMAGE": "y", "X2_IMAGE": "x2", "Y2_IMAGE": "y2", "XY_IMAGE": "xy",
        "ERRX2_IMAGE": "errx2", "ERRY2_IMAGE": "erry2", "ERRXY_IMAGE": "errxy", "A_IMAGE": "a",
        "B_IMAGE": "b", "FLUX_MAX": "peak", "FLUX_ISO": "flux", "THRESHOLD": "thresh",
        "ISOAREA_IMAGE": "npix",
    }  # fmt: skip
    for name, own in pairs.items():
        table[name] = objects[own]
    table["THETA_IMAGE"] = np.degrees(objects["theta"])
    table["ELONGATION"] = objects["a"] / np.maximum(objects["b"], 1e-9)
    table["ELLIPTICITY"] = 1.0 - objects["b"] / np.maximum(objects["a"], 1e-9)
    ny, nx = measuring.raw.shape
    rows = np.clip(np.rint(objects["y"]).astype(int), 0, ny - 1)
    columns = np.clip(np.rint(objects["x"]).astype(int), 0, nx - 1)
    table["BACKGROUND"] = measuring.back[rows, columns]
    where = np.flatnonzero(found.segments)
    owner = found.segments.ravel()[where] - 1
    if other:
        light = measuring.image.ravel()[where].astype(np.float64)
        if measuring.mask is not None:
            light[measuring.mask.ravel()[where]] = 0.0
        table["FLUX_ISO"] = np.bincount(owner, light, len(table))
        np.maximum.at(table["FLUX_MAX"], owner, light)
    noise = measuring.noise
    if np.ndim(noise):
        variance = np.bincount(owner, noise.ravel()[where].astype(np.float64) ** 2, len(table))
    else:
        variance = noise**2 * table["ISOAREA_IMAGE"]
    photons = np.maximum(table["FLUX_ISO"], 0) / measuring.gain if measuring.gain else 0.0
    table["FLUXERR_ISO"] = np.sqrt(variance + photons)
    if measuring.flags is not None:
        np.bitwise_or.at(table["IMAFLAGS_ISO"], owner, measuring.flags.ravel()[where])
    full = where[measuring.raw.ravel()[where] >= measuring.saturation]
    table["FLAGS"][found.segments.ravel()[full] - 1] |= _SATURATED


def _apertures(table: npt.NDArray[np.void], measuring: Measuring) -> None:
    """Fluxes in circles."""
    import sep

    for i, diameter in enumerate(measuring.apertures):
        flux, error, flag = sep.sum_circle(
            measuring.image, table["X_IMAGE"], table["Y_IMAGE"], diameter / 2.0,
            err=measuring.noise, gain=measuring.gain or None, mask=measuring.mask,
            subpix=_SUBPIXELS,
        )  # fmt: skip
        table["FLUX_APER"][:, i], table["FLUXERR_APER"][:, i] = flux, error
        cut = (flag & (sep.APER_TRUNC | sep.APER_HASMASKED)) > 0
        table["FLAGS"][cut] |= _INCOMPLETE


def _ellipses(found: DetectedSources) -> tuple[npt.NDArray[np.float64], ...]:
    """Position and ellipse of each source, within what the library accepts.

    Sources of few pixels can have a negative variance, and angles a rounding beyond 90 degrees.
    """
    x, y, a, b, theta = (found.objects[name] for name in ("x", "y", "a", "b", "theta"))
    a = np.where(np.isfinite(a) & (a > 0), a, 0.3)
    b = np.where(np.isfinite(b) & (b > 0), np.minimum(a, b), np.minimum(a, 0.3))
    right = np.pi / 2
    return x, y, a, b, np.clip(np.nan_to_num(theta), -right, right)


def _kron(
    table: npt.NDArray[np.void],
    found: DetectedSources,
    detecting: Measuring,
    measuring: Measuring,
) -> npt.NDArray[np.float64]:
    """Fluxes in Kron ellipses; returns their radii, in units of A and B."""
    import sep

    x, y, a, b, theta = _ellipses(found)
    kron, cut = sep.kron_radius(
        detecting.image, x, y, a, b, theta, _KRON_REACH,
        mask=detecting.mask, seg_id=table["NUMBER"], segmap=found.segments,
    )  # fmt: skip
    kron = np.where(np.isfinite(kron) & (kron > 0), kron, 0.0)
    factor, least = measuring.auto
    radius = np.maximum(factor * kron, least)
    flux, error, flag = sep.sum_ellipse(
        measuring.image, x, y, a, b, theta, radius, err=measuring.noise,
        gain=measuring.gain or None, mask=measuring.mask, subpix=1,
        seg_id=table["NUMBER"], segmap=found.segments,
    )  # fmt: skip
    table["FLUX_AUTO"], table["FLUXERR_AUTO"] = flux, error
    table["KRON_RADIUS"] = radius
    table["FLAGS"][((flag | cut) & sep.APER_TRUNC) > 0] |= _INCOMPLETE
    return radius


def _sizes(
    table: npt.NDArray[np.void], radius: npt.NDArray[np.float64], measuring: Measuring
) -> None:
    """Half-light radius, windowed position, and FWHM."""
    import sep

    x, y = table["X_IMAGE"].copy(), table["Y_IMAGE"].copy()
    positive = np.maximum(table["FLUX_AUTO"], 1e-30)
    half, _ = sep.flux_radius(
        measuring.image, x, y, _KRON_REACH * table["A_IMAGE"], 0.5,
        normflux=positive, mask=measuring.mask, subpix=_SUBPIXELS,
    )  # fmt: skip
    table["FLUX_RADIUS"] = np.where(table["FLUX_AUTO"] > 0, half, 0.0)
    sigma = np.maximum(2.0 / 2.35 * table["FLUX_RADIUS"], 0.3)
    xw, yw, _ = sep.winpos(measuring.image, x, y, sigma, mask=measuring.mask)
    usable = np.isfinite(xw) & np.isfinite(yw)
    table["XWIN_IMAGE"], table["YWIN_IMAGE"] = np.where(usable, xw, x), np.where(usable, yw, y)
    moments = adaptive_moments(
        measuring.image, table["XWIN_IMAGE"], table["YWIN_IMAGE"], sigma, mask=measuring.mask
    )
    # Where the iteration fails, the isophote's moments have to do.
    plain = GAUSSIAN_FWHM * np.sqrt(table["A_IMAGE"] * table["B_IMAGE"])
    table["FWHM_IMAGE"] = np.where(moments.converged, moments.fwhm, plain)


def _flags(
    table: npt.NDArray[np.void],
    found: DetectedSources,
    radius: npt.NDArray[np.float64],
    measuring: Measuring,
) -> None:
    """Translate the library's flags, and see which ellipses hold pixels of neighbours."""
    import sep

    own = found.objects["flag"]
    for theirs, ours in (
        (sep.OBJ_MERGED, _BLENDED),
        (sep.OBJ_TRUNC, _CUT),
        (sep.OBJ_DOVERFLOW, _MEMORY),
    ):
        table["FLAGS"][(own & theirs) > 0] |= ours
    occupied = (found.segments > 0).astype(np.float32)
    if measuring.mask is not None:
        occupied[measuring.mask] = 1.0
    x, y, a, b, theta = _ellipses(found)
    covered, _, _ = sep.sum_ellipse(occupied, x, y, a, b, theta, radius, subpix=1)
    area = np.pi * a * b * radius**2
    others = covered - np.minimum(found.objects["npix"], area)
    table["FLAGS"][others > _NEIGHBOUR_AREA * area] |= _BIASED


def _magnitudes(table: npt.NDArray[np.void], zeropoint: float) -> None:
    """Magnitudes; 99 where the flux is not positive."""
    for kind in ("APER", "AUTO", "ISO"):
        flux, error = table[f"FLUX_{kind}"], table[f"FLUXERR_{kind}"]
        bright = flux > 0
        safe = np.where(bright, flux, 1.0)
        table[f"MAG_{kind}"] = np.where(bright, zeropoint - 2.5 * np.log10(safe), 99.0)
        table[f"MAGERR_{kind}"] = np.where(bright, _MAG * error / safe, 99.0)


def _stars(table: npt.NDArray[np.void]) -> float:
    """Fill in CLASS_STAR; returns the FWHM of the stars."""
    from awlab.backend.algorithms.psf import stellar_locus

    error = np.maximum(table["FLUXERR_AUTO"], 1e-30)
    signal = np.maximum(table["FLUX_AUTO"] / error, 1e-3)
    clean = (table["FLAGS"] & ~_BIASED) == 0
    seeing = stellar_locus(table["FWHM_IMAGE"], signal, clean).fwhm
    if not np.isfinite(seeing):
        table["CLASS_STAR"] = 0.5
        return seeing
    scatter = np.hypot(table["FWHM_IMAGE"] / signal, _STAR_SCATTER * seeing)
    z = np.abs(table["FWHM_IMAGE"] - seeing) / scatter
    table["CLASS_STAR"] = 1.0 / (1.0 + np.exp(np.clip(2.0 * (z - 3.0), -50, 50)))
    return seeing
