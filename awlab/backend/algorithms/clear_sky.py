"""Extinction of a clear sky: molecules, aerosol and ozone, for where nothing was measured.

References
----------
.. [1] Hayes & Latham 1975, ApJ 197, 593 (Rayleigh scattering and aerosol with height).
.. [2] Schaefer 1998, Sky & Telescope 95, 57; 1993, Vistas in Astronomy 36, 311 (ozone bands).
"""

from __future__ import annotations

import math

from awlab.backend.algorithms.arrays import BadArray

__all__ = ["clear_sky_extinction"]

_AIR_SCALE_HEIGHT = 7996.0  # [m]
_AEROSOL_SCALE_HEIGHT = 1500.0  # [m]
_AEROSOL = 0.08  # at sea level and 1 micron, a clear site [mag/airmass]
_AEROSOL_SLOPE = -0.8
_OZONE_COLUMN = 0.3  # [atm cm]


def clear_sky_extinction(wavelength: float, elevation: float = 0.0) -> float:
    """Extinction coefficient of a clear sky.

    Parameters
    ----------
    wavelength : float
        Wavelength, 3000 to 11000 [Angstrom].
    elevation : float
        Height of the observatory above the sea [m].

    Returns
    -------
    float
        Extinction [mag/airmass].

    Raises
    ------
    BadArray
        If the wavelength is outside of what the formulae hold for.
    """
    if not 3000.0 <= wavelength <= 11000.0:
        raise BadArray(f"no extinction is known at {wavelength} Angstrom", "3000 to 11000")
    microns = wavelength / 1e4
    # Refractivity of air relative to that at infinity, eq. 3 of [1].
    index = 0.23465 + 107.6 / (146.0 - microns**-2) + 0.93161 / (41.0 - microns**-2)
    molecules = 0.0094977 * microns**-4 * index**2 * math.exp(-elevation / _AIR_SCALE_HEIGHT)
    aerosol = _AEROSOL * microns**_AEROSOL_SLOPE * math.exp(-elevation / _AEROSOL_SCALE_HEIGHT)
    # Hartley-Huggins bands in the ultraviolet, Chappuis band in the visible, of [2].
    absorption = 1210.0 * math.exp(-131.0 * (microns - 0.26))
    absorption += 0.055 * math.exp(-188.0 * (microns - 0.59) ** 2)
    return float(molecules + aerosol + 1.11 * _OZONE_COLUMN * absorption)
