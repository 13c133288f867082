"""Reduce a raw science frame in one pass: image, weight and flags.

    image = (raw - overscan - bias - dark * exposure time) / flat - fringe scale * fringe

Weights
-------
``weight`` is the weight map of Astro-WISE, flat x hot x cold x saturated x cosmic x satellite:
the relative inverse variance of a frame limited by the sky. ``inverse_variance`` turns it into
1 / variance [1/ADU^2] of sky and read noise. The noise of the sources themselves never enters:
weights that know the sources bias their fluxes in a coadd.

References
----------
.. [1] Astro-WISE ReducedScienceFrame and WeightFrame.
.. [2] Bertin et al. 2002, ASP Conf. 281, 228 (weight maps in SWarp).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import AnyImage, BadArray, FloatImage, PixelMap, check_image
from awlab.backend.algorithms.combine import DetectorNoise
from awlab.backend.algorithms.overscan import OverscanLevels, measure_overscan, stacked_levels
from awlab.backend.algorithms.regions import ReadoutLayout
from awlab.backend.algorithms.strips import over_strips

if TYPE_CHECKING:
    from awlab.backend.algorithms.reduce_kernel import Steps

__all__ = [
    "Calibrations",
    "PixelFlag",
    "PixelMaps",
    "ReducedImage",
    "inverse_variance",
    "reduce_frame",
]


class PixelFlag(IntFlag):
    """What is wrong with a pixel: the bits of a flag image (uint16)."""

    HOT = 1
    COLD = 2
    SATURATED = 4
    COSMIC = 8
    SATELLITE = 16
    EDGE = 32
    NO_DATA = 64


@dataclass(frozen=True, eq=False, slots=True)
class Calibrations:
    """What is applied to a raw frame; None leaves a step out.

    Attributes
    ----------
    bias : ndarray of float32, shape (ny, nx), optional
        Master bias, made with the same overscan method [ADU].
    flat : ndarray of float32, shape (ny, nx), optional
        Master flat, median 1.
    dark : ndarray of float32, shape (ny, nx), optional
        Master dark [ADU/second].
    exposure_time : float
        Exposure time of the raw frame, for the dark [second].
    fringe : ndarray of float32, shape (ny, nx), optional
        Fringe frame [ADU].
    fringe_scale : float
        Factor of the fringe frame.
    overscan_correction : int
        Overscan method, 0..10.
    least_flat : float
        Pixels with a flat at or below this have no data.
    """

    bias: FloatImage | None = None
    flat: FloatImage | None = None
    dark: FloatImage | None = None
    exposure_time: float = 0.0
    fringe: FloatImage | None = None
    fringe_scale: float = 1.0
    overscan_correction: int = 6
    least_flat: float = 0.01


@dataclass(frozen=True, eq=False, slots=True)
class PixelMaps:
    """Pixel maps of a frame, 1 good and 0 bad; each sets the flag of its name.

    Attributes
    ----------
    hot, cold, saturated, cosmic, satellite : ndarray of uint8, shape (ny, nx), optional
        The maps.
    edge : int
        Width of the edge that is flagged [pixel].
    """

    hot: PixelMap | None = None
    cold: PixelMap | None = None
    saturated: PixelMap | None = None
    cosmic: PixelMap | None = None
    satellite: PixelMap | None = None
    edge: int = 0

    def present(self) -> dict[PixelFlag, PixelMap]:
        """Maps that are there, by their flag.

        Returns
        -------
        dict
            Flag to map.
        """
        maps = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "edge"}
        return {PixelFlag[name.upper()]: one for name, one in maps.items() if one is not None}


@dataclass(frozen=True, eq=False, slots=True)
class ReducedImage:
    """A reduced frame.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Reduced image [ADU]; 0 where there are no data.
    weight : ndarray of float32, shape (ny, nx)
        Relative weight: the flat, and 0 for every flagged pixel.
    flags : ndarray of uint16, shape (ny, nx)
        Bits of `PixelFlag`; 0 is good.
    bad : int
        Number of pixels with weight 0.
    overscan : OverscanLevels
        Zero level that was subtracted [ADU].
    """

    image: FloatImage
    weight: FloatImage
    flags: npt.NDArray[np.uint16]
    bad: int
    overscan: OverscanLevels = field(repr=False)


def reduce_frame(
    raw: AnyImage,
    layout: ReadoutLayout,
    calibrations: Calibrations,
    maps: PixelMaps | None = None,
    *,
    threads: int = 2,
) -> ReducedImage:
    """Reduce a raw science frame.

    Parameters
    ----------
    raw : ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Raw frame [ADU].
    layout : ReadoutLayout
        Where image and overscan lie.
    calibrations : Calibrations
        Bias, dark, flat, fringe and how they are applied.
    maps : PixelMaps, optional
        Hot, cold, saturated, cosmic and satellite pixels.
    threads : int
        Number of threads.

    Returns
    -------
    ReducedImage
        Image [ADU], relative weight, and flags of the image region.

    Raises
    ------
    BadArray
        If calibrations or maps do not fit the image region.
    """
    from awlab.backend.algorithms.reduce_kernel import Outputs, reduce_rows

    levels = measure_overscan(raw, layout, calibrations.overscan_correction)
    steps = _steps(raw, layout, calibrations, maps or PixelMaps(), levels)
    shape = layout.image.shape
    outputs = Outputs(
        np.empty(shape, np.float32), np.empty(shape, np.float32), np.empty(shape, np.uint16)
    )
    bad = over_strips(
        lambda first, last: reduce_rows(steps, outputs, first, last), shape[0], threads
    )
    return ReducedImage(*outputs, bad=int(sum(bad)), overscan=levels)


def _steps(
    raw: AnyImage,
    layout: ReadoutLayout,
    calibrations: Calibrations,
    maps: PixelMaps,
    levels: OverscanLevels,
) -> Steps:
    from awlab.backend.algorithms.reduce_kernel import Steps

    region = layout.image
    rows, columns = stacked_levels([levels], region)
    images = {
        name: _or_empty(getattr(calibrations, name), name, region.shape)
        for name in ("bias", "dark", "flat", "fringe")
    }
    present = maps.present()
    for flag, one in present.items():
        check_image(one, f"{flag.name} map".lower(), shape=region.shape, types=("uint8",))
    if calibrations.dark is not None and not calibrations.exposure_time >= 0:
        raise BadArray(f"exposure time {calibrations.exposure_time} s", "it is not negative")
    return Steps(
        raw=raw,
        origin=(region.y0, region.x0),
        rows=np.ascontiguousarray(rows[0]),
        columns=np.ascontiguousarray(columns[0]),
        exposure_time=np.float32(calibrations.exposure_time),
        least_flat=np.float32(calibrations.least_flat),
        fringe_scale=np.float32(calibrations.fringe_scale),
        maps=np.array([one.ctypes.data for one in present.values()], np.uintp),
        map_like=next(iter(present.values()), np.zeros((0, 0), np.uint8)),
        bits=np.array(list(present), np.uint16),
        no_data=np.uint16(PixelFlag.NO_DATA),
        edge=maps.edge,
        edge_bit=np.uint16(PixelFlag.EDGE),
        **images,
    )


def _or_empty(image: FloatImage | None, name: str, shape: tuple[int, int]) -> FloatImage:
    if image is None:
        return np.zeros((0, 0), np.float32)
    check_image(image, name, shape=shape, types=("float32",))
    return image


def inverse_variance(
    reduced: ReducedImage,
    flat: FloatImage,
    noise: DetectorNoise,
    sky: float,
    *,
    threads: int = 2,
) -> FloatImage:
    """Inverse variance of a reduced frame, from sky and read noise.

    Parameters
    ----------
    reduced : ReducedImage
        The reduced frame.
    flat : ndarray of float32, shape (ny, nx)
        Flat it was divided by [relative response].
    noise : DetectorNoise
        Read noise [ADU] and gain [electron/ADU].
    sky : float
        Sky level of the reduced frame, from `sky_level` [ADU]; negative counts as 0.
    threads : int
        Number of threads.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Inverse variance [1/ADU^2]; 0 for every flagged pixel.

    Raises
    ------
    BadArray
        If the flat does not fit the frame.
    """
    from awlab.backend.algorithms.reduce_kernel import inverse_variance_rows

    check_image(flat, "flat", shape=reduced.image.shape, types=("float32",))
    model = (np.float32(noise.read_noise**2), np.float32(max(sky, 0.0) / noise.gain))
    out = np.empty(reduced.image.shape, np.float32)
    arrays = (reduced.weight, flat)
    over_strips(
        lambda first, last: inverse_variance_rows(arrays, model, out, first, last),
        flat.shape[0],
        threads,
    )
    return out
