"""The grid of the sky as it is kept with an object: its centre and its pixel scale as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from awlab.backend.algorithms import TanGrid, plate_grid
from awlab.backend.errors import TargetError

__all__ = ["PIXEL_SCALE", "choose_grid", "grid_from_text", "grid_text"]

#: Pixel size of regridded frames by default [arcsec / pixel].
PIXEL_SCALE = 0.2
_TEXT = re.compile(r"TAN (?P<ra>[\d.]+) (?P<dec>[-+][\d.]+) (?P<scale>[\d.]+)")


def grid_text(grid: TanGrid) -> str:
    """Return a grid as text: ``TAN 334.500000 +5.500000 0.2000``, degrees and arcsec per pixel."""
    return f"TAN {grid.ra:.6f} {grid.dec:+.6f} {grid.pixel_scale:.4f}"


def grid_from_text(text: str) -> TanGrid:
    """Return the grid that a text says.

    Raises
    ------
    TargetError
        If it says none.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise TargetError(f"{text!r} is no grid", "write TAN 334.5 +5.5 0.2: degrees, arcsec")
    return TanGrid(*(float(value) for value in found.groups()))


def choose_grid(positions: Sequence[tuple[float, float]], scale: float = PIXEL_SCALE) -> str:
    """Return the plate of the sky nearest to the middle of positions, as text.

    Parameters
    ----------
    positions : sequence of (float, float)
        Right ascension and declination of the frames [deg].
    scale : float
        Pixel size [arcsec / pixel].
    """
    ra, dec = np.radians(np.asarray(positions, float)).T
    mean = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]).mean(axis=1)
    middle_ra = float(np.degrees(np.arctan2(mean[1], mean[0])) % 360.0)
    middle_dec = float(np.degrees(np.arctan2(mean[2], np.hypot(mean[0], mean[1]))))
    return grid_text(plate_grid(middle_ra, middle_dec, pixel_scale=scale))
