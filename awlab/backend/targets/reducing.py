"""Reduce raw frames: the one way in which targets take off what the detector added."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import Calibrations, reduce_frame
from awlab.backend.targets.pixels import all_of_shape, layout_of, raw_pixels

__all__ = ["dithered", "evenly", "reduced_pixels"]


def reduced_pixels(raw: Any, target: Any, flat: Any) -> NDArray[np.float32]:
    """Return a raw frame without overscan, bias and dark current, divided by a flat.

    Parameters
    ----------
    raw : RawScienceFrame
        Raw frame.
    target : ProcessTarget
        What is being made: its ``bias``, its ``dark`` or None, its overscan method.
    flat : DataObject
        Flat to divide by.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        Reduced image [ADU]; 0 where there are no data.
    """
    layout = layout_of(raw)
    bias, response, dark = all_of_shape((target.bias, flat, target.dark), layout.image.shape)
    return reduce_frame(
        raw_pixels([raw])[0],
        layout,
        Calibrations(
            bias=bias,
            flat=response,
            dark=dark,
            exposure_time=raw.EXPTIME or 0.0,
            overscan_correction=target.process_params.OVERSCAN_CORRECTION,
        ),
    ).image


def dithered(raws: Any, least: float) -> list[Any]:
    """Return the raw frames of a chip that point to places of their own.

    What is on the sky in the same place in all frames would be taken for a part of the chip.

    Parameters
    ----------
    raws : sequence of RawScienceFrame
        Raw frames, in order of time.
    least : float
        Least distance between two of them, on either axis [pixel].

    Returns
    -------
    list of RawScienceFrame
        The first at every place; all where the headers do not say where they point, or how large
        a pixel is.
    """
    kept: list[Any] = []
    places: list[tuple[float, float]] = []
    for raw in raws:
        place = _place(raw.astrom, raws[0].astrom)
        if place is None:
            return list(raws)
        if all(max(abs(place[0] - x), abs(place[1] - y)) >= least for x, y in places):
            kept.append(raw)
            places.append(place)
    return kept


def _place(astrom: Any, first: Any) -> tuple[float, float] | None:
    """Return on which pixel of a frame the sky is that lies on the reference pixel of the first."""
    needed = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
    if any(getattr(one, name) is None for one in (astrom, first) for name in needed):
        return None
    matrix = np.array([[astrom.CD1_1, astrom.CD1_2], [astrom.CD2_1, astrom.CD2_2]])
    if not np.linalg.det(matrix):
        return None
    # Right ascension begins again at 360 degrees; a plane is good enough for a dither.
    east = (first.CRVAL1 - astrom.CRVAL1 + 180.0) % 360.0 - 180.0
    north = first.CRVAL2 - astrom.CRVAL2
    step = np.linalg.solve(matrix, [east * np.cos(np.radians(first.CRVAL2)), north])
    return float(astrom.CRPIX1 + step[0]), float(astrom.CRPIX2 + step[1])


def evenly(items: Any, most: int) -> list[Any]:
    """Return at most ``most`` of some items, spread evenly over them.

    Parameters
    ----------
    items : sequence
        Items in order.
    most : int
        Largest number.
    """
    if len(items) <= most:
        return list(items)
    return [items[n] for n in np.linspace(0, len(items) - 1, most).round().astype(int)]
