"""Decide quickly whether a file is FITS at all, which instrument made it, and where its images are.

Everything a file can be refused for is one sentence here.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from awlab.backend.errors import IngestError
from awlab.backend.ingest.header_view import Header, HeaderView, number
from awlab.backend.ingest.instruments import InstrumentDefinition, Instruments

__all__ = ["Detection", "check_is_fits", "detect", "image_hdus"]

_BLOCK = 2880
_FITS = b"SIMPLE  ="
_HINT = "only FITS files are ingested"
_UNPACKERS: dict[bytes, type[gzip.GzipFile] | type[bz2.BZ2File] | type[lzma.LZMAFile]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}


@dataclass(frozen=True, slots=True)
class Detection:
    """What a file is.

    Attributes
    ----------
    definition : InstrumentDefinition
        The instrument.
    images : tuple of int
        HDUs that carry an image.
    """

    definition: InstrumentDefinition
    images: tuple[int, ...]


def check_is_fits(path: str | os.PathLike[str]) -> None:
    """Read the first block of a file and refuse what is not FITS.

    Parameters
    ----------
    path : path-like
        The file, plain or compressed with gzip, bzip2 or xz.

    Raises
    ------
    IngestError
        If it is not a readable FITS file, with the reason.
    """
    name = os.path.basename(os.fspath(path))
    try:
        if os.path.isdir(path):
            raise IngestError(
                f"{name} is a folder, not a file", "ingest takes folders too: name it"
            )
        with open(path, "rb") as plain:
            block = plain.read(_BLOCK)
        for magic, unpacker in _UNPACKERS.items():
            if block.startswith(magic):
                with unpacker(path) as unpacked:
                    block = unpacked.read(_BLOCK)
                break
    except FileNotFoundError as exc:
        raise IngestError(f"{name} does not exist", "check the path") from exc
    except PermissionError as exc:
        raise IngestError(f"{name} may not be read", "check its permissions") from exc
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as exc:
        raise IngestError(f"{name} cannot be unpacked or read: {exc}", "copy it again") from exc
    _check_block(name, block)


def _check_block(name: str, block: bytes) -> None:
    if not block:
        raise IngestError(f"{name} is empty", "copy it again")
    if not block.startswith(_FITS):
        raise IngestError(f"{name} is not a FITS file", _HINT)
    if len(block) < _BLOCK:
        raise IngestError(
            f"{name} ends after {len(block)} bytes, within its header: it is truncated",
            "copy it again",
        )


def detect(headers: Sequence[Header], instruments: Instruments, path: str = "") -> Detection:
    """Recognise the instrument of a file and find its images.

    Parameters
    ----------
    headers : sequence of mapping
        Headers of all HDUs, the primary first.
    instruments : Instruments
        Instruments to choose from.
    path : str, optional
        Where the file lies.

    Raises
    ------
    IngestError
        If the file holds no image, or a cube.
    UnknownInstrument
        If no instrument fits.
    """
    images = image_hdus(headers, path)
    view = HeaderView(headers, images[0], path)
    return Detection(instruments.recognise(view, str(view["FILENAME"])), images)


def image_hdus(headers: Sequence[Header], path: str = "") -> tuple[int, ...]:
    """HDUs that carry a two-dimensional image.

    Parameters
    ----------
    headers : sequence of mapping
        Headers of all HDUs.
    path : str, optional
        Where the file lies, for messages.

    Raises
    ------
    IngestError
        If there is none.
    """
    name = path.replace("\\", "/").rsplit("/", 1)[-1] or "the file"
    if not headers:
        raise IngestError(f"{name} has no header", _HINT)
    shapes = [_shape(header) for header in headers]
    images = tuple(i for i, s in enumerate(shapes) if s is not None and _is_flat(s))
    if images:
        return images
    odd = next((s for s in shapes if s), None)
    if odd is not None:
        size = " x ".join(str(n) for n in odd)
        raise IngestError(
            f"{name} holds data of {size} pixels, not a two-dimensional image",
            "split cubes before they are ingested",
        )
    raise IngestError(f"{name} holds no image", "only files with an image are ingested")


def _shape(header: Header) -> tuple[int, ...] | None:
    """Axes of the image in an HDU, None for tables and empty HDUs."""
    compressed = bool(header.get("ZIMAGE"))
    kind = str(header.get("XTENSION", "IMAGE")).strip().upper()
    if kind not in {"IMAGE", "IUEIMAGE"} and not compressed:
        return None
    prefix = "ZNAXIS" if compressed and "ZNAXIS" in header else "NAXIS"
    count = int(number(header.get(prefix)) or 0)
    axes = tuple(int(number(header.get(f"{prefix}{i}")) or 0) for i in range(1, count + 1))
    return axes if axes and all(n > 0 for n in axes) else None


def _is_flat(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and min(shape[:2]) > 1 and all(n == 1 for n in shape[2:])
