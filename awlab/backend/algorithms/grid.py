"""The common grid: one tangent plane for all frames of a request, in whole pixels.

Frames can be coadded without another interpolation when they lie on one grid. So its centre is
chosen once per request: the plate, of a fixed tessellation of the sky, nearest to the middle of
all frames. Each frame is stored on the pixels of the grid that it covers, its window. Grid pixel
(0, 0) is centred on the plate's centre; north is up and east is left.

References
----------
.. [1] Calabretta & Greisen 2002, A&A 395, 1077 (TAN projection, keywords).
.. [2] Astro-WISE GridTarget (ra, dec, pixel_scale; 0.2 arcsec per pixel) and its sky plates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.algorithms.arrays import BadArray
from awlab.backend.algorithms.frame_wcs import WcsLike, pixels_to_sky, read_wcs, unit_vectors

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["GridWindow", "TanGrid", "common_grid", "frame_window", "plate_grid"]

PIXEL_SCALE = 0.2  # [arcsec/pixel]
PLATE_SPACING = 1.0  # [deg]
FARTHEST = 45.0  # from the centre; the pixels of a TAN grid have a third of the area there [deg]
MOST_PIXELS = 250_000_000
_EDGE_SAMPLES = 65


@dataclass(frozen=True, slots=True)
class GridWindow:
    """A rectangle of grid pixels, half-open like a Python slice; negative on either side.

    Attributes
    ----------
    x0, x1 : int
        First column and the column after the last [grid pixel].
    y0, y1 : int
        First row and the row after the last [grid pixel].
    """

    x0: int
    x1: int
    y0: int
    y1: int

    def __post_init__(self) -> None:
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise BadArray(
                f"grid window x {self.x0}..{self.x1}, y {self.y0}..{self.y1} is empty",
                "give x0 < x1 and y0 < y1",
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (ny, nx) [pixel]."""
        return self.y1 - self.y0, self.x1 - self.x0

    def __and__(self, other: GridWindow) -> GridWindow | None:
        """Pixels in both windows; None where they do not overlap."""
        x0, x1 = max(self.x0, other.x0), min(self.x1, other.x1)
        y0, y1 = max(self.y0, other.y0), min(self.y1, other.y1)
        return GridWindow(x0, x1, y0, y1) if x0 < x1 and y0 < y1 else None

    def __or__(self, other: GridWindow) -> GridWindow:
        """Smallest window that holds both."""
        return GridWindow(
            min(self.x0, other.x0),
            max(self.x1, other.x1),
            min(self.y0, other.y0),
            max(self.y1, other.y1),
        )

    def slices_in(self, other: GridWindow) -> tuple[slice, slice]:
        """Index of this window in an array (y, x) that covers another.

        Parameters
        ----------
        other : GridWindow
            What the array covers; it holds this window.

        Returns
        -------
        tuple of slice
            Rows and columns.
        """
        return (
            slice(self.y0 - other.y0, self.y1 - other.y0),
            slice(self.x0 - other.x0, self.x1 - other.x0),
        )


@dataclass(frozen=True, slots=True)
class TanGrid:
    """A tangent plane divided into square pixels (Astro-WISE GridTarget).

    Attributes
    ----------
    ra, dec : float
        Position of the centre of grid pixel (0, 0), ICRS [deg].
    pixel_scale : float
        Size of a pixel at the centre [arcsec/pixel].
    """

    ra: float
    dec: float
    pixel_scale: float = PIXEL_SCALE

    def __post_init__(self) -> None:
        finite = math.isfinite(self.ra) and abs(self.dec) <= 90.0
        if not (finite and 0.0 < self.pixel_scale < math.inf):
            raise BadArray(
                f"a grid at RA {self.ra}, Dec {self.dec} deg with {self.pixel_scale} arcsec pixels",
                "give degrees, Dec between -90 and 90, and a positive pixel scale",
            )

    def cards(self, window: GridWindow) -> dict[str, Any]:
        """FITS header cards of an image on this grid.

        Parameters
        ----------
        window : GridWindow
            What the image covers.

        Returns
        -------
        dict
            Keyword to value; FITS counts pixels from 1.
        """
        scale = self.pixel_scale / 3600.0
        return {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CUNIT1": "deg", "CUNIT2": "deg",
            "CRVAL1": self.ra, "CRVAL2": self.dec,
            "CRPIX1": 1.0 - window.x0, "CRPIX2": 1.0 - window.y0,
            "CD1_1": -scale, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": scale,
            "RADESYS": "ICRS", "EQUINOX": 2000.0,
        }  # fmt: skip

    def wcs(self, window: GridWindow | None = None) -> WCS:
        """World coordinate system of an image on this grid.

        Parameters
        ----------
        window : GridWindow, optional
            What the image covers; by default pixel (0, 0) is that of the grid.

        Returns
        -------
        astropy.wcs.WCS
            The coordinate system.
        """
        return read_wcs(self.cards(window or GridWindow(0, 1, 0, 1)))


