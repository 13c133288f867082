"""Where the eight chips of the simulated WFI lie in the focal plane.

The real mosaic is 4 x 2 chips of 2048 x 4096 pixels of 0.238 arcsec, read out with 48 prescan and
46 overscan columns and 32 overscan rows (2142 x 4128 in the file). A smaller format keeps pixel
scale and arrangement and shrinks chips and gaps in proportion; pre- and overscan keep a
minimum width, because a strip of five pixels could not measure a bias level.
"""

from __future__ import annotations

from dataclasses import dataclass

from awlab.backend.errors import IngestError

__all__ = ["CHIPS", "PIXEL_SCALE", "ChipPlace", "Layout"]

CHIPS = tuple(f"ccd{number}" for number in range(50, 58))
PIXEL_SCALE = 0.238
"""Angle of one pixel [arcsec]."""

_FULL_WIDTH, _FULL_HEIGHT = 2048, 4096
_SMALLEST = 64
# Chips are numbered around the mosaic: 50-53 along the top, 54-57 back along the bottom.
_COLUMN = (0, 1, 2, 3, 3, 2, 1, 0)


@dataclass(frozen=True, slots=True)
class ChipPlace:
    """One chip in the focal plane.

    Attributes
    ----------
    name : str
        ``ccd50`` ... ``ccd57``.
    index : int
        0 to 7; the FITS extension is ``index + 1``.
    u, v : float
        Nominal centre, from the optical axis, to the west and to the north [pixel].
    """

    name: str
    index: int
    u: float
    v: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes of one format of the mosaic.

    Attributes
    ----------
    width, height : int
        Imaging area of a chip [pixel].
    """

    width: int
    height: int

    def __post_init__(self) -> None:
        if not (
            _SMALLEST <= self.width <= _FULL_WIDTH and _SMALLEST <= self.height <= _FULL_HEIGHT
        ):
            raise IngestError(
                f"a simulated chip cannot be {self.width} x {self.height} pixels",
                f"choose from {_SMALLEST} x {_SMALLEST} to {_FULL_WIDTH} x {_FULL_HEIGHT}",
            )

    @property
    def prescan_x(self) -> int:
        """Prescan columns, before the imaging area [pixel]."""
        return max(16, 48 * self.width // _FULL_WIDTH)

    @property
    def overscan_x(self) -> int:
        """Overscan columns, after the imaging area [pixel]."""
        return max(24, 46 * self.width // _FULL_WIDTH)

    @property
    def overscan_y(self) -> int:
        """Overscan rows, above the imaging area [pixel]."""
        return max(12, 32 * self.height // _FULL_HEIGHT)

    @property
    def raw_shape(self) -> tuple[int, int]:
        """Shape (rows, columns) of a raw chip image [pixel]."""
        return self.height + self.overscan_y, self.prescan_x + self.width + self.overscan_x

    @property
    def imaging(self) -> tuple[slice, slice]:
        """Slices (rows, columns) of the imaging area in a raw chip image."""
        return slice(0, self.height), slice(self.prescan_x, self.prescan_x + self.width)

    @property
    def gap(self) -> tuple[int, int]:
        """Gaps between chips in x and y [pixel]."""
        return max(4, 98 * self.width // _FULL_WIDTH), max(4, 59 * self.height // _FULL_HEIGHT)

    @property
    def half_extent(self) -> tuple[float, float]:
        """Half the size of the mosaic in x and y [pixel]."""
        gap_x, gap_y = self.gap
        return 2 * self.width + 1.5 * gap_x, self.height + 0.5 * gap_y

    @property
    def corner_radius(self) -> float:
        """Distance of the corners of the mosaic from the optical axis [pixel]."""
        half_x, half_y = self.half_extent
        return float((half_x**2 + half_y**2) ** 0.5)

    @property
    def chips(self) -> tuple[ChipPlace, ...]:
        """The eight chips in the order of their FITS extensions."""
        gap_x, gap_y = self.gap
        return tuple(
            ChipPlace(
                name=name,
                index=index,
                u=(_COLUMN[index] - 1.5) * (self.width + gap_x),
                v=(0.5 if index < len(CHIPS) // 2 else -0.5) * (self.height + gap_y),
            )
            for index, name in enumerate(CHIPS)
        )
