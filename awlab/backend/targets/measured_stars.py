"""The stars of one reduced frame in an aperture, with the light that lies outside of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    BackgroundOptions,
    DetectionOptions,
    ExtractedSources,
    ExtractionFrame,
    ExtractionOptions,
    PointSpread,
    extract_sources,
    instrumental_magnitudes,
    plate_from_cards,
)
from awlab.backend.dataserver import read_image
from awlab.backend.targets.pixels import DIGITISATION_NOISE, full_scale
from awlab.backend.targets.stars import point_spread

__all__ = ["MeasuredStars", "measure_stars"]

# Beyond such an exponent a profile has no wings to speak of.
_STEEPEST = 8.0


class MeasuredStars(NamedTuple):
    """Sources of a frame, one row each.

    Attributes
    ----------
    found : ExtractedSources
        As extracted.
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].
    magnitude, error : ndarray of float64, shape (n,)
        Instrumental magnitude for 1 s, of all the light, and its error [mag].
    wings : float
        Light outside of the aperture, by the profile of the PSF [mag].
    seeing : float or None
        FWHM of the stars [arcsec].
    """

    found: ExtractedSources
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    error: NDArray[np.float64]
    wings: float
    seeing: float | None


def measure_stars(target: Any) -> MeasuredStars:
    """Extract the sources of the reduced frame that a target links to, and measure them.

    Parameters
    ----------
    target : PhotSrcCatalog or Catalog
        With ``raw``, ``reduced``, ``weight`` and ``astrom_params``; DETECT_THRESH, APERTURE and
        SATURATION_FRACTION are among its process parameters.
    """
    raw, p = target.raw, target.process_params
    image, _ = read_image(target.reduced.retrieve())
    weight, _ = read_image(target.weight.retrieve())
    found = extract_sources(
        ExtractionFrame(image, weight),
        ExtractionOptions(
            detection=DetectionOptions(DETECT_THRESH=p.DETECT_THRESH),
            background=BackgroundOptions(mask_sources=False, least_noise=DIGITISATION_NOISE),
            PHOT_APERTURES=(p.APERTURE,),
            SATUR_LEVEL=p.SATURATION_FRACTION * full_scale(raw),
        ),
    )
    psf = point_spread(image, weight, found, target.astrom_params.pixel_scale or 1.0)
    wings, rows = _wings(psf, p.APERTURE), found.sources
    # FITS counts pixels from 1, the solution from 0.
    plate = plate_from_cards(target.astrom_params.cards)
    ra, dec = plate.pixel_to_sky(rows["XWIN_IMAGE"] - 1.0, rows["YWIN_IMAGE"] - 1.0)
    magnitude, error = instrumental_magnitudes(
        np.asarray(rows["FLUX_APER"][:, 0], float),
        np.asarray(rows["FLUXERR_APER"][:, 0], float),
        raw.EXPTIME or 1.0,
    )
    seeing = float(psf.fwhm_arcsec) if np.isfinite(psf.fwhm_arcsec) else None
    return MeasuredStars(
        found, np.asarray(ra), np.asarray(dec), magnitude + wings, error, wings, seeing
    )


def _wings(psf: PointSpread, diameter: float) -> float:
    """Return the magnitude of what a Moffat profile has outside of an aperture; 0 if unknown."""
    if not (np.isfinite(psf.fwhm) and 1.0 < psf.beta < _STEEPEST):
        return 0.0
    alpha = psf.fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / psf.beta) - 1.0))
    outside = (1.0 + (0.5 * diameter / alpha) ** 2) ** (1.0 - psf.beta)
    return float(2.5 * np.log10(1.0 - outside))