def plate_grid(
    ra: float, dec: float, *, pixel_scale: float = PIXEL_SCALE, spacing: float = PLATE_SPACING
) -> TanGrid:
    """Grid centred on the plate that holds a position.

    Plates stand in bands of declination, ``spacing`` apart; a band has as many plates as keep
    their distance at most ``spacing``. One plate stands on each pole.

    Parameters
    ----------
    ra, dec : float
        Position [deg].
    pixel_scale : float
        Size of a pixel [arcsec/pixel].
    spacing : float
        Distance of the bands; it divides 90 [deg].

    Returns
    -------
    TanGrid
        Grid on the nearest plate of the nearest band.

    Raises
    ------
    BadArray
        If the position is none, or the spacing does not divide 90 degrees.
    """
    asked = TanGrid(ra, dec, pixel_scale)
    bands = 90.0 / spacing if spacing > 0 else 0.0
    if not (bands >= 1.0 and abs(bands - round(bands)) < 1e-9):
        raise BadArray(
            f"plates {spacing} deg apart", "use a spacing that divides 90, like 1 or 0.5"
        )
    band = round(asked.dec / spacing)
    around = max(1, math.ceil(360.0 / spacing * math.cos(math.radians(band * spacing)) - 1e-9))
    plate = round((asked.ra % 360.0) / 360.0 * around) % around
    return TanGrid(plate * 360.0 / around, band * spacing, pixel_scale)


def common_grid(
    frames: Sequence[tuple[WcsLike, tuple[int, int]]],
    *,
    pixel_scale: float = PIXEL_SCALE,
    spacing: float = PLATE_SPACING,
) -> TanGrid:
    """Choose one grid for all frames of a request: the plate nearest to their middle.

    Parameters
    ----------
    frames : sequence of tuple
        WCS (or its header cards) and shape (ny, nx) of each frame [pixel].
    pixel_scale : float
        Size of a pixel [arcsec/pixel].
    spacing : float
        Distance of the plates [deg].

    Returns
    -------
    TanGrid
        The grid.

    Raises
    ------
    BadArray
        If there are no frames, one has no usable WCS, or they have no middle.
    """
    total = np.zeros(3)
    for given, (ny, nx) in frames:
        middle = (np.array([(nx - 1) / 2.0]), np.array([(ny - 1) / 2.0]))
        total += unit_vectors(*pixels_to_sky(read_wcs(given), *middle))[:, 0]
    length = float(np.linalg.norm(total))
    if not length > 1e-6:
        raise BadArray(
            f"{len(frames)} frames have no middle on the sky", "give the centre yourself"
        )
    x, y, z = (float(value) for value in total / length)
    ra, dec = math.degrees(math.atan2(y, x)), math.degrees(math.asin(z))
    return plate_grid(ra, dec, pixel_scale=pixel_scale, spacing=spacing)


def frame_window(grid: TanGrid, given: WcsLike, shape: tuple[int, int]) -> GridWindow:
    """Window of the grid that a frame covers.

    Parameters
    ----------
    grid : TanGrid
        The grid.
    given : astropy.wcs.WCS or dict
        WCS of the frame, or its header cards.
    shape : tuple of int
        Shape (ny, nx) of the frame [pixel].

    Returns
    -------
    GridWindow
        All grid pixels with their centre among the frame's pixel centres, and the corners
        between.

    Raises
    ------
    BadArray
        If the frame lies too far off, or would need too many pixels.
    """
    sky = pixels_to_sky(read_wcs(given), *_outline(shape))
    centre = unit_vectors(np.array([grid.ra]), np.array([grid.dec]))[:, 0]
    farthest = math.degrees(math.acos(np.clip(centre @ unit_vectors(*sky), -1.0, 1.0).min()))
    if farthest > FARTHEST:
        raise BadArray(
            f"the frame reaches {farthest:.1f} deg from the grid's centre,"
            f" RA {grid.ra:.3f}, Dec {grid.dec:.3f} deg",
            "make the grid from the frames of the request, and look at the frame's WCS",
        )
    x, y = grid.wcs().wcs_world2pix(*sky, 0)
    low = math.ceil(x.min() - 1e-6), math.ceil(y.min() - 1e-6)
    high = math.floor(x.max() + 1e-6) + 1, math.floor(y.max() + 1e-6) + 1
    pixels = max(high[0] - low[0], 0) * max(high[1] - low[1], 0)
    if not 0 < pixels <= MOST_PIXELS:
        raise BadArray(
            f"a frame of {shape[1]} x {shape[0]} px covers {high[0] - low[0]} x {high[1] - low[1]}"
            f" px of {grid.pixel_scale} arcsec",
            "look at the scale in the frame's WCS, or choose another pixel scale",
        )
    return GridWindow(low[0], high[0], low[1], high[1])


def _outline(shape: tuple[int, int]) -> tuple[Any, Any]:
    """Points along the outermost pixel centres of a frame."""
    ny, nx = shape
    along = np.linspace(0.0, 1.0, _EDGE_SAMPLES)
    zero, one = np.zeros_like(along), np.ones_like(along)
    x = np.concatenate([along, along, zero, one]) * (nx - 1)
    y = np.concatenate([zero, one, along, along]) * (ny - 1)
    return x, y
