"""Photometric zeropoint of a chip from standard stars.

Magnitudes follow ``m = -2.5 log10(flux / time) + zeropoint - k X + c (colour - pivot)``: the
zeropoint is that of a source of the pivot's colour outside the atmosphere.

References
----------
.. [1] Astro-WISE PhotometricParameters: zeropoint, zp_error, zp_origin, source_count; limits
   SIGMA_CLIP_LEVEL, MIN_SOURCE_COUNT, MAX_ERROR.
.. [2] Bertin & Arnouts 1996, A&AS 117, 393 (FLAGS: 1 neighbours, 2 blended, 4 saturated ...).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, Floats, Marks
from awlab.backend.algorithms.linear_fit import LinearFit, fit_linear

__all__ = [
    "StandardStars",
    "Zeropoint",
    "ZeropointOptions",
    "fit_zeropoint",
    "instrumental_magnitudes",
]

# Extraction flags of stars whose light is not all their own, or not all of it [2]. A bad pixel in
# the aperture (16) is made up for by the others.
SPOILED = 1 | 2 | 4 | 8
# 2.5 / ln 10: relative errors to magnitudes.
POGSON = 1.0857362047581294


@dataclass(frozen=True, eq=False)
class StandardStars:
    """Standard stars measured on a frame.

    Attributes
    ----------
    instrumental, instrumental_error : ndarray of float64, shape (n,)
        Magnitude for a second of exposure, and its error [mag].
    magnitude, magnitude_error : ndarray of float64, shape (n,)
        Catalogue magnitude and its error [mag].
    colour : ndarray of float64, shape (n,), optional
        Catalogue colour [mag].
    flags : ndarray of int, shape (n,), optional
        Extraction flags.
    """

    instrumental: Floats
    instrumental_error: Floats
    magnitude: Floats
    magnitude_error: Floats
    colour: Floats | None = None
    flags: npt.NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        shapes = {
            field.name: np.shape(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) is not None
        }
        if len(set(shapes.values())) != 1 or len(shapes["instrumental"]) != 1:
            raise BadArray(
                f"standard stars have the shapes {shapes}", "give 1-d arrays of one length"
            )

    def usable(self, flag_mask: int, *, colours: bool) -> Marks:
        """Stars with finite values, sane errors and no flag of the mask.

        Parameters
        ----------
        flag_mask : int
            Bits that reject a star.
        colours : bool
            Whether a colour is needed.
        """
        good: Marks = np.isfinite(self.instrumental) & np.isfinite(self.magnitude)
        for error in (self.instrumental_error, self.magnitude_error):
            good &= np.isfinite(error) & (error >= 0.0)
        if self.flags is not None:
            good &= (self.flags & flag_mask) == 0
        if colours:
            good &= np.isfinite(self.colour) if self.colour is not None else np.False_
        return good

    @property
    def error(self) -> Floats:
        """Error of the difference of the two magnitudes [mag]."""
        return np.hypot(self.instrumental_error, self.magnitude_error)


@dataclass(frozen=True, slots=True)
class ZeropointOptions:
    """How a zeropoint is fitted.

    Attributes
    ----------
    rejection_threshold : float
        SIGMA_CLIP_LEVEL: stars further than this from the fit are clipped [sigma].
    flag_mask : int
        Flags that reject a star; by default biased by neighbours, blended, saturated, and cut by
        the edge of the frame.
    minimum_stars : int
        MIN_SOURCE_COUNT: with fewer the zeropoint is the default.
    color_term, color_term_error : float
        Known colour term and its error [mag/mag].
    fit_colour : bool
        Fit the colour term instead.
    pivot : float
        Colour that the zeropoint holds for [mag].
    airmass, extinction, extinction_error : float
        Airmass of the frame; extinction per airmass and its error [mag].
    default : float
        Zeropoint when none can be derived [mag].
    """

    rejection_threshold: float = 3.0
    flag_mask: int = SPOILED
    minimum_stars: int = 3
    color_term: float = 0.0
    color_term_error: float = 0.0
    fit_colour: bool = False
    pivot: float = 0.0
    airmass: float = 0.0
    extinction: float = 0.0
    extinction_error: float = 0.0
    default: float = float("nan")


@dataclass(frozen=True, eq=False, slots=True)
class Zeropoint:
    """Zeropoint of a chip.

    Attributes
    ----------
    zeropoint, zp_error : float
        Zeropoint and standard error; the error is NaN for a default [mag].
    zp_origin : str
        "derived" or "default".
    source_count : int
        Number of stars used.
    color_term, color_term_error : float
        Colour term applied or fitted [mag/mag].
    scatter : float
        Standard deviation of the stars beyond their errors [mag].
    rms : float
        Standard deviation of the residuals of the stars used [mag].
    residuals : ndarray of float64, shape (n,)
        Catalogue minus calibrated magnitude of every star; NaN where unusable [mag].
    used : ndarray of bool, shape (n,)
        Stars used.
    reason : str
        Why the zeropoint is the default; empty when derived.
    """

    zeropoint: float
    zp_error: float
    zp_origin: str
    source_count: int
    color_term: float
    color_term_error: float
    scatter: float
    rms: float
    residuals: Floats
    used: Marks
    reason: str = ""


def instrumental_magnitudes(
    flux: Floats, flux_error: Floats, exposure_time: float
) -> tuple[Floats, Floats]:
    """Magnitudes for a second of exposure; NaN where the flux is not positive.

    Parameters
    ----------
    flux, flux_error : ndarray of float64, shape (n,)
        Flux and its error [ADU].
    exposure_time : float
        Exposure time [second].

    Returns
    -------
    mag, error : ndarray of float64, shape (n,)
        Magnitude and its error [mag].

    Raises
    ------
    BadArray
        If the exposure time is not positive.
    """
    if not (np.isfinite(exposure_time) and exposure_time > 0.0):
        raise BadArray(f"the exposure time {exposure_time} s is not positive", "mend EXPTIME")
    bright = np.where(np.asarray(flux) > 0.0, flux, np.nan)
    return -2.5 * np.log10(bright / exposure_time), POGSON * np.asarray(flux_error) / bright


def fit_zeropoint(standards: StandardStars, options: ZeropointOptions | None = None) -> Zeropoint:
    """Fit the zeropoint of a chip.

    Parameters
    ----------
    standards : StandardStars
        Standard stars on the chip.
    options : ZeropointOptions, optional
        Colour term, extinction, clipping, default.

    Returns
    -------
    Zeropoint
        Derived, or the default with the reason.
    """
    chosen = options or ZeropointOptions()
    coloured = chosen.fit_colour or chosen.color_term != 0.0
    good = np.flatnonzero(standards.usable(chosen.flag_mask, colours=coloured))
    needed = max(chosen.minimum_stars, 1 + chosen.fit_colour)
    if good.size < needed:
        return _default(standards, chosen, f"{good.size} usable standard stars, {needed} needed")
    values = (standards.magnitude - standards.instrumental)[good]
    values = values + chosen.extinction * chosen.airmass
    error, columns = standards.error[good], [np.ones(good.size)]
    colour = np.zeros(good.size)
    if coloured and standards.colour is not None:
        colour = standards.colour[good] - chosen.pivot
    if chosen.fit_colour:
        columns.append(colour)
    else:
        values = values - chosen.color_term * colour
        error = np.hypot(error, chosen.color_term_error * (colour - colour.mean()))
    fit = fit_linear(np.stack(columns, axis=-1), values, error, chosen.rejection_threshold)
    if fit is None or fit.used.sum() < needed:
        return _default(standards, chosen, "the standard stars do not agree on a zeropoint")
    return _derived(standards, chosen, good, colour, fit)


def _derived(
    standards: StandardStars,
    options: ZeropointOptions,
    good: npt.NDArray[np.integer],
    colour: Floats,
    fit: LinearFit,
) -> Zeropoint:
    term, term_error = options.color_term, options.color_term_error
    outer = options.extinction_error * options.airmass
    if options.fit_colour:
        term, term_error = float(fit.solution[1]), float(np.sqrt(fit.covariance[1, 1]))
    else:
        # An error of the colour term moves all stars by their mean distance from the pivot.
        outer = float(np.hypot(outer, term_error * colour[fit.used].mean()))
    residuals = np.full(standards.instrumental.size, np.nan)
    residuals[good] = fit.residuals
    used = np.zeros(residuals.size, np.bool_)
    used[good[fit.used]] = True
    return Zeropoint(
        zeropoint=float(fit.solution[0]),
        zp_error=float(np.hypot(np.sqrt(fit.covariance[0, 0]), outer)),
        zp_origin="derived",
        source_count=int(used.sum()),
        color_term=term,
        color_term_error=term_error,
        scatter=fit.scatter,
        rms=float(np.std(fit.residuals[fit.used])),
        residuals=residuals,
        used=used,
    )


def _default(standards: StandardStars, options: ZeropointOptions, reason: str) -> Zeropoint:
    size, nan = standards.instrumental.size, float("nan")
    return Zeropoint(
        zeropoint=options.default,
        zp_error=nan,
        zp_origin="default",
        source_count=0,
        color_term=options.color_term,
        color_term_error=options.color_term_error,
        scatter=nan,
        rms=nan,
        residuals=np.full(size, nan),
        used=np.zeros(size, np.bool_),
        reason=reason,
    )
