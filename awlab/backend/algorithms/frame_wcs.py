"""World coordinates of a frame: read, checked, and used in both directions.

TAN, TPV and SIP headers are what AstrometricParameters write; Astropy's wcslib does the maths.
Right ascension and declination are taken as they are: a solution against an ICRS catalogue is
ICRS, whatever an old header's EQUINOX says.

References
----------
.. [1] Calabretta & Greisen 2002, A&A 395, 1077 (celestial coordinates in FITS).
.. [2] Shupe et al. 2005, ASP Conf. 347, 491 (SIP).
.. [3] Shupe et al. 2012, Proc. SPIE 8451, 84511M (TPV, the PV keywords of SCAMP).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["Points", "WcsLike", "pixels_to_sky", "read_wcs", "sky_to_pixels", "unit_vectors"]

WcsLike: TypeAlias = Union["WCS", Mapping[str, Any]]
Points: TypeAlias = npt.NDArray[np.float64]

_TOLERANCE = 1e-7  # of the iterative inversion [pixel]
_ITERATIONS = 50
# The other cards of a header cost time, and Astropy repairs some of them with a warning.
_CARD = re.compile(
    r"(WCSAXES|RADESYS|RADECSYS|EQUINOX|LONPOLE|LATPOLE|(CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA)[12]"
    r"|(CD|PC)[12]_[12]|PV[12]_\d+|(A|B|AP|BP)_(ORDER|DMAX|\d_\d))"
)


def read_wcs(given: WcsLike) -> WCS:
    """Read the WCS of a frame, and see that it can be used.

    Parameters
    ----------
    given : astropy.wcs.WCS or dict
        WCS, or header cards that hold one.

    Returns
    -------
    astropy.wcs.WCS
        Two celestial axes, right ascension first.

    Raises
    ------
    BadArray
        If it is no WCS of the sky, or its matrix has no inverse.
    """
    from astropy.wcs import WCS

    if isinstance(given, Mapping):
        cards = {key: value for key, value in given.items() if _CARD.fullmatch(key)}
        try:
            wcs = WCS(cards)
        except Exception as exc:  # wcslib and Astropy raise whatever they meet in a header
            raise BadArray(f"the header's WCS cannot be read: {_line(exc)}", _HINT) from exc
    else:
        wcs = given
    axes = [str(kind)[:4] for kind in wcs.wcs.ctype]
    if axes != ["RA--", "DEC-"]:
        raise BadArray(f"the WCS has the axes {list(wcs.wcs.ctype)}, not RA and Dec", _HINT)
    matrix = np.asarray(wcs.pixel_scale_matrix)
    if not (np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 0):
        raise BadArray(f"the matrix {matrix.tolist()} of the WCS has no inverse", _HINT)
    return wcs


_HINT = "solve the astrometry of the frame (AstrometricParameters)"


def _line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:120]


def pixels_to_sky(wcs: WCS, x: Points, y: Points) -> tuple[Points, Points]:
    """Sky positions of pixel positions, with all distortions.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        World coordinate system.
    x, y : ndarray of float64, shape (n,)
        Positions, counted from 0 [pixel].

    Returns
    -------
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].

    Raises
    ------
    BadArray
        If a position is nowhere on the sky.
    """
    try:
        ra, dec = wcs.all_pix2world(x, y, 0)
    except Exception as exc:  # one class per way to fail, all of wcslib
        raise BadArray(f"the WCS fails: {_line(exc)}", _HINT) from exc
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        raise BadArray("the WCS puts pixels of the frame nowhere on the sky", _HINT)
    return ra, dec


def sky_to_pixels(wcs: WCS, ra: Points, dec: Points) -> tuple[Points, Points]:
    """Pixel positions of sky positions, with all distortions.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        World coordinate system.
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].

    Returns
    -------
    x, y : ndarray of float64, shape (n,)
        Positions, counted from 0; NaN where a distortion polynomial has no inverse [pixel].

    Raises
    ------
    BadArray
        If the WCS cannot be inverted anywhere.
    """
    from astropy.wcs import NoConvergence

    try:
        if wcs.has_distortion:
            x, y = wcs.all_world2pix(ra, dec, 0, tolerance=_TOLERANCE, maxiter=_ITERATIONS)
        else:
            x, y = wcs.wcs_world2pix(ra, dec, 0)
    except NoConvergence as exc:
        x, y = exc.best_solution.T.copy()
        for lost in (exc.divergent, exc.slow_conv):
            if lost is not None:
                x[lost], y[lost] = np.nan, np.nan
    except Exception as exc:  # one class per way to fail, all of wcslib
        raise BadArray(f"the WCS cannot be inverted: {_line(exc)}", _HINT) from exc
    return x, y


def unit_vectors(ra: Points, dec: Points) -> Points:
    """Directions as vectors of length 1.

    Parameters
    ----------
    ra, dec : ndarray of float64, shape (n,)
        Positions [deg].

    Returns
    -------
    ndarray of float64, shape (3, n)
        Vectors [unit length].
    """
    a, d = np.radians(ra), np.radians(dec)
    return np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
