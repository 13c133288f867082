"""The simulated sky: stars of known place and brightness, cosmic rays, a satellite.

Positions run: RA and Dec -> tangent plane (astropy's TAN) -> focal plane with a small cubic
distortion -> pixels of a chip that is slightly turned and shifted. Pixel coordinates here are
0-based in the imaging area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.ingest.nights.detector import Chip
from awlab.backend.ingest.nights.layout import PIXEL_SCALE, Layout

__all__ = [
    "DISTORTION",
    "FIELDS",
    "Field",
    "Pixels",
    "add_stars",
    "cosmic_rays",
    "focal_plane",
    "make_stars",
    "on_chip",
    "satellite",
]

DISTORTION = 0.0015
"""Radial displacement at the corner of the mosaic, as a fraction of the radius."""

_STAR_STREAM = 3
_MOFFAT_BETA = 3.0
_STAMP_RADII = 12
_MINI_CHIP = 256 * 512
_COSMIC_RATE = 3e-7  # events per pixel and second: denser than life, so that every frame has some


@dataclass(frozen=True, slots=True)
class Field:
    """A piece of sky that is observed.

    Attributes
    ----------
    name : str
        OBJECT in the header.
    ra, dec : float
        Centre [deg].
    per_chip : float
        Stars per 256 x 512 pixels.
    bright, faint : float
        Limits in the R band [mag].
    """

    name: str
    ra: float
    dec: float
    per_chip: float
    bright: float
    faint: float


# Names start with SIM: nobody shall mistake these stars for those of a real field.
FIELDS = {
    "SIM_SA104": Field("SIM_SA104", 190.60, -0.50, 14, 11.6, 16.5),
    "SIM_DEEP_1": Field("SIM_DEEP_1", 202.50, -30.20, 36, 15.0, 22.5),
    "SIM_BLANK": Field("SIM_BLANK", 130.00, -12.00, 3, 14.0, 19.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Single pixels of one chip that something other than a star has touched.

    Attributes
    ----------
    y, x : ndarray of int32
        0-based place in the imaging area [pixel].
    electrons : ndarray
        Charge or light added [electron].
    """

    y: NDArray[np.int32]
    x: NDArray[np.int32]
    electrons: NDArray[np.float32]


