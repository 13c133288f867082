"""Growth curve: how much of a star's light an aperture holds, and what is missing to a large one.

Zeropoints rest on an aperture of 24 pixels, which holds the same part of the light whatever the
seeing; faint stars are measured in small apertures and corrected. AUTO magnitudes are not used for
this: the part of the light they hold depends on the brightness.

References
----------
.. [1] Stetson 1990, PASP 102, 932 (growth curves of CCD photometry).
.. [2] Howell 1989, PASP 101, 616 (aperture corrections).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage, check_image

__all__ = ["REFERENCE_APERTURE", "GrowthCurve", "growth_curve"]

REFERENCE_APERTURE = 24.0
"""Diameter that zeropoints refer to [pixel]."""

# Sky is taken again from a ring just outside of the reference aperture.
_RING = (2.0, 8.0)
_LEAST_STARS = 3
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class GrowthCurve:
    """Part of the light of a star within apertures, relative to a reference aperture.

    Attributes
    ----------
    diameters : ndarray of float64, shape (k,)
        Diameters [pixel].
    fractions, errors : ndarray of float64, shape (k,)
        Part of the light of the reference aperture, and its error; NaN with too few stars.
    reference : float
        Diameter of the reference aperture [pixel].
    stars : int
        Number of stars used.
    """

    diameters: Values
    fractions: Values
    errors: Values
    reference: float
    stars: int

    def correction(self, diameter: float) -> float:
        """Magnitude to add to one measured in an aperture to refer to the reference aperture.

        Parameters
        ----------
        diameter : float
            Diameter of the aperture [pixel].

        Returns
        -------
        float
            Correction, negative for a small aperture [mag]; NaN with too few stars.

        Raises
        ------
        BadArray
            If the diameter lies outside of those measured.
        """
        if not self.diameters[0] <= diameter <= self.diameters[-1]:
            raise BadArray(
                f"aperture of {diameter} px outside of the growth curve, "
                f"{self.diameters[0]}..{self.diameters[-1]} px",
                "measure the growth curve with this diameter",
            )
        if not np.isfinite(self.fractions).all():
            return float("nan")
        from scipy.interpolate import PchipInterpolator

        return float(2.5 * np.log10(PchipInterpolator(self.diameters, self.fractions)(diameter)))


def growth_curve(
    image: FloatImage,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    diameters: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 24.0),
    *,
    reference: float = REFERENCE_APERTURE,
    mask: npt.NDArray[np.bool_] | None = None,
) -> GrowthCurve:
    """Measure the growth curve from bright, lonely stars.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame without its background, finite everywhere [ADU].
    x, y : ndarray, shape (n,)
        Positions of the stars, 0-based [pixel].
    diameters : tuple of float
        Diameters, rising [pixel].
    reference : float
        Diameter that the curve refers to [pixel].
    mask : ndarray of bool, shape (ny, nx), optional
        Pixels that do not count [true or false]: a star that has one in reach is left out.

    Returns
    -------
    GrowthCurve
        Median over the stars, without outliers (those with neighbours).

    Raises
    ------
    BadArray
        If the diameters do not rise, or reach beyond the reference.
    """
    import sep

    check_image(image, "image", types=("float32",))
    sizes = np.asarray(diameters, np.float64)
    if not (sizes.size and sizes[0] > 0 and np.all(np.diff(sizes) > 0) and sizes[-1] <= reference):
        raise BadArray(
            f"diameters {diameters} and reference {reference} px",
            "they are positive, rise, and end at the reference or before",
        )
    ring = (reference / 2 + _RING[0], reference / 2 + _RING[1])
    radii = np.append(sizes, reference)[:, None] / 2
    fluxes, _, flags = sep.sum_circle(
        image, np.asarray(x)[None, :], np.asarray(y)[None, :], radii,
        mask=mask, bkgann=ring, subpix=0,
    )  # fmt: skip
    usable = (flags == 0).all(axis=0) & (fluxes[-1] > 0)
    curves = fluxes[:-1, usable] / fluxes[-1, usable]
    return _median_curve(sizes, curves, reference)


def _median_curve(sizes: Values, curves: Values, reference: float) -> GrowthCurve:
    """Median of the stars' curves; a star far off at any diameter is left out of all."""
    for _ in range(5):
        if curves.shape[1] < _LEAST_STARS:
            nothing = np.full(sizes.size, np.nan)
            return GrowthCurve(sizes, nothing, nothing.copy(), reference, curves.shape[1])
        middle = np.median(curves, axis=1, keepdims=True)
        scatter = 1.4826 * np.median(np.abs(curves - middle), axis=1, keepdims=True)
        kept = (np.abs(curves - middle) <= np.maximum(3 * scatter, 1e-4)).all(axis=0)
        if kept.all() or kept.sum() < _LEAST_STARS:
            break
        curves = curves[:, kept]
    middle = np.median(curves, axis=1)
    scatter = 1.4826 * np.median(np.abs(curves - middle[:, None]), axis=1)
    # The error of a median is 1.25 times that of a mean.
    errors = 1.2533 * scatter / np.sqrt(curves.shape[1])
    return GrowthCurve(sizes, middle, errors, reference, curves.shape[1])
