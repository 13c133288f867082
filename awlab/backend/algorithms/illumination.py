"""Illumination correction: what stray light in the flat field did to the photometry.

A flat field made of stray light makes the sky flat and the stars wrong: their zeropoints depend on
the place. A polynomial through the residuals of the zeropoints, over one chip or the whole mosaic,
gives the factor by which a frame is multiplied. A larger zeropoint belongs to a star that is
measured too bright, so the factor is 10**(-0.4 residual).

References
----------
.. [1] Astro-WISE IlluminationCorrection, IlluminationCorrectionFrame (SIGMA_CLIPPING_LEVEL).
.. [2] Manfroid, Selman & Jones 2001, The Messenger 104, 16 (illumination of the WFI).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage
from awlab.backend.algorithms.polynomials import ChipPolynomial, fit_chip_polynomial

__all__ = ["IlluminationFit", "fit_illumination"]

_LEAST_STARS = 3


@dataclass(frozen=True, eq=False, slots=True)
class IlluminationFit:
    """Zeropoint residuals as a function of the place.

    Attributes
    ----------
    polynomial : ChipPolynomial
        Residual of the zeropoint [mag], 0 on average over the field.
    rms : float
        Scatter of the stars about it [mag].
    stars : int
        Number of stars kept.
    """

    polynomial: ChipPolynomial
    rms: float
    stars: int

    def frame(
        self, shape: tuple[int, int] | None = None, origin: tuple[int, int] = (0, 0)
    ) -> FloatImage:
        """Factor for a chip: multiply a reduced frame by it.

        Parameters
        ----------
        shape : tuple of int, optional
            Shape (ny, nx) of the chip; all by default [pixel].
        origin : tuple of int
            Where its first pixel (y, x) lies in the field that was fitted [pixel].

        Returns
        -------
        ndarray of float32, shape (ny, nx)
            Illumination correction frame.
        """
        residual = self.polynomial.image(shape, origin)
        return np.asarray(np.float32(10.0) ** (np.float32(-0.4) * residual), np.float32)


def fit_illumination(
    places: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    residuals: npt.NDArray[Any],
    shape: tuple[int, int],
    *,
    errors: npt.NDArray[Any] | None = None,
    order: int = 2,
    sigma_clip: float = 3.0,
) -> IlluminationFit:
    """Fit the residuals of zeropoints over a chip or a mosaic.

    Parameters
    ----------
    places : tuple of ndarray, each of shape (n,)
        x and y of the stars, 0-based in the field [pixel].
    residuals : ndarray, shape (n,)
        Zeropoint of each star, reference magnitude less instrumental one; a constant is of no
        matter [mag].
    shape : tuple of int
        Shape (ny, nx) of the field [pixel].
    errors : ndarray, shape (n,), optional
        Errors of the residuals [mag].
    order : int
        Order of the polynomial; lowered to what the number of stars allows.
    sigma_clip : float
        Stars further than this from the fit are left out [sigma].

    Returns
    -------
    IlluminationFit
        The fit; with order 0 the factor is 1.

    Raises
    ------
    BadArray
        If there are fewer than 3 stars.
    """
    usable = np.isfinite(residuals)
    if usable.sum() < _LEAST_STARS:
        raise BadArray(
            f"{int(usable.sum())} stars with a zeropoint, at least {_LEAST_STARS} needed",
            "take catalogues of more exposures, or lower their thresholds",
        )
    weights = None if errors is None else 1.0 / np.maximum(errors, 1e-4)
    made = fit_chip_polynomial(
        places, residuals, shape, order=order, weights=weights, threshold=sigma_clip
    )
    return IlluminationFit(made.without_mean(), made.rms, int(made.used.sum()))