def make_stars(field: Field, layout: Layout, seed: int) -> NDArray[np.void]:
    """Make the star catalogue of a field.

    Parameters
    ----------
    field : Field
        The field.
    layout : Layout
        Format of the mosaic; the field covers it with a margin for dithers.
    seed : int
        Seed of the night.

    Returns
    -------
    ndarray
        Structured: ``id``, ``ra`` [deg], ``dec`` [deg], ``B`` [mag], ``R`` [mag].
    """
    rng = np.random.default_rng([seed, _STAR_STREAM, *field.name.encode()])
    half = np.array(layout.half_extent) + 0.4 * layout.width
    count = round(field.per_chip * 4 * half[0] * half[1] / _MINI_CHIP)
    xi = rng.uniform(-half[0], half[0], count) * PIXEL_SCALE / 3600
    eta = rng.uniform(-half[1], half[1], count) * PIXEL_SCALE / 3600
    # Numbers rise by 10**0.3 per magnitude, as they do in the real sky at high latitude.
    low, high = 10 ** (0.3 * field.bright), 10 ** (0.3 * field.faint)
    magnitude = np.log10(rng.uniform(low, high, count)) / 0.3
    # The steep counts leave hardly any bright star in a small field; calibration needs them.
    some = rng.random(count) < 0.25
    magnitude[some] = rng.uniform(field.bright, field.faint, int(some.sum()))
    if field.name == "SIM_DEEP_1":
        magnitude[: max(8, count // 50)] = rng.uniform(12.0, 13.5, max(8, count // 50))
    stars = np.zeros(
        count, dtype=[("id", "i8"), ("ra", "f8"), ("dec", "f8"), ("B", "f8"), ("R", "f8")]
    )
    stars["id"] = np.arange(1, count + 1)
    stars["ra"], stars["dec"] = _tangent(field.ra, field.dec).wcs_pix2world(xi, eta, 0)
    stars["R"] = magnitude
    stars["B"] = magnitude + np.clip(rng.normal(1.2, 0.4, count), 0.0, 2.8)
    return stars


def focal_plane(
    stars: NDArray[np.void], ra: float, dec: float, layout: Layout
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Project stars into the focal plane of a telescope that points at (ra, dec).

    Parameters
    ----------
    stars : ndarray
        Catalogue with ``ra`` and ``dec`` [deg].
    ra, dec : float
        True pointing [deg].
    layout : Layout
        Format of the mosaic.

    Returns
    -------
    u, v : ndarray
        Offsets from the optical axis to the west and to the north [pixel].
    """
    xi, eta = _tangent(ra, dec).wcs_world2pix(stars["ra"], stars["dec"], 0)
    u, v = -xi * 3600 / PIXEL_SCALE, eta * 3600 / PIXEL_SCALE
    stretch = 1 + DISTORTION * (u * u + v * v) / layout.corner_radius**2
    return u * stretch, v * stretch


def on_chip(
    chip: Chip, layout: Layout, u: NDArray[np.float64], v: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn focal-plane offsets into the pixels of one chip.

    Parameters
    ----------
    chip : Chip
        The chip.
    layout : Layout
        Format of the mosaic.
    u, v : ndarray
        Offsets from the optical axis [pixel].

    Returns
    -------
    x, y : ndarray
        0-based pixel coordinates in the imaging area, also outside of it [pixel].
    """
    du = u - (chip.place.u + chip.shift[0])
    dv = v - (chip.place.v + chip.shift[1])
    cos, sin = np.cos(chip.rotation), np.sin(chip.rotation)
    return cos * du + sin * dv + (layout.width - 1) / 2, cos * dv - sin * du + (
        layout.height - 1
    ) / 2


def add_stars(
    image: NDArray[np.float32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    flux: NDArray[np.float64],
    fwhm: float,
) -> None:
    """Add Moffat stars to an image, in place.

    The profile is cut at twelve core radii, beyond which 0.005 % of the light would lie, and
    scaled so that `flux` is the sum over the whole stamp.

    Parameters
    ----------
    image : ndarray, shape (height, width)
        Light in the imaging area [electron].
    x, y : ndarray
        0-based centres; stamps that do not touch the image are skipped [pixel].
    flux : ndarray
        Total light of each star [electron].
    fwhm : float
        Full width at half maximum [pixel].
    """
    height, width = image.shape
    core = fwhm / (2 * np.sqrt(2 ** (1 / _MOFFAT_BETA) - 1))
    reach = int(np.ceil(_STAMP_RADII * core))
    offsets = np.arange(-reach, reach + 1)
    for centre_x, centre_y, light in zip(x, y, flux, strict=True):
        near_x, near_y = round(float(centre_x)), round(float(centre_y))
        if not (-reach <= near_x < width + reach and -reach <= near_y < height + reach):
            continue
        dx2 = ((offsets + (near_x - centre_x)) / core) ** 2
        dy2 = ((offsets + (near_y - centre_y)) / core) ** 2
        stamp = 1 + dx2[np.newaxis, :] + dy2[:, np.newaxis]
        stamp = 1 / (stamp * stamp * stamp)
        stamp *= light / stamp.sum()
        rows = slice(max(0, near_y - reach), min(height, near_y + reach + 1))
        columns = slice(max(0, near_x - reach), min(width, near_x + reach + 1))
        image[rows, columns] += stamp[
            rows.start - near_y + reach : rows.stop - near_y + reach,
            columns.start - near_x + reach : columns.stop - near_x + reach,
        ]


def cosmic_rays(layout: Layout, exptime: float, rng: np.random.Generator) -> Pixels:
    """Draw the cosmic rays of one chip in one exposure.

    Parameters
    ----------
    layout : Layout
        Format of the mosaic.
    exptime : float
        Exposure time [s].
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Pixels
        The pixels hit; a pixel hit twice appears once, with the sum.
    """
    count = rng.poisson(_COSMIC_RATE * layout.width * layout.height * exptime)
    charge: dict[tuple[int, int], float] = {}
    for _ in range(count):
        x, y = rng.uniform(0, layout.width), rng.uniform(0, layout.height)
        angle, length = rng.uniform(0, np.pi), 1 + rng.exponential(4.0)
        per_pixel = rng.lognormal(7.0, 0.7)
        for step in np.arange(0, length, 0.5):
            column, row = int(x + step * np.cos(angle)), int(y + step * np.sin(angle))
            if 0 <= column < layout.width and 0 <= row < layout.height:
                charge[row, column] = charge.get((row, column), 0.0) + 0.5 * per_pixel
    return Pixels(
        y=np.array([row for row, _ in charge], dtype=np.int32),
        x=np.array([column for _, column in charge], dtype=np.int32),
        electrons=np.array(list(charge.values()), dtype=np.float32),
    )


def satellite(chip: Chip, layout: Layout, offset: float, angle: float) -> Pixels:
    """Draw the track of a satellite that crosses the mosaic in a straight line.

    Parameters
    ----------
    chip : Chip
        The chip.
    layout : Layout
        Format of the mosaic.
    offset : float
        Distance of the track from the optical axis, as a fraction of the half height.
    angle : float
        Angle of the track against the rows [radian].

    Returns
    -------
    Pixels
        The light of the track on this chip, down to 1 % of its crest; empty if it misses the chip.
    """
    width, crest = 1.6, 900.0
    u = chip.place.u + np.arange(layout.width) - (layout.width - 1) / 2
    v = chip.place.v + np.arange(layout.height) - (layout.height - 1) / 2
    distance = v[:, np.newaxis] * np.cos(angle) - u[np.newaxis, :] * np.sin(angle)
    distance -= offset * layout.half_extent[1]
    light = crest * np.exp(-0.5 * (distance / width) ** 2)
    y, x = np.nonzero(light > 0.01 * crest)
    return Pixels(y.astype(np.int32), x.astype(np.int32), light[y, x].astype(np.float32))


def _tangent(ra: float, dec: float) -> Any:
    """Gnomonic projection about (ra, dec) whose "pixels" are degrees from it, 0-based."""
    # Deferred: astropy takes a third of a second to import.
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [1.0, 1.0]
    wcs.wcs.cdelt = [1.0, 1.0]
    wcs.wcs.set()
    return wcs
