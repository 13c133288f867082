"""The simulated light path: vignetting, unlike illumination of dome, twilight and stars, fringes.

Three patterns must be kept apart, because calibration lives on their difference:

- stars see ``response`` alone: vignetting x sensitivity;
- the twilight and night sky see ``response x illumination``: stray light adds a smooth hump, so a
  sky flat makes the sky flat and the stars wrong by that hump;
- the dome screen sees ``response x dome``: the lamp is not even, only its small scales can be used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awlab.backend.ingest.nights.detector import Chip
from awlab.backend.ingest.nights.layout import Layout

__all__ = ["BANDS", "Band", "ChipLight", "make_light"]

_LIGHT_STREAM = 2


@dataclass(frozen=True, slots=True)
class Band:
    """One filter of the simulated camera.

    Attributes
    ----------
    name : str
        Name in Astro-WISE: ``#842`` or ``#844``.
    eso_name : str
        Name in the ESO header.
    letter : str
        Standard band.
    zeropoint : float
        Magnitude that gives one electron per second above the atmosphere [mag].
    extinction : float
        Atmospheric extinction [mag/airmass].
    sky : float
        Brightness of the night sky [mag/arcsec2].
    fringes : float
        Amplitude of the fringes, as a fraction of the sky.
    """

    name: str
    eso_name: str
    letter: str
    zeropoint: float
    extinction: float
    sky: float
    fringes: float


BANDS = {
    "#842": Band("#842", "BB#B/99_ESO842", "B", 24.8, 0.24, 21.6, 0.0),
    "#844": Band("#844", "BB#Rc/162_ESO844", "R", 24.5, 0.09, 20.0, 0.02),
}


@dataclass(frozen=True, slots=True, eq=False)
class ChipLight:
    """What one chip makes of light in one band; arrays of shape (height, width).

    Attributes
    ----------
    response : ndarray
        Electrons per electron of an even star field.
    illumination : ndarray
        Extra factor for the twilight and night sky.
    dome : ndarray
        Extra factor for the dome screen.
    fringe : ndarray
        Fringe pattern, as a fraction of the night sky; 0 on average.
    """

    response: NDArray[np.float32]
    illumination: NDArray[np.float32]
    dome: NDArray[np.float32]
    fringe: NDArray[np.float32]


def make_light(chip: Chip, layout: Layout, band: Band, seed: int) -> ChipLight:
    """Make the light path to one chip in one band.

    Parameters
    ----------
    chip : Chip
        The chip.
    layout : Layout
        Format of the mosaic.
    band : Band
        The filter.
    seed : int
        Seed of the night.

    Returns
    -------
    ChipLight
        The same for the same arguments.
    """
    mosaic = np.random.default_rng([seed, _LIGHT_STREAM, int(band.name[1:])])
    own = np.random.default_rng([seed, _LIGHT_STREAM, int(band.name[1:]), chip.place.index])
    x, y = _plane(chip, layout)
    radius2 = x * x + y * y
    vignetting = 1 - 0.04 * radius2 - 0.10 * radius2 * radius2
    detail = 1 + np.float32(0.004) * own.standard_normal(radius2.shape, dtype=np.float32)
    hump, lamp_x, lamp_y = mosaic.uniform((0.03, -0.05, -0.05), (0.05, 0.05, 0.05))
    lamp = 1 + lamp_x * x + lamp_y * y - 0.03 * radius2
    fringe = np.zeros_like(radius2)
    if band.fringes:
        fringe = _fringes(layout, own) * np.float32(band.fringes)
    return ChipLight(
        response=np.asarray(
            chip.quantum * vignetting * chip.pixel_response * detail, dtype=np.float32
        ),
        illumination=(1 + hump * (np.exp(-3 * radius2) - 0.4)).astype(np.float32),
        dome=lamp.astype(np.float32),
        fringe=fringe,
    )


def _plane(chip: Chip, layout: Layout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Focal-plane coordinates of the pixels of a chip; 1 at the corners of the mosaic."""
    u = chip.place.u + np.arange(layout.width) - (layout.width - 1) / 2
    v = chip.place.v + np.arange(layout.height) - (layout.height - 1) / 2
    x, y = np.meshgrid(
        (u / layout.corner_radius).astype(np.float32), (v / layout.corner_radius).astype(np.float32)
    )
    return x, y


def _fringes(layout: Layout, rng: np.random.Generator) -> NDArray[np.float32]:
    """Interference in a chip of slowly varying thickness: a sine of a smooth surface."""
    y, x = np.meshgrid(
        np.linspace(-1, 1, layout.height, dtype=np.float32),
        np.linspace(-1, 1, layout.width, dtype=np.float32),
        indexing="ij",
    )
    slopes, bends = rng.uniform(-4, 4, size=2), rng.uniform(1.5, 4, size=3)
    phase = slopes[0] * x + slopes[1] * y + bends[0] * x * x + bends[1] * y * y
    phase += 0.4 * np.sin(bends[2] * (x + 1.3 * y))
    fringe = np.sin(np.float32(2 * np.pi) * phase).astype(np.float32)
    return np.asarray(fringe - fringe.mean(dtype=np.float64), dtype=np.float32)
