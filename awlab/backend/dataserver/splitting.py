"""A mosaic taken apart in one pass: every image becomes a file, hashed while it is written.

`write_extension_as_image` does one extension; asked for all 32 of a camera it would read the
headers before each of them again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from awlab.backend.dataserver.blocks import BLOCK, Hdu, damaged, open_fits, walk
from awlab.backend.dataserver.checksum import FileSum, hash_file
from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.dataserver.fits_file import read_image, write_extension_as_image
from awlab.backend.dataserver.header import Header
from awlab.backend.dataserver.pixels import read_pixels
from awlab.backend.dataserver.structure import split_header

__all__ = ["SplitImage", "split_mosaic"]


class SplitImage(NamedTuple):
    """One image of a mosaic as a file of its own.

    Attributes
    ----------
    number : int
        HDU it was in the mosaic.
    path : Path
        The new file.
    checksum : FileSum
        SHA-256 and size of the new file.
    pixels : ndarray
        Its pixels, as `read_image` gives them.
    """

    number: int
    path: Path
    checksum: FileSum
    pixels: NDArray[Any]


def split_mosaic(
    source: Path | str, hdus: Collection[int], folder: Path | str
) -> Iterator[SplitImage]:
    """Write images of a file as single-image files, one at a time.

    The files are those that `write_extension_as_image` writes; they are not made durable, because
    they are on their way into a store.

    Parameters
    ----------
    source : Path or str
        The mosaic.
    hdus : collection of int
        Numbers of the HDUs wanted.
    folder : Path or str
        Where the files go, as ``<number>.fits``.

    Yields
    ------
    SplitImage
        In the order of the mosaic; the caller may remove each file before taking the next.

    Raises
    ------
    FileMissing, AccessDenied, StorageFailed
        If a file cannot be read or written.
    IngestError
        If the source is not FITS, or damaged.
    """
    primary: Header | None = None
    with open_fits(source) as file:
        for hdu in walk(file, source):
            primary = primary or hdu.header
            if hdu.number not in hdus:
                continue
            target = Path(folder) / f"{hdu.number}.fits"
            if hdu.packed:
                yield _unpacked(source, hdu, target)
                continue
            file.seek(hdu.start)
            data = file.read(hdu.size)
            if len(data) < hdu.size:
                raise damaged(source, f"HDU {hdu.number} holds {len(data)} of {hdu.size} bytes")
            yield _written(primary, hdu, data, target)


def _written(primary: Header, hdu: Hdu, data: bytes, target: Path) -> SplitImage:
    text = split_header(primary, hdu.header, hdu.number, hdu.shape).to_text().encode("ascii")
    pieces = (text, data, bytes(-hdu.size % BLOCK))
    digest = hashlib.sha256()
    with storage_errors(f"{target} cannot be written"), open(target, "wb", buffering=0) as copy:
        for piece in pieces:
            digest.update(piece)
            left = memoryview(piece)
            while left:  # an unbuffered write may take a part only
                left = left[copy.write(left) :]
    checksum = FileSum(digest.hexdigest(), sum(map(len, pieces)))
    pixels = read_pixels(io.BytesIO(data), hdu._replace(start=0), target)
    return SplitImage(hdu.number, target, checksum, pixels)


def _unpacked(source: Path | str, hdu: Hdu, target: Path) -> SplitImage:
    write_extension_as_image(source, hdu.number, target)
    return SplitImage(hdu.number, target, hash_file(target), read_image(target)[0])
