"""The simulated chips: everything that belongs to the silicon and its readout.

All numbers of a chip come from one seed, so that a chip is the same in every exposure of a night.
Bias and hot pixels are in ADU, because that is how they are measured; light is in electrons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awlab.backend.ingest.nights.layout import ChipPlace, Layout

__all__ = ["DARK_CURRENT", "Chip", "make_chip", "read_out"]

DARK_CURRENT = 0.002
"""Dark current of a good pixel [electron/s]."""

_SATURATION = 65535
_HOT_FRACTION = 6e-4
_COLD_FRACTION = 6e-4
_CHIP_STREAM = 1


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """One simulated chip.

    Attributes
    ----------
    place : ChipPlace
        Where it lies in the mosaic.
    gain : float
        Electrons per ADU [electron/ADU].
    read_noise : float
        Read noise [electron].
    quantum : float
        Sensitivity against the mean of the mosaic.
    rotation : float
        Rotation against the nominal place, counter-clockwise [radian].
    shift : tuple of float
        True minus nominal place in x and y [pixel].
    bias : ndarray, shape (raw rows, raw columns)
        Level of a zero-second exposure without noise and drift, hot pixels included [ADU].
    hot, cold : ndarray of bool, shape (height, width)
        Pixels with extra charge; pixels that have lost part of their sensitivity.
    pixel_response : ndarray, shape (height, width)
        Pixel-to-pixel sensitivity common to all filters, cold pixels included.
    """

    place: ChipPlace
    gain: float
    read_noise: float
    quantum: float
    rotation: float
    shift: tuple[float, float]
    bias: NDArray[np.float32]
    hot: NDArray[np.bool_]
    cold: NDArray[np.bool_]
    pixel_response: NDArray[np.float32]


def make_chip(place: ChipPlace, layout: Layout, seed: int) -> Chip:
    """Make one chip of the night.

    Parameters
    ----------
    place : ChipPlace
        Which chip.
    layout : Layout
        Format of the mosaic.
    seed : int
        Seed of the night.

    Returns
    -------
    Chip
        The same for the same arguments.
    """
    rng = np.random.default_rng([seed, _CHIP_STREAM, place.index])
    hot_charge = _hot_pixels(layout, rng)
    # A pixel is either hot or cold: a pixel that is both could not be told from a good one.
    cold_factor = np.where(hot_charge > 0, np.float32(1), _cold_pixels(layout, rng))
    bias = _bias_structure(layout, rng)
    bias[layout.imaging] += hot_charge
    response = 1 + 0.006 * rng.standard_normal(hot_charge.shape, dtype=np.float32)
    return Chip(
        place=place,
        gain=float(rng.uniform(1.8, 2.3)),
        read_noise=float(rng.uniform(4.3, 5.6)),
        quantum=float(rng.uniform(0.95, 1.05)),
        rotation=float(np.radians(rng.uniform(-0.1, 0.1))),
        shift=(float(rng.uniform(-1.5, 1.5)), float(rng.uniform(-1.5, 1.5))),
        bias=bias,
        hot=hot_charge > 0,
        cold=cold_factor < 1,
        pixel_response=response * cold_factor,
    )


def read_out(
    chip: Chip,
    layout: Layout,
    electrons: NDArray[np.float32],
    drift: float,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Turn the charge in the pixels into the numbers in the file.

    Photon noise and read noise are drawn together as one normal deviate of their summed variance:
    at 5 electrons of read noise the steps of the Poisson distribution are no longer visible.

    Parameters
    ----------
    chip : Chip
        The chip.
    layout : Layout
        Format of the mosaic.
    electrons : ndarray, shape (height, width)
        Expected charge in the imaging area [electron].
    drift : float
        Bias level of this exposure minus the chip's usual one [ADU].
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of uint16, shape (raw rows, raw columns)
        Raw image with prescan and overscan [ADU].
    """
    noise = rng.standard_normal(layout.raw_shape, dtype=np.float32)
    variance = np.full(layout.raw_shape, chip.read_noise**2, dtype=np.float32)
    variance[layout.imaging] += electrons
    noise *= np.sqrt(variance, out=variance)
    noise[layout.imaging] += electrons
    noise /= np.float32(chip.gain)
    noise += chip.bias
    noise += np.float32(drift)
    np.rint(noise, out=noise)
    return np.clip(noise, 0, _SATURATION, out=noise).astype(np.uint16)


def _bias_structure(layout: Layout, rng: np.random.Generator) -> NDArray[np.float32]:
    """Level, a slow wave along the rows seen by the overscan too, and columns it does not see."""
    rows, columns = layout.raw_shape
    y = np.arange(rows, dtype=np.float32) / rows
    x = np.arange(layout.width, dtype=np.float32)
    wave = rng.uniform(0.8, 1.6) * np.sin(2 * np.pi * (rng.uniform(0.5, 1.5) * y + rng.random()))
    bias = np.repeat(wave.astype(np.float32)[:, np.newaxis], columns, axis=1)
    bias += np.float32(rng.uniform(180, 320))
    onset = rng.uniform(4, 9) * np.exp(-x / (0.06 * layout.width))
    bias[:, layout.imaging[1]] += (onset + 0.6 * rng.standard_normal(layout.width)).astype(
        np.float32
    )
    return bias


def _hot_pixels(layout: Layout, rng: np.random.Generator) -> NDArray[np.float32]:
    shape = layout.height, layout.width
    charge = np.zeros(shape, dtype=np.float32)
    count = max(8, round(_HOT_FRACTION * charge.size))
    where = rng.choice(charge.size, size=count, replace=False)
    charge.flat[where] = 10 ** rng.uniform(1.7, 3.5, size=count)
    # A bad column: a trap leaks into everything that is shifted through it.
    column, start = rng.integers(8, shape[1] - 8), rng.integers(shape[0] // 4, shape[0] * 3 // 4)
    charge[start:, column] = rng.uniform(60, 400)
    return charge


def _cold_pixels(layout: Layout, rng: np.random.Generator) -> NDArray[np.float32]:
    shape = layout.height, layout.width
    factor = np.ones(shape, dtype=np.float32)
    count = max(8, round(_COLD_FRACTION * factor.size))
    where = rng.choice(factor.size, size=count, replace=False)
    factor.flat[where] = rng.uniform(0.0, 0.7, size=count)
    column, stop = rng.integers(8, shape[1] - 8), rng.integers(shape[0] // 4, shape[0] * 3 // 4)
    factor[:stop, column] = rng.uniform(0.1, 0.6)
    return factor
