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

from awlab.backend.errors import AlreadyStored

__all__ = ["write_mosaic"]


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
        Cards of the primary HDU, in order; a value may be a tuple (value, comment). Keys longer
        than eight characters become ``HIERARCH`` cards.
    extensions : sequence of tuple
        Header and image, shape (rows, columns) [ADU], of each extension.

    Raises
    ------
    AlreadyStored
        If `path` exists.
    """
    from astropy.io import fits  # noqa: TID251  # the second of the two FITS writers

    if path.exists():
        raise AlreadyStored(f"{path} exists", "raw files are written once; choose another name")
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header(_cards(fits, primary_header)))])
    for header, image in extensions:
        # BZERO is set by hand and the data shifted in integers: astropy's own way goes through
        # a second copy, and ImageHDU(uint16) would drop the cards it does not expect.
        hdu = fits.ImageHDU(data=(image ^ np.uint16(0x8000)).view(np.int16))
        hdu.header.extend(_cards(fits, header), end=True)
        hdu.header["BSCALE"] = 1.0
        hdu.header["BZERO"] = 32768.0
        hdus.append(hdu)
    # Not verified here: that would parse every card again and double the time; the tests do it.
    partial = path.with_name(f".{path.name}.part")
    try:
        hdus.writeto(partial, output_verify="ignore", overwrite=True)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _cards(fits: Any, header: Mapping[str, Any]) -> list[Any]:
    cards = []
    for key, entry in header.items():
        value, comment = entry if isinstance(entry, tuple) else (entry, "")
        cards.append(fits.Card(key if len(key) <= 8 else f"HIERARCH {key}", value, comment))
    return cards
