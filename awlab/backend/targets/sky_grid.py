"""The grid of the sky as it is kept with an object: its centre and its pixel scale as text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from awlab.backend.algorithms import TanGrid, plate_grid
from awlab.backend.errors import TargetError
from awlab.backend.process import Pointing

__all__ = ["PIXEL_SCALE", "choose_grid", "grid_from_text", "grid_scale", "grid_text"]

#: Pixel size of regridded frames by default [arcsec / pixel].
PIXEL_SCALE = 0.2
# Cameras with pixels larger than that by more than this factor get a grid of their own scale:
# finer pixels would hold nothing new, and as many more of them as the square of the factor.
_MUCH_COARSER = 1.5
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


def choose_grid(pointings: Sequence[Pointing]) -> str:
    """Return the plate of the sky nearest to the middle of frames, as text.

    Parameters
    ----------
    pointings : sequence of Pointing
        Where the frames are; the pixels of the grid are of `PIXEL_SCALE`, or of the frames' own
        scale where that is much coarser.
    """
    table = np.asarray(pointings, float)
    scale = grid_scale(table[:, 2])
    ra, dec = np.radians(table[:, :2]).T
    mean = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)]).mean(axis=1)
    middle_ra = float(np.degrees(np.arctan2(mean[1], mean[0])) % 360.0)
    middle_dec = float(np.degrees(np.arctan2(mean[2], np.hypot(mean[0], mean[1]))))
    return grid_text(plate_grid(middle_ra, middle_dec, pixel_scale=scale))


def grid_scale(scales: Any) -> float:
    """Return the pixel size of a grid for frames of these pixel sizes [arcsec / pixel].

    Parameters
    ----------
    scales : sequence of float
        Pixel sizes of the frames; 0 if unknown [arcsec / pixel].
    """
    known = np.asarray(scales, float)
    known = known[known > 0]
    own = float(np.median(known)) if known.size else 0.0
    if own <= _MUCH_COARSER * PIXEL_SCALE:
        return PIXEL_SCALE
    # Two digits: solutions of one camera that differ a little still share a grid.
    digits = 1 - math.floor(math.log10(own))
    return round(own, digits)
