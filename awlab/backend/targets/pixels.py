"""Between objects and arrays: read the pixels of inputs, keep the pixels of results.

Defaults (boot-strap calibrations) are images of one pixel, which stand for an image of that value
everywhere: they need no disk and fit every chip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    ReadoutLayout,
    Region,
    content_hash,
    image_statistics,
    merge_pixel_maps,
)
from awlab.backend.datamodel import Imstat
from awlab.backend.dataserver import read_image, read_images, write_image, write_mosaic

__all__ = [
    "DIGITISATION_NOISE",
    "all_of_shape",
    "full_scale",
    "good_pixels",
    "keep_pixels",
    "keep_planes",
    "layout_of",
    "raw_pixels",
    "same_shape",
    "spread",
    "statistics_of",
]

#: Noise of a converter that gives whole numbers: that of a step with equal chances [ADU].
DIGITISATION_NOISE = 12.0**-0.5


def raw_pixels(frames: Any) -> list[NDArray[Any]]:
    """Read the pixels of raw frames.

    Parameters
    ----------
    frames : sequence of RawFrame
        Raw frames of one chip.

    Returns
    -------
    list of ndarray of uint16 or float32, shape (NAXIS2, NAXIS1)
        Pixels [ADU].
    """
    return [_fitting(read_image(frame.retrieve())[0]) for frame in frames]


def _fitting(pixels: NDArray[Any]) -> NDArray[Any]:
    """Raw integers are uint16 for the kernels; anything else is float32."""
    if pixels.dtype == np.uint16:
        return np.ascontiguousarray(pixels)
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16)
    return np.ascontiguousarray(pixels, dtype=np.float32)


def full_scale(raw: Any) -> float:
    """Return the largest number the converter of a raw frame can give [ADU].

    Parameters
    ----------
    raw : RawFrame
        Its BITPIX tells; frames of 8 bits were squeezed to them.
    """
    return 255.0 if raw.BITPIX == 8 else 65535.0


def layout_of(raw: Any) -> ReadoutLayout:
    """Return where image, prescan and overscan of a raw frame lie.

    Parameters
    ----------
    raw : RawFrame
        Its twelve ``PRSC*`` and ``OVSC*`` numbers count, per strip, the width of the whole strip,
        and the pixels to skip at the edge of the chip and at the data [pixel].
    """
    width, height = raw.NAXIS1, raw.NAXIS2
    x0, x1 = raw.PRSCX or 0, width - (raw.OVSCX or 0)
    y0, y1 = raw.PRSCY or 0, height - (raw.OVSCY or 0)
    return ReadoutLayout(
        image=Region(x0, x1, y0, y1),
        prescan_x=_region(raw.PRSCXPRE, x0 - (raw.PRSCXPST or 0), y0, y1),
        overscan_x=_region(x1 + (raw.OVSCXPST or 0), width - (raw.OVSCXPRE or 0), y0, y1),
        prescan_y=_region(x0, x1, raw.PRSCYPRE, y0 - (raw.PRSCYPST or 0)),
        overscan_y=_region(x0, x1, y1 + (raw.OVSCYPST or 0), height - (raw.OVSCYPRE or 0)),
    )


def _region(x0: int | None, x1: int, y0: int | None, y1: int) -> Region | None:
    first, low = x0 or 0, y0 or 0
    return Region(first, x1, low, y1) if first < x1 and low < y1 else None


def statistics_of(pixels: NDArray[Any]) -> Imstat:
    """Return the statistics of an image as they are kept.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        Image [ADU].
    """
    found = image_statistics(pixels)
    return Imstat(
        min=found.min,
        max=found.max,
        mean=found.mean,
        median=found.median,
        stdev=found.stdev,
        npix=found.npix,
    )


def keep_pixels(target: Any, pixels: NDArray[Any], header: dict[str, Any] | None = None) -> None:
    """Write the pixels of a result to its file, and fill in size, statistics and content hash.

    Parameters
    ----------
    target : ProcessTarget with a file
        Object being made.
    pixels : ndarray of float32 or uint8, shape (ny, nx)
        Image.
    header : dict, optional
        FITS keywords beside those that every product has.
    """
    target.pathname = target.new_pathname()
    write_image(target.pathname, pixels, _header(target) | (header or {}))
    target.content_hash = content_hash(pixels)
    if "imstat" in type(target)._attributes:
        target.NAXIS2, target.NAXIS1 = pixels.shape
        target.imstat = statistics_of(pixels)


def keep_planes(target: Any, planes: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    """Write an image with what belongs to it, and fill in size, statistics and content hash.

    Parameters
    ----------
    target : ProcessTarget with a file
        Object being made.
    planes : dict of ndarray, shape (ny, nx)
        Extensions by name, the image first.
    header : dict
        FITS keywords of each extension: coordinates, zeropoint.
    """
    target.pathname = target.new_pathname()
    extensions = [({"EXTNAME": name} | header, pixels) for name, pixels in planes.items()]
    write_mosaic(target.pathname, _header(target) | header, extensions)
    image, weight = planes["IMAGE"], planes["WEIGHT"]
    target.content_hash = content_hash(image)
    target.NAXIS2, target.NAXIS1 = image.shape
    # Where nothing was observed there is no pixel to count.
    good = image[weight > 0]
    target.imstat = statistics_of(good[None, :] if good.size else image)


def _header(target: Any) -> dict[str, Any]:
    """FITS keywords that tell what a product is, for those who meet the file alone."""
    header: dict[str, Any] = {"AWCLASS": type(target).__name__, "AWOBJID": target.object_id}
    names = {"instrument": "INSTRUME", "chip": "CHIP", "filter": "FILTER"}
    for name, keyword in names.items():
        linked = getattr(target, name, None) if name in type(target)._attributes else None
        if linked is not None:
            header[keyword] = linked.name
    for name in ("OBJECT", "DATE_OBS", "EXPTIME", "night"):
        value = getattr(target, name, None) if name in type(target)._attributes else None
        if value is not None:
            header[name.upper().replace("_", "-")] = (
                value.isoformat() if hasattr(value, "isoformat") else value
            )
    return header


def same_shape(frame: Any, shape: tuple[int, int]) -> NDArray[Any]:
    """Read the pixels of a calibration for an image of ``shape``; one pixel stands for all.

    Parameters
    ----------
    frame : DataObject
        Calibration image or map.
    shape : tuple of int
        Shape (ny, nx) of the image that it is for [pixel].

    Returns
    -------
    ndarray, shape (ny, nx)
        Float32, or uint8 for maps.
    """
    return spread(read_image(frame.retrieve())[0], shape)


def all_of_shape(frames: Any, shape: tuple[int, int]) -> list[NDArray[Any] | None]:
    """Read the pixels of several calibrations at once, as `same_shape` reads one.

    Parameters
    ----------
    frames : sequence of DataObject or None
        Calibration images or maps.
    shape : tuple of int
        Shape (ny, nx) of the image that they are for [pixel].

    Returns
    -------
    list of ndarray or None
        In their order; None for None.
    """
    there = [frame for frame in frames if frame is not None]
    found = iter(read_images([frame.retrieve() for frame in there]))
    return [None if frame is None else spread(next(found), shape) for frame in frames]


def spread(pixels: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return an image of ``shape``; one pixel stands for all."""
    if pixels.shape == (1, 1) and shape != (1, 1):
        return np.full(shape, pixels[0, 0], dtype=pixels.dtype)
    return pixels


def good_pixels(maps: Any, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Read pixel maps and merge them.

    Parameters
    ----------
    maps : iterable of PixelMap or None
        Maps; None is passed over.
    shape : tuple of int
        Shape (ny, nx) of the image that they are for [pixel].

    Returns
    -------
    ndarray of uint8, shape (ny, nx)
        1 where all maps are good, 0 elsewhere.
    """
    merged = merge_pixel_maps(*all_of_shape([item for item in maps if item is not None], shape))
    return np.ones(shape, np.uint8) if merged is None else merged
