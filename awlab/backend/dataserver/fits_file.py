"""The only reader and writer of FITS files.

Plain images (nearly all raw frames, all products) go through `blocks`, `header` and `pixels`;
what is compressed tile by tile (``.fz``) goes through astropy, which reads FITS here alone.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from awlab.backend.dataserver.atomic import new_file, publish
from awlab.backend.dataserver.blocks import BLOCK, Hdu, damaged, open_fits, walk
from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.dataserver.header import Header
from awlab.backend.dataserver.pixels import pixel_type, read_pixels, write_pixels
from awlab.backend.dataserver.structure import (
    add_structure,
    split_header,
    strip_structure,
)
from awlab.backend.errors import AlreadyStored, AwlabError, IngestError

__all__ = [
    "read_headers",
    "read_image",
    "read_section",
    "write_extension_as_image",
    "write_image",
    "write_mosaic",
]

_PIECE = 1 << 20
Image = NDArray[Any]


def read_headers(path: Path | str) -> list[Header]:
    """Headers of all HDUs of a file; no pixel is read.

    Parameters
    ----------
    path : Path or str
        FITS file, also compressed.

    Returns
    -------
    list of Header
        In the order of the file. Of a compressed image it is the header of the image. What
        broke the standard and was mended is in ``problems`` of each.

    Raises
    ------
    FileMissing, AccessDenied, StorageFailed
        If the file cannot be read.
    IngestError
        If it is not FITS, or damaged.
    """
    with open_fits(path) as file:
        hdus = list(walk(file, path))
    if not any(hdu.packed for hdu in hdus):
        return [hdu.header for hdu in hdus]
    with _astropy(path) as opened:
        return [_image_header(opened, hdu) for hdu in hdus]


def read_image(path: Path | str, hdu: int | str | None = None) -> tuple[Image, Header]:
    """Read one image and its header.

    Parameters
    ----------
    path : Path or str
        FITS file, also compressed (``.fz``, ``.gz``, ``.bz2``).
    hdu : int or str, optional
        Number or EXTNAME; the first that holds an image by default.

    Returns
    -------
    tuple of (ndarray, Header)
        Pixels [as the header says], shape (rows, columns), native byte order, C-contiguous:
        float32 for floats and for integers with BSCALE (BLANK becomes NaN); other integers stay
        what they are, uint16 where BZERO is 32768. The header is as in the file.

    Raises
    ------
    FileMissing, AccessDenied, StorageFailed
        If the file cannot be read.
    IngestError
        If it is not FITS, damaged, or has no such image.
    """
    with open_fits(path) as file:
        found = _walk_to(file, path, hdu)[-1]
        if not found.packed:
            return read_pixels(file, found, path), found.header
    with _astropy(path) as opened:
        return _plain(opened[found.number].data), _image_header(opened, found)


def read_section(
    path: Path | str, rows: slice, columns: slice, hdu: int | str | None = None
) -> Image:
    """Read a part of a two-dimensional image, without the rest of it.

    Parameters
    ----------
    path : Path or str
        FITS file.
    rows, columns : slice
        NumPy's order and counting: from 0, end excluded, no step.
    hdu : int or str, optional
        Number or EXTNAME; the first that holds an image by default.

    Returns
    -------
    ndarray
        As `read_image`.

    Raises
    ------
    FileMissing, AccessDenied, StorageFailed
        If the file cannot be read.
    IngestError
        If it is not FITS, damaged, or has no such image, or the image has not two dimensions.
    """
    with open_fits(path) as file:
        found = _walk_to(file, path, hdu)[-1]
        if not found.packed:
            if len(found.shape) != 2:
                raise IngestError(
                    f"{path}: HDU {found.number} has {len(found.shape)} dimensions", "use 2"
                )
            return np.ascontiguousarray(read_pixels(file, found, path, rows=rows)[:, columns])
    with _astropy(path) as opened:
        return _plain(opened[found.number].section[rows, columns])


def write_image(
    path: Path | str,
    data: Image,
    header: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
    checksum: bool = False,
) -> None:
    """Write one image as a FITS file, whole or not at all.

    Parameters
    ----------
    path : Path or str
        File to make.
    data : ndarray
        Pixels: float32, uint8, uint16, or any other type of FITS; logical becomes uint8.
    header : mapping, optional
        Values, or tuples (value, comment); keys that are no standard keywords become
        ``HIERARCH`` cards. Cards that say how data lie in a file are replaced by right ones.
    overwrite : bool
        Replace a file that is there.
    checksum : bool
        Add FITS's own CHECKSUM and DATASUM. Their comments hold the time, so that the same
        image does not give the same file twice: not for what is named by its content.

    Raises
    ------
    AlreadyStored
        If there is a file and `overwrite` is not set.
    IngestError
        If the data or a keyword do not fit into FITS.
    AccessDenied, StorageFailed
        If the folder or the disk refuses; nothing is left behind.
    """
    pixels = np.asarray(data, order="C")
    text = _describe(header or {}, pixels, extension=False).to_text()
    with _whole(Path(path), overwrite=overwrite) as file:
        if checksum:
            _write_with_checksum(file, text, pixels)
        else:
            file.write(text.encode("ascii"))
            write_pixels(file, _numbers(pixels))


def write_mosaic(
    path: Path | str,
    primary_header: Mapping[str, Any],
    extensions: Sequence[tuple[Mapping[str, Any], Image]],
    *,
    overwrite: bool = False,
) -> None:
    """Write a multi-extension file, as cameras of many chips deliver them, whole or not at all.

    Parameters
    ----------
    path : Path or str
        File to make.
    primary_header : mapping
        Header of the primary HDU, which holds no data.
    extensions : sequence of tuple
        Header and pixels of each extension.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    AlreadyStored, IngestError, AccessDenied, StorageFailed
        As `write_image`.
    """
    primary = Header({"EXTEND": True})
    for card in strip_structure(Header(primary_header)).cards():
        primary.append(card)
    with _whole(Path(path), overwrite=overwrite) as file:
        file.write(add_structure(primary, 8, ()).to_text().encode("ascii"))
        for header, data in extensions:
            pixels = np.asarray(data, order="C")
            file.write(_describe(header, pixels, extension=True).to_text().encode("ascii"))
            write_pixels(file, _numbers(pixels))


def write_extension_as_image(
    source: Path | str, hdu: int | str, target: Path | str, *, overwrite: bool = False
) -> Header:
    """Split one extension off a mosaic, as a single-image file with all it was told.

    Pixels are not touched: plain data are copied byte by byte, with their BZERO and BSCALE;
    compressed ones are unpacked into the integers they were packed from.

    Parameters
    ----------
    source : Path or str
        The mosaic.
    hdu : int or str
        Number or EXTNAME of the extension.
    target : Path or str
        File to make.
    overwrite : bool
        Replace a file that is there.

    Returns
    -------
    Header
        Header of the new file: see `merge_headers`.

    Raises
    ------
    FileMissing, AlreadyStored, AccessDenied, StorageFailed
        If a file cannot be read or written.
    IngestError
        If the source is not FITS, damaged, or has no such image.
    """
    with open_fits(source) as file:
        passed = _walk_to(file, source, hdu)
        primary, found = passed[0].header, passed[-1]
        if not found.packed:
            with _whole(Path(target), overwrite=overwrite) as copy:
                full = split_header(primary, found.header, found.number, found.shape)
                copy.write(full.to_text().encode("ascii"))
                _copy_bytes(file, copy, found, source)
            return full
    with _astropy(source, do_not_scale_image_data=True) as opened:
        header = _image_header(opened, found)
        raw = np.asarray(opened[found.number].data)
        full = split_header(primary, header, found.number, raw.shape)
        with _whole(Path(target), overwrite=overwrite) as copy:
            copy.write(full.to_text().encode("ascii"))
            write_pixels(copy, raw.astype(raw.dtype.newbyteorder("="), copy=False))
    return full


def _copy_bytes(file: BinaryIO, copy: BinaryIO, hdu: Hdu, source: Path | str) -> None:
    file.seek(hdu.start)
    left = hdu.size
    while left:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise damaged(source, f"HDU {hdu.number} lacks {left} of {hdu.size} bytes")
        copy.write(piece)
        left -= len(piece)
    copy.write(bytes(-hdu.size % BLOCK))


def _walk_to(file: BinaryIO, path: Path | str, hdu: int | str | None) -> list[Hdu]:
    """All HDUs up to the image that is wanted, which is the last of them."""
    passed: list[Hdu] = []
    wanted = hdu.strip().upper() if isinstance(hdu, str) else hdu
    for found in walk(file, path):
        passed.append(found)
        name = str(found.header.get("EXTNAME", "")).strip().upper()
        if found.is_image if hdu is None else wanted in (found.number, name):
            if found.is_image:
                return passed
            break
    where = "" if hdu is None else f" in HDU {hdu!r}"
    images = ", ".join(str(one.number) for one in passed if one.is_image) or "none"
    raise IngestError(f"{path} holds no image{where}", f"images found on the way: {images}")


def _describe(header: Mapping[str, Any], pixels: Image, *, extension: bool) -> Header:
    bitpix, zero = pixel_type(_numbers(pixels))
    if pixels.ndim == 0:
        raise IngestError("a single number is not an image", "give an array of rows and columns")
    own = strip_structure(header if isinstance(header, Header) else Header(header))
    if bitpix < 0 and "BLANK" in own:  # only integers have it; floats have NaN
        del own["BLANK"]
    scale = Header({"BSCALE": 1, "BZERO": zero} if zero else {})
    for card in own.cards():
        scale.append(card)
    return add_structure(scale, bitpix, pixels.shape, extension=extension)


def _numbers(pixels: Image) -> Image:
    return pixels.view(np.uint8) if pixels.dtype == np.bool_ else pixels


@contextmanager
def _whole(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    with storage_errors(f"{path} cannot be written"):
        try:
            with new_file(path.parent) as (file, temporary):
                yield file
                file.flush()
                if overwrite:
                    os.replace(temporary, path)
                else:
                    publish(temporary, path)
        except FileExistsError as exc:
            raise AlreadyStored(f"{path} exists", "choose another name, or overwrite=True") from exc


def _write_with_checksum(file: BinaryIO, text: str, pixels: Image) -> None:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(_numbers(pixels), fits.Header.fromstring(text), uint=True)
    hdu.writeto(file, checksum=True)


@contextmanager
def _astropy(path: Path | str, **options: Any) -> Iterator[Any]:
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is broken is in Header.problems
            with fits.open(path, memmap=False, **options) as opened:
                yield opened
    except (OSError, ValueError, TypeError, RuntimeError, IndexError, KeyError) as exc:
        if isinstance(exc, AwlabError):
            raise
        raise damaged(path, f"it cannot be unpacked, {exc}") from exc


def _image_header(opened: Any, hdu: Hdu) -> Header:
    if not hdu.packed:
        return hdu.header
    header = opened[hdu.number].header
    return Header.parse(header.tostring(sep="", endcard=False, padding=False))


def _plain(data: Any) -> Image:
    kind = np.dtype(np.float32) if data.dtype.kind == "f" else data.dtype.newbyteorder("=")
    return np.ascontiguousarray(data, dtype=kind)
