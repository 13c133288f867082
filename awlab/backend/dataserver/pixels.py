"""Images that are just numbers on disk, in FITS's byte order <-> arrays.

Pixels are swapped to the machine's byte order in place, and unsigned 16-bit integers
(BZERO = 32768) get their sign bit flipped: no detour through another type, one pass over memory.

References
----------
FITS Standard 4.0, sections 4.4.1, 4.4.2 and 5.
"""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from awlab.backend.dataserver.blocks import BLOCK, Hdu, damaged
from awlab.backend.dataserver.header import Header
from awlab.backend.errors import IngestError

__all__ = ["pixel_type", "read_pixels", "write_pixels"]

_PIECE = 1 << 20  # bytes converted at a time when writing
_RAW_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
# BITPIX and BZERO of integers that FITS holds with the other sign.
_SHIFTED = {"u2": (16, 1 << 15), "u4": (32, 1 << 31), "u8": (64, 1 << 63), "i1": (8, -128)}


def read_pixels(file: BinaryIO, hdu: Hdu, path: Path | str, *, rows: slice | None = None) -> Any:
    """Read an image that is not compressed tile by tile.

    Parameters
    ----------
    file : binary file
        As opened by `open_fits`.
    hdu : Hdu
        Which one.
    path : Path or str
        For messages.
    rows : slice, optional
        Only these rows (first NumPy axis), without step.

    Returns
    -------
    ndarray
        Native byte order, C-contiguous: floats and scaled integers as float32, other integers
        as they are, unsigned where BZERO says so.

    Raises
    ------
    IngestError
        If the data end too early.
    """
    raw_type = np.dtype(_RAW_TYPES[int(str(hdu.header["BITPIX"]))])
    shape = hdu.shape
    first, last, _ = (rows or slice(None)).indices(shape[0])
    shape = (max(last - first, 0), *shape[1:])
    file.seek(hdu.start + first * math.prod(shape[1:]) * raw_type.itemsize)
    size = math.prod(shape) * raw_type.itemsize
    if isinstance(file, io.RawIOBase):
        raw = np.fromfile(file, np.uint8, size)
    else:
        raw = np.frombuffer(bytearray(file.read(size)), np.uint8)
    if raw.size < size:
        raise damaged(path, f"HDU {hdu.number} holds {raw.size} of {size} bytes")
    return _physical(raw.view(raw_type).reshape(shape), hdu.header)


def _physical(raw: NDArray[Any], header: Header) -> NDArray[Any]:
    if sys.byteorder == "little" and raw.dtype.itemsize > 1:
        raw = raw.byteswap(inplace=True).view(raw.dtype.newbyteorder("="))
    scale, zero = _number(header, "BSCALE", 1.0), _number(header, "BZERO", 0.0)
    if scale == 1.0 and raw.dtype.kind != "f":
        for kind, (bits, shift) in _SHIFTED.items():
            if zero == shift and header["BITPIX"] == bits:
                shifted = raw.view(kind)
                shifted ^= shifted.dtype.type(1 << (bits - 1)) if kind != "i1" else np.int8(-128)
                return shifted
    if scale == 1.0 and zero == 0.0:
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite
            return raw.astype(np.float32, copy=False) if raw.dtype.kind == "f" else raw
    physical = (raw * scale + zero).astype(np.float32)
    if raw.dtype.kind != "f" and isinstance(header.get("BLANK"), int):
        physical[raw == header["BLANK"]] = np.nan
    return physical


def _number(header: Header, keyword: str, default: float) -> float:
    value = header.get(keyword)
    return float(value) if isinstance(value, int | float) else default


def pixel_type(data: NDArray[Any]) -> tuple[int, int]:
    """BITPIX and BZERO for an array.

    Raises
    ------
    IngestError
        If FITS has no such type.
    """
    kind = data.dtype.str[1:]
    if kind in _SHIFTED:
        return _SHIFTED[kind]
    for bitpix, raw_type in _RAW_TYPES.items():
        if np.dtype(raw_type).str[1:] == kind:
            return bitpix, 0
    raise IngestError(f"FITS cannot hold pixels of type {data.dtype}", "use float32 or uint16")


def write_pixels(file: BinaryIO, data: NDArray[Any]) -> None:
    """Write an array as FITS data, padded, a piece at a time so that no second copy is held.

    Parameters
    ----------
    file : binary file
        Written where it stands.
    data : ndarray
        Pixels of a type that `pixel_type` knows.
    """
    bitpix, shift = pixel_type(data)
    raw = np.dtype(_RAW_TYPES[bitpix])
    flat = np.ascontiguousarray(data, data.dtype.newbyteorder("=")).reshape(-1)
    # In the byte order of the file the sign bit is in the first byte of each number.
    sign = np.frombuffer(b"\x80" + bytes(raw.itemsize - 1), f"u{raw.itemsize}")
    step = max(_PIECE // flat.itemsize, 1)
    for start in range(0, flat.size, step):
        piece = flat[start : start + step].view(raw.newbyteorder("=")).astype(raw, copy=False)
        if shift:
            piece = piece.view(sign.dtype) ^ sign
        file.write(piece.data)
    file.write(bytes(-flat.nbytes % BLOCK))
