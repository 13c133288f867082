"""FITS files as a row of header and data units: open, walk, refuse what is not whole.

References
----------
FITS Standard 4.0, sections 3.1, 4.4.1 and 7.1.
"""

from __future__ import annotations

import bz2
import gzip
import io
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from awlab.backend.dataserver.failures import storage_errors
from awlab.backend.dataserver.header import Header
from awlab.backend.errors import AwlabError, IngestError

__all__ = ["BLOCK", "Hdu", "damaged", "open_fits", "walk"]

BLOCK = 2880
_BITPIX = (8, 16, 32, 64, -32, -64)


class Hdu(NamedTuple):
    """One header and data unit of an open file.

    Attributes
    ----------
    number : int
        0 for the primary HDU.
    header : Header
        Its header.
    start, size : int
        Where its data begins and how much there is, without padding [bytes].
    """

    number: int
    header: Header
    start: int
    size: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data in NumPy's order."""
        return tuple(_axes(self.header)[::-1])

    @property
    def packed(self) -> bool:
        """True for an image compressed into a table (``.fz``)."""
        return self.header.get("ZIMAGE") is True

    @property
    def is_image(self) -> bool:
        """True if there are pixels."""
        kind = str(self.header.get("XTENSION", "IMAGE")).strip()
        plain = kind in ("IMAGE", "IUEIMAGE") and self.header.get("GROUPS") is not True
        return self.packed or (plain and self.size > 0)


@contextmanager
def open_fits(path: Path | str) -> Iterator[BinaryIO]:
    """Open a FITS file, also one that was compressed as a whole (gzip, bzip2).

    Parameters
    ----------
    path : Path or str
        The file.

    Yields
    ------
    binary file
        Standing at its beginning.

    Raises
    ------
    FileMissing, AccessDenied, StorageFailed
        If it cannot be read.
    IngestError
        If it is a folder, empty, not FITS, or the compressed data are damaged.
    """
    if os.path.isdir(path):
        raise IngestError(f"{path} is a folder, not a FITS file", "give the files in it")
    with storage_errors(f"{path} cannot be read"), open(path, "rb", buffering=0) as raw:
        try:
            file = _unpacked(raw) or raw
            _refuse_other(file.read(80) or b"", path)
            file.seek(0)
            yield file
        except AwlabError:
            raise
        except (EOFError, zlib.error) as exc:
            raise damaged(path, str(exc)) from exc
        except OSError as exc:
            if exc.errno is not None:
                raise
            raise damaged(path, str(exc)) from exc  # gzip's and bzip2's own complaints


def _unpacked(raw: BinaryIO) -> Any:
    magic = raw.read(3)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=io.BufferedReader(raw))  # type: ignore[type-var]
    if magic == b"BZh":
        return bz2.BZ2File(io.BufferedReader(raw))  # type: ignore[type-var]
    return None


def _refuse_other(start: bytes, path: Path | str) -> None:
    if not start:
        raise IngestError(f"{path} is empty", "fetch the file again")
    if not start.startswith(b"SIMPLE  ="):
        seen = "".join(chr(b) if 32 <= b < 127 else "." for b in start[:24])
        raise IngestError(
            f"{path} is not a FITS file: it begins with {seen!r}", "FITS begins with 'SIMPLE  ='"
        )


def damaged(path: Path | str, why: str) -> IngestError:
    """Error for a file that is not whole."""
    return IngestError(f"{path} is damaged: {why}", "fetch the file again")


def walk(file: BinaryIO, path: Path | str) -> Iterator[Hdu]:
    """Go from header to header, leaping over the data.

    Parameters
    ----------
    file : binary file
        As opened by `open_fits`.
    path : Path or str
        For messages.

    Yields
    ------
    Hdu
        One HDU after another; the caller may move the file in between.

    Raises
    ------
    IngestError
        If a header makes no sense or the file ends too early.
    """
    end = os.fstat(file.fileno()).st_size if isinstance(file, io.RawIOBase) else None
    position, number = 0, 0
    while True:
        file.seek(position)
        text = _header_text(file, path, number)
        if not text:
            return
        header = Header.parse(text)
        start = position + len(text)
        hdu = Hdu(number, header, start, _data_size(header, path, number))
        if end is not None and start + hdu.size > end:
            raise damaged(path, f"it is cut short, {end} of {start + hdu.size} bytes are there")
        yield hdu
        position = start + -(-hdu.size // BLOCK) * BLOCK
        number += 1


def _header_text(file: BinaryIO, path: Path | str, number: int) -> str:
    blocks: list[bytes] = []
    while True:
        block = file.read(BLOCK)
        if number and not blocks and not block.startswith(b"XTENSION"):
            return ""  # the end, or something behind it that is not ours
        if len(block) < BLOCK:
            raise damaged(path, f"it ends within the header of HDU {number}")
        blocks.append(block)
        if any(block[i : i + 80].rstrip() == b"END" for i in range(0, BLOCK, 80)):
            return b"".join(blocks).decode("latin-1")


def _axes(header: Header) -> list[int]:
    count = header.get("NAXIS", 0)
    if not isinstance(count, int) or not 0 <= count <= 999:
        raise IngestError(f"NAXIS is {count!r}", "the header is broken")
    return [_natural(header, f"NAXIS{i}") for i in range(1, count + 1)]


def _natural(header: Header, keyword: str, default: int | None = None) -> int:
    value = header.get(keyword, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise IngestError(f"{keyword} is {value!r}", "the header is broken")
    return value


def _data_size(header: Header, path: Path | str, number: int) -> int:
    try:
        axes = _axes(header)
        if header.get("BITPIX") not in _BITPIX:
            raise IngestError(f"BITPIX is {header.get('BITPIX')!r}", "the header is broken")
        if axes and axes[0] == 0 and header.get("GROUPS") is True:
            axes = axes[1:]
        items = math.prod(axes) if axes else 0
        extra, groups = _natural(header, "PCOUNT", 0), _natural(header, "GCOUNT", 1)
    except IngestError as exc:
        raise damaged(path, f"in the header of HDU {number} {exc.message}") from exc
    return abs(int(str(header["BITPIX"]))) // 8 * groups * (extra + items)
