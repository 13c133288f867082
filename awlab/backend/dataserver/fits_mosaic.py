"""Writes multi-extension raw frames: an empty primary HDU and one unsigned 16-bit image per chip.

Products are single images and go through ``fits_file``; this is for simulated raw data, which must
look as a telescope delivers it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.dataserver.header import Header
from awlab.backend.errors import AlreadyStored

__all__ = ["write_mosaic"]

_BLOCK = 2880


def write_mosaic(
    path: Path,
    primary_header: Mapping[str, Any],
    extensions: Sequence[tuple[Mapping[str, Any], NDArray[np.uint16]]],
) -> None:
    """Write a multi-extension FITS file, whole or not at all.

    Parameters
    ----------
    path : Path
        File to make.
    primary_header : mapping
        Cards of the primary HDU, in order, without those that describe its (empty) data; a value
        may be a tuple (value, comment). Keys longer than eight characters become ``HIERARCH``
        cards.
    extensions : sequence of tuple
        Header, likewise, and image, shape (rows, columns) [ADU], of each extension.

    Raises
    ------
    AlreadyStored
        If `path` exists.
    """
    if path.exists():
        raise AlreadyStored(f"{path} exists", "raw files are written once; choose another name")
    empty = {"SIMPLE": True, "BITPIX": 8, "NAXIS": 0, "EXTEND": True}
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as stream:
            stream.write(Header({**empty, **primary_header}).to_text().encode("ascii"))
            for header, image in extensions:
                stream.write(Header(_extension_cards(header, image)).to_text().encode("ascii"))
                # Signed big-endian with an offset of 32768 is the same bits, but for the first.
                pixels = (image ^ np.uint16(0x8000)).astype(">u2").tobytes()
                stream.write(pixels)
                stream.write(bytes(-len(pixels) % _BLOCK))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _extension_cards(header: Mapping[str, Any], image: NDArray[np.uint16]) -> dict[str, Any]:
    rows, columns = image.shape
    layout = {
        "XTENSION": ("IMAGE", "Image extension"),
        "BITPIX": 16,
        "NAXIS": 2,
        "NAXIS1": columns,
        "NAXIS2": rows,
        "PCOUNT": 0,
        "GCOUNT": 1,
        "BSCALE": 1.0,
        "BZERO": (32768.0, "Unsigned 16-bit integers"),
    }
    return {**layout, **header}
