"""Colour terms: from the band of the instrument to that of the standard stars.

One colour term is common to all frames of an instrument and filter; every frame has a zeropoint
of its own, so that clouds and airmass do not mix with colour.

References
----------
.. [1] Astro-WISE PhotTransformation: primary, secondary and tertiary band, coefficient, colour
   term and their errors (OmegaCAM requirement 565).
.. [2] Landolt 1992, AJ 104, 340 (transformation to a standard system).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, Floats, Marks
from awlab.backend.algorithms.linear_fit import fit_linear
from awlab.backend.algorithms.zeropoint import SPOILED, StandardStars

__all__ = ["Transformation", "fit_transformation"]

# Colours that differ by less cannot carry a term [mag].
_LEAST_RANGE = 0.1


@dataclass(frozen=True, eq=False, slots=True)
class Transformation:
    """Colour term of an instrument and filter.

    Standard minus natural magnitude is ``coefficient + color_term * colour``.

    Attributes
    ----------
    coefficient, coefficient_error : float
        Constant, which makes the pivot's colour need no correction [mag].
    color_term, color_term_error : float
        Colour term and its error [mag/mag].
    pivot : float
        Colour at which the two magnitudes agree [mag].
    frame : ndarray of int64, shape (frames,)
        Frames, ascending.
    zeropoint, zp_error : ndarray of float64, shape (frames,)
        Zeropoint of each frame for the pivot's colour, extinction included [mag].
    scatter : float
        Standard deviation of the stars beyond their errors [mag].
    source_count : int
        Number of measurements used.
    used : ndarray of bool, shape (n,)
        Measurements used.
    residuals : ndarray of float64, shape (n,)
        Catalogue minus calibrated magnitude; NaN where unusable [mag].
    reason : str
        Why there is no colour term; empty after success.
    """

    coefficient: float
    coefficient_error: float
    color_term: float
    color_term_error: float
    pivot: float
    frame: npt.NDArray[Any]
    zeropoint: Floats
    zp_error: Floats
    scatter: float
    source_count: int
    used: Marks
    residuals: Floats
    reason: str = ""

    def to_standard(self, magnitude: Floats, colour: Floats) -> Floats:
        """Transform natural magnitudes to the standard system.

        Parameters
        ----------
        magnitude, colour : ndarray of float64, shape (n,)
            Natural magnitude and standard colour [mag].

        Returns
        -------
        ndarray of float64, shape (n,)
            Standard magnitude [mag].
        """
        return magnitude + self.coefficient + self.color_term * colour


def fit_transformation(
    standards: StandardStars,
    frame: npt.NDArray[Any],
    *,
    pivot: float = 0.0,
    flag_mask: int = SPOILED,
    rejection_threshold: float = 3.0,
) -> Transformation:
    """Fit a colour term over many frames.

    Parameters
    ----------
    standards : StandardStars
        Standard stars of all frames, with colours.
    frame : ndarray of int64, shape (n,)
        Frame (exposure and chip) of each measurement [number].
    pivot : float
        Colour that needs no correction [mag].
    flag_mask : int
        Flags that reject a measurement.
    rejection_threshold : float
        Clipping threshold [sigma].

    Returns
    -------
    Transformation
        Colour term and zeropoints; without enough colours the reason why not.

    Raises
    ------
    BadArray
        If there is not one frame for each measurement.
    """
    labels = np.asarray(frame)
    if labels.shape != standards.instrumental.shape:
        raise BadArray(
            f"{labels.size} frames for {standards.instrumental.size} measurements", "one each"
        )
    good = np.flatnonzero(standards.usable(flag_mask, colours=True))
    if good.size < 3 or standards.colour is None or np.ptp(standards.colour[good]) < _LEAST_RANGE:
        return _nothing(standards, pivot, "the standard stars span no range of colours")
    frames, index = np.unique(labels[good], return_inverse=True)
    colour = standards.colour[good] - pivot
    design = np.zeros((good.size, frames.size + 1))
    design[np.arange(good.size), index] = 1.0
    design[:, -1] = colour
    values = (standards.magnitude - standards.instrumental)[good]
    fit = fit_linear(design, values, standards.error[good], rejection_threshold)
    if fit is None:
        return _nothing(standards, pivot, "no frame has standard stars of different colours")
    errors = np.sqrt(np.diag(fit.covariance))
    residuals = np.full(labels.size, np.nan)
    residuals[good] = fit.residuals
    used = np.zeros(labels.size, np.bool_)
    used[good[fit.used]] = True
    term, term_error = float(fit.solution[-1]), float(errors[-1])
    return Transformation(
        coefficient=-term * pivot,
        coefficient_error=abs(term_error * pivot),
        color_term=term,
        color_term_error=term_error,
        pivot=pivot,
        frame=frames,
        zeropoint=fit.solution[:-1],
        zp_error=errors[:-1],
        scatter=fit.scatter,
        source_count=int(used.sum()),
        used=used,
        residuals=residuals,
    )


def _nothing(standards: StandardStars, pivot: float, reason: str) -> Transformation:
    nan, size = float("nan"), standards.instrumental.size
    none = np.empty(0)
    return Transformation(
        *(nan, nan, nan, nan, pivot, none.astype(np.int64), none, none, nan, 0),
        used=np.zeros(size, np.bool_),
        residuals=np.full(size, nan),
        reason=reason,
    )
