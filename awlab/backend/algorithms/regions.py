"""Rectangles of pixels, and how a chip is read out.

This is the one module where FITS conventions (x first, 1-based, inclusive) and NumPy conventions
(y first, 0-based, half-open) meet; everything else in the room speaks NumPy.

References
----------
.. [1] IRAF CCDPROC, keywords BIASSEC and TRIMSEC: ``[x1:x2,y1:y2]``.
.. [2] FITS Standard 4.0, section 4.4.2.1 (order of the axes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from awlab.backend.algorithms.arrays import BadArray

__all__ = ["ReadoutLayout", "Region"]

_SECTION = re.compile(r"\s*\[?\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]?\s*")


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, 0-based and half-open like a Python slice.

    Attributes
    ----------
    x0, x1 : int
        First column and the column after the last [pixel].
    y0, y1 : int
        First row and the row after the last [pixel].
    """

    x0: int
    x1: int
    y0: int
    y1: int

    def __post_init__(self) -> None:
        if not (0 <= self.x0 < self.x1 and 0 <= self.y0 < self.y1):
            raise BadArray(
                f"region x {self.x0}..{self.x1}, y {self.y0}..{self.y1} is empty or negative",
                "give x0 < x1 and y0 < y1, counted from 0",
            )

    @classmethod
    def from_fits(cls, section: str) -> Region:
        """Read a FITS section string.

        Parameters
        ----------
        section : str
            ``[x1:x2,y1:y2]``, 1-based and inclusive.

        Returns
        -------
        Region
            The same pixels.

        Raises
        ------
        BadArray
            If the string is no such section.
        """
        match = _SECTION.fullmatch(section)
        if match is None:
            raise BadArray(f"{section!r} is not a FITS section", "write it like [51:2098,1:4096]")
        x1, x2, y1, y2 = (int(number) for number in match.groups())
        return cls(x1 - 1, x2, y1 - 1, y2)

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> Region:
        """Region of a whole image.

        Parameters
        ----------
        shape : tuple of int
            Shape (ny, nx) [pixel].

        Returns
        -------
        Region
            All of it.
        """
        return cls(0, shape[1], 0, shape[0])

    def to_fits(self) -> str:
        """FITS section string ``[x1:x2,y1:y2]`` of the region.

        Returns
        -------
        str
            1-based and inclusive.
        """
        return f"[{self.x0 + 1}:{self.x1},{self.y0 + 1}:{self.y1}]"

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (ny, nx) [pixel]."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the region in an array (y, x)."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def assert_inside(self, shape: tuple[int, int], name: str) -> None:
        """Assert that an image of this shape has the region.

        Parameters
        ----------
        shape : tuple of int
            Shape (ny, nx) of the image [pixel].
        name : str
            What to call the region in the error.

        Raises
        ------
        BadArray
            If the region reaches beyond the image.
        """
        if self.x1 > shape[1] or self.y1 > shape[0]:
            raise BadArray(
                f"{name} {self.to_fits()} reaches beyond an image of {shape[1]} x {shape[0]} px",
                "mend the chip's definition or the header's section keyword",
            )


@dataclass(frozen=True, slots=True)
class ReadoutLayout:
    """Where the image and the strips of virtual pixels lie in a raw frame.

    Attributes
    ----------
    image : Region
        Pixels that see the sky.
    prescan_x, overscan_x : Region, optional
        Strips read before and after each row.
    prescan_y, overscan_y : Region, optional
        Strips read before the first and after the last row.
    """

    image: Region
    prescan_x: Region | None = None
    overscan_x: Region | None = None
    prescan_y: Region | None = None
    overscan_y: Region | None = None
