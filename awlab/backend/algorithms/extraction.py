"""Extraction of sources: a catalogue as SExtractor makes it, from arrays.

Positions in the catalogue follow the FITS convention: the centre of the first pixel is (1, 1), x
along NAXIS1. Everything else in this room counts from 0; the two meet in this module.

Double-image mode: sources are detected, and positions, shapes and Kron ellipses measured, on one
frame; fluxes, windowed positions and sizes are measured on another one of the same grid.

References
----------
.. [1] Bertin & Arnouts 1996, A&AS 117, 393.
.. [2] Barbary 2016, JOSS 1, 58 (sep).
.. [3] Astro-WISE SourceList, SextractorConfig.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, check_image
from awlab.backend.algorithms.background import (
    BackgroundOptions,
    finite_pixels,
    measure_background,
)
from awlab.backend.algorithms.detection import DetectionOptions, detect
from awlab.backend.algorithms.source_measurements import Measuring, measure_sources

__all__ = ["ExtractedSources", "ExtractionFrame", "ExtractionOptions", "extract_sources"]


@dataclass(frozen=True, slots=True)
class ExtractionOptions:
    """How sources are extracted; names are those of SExtractor.

    Attributes
    ----------
    detection : DetectionOptions
        DETECT_THRESH, DETECT_MINAREA, DEBLEND_NTHRESH, DEBLEND_MINCONT, FILTER, CLEAN.
    background : BackgroundOptions
        BACK_SIZE, BACK_FILTERSIZE; SExtractor does not mask sources.
    PHOT_APERTURES : tuple of float
        Diameters of the circular apertures, any number [pixel].
    PHOT_AUTOPARAMS : tuple of float
        Kron factor, and least radius in units of A and B.
    GAIN : float
        Gain for the photon noise of sources [electron/ADU]; 0 for none.
    SATUR_LEVEL : float
        Pixels at or above are saturated [ADU].
    MAG_ZEROPOINT : float
        Magnitude of 1 ADU [mag]; magnitudes are instrumental with 0.
    """

    detection: DetectionOptions = field(default_factory=DetectionOptions)
    background: BackgroundOptions = field(
        default_factory=lambda: BackgroundOptions(mask_sources=False)
    )
    PHOT_APERTURES: tuple[float, ...] = (10.0,)
    PHOT_AUTOPARAMS: tuple[float, float] = (2.5, 3.5)
    GAIN: float = 0.0
    SATUR_LEVEL: float = float("inf")
    MAG_ZEROPOINT: float = 0.0

    def __post_init__(self) -> None:
        if not self.PHOT_APERTURES or min(self.PHOT_APERTURES) <= 0 or not self.GAIN >= 0:
            raise BadArray(
                f"PHOT_APERTURES {self.PHOT_APERTURES} and GAIN {self.GAIN}",
                "give at least one diameter, all positive, and a gain that is not negative",
            )


@dataclass(frozen=True, eq=False, slots=True)
class ExtractionFrame:
    """A frame to extract sources from.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame with its background [ADU].
    weight : ndarray of float32, shape (ny, nx), optional
        Relative weight; pixels of weight 0 do not count at all.
    flags : ndarray of uint16, shape (ny, nx), optional
        Bits that go into IMAFLAGS_ISO; they do not exclude a pixel.
    """

    image: FloatImage
    weight: FloatImage | None = None
    flags: npt.NDArray[np.uint16] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class ExtractedSources:
    """A catalogue of sources.

    Attributes
    ----------
    sources : ndarray, shape (n,)
        Structured array, in order of detection. NUMBER from 1; X_IMAGE, Y_IMAGE, XWIN_IMAGE,
        YWIN_IMAGE in the FITS convention [pixel]; X2_IMAGE, Y2_IMAGE, XY_IMAGE, their errors
        [pixel^2]; A_IMAGE, B_IMAGE [pixel]; THETA_IMAGE [deg, counter-clockwise from x];
        FLUX_APER, FLUXERR_APER, MAG_APER, MAGERR_APER with one value per aperture; FLUX_AUTO,
        FLUX_ISO, MAG_AUTO, MAG_ISO and errors [ADU, mag]; KRON_RADIUS [units of A and B];
        FLUX_RADIUS, FWHM_IMAGE [pixel]; ELONGATION, ELLIPTICITY; FLUX_MAX, BACKGROUND, THRESHOLD
        [ADU]; ISOAREA_IMAGE [pixel]; FLAGS, IMAFLAGS_ISO; CLASS_STAR.
    background, noise : float
        Global background and noise of the frame measured [ADU].
    seeing : float
        FWHM of the stars, if a locus was found [pixel]; NaN if not.
    apertures : tuple of float
        Diameters of the apertures [pixel].
    light : ndarray of float32, shape (ny, nx)
        Frame measured without its background; 0 where pixels do not count [ADU].
    """

    sources: npt.NDArray[np.void]
    background: float
    noise: float
    seeing: float
    apertures: tuple[float, ...]
    light: FloatImage


def extract_sources(
    frame: ExtractionFrame,
    options: ExtractionOptions | None = None,
    *,
    detection: ExtractionFrame | None = None,
) -> ExtractedSources:
    """Extract the sources of a frame.

    Parameters
    ----------
    frame : ExtractionFrame
        Frame to measure on.
    options : ExtractionOptions, optional
        Thresholds, background, apertures.
    detection : ExtractionFrame, optional
        Frame to detect on, if it is another one.

    Returns
    -------
    ExtractedSources
        Catalogue; it is empty for a frame without sources.

    Raises
    ------
    BadArray
        If arrays do not fit.
    """
    chosen = options or ExtractionOptions()
    measuring = _prepare(frame, chosen)
    detecting = measuring
    if detection is not None:
        check_image(detection.image, "detection image", shape=frame.image.shape, types=("float32",))
        detecting = _prepare(detection, chosen)
    found = detect(
        detecting.image,
        detecting.noise,
        detecting.mask,
        chosen.detection,
        gain=chosen.GAIN or None,
    )
    table, seeing = measure_sources(found, detecting, measuring)
    # From here on positions are those of FITS.
    for name in ("X_IMAGE", "Y_IMAGE", "XWIN_IMAGE", "YWIN_IMAGE"):
        table[name] += 1.0
    return ExtractedSources(
        table,
        measuring.level,
        measuring.global_noise,
        seeing,
        chosen.PHOT_APERTURES,
        measuring.image,
    )


def _prepare(frame: ExtractionFrame, options: ExtractionOptions) -> Measuring:
    """Take off the background, and find the noise of each pixel."""
    check_image(frame.image, "image", types=("float32",))
    if frame.flags is not None:
        check_image(frame.flags, "flags", shape=frame.image.shape, types=("uint16",))
    pixels, mask = finite_pixels(frame.image, frame.weight)
    background = measure_background(pixels, mask, options.background)
    back = background.back()
    image = pixels - back
    if mask is not None:
        # The convolution before the detection would spread what is in pixels that do not count.
        image[mask] = 0.0
    least = options.background.least_noise
    noise: Any = max(float(background.globalrms), least)
    if frame.weight is not None:
        noise = _weighted_noise(np.maximum(background.rms(), np.float32(least)), frame.weight)
    return Measuring(
        raw=pixels,
        back=back,
        image=image,
        noise=noise,
        mask=mask,
        flags=frame.flags,
        level=float(background.globalback),
        global_noise=max(float(background.globalrms), least),
        apertures=options.PHOT_APERTURES,
        auto=options.PHOT_AUTOPARAMS,
        gain=options.GAIN,
        saturation=options.SATUR_LEVEL,
        zeropoint=options.MAG_ZEROPOINT,
    )


def _weighted_noise(rms: FloatImage, weight: FloatImage) -> FloatImage:
    """Noise by the weight, scaled so that it agrees with the noise of the background."""
    step = slice(None, None, 8 if rms.size > 10_000 else 1)
    heavy = weight[step, step]
    usable = (heavy > 0) & np.isfinite(heavy)
    factor = float(np.median((rms[step, step] ** 2 * heavy)[usable])) if usable.any() else 0.0
    noise = np.zeros_like(rms)
    positive = (weight > 0) & np.isfinite(weight)
    np.divide(np.float32(factor), weight, out=noise, where=positive)
    np.sqrt(noise, out=noise)
    return noise
