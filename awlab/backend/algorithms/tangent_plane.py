"""Gnomonic projection and TPV plate solutions: pixels <-> tangent plane <-> sky.

A plate solution is what the header says: CRVAL, CRPIX, CD and the PV polynomials of the TPV
convention, which take the intermediate coordinates (CD times pixels) to the tangent plane.

References
----------
.. [1] Calabretta & Greisen 2002, A&A 395, 1077, sect. 5.1.3 (gnomonic projection).
.. [2] "The TPV World Coordinate System", FITS registry of conventions, 2011 (order of the terms).
.. [3] Shupe et al. 2005, ASP Conf. 347, 491 (SIP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, Floats

__all__ = ["PlateSolution", "deproject", "plate_from_samples", "polynomial_terms", "project"]

MAX_ORDER = 7
# The inverse stops when it moves by less than this [degree]; 4e-5 of a milliarcsecond.
_SETTLED = 1e-14


def _tpv_terms() -> list[tuple[int, int, int]]:
    """Powers of (x, y, r) in the order of the PV keywords, 40 of them."""
    terms = []
    for order in range(MAX_ORDER + 1):
        terms += [(order - j, j, 0) for j in range(order + 1)]
        if order % 2:
            terms.append((0, 0, order))
    return terms


TPV_TERMS = _tpv_terms()


def project(ra: Any, dec: Any, ra0: Any, dec0: Any) -> tuple[Floats, Floats]:
    """Gnomonic projection; points on the other half of the sky become NaN.

    Parameters
    ----------
    ra, dec : float or ndarray of float64, any shape
        Positions [degree].
    ra0, dec0 : float or ndarray of float64, any shape
        Tangent point [degree].

    Returns
    -------
    xi, eta : ndarray of float64
        Coordinates in the tangent plane, east and north [degree].
    """
    turn = np.radians(np.subtract(ra, ra0))
    d, d0 = np.radians(dec), np.radians(dec0)
    sin_d, cos_d, sin_0, cos_0 = np.sin(d), np.cos(d), np.sin(d0), np.cos(d0)
    cos_turn = np.cos(turn)
    cosine = sin_0 * sin_d + cos_0 * cos_d * cos_turn
    cosine = np.where(cosine > 0.0, cosine, np.nan)
    xi = cos_d * np.sin(turn) / cosine
    eta = (cos_0 * sin_d - sin_0 * cos_d * cos_turn) / cosine
    return np.degrees(xi), np.degrees(eta)


def deproject(xi: Any, eta: Any, ra0: Any, dec0: Any) -> tuple[Floats, Floats]:
    """Inverse of the gnomonic projection.

    Parameters
    ----------
    xi, eta : float or ndarray of float64, any shape
        Coordinates in the tangent plane [degree].
    ra0, dec0 : float or ndarray of float64, any shape
        Tangent point [degree].

    Returns
    -------
    ra, dec : ndarray of float64
        Positions; right ascension in [0, 360) [degree].
    """
    x, y, d0 = np.radians(xi), np.radians(eta), np.radians(dec0)
    sin_0, cos_0 = np.sin(d0), np.cos(d0)
    along = cos_0 - y * sin_0
    ra = np.mod(np.add(ra0, np.degrees(np.arctan2(x, along))), 360.0)
    dec = np.degrees(np.arctan2(sin_0 + y * cos_0, np.hypot(x, along)))
    return ra, dec


def polynomial_terms(x: Floats, y: Floats, order: int) -> Floats:
    """Monomials of two coordinates up to a total order: 1, x, y, x^2, xy, y^2 ...

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Coordinates [any unit].
    order : int
        Highest total power.

    Returns
    -------
    ndarray of float64, shape (n, (order + 1) * (order + 2) / 2)
        One column per monomial.
    """
    columns = [np.ones_like(x)]
    previous = columns
    for _ in range(order):
        previous = [column * x for column in previous] + [previous[-1] * y]
        columns = columns + previous
    return np.stack(columns, axis=-1)


def identity_pv() -> Floats:
    """PV coefficients of a plain TAN projection, shape (2, 40)."""
    pv = np.zeros((2, len(TPV_TERMS)))
    pv[:, 1] = 1.0
    return pv


@dataclass(frozen=True, eq=False)
class PlateSolution:
    """World coordinates of a chip: TAN, with TPV polynomials.

    Pixels are counted from 0 in all methods; CRPIX is kept as in the header, from 1.

    Attributes
    ----------
    crval : tuple of float
        Right ascension and declination of the tangent point [degree].
    crpix : tuple of float
        Its pixel, counted from 1 [pixel].
    cd : ndarray of float64, shape (2, 2)
        Pixels to intermediate coordinates [degree/pixel].
    pv : ndarray of float64, shape (2, 40)
        Coefficients PV1_k and PV2_k [degree, with powers of degree].
    """

    crval: tuple[float, float]
    crpix: tuple[float, float]
    cd: Floats
    pv: Floats

    @property
    def order(self) -> int:
        """Highest power of the polynomials."""
        used = np.flatnonzero(np.any(self.pv != 0.0, axis=0))
        return max((sum(TPV_TERMS[k]) for k in used), default=1)

    @property
    def pixel_scale(self) -> float:
        """Side of a square with the area of a pixel [arcsec]."""
        return float(np.sqrt(abs(np.linalg.det(self.cd)))) * 3600.0

    def pixel_to_plane(self, x: Any, y: Any) -> tuple[Floats, Floats]:
        """Take pixels to the tangent plane.

        Parameters
        ----------
        x, y : ndarray of float64, any shape
            Pixels counted from 0 [pixel].

        Returns
        -------
        xi, eta : ndarray of float64, the same shape
            Coordinates in the tangent plane [degree].
        """
        u = np.asarray(x, np.float64) + (1.0 - self.crpix[0])
        v = np.asarray(y, np.float64) + (1.0 - self.crpix[1])
        return self._distort(
            self.cd[0, 0] * u + self.cd[0, 1] * v, self.cd[1, 0] * u + self.cd[1, 1] * v
        )

    def pixel_to_sky(self, x: Any, y: Any) -> tuple[Floats, Floats]:
        """Take pixels to the sky.

        Parameters
        ----------
        x, y : ndarray of float64, any shape
            Pixels counted from 0 [pixel].

        Returns
        -------
        ra, dec : ndarray of float64, the same shape
            Positions [degree].
        """
        return deproject(*self.pixel_to_plane(x, y), *self.crval)

    def sky_to_pixel(self, ra: Any, dec: Any) -> tuple[Floats, Floats]:
        """Take the sky to pixels; NaN on the other half of the sky.

        Parameters
        ----------
        ra, dec : ndarray of float64, any shape
            Positions [degree].

        Returns
        -------
        x, y : ndarray of float64, the same shape
            Pixels counted from 0 [pixel].
        """
        xi, eta = project(ra, dec, *self.crval)
        a, b = self._undistort(xi, eta)
        inverse = np.linalg.inv(self.cd)
        x = inverse[0, 0] * a + inverse[0, 1] * b + self.crpix[0] - 1.0
        y = inverse[1, 0] * a + inverse[1, 1] * b + self.crpix[1] - 1.0
        return x, y

    def _distort(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """PV polynomials; those of the second axis take the coordinates swapped."""
        return _evaluate(self.pv[0], a, b), _evaluate(self.pv[1], b, a)

    def _undistort(self, xi: Floats, eta: Floats) -> tuple[Floats, Floats]:
        """Invert the polynomials: the linear part at once, the rest by iteration."""
        pv = self.pv
        inverse = np.linalg.inv([[pv[0, 1], pv[0, 2]], [pv[1, 2], pv[1, 1]]])
        a, b = np.array(xi, np.float64), np.array(eta, np.float64)
        for _ in range(100):
            p, q = self._distort(a, b)
            p, q = xi - p, eta - q
            da, db = inverse[0, 0] * p + inverse[0, 1] * q, inverse[1, 0] * p + inverse[1, 1] * q
            a, b = a + da, b + db
            if not np.any(np.hypot(da, db) > _SETTLED):
                break
        return a, b


def _evaluate(coefficients: Floats, x: Floats, y: Floats) -> Floats:
    total = np.full(np.shape(x), coefficients[0])
    highest = max((sum(TPV_TERMS[k]) for k in np.flatnonzero(coefficients)), default=0)
    xs, ys = [np.ones_like(x)], [np.ones_like(y)]
    for _ in range(highest):
        xs.append(xs[-1] * x)
        ys.append(ys[-1] * y)
    for k in np.flatnonzero(coefficients):
        i, j, power = TPV_TERMS[k]
        if k and power:
            total = total + coefficients[k] * np.hypot(x, y) ** power
        elif k:
            total = total + coefficients[k] * (xs[i] * ys[j])
    return total


def sample_grid(box: npt.ArrayLike, order: int) -> tuple[Floats, Floats]:
    """Chebyshev points over a box: a polynomial of that order is exact when fitted to them.

    Parameters
    ----------
    box : array_like, shape (4,)
        Left, right, lower and upper edge [pixel].
    order : int
        Order of the polynomial.

    Returns
    -------
    x, y : ndarray of float64, shape (n,)
        The points [pixel].
    """
    left, right, low, high = np.asarray(box, np.float64)
    nodes = 0.5 - 0.5 * np.cos(np.pi * (np.arange(order + 3) + 0.5) / (order + 3))
    x, y = np.meshgrid(left + (right - left) * nodes, low + (high - low) * nodes)
    return x.ravel(), y.ravel()


def plate_from_samples(
    pixels: tuple[Floats, Floats],
    plane: tuple[Floats, Floats],
    crval: tuple[float, float],
    crpix: tuple[float, float],
    order: int,
) -> PlateSolution:
    """Plate solution through points, exact when they follow a polynomial of that order.

    CD is the derivative at the middle of the points, so that the polynomials stay near identity
    also when the tangent point is far off the chip; an offset goes to PV1_0 and PV2_0.

    Parameters
    ----------
    pixels : tuple of ndarray of float64, shape (n,)
        x and y counted from 0 [pixel].
    plane : tuple of ndarray of float64, shape (n,)
        xi and eta about the tangent point [degree].
    crval : tuple of float
        Tangent point [degree].
    crpix : tuple of float
        Reference pixel, counted from 1 [pixel].
    order : int
        Order of the polynomials, 1 to 7.

    Raises
    ------
    BadArray
        If the points do not span two dimensions.
    """
    u, v = pixels[0] + (1.0 - crpix[0]), pixels[1] + (1.0 - crpix[1])
    middle = 0.5 * (u.min() + u.max()), 0.5 * (v.min() + v.max())
    half = max(0.5 * float(max(np.ptp(u), np.ptp(v))), 1e-9)
    near = polynomial_terms((u - middle[0]) / half, (v - middle[1]) / half, order)
    values = np.stack(plane, axis=-1)
    slopes, *_ = np.linalg.lstsq(near, values, rcond=None)
    cd = np.asarray(slopes[1:3].T / half, np.float64)
    if not abs(np.linalg.det(cd)) > 1e-12 * np.abs(cd).max() ** 2:
        raise BadArray("the points of a plate solution lie on a line", "give points over the chip")
    a, b = cd[0, 0] * u + cd[0, 1] * v, cd[1, 0] * u + cd[1, 1] * v
    scale = float(max(np.abs(a).max(), np.abs(b).max()))
    pv = np.zeros((2, len(TPV_TERMS)))
    plain = [k for k, term in enumerate(TPV_TERMS) if not term[2] and sum(term) <= order]
    powers = np.array([sum(TPV_TERMS[k]) for k in plain])
    for axis, (first, second) in enumerate([(a, b), (b, a)]):
        terms = polynomial_terms(first / scale, second / scale, order)
        solution, *_ = np.linalg.lstsq(terms, values[:, axis], rcond=None)
        pv[axis, plain] = solution / scale**powers
    return PlateSolution(crval, crpix, cd, pv)
