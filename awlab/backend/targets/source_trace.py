"""What a source was seen on: a row for every frame, its pixel there, and cut-outs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from awlab.backend.database import class_named
from awlab.backend.dataserver import read_section
from awlab.backend.targets.regridded import RegriddedBaseFrame

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Place", "SourceTrace", "cut_out"]


class Place(NamedTuple):
    """Where the source is in one frame.

    ``x`` and ``y`` follow FITS, the first pixel is 1 [pixel]; they are None where the frame does
    not show the source. ``exposure`` is the name of the raw frame, empty for a coadd.
    """

    stage: str
    exposure: str
    class_name: str
    object_id: str
    filename: str
    x: float | None
    y: float | None

    @property
    def in_frame(self) -> bool:
        """Whether the source lies within the frame."""
        return self.x is not None

    @property
    def object(self) -> Any:
        """The frame itself, from the database."""
        cls: Any = class_named(self.class_name)
        return cls(object_id=self.object_id)


@dataclass(frozen=True)
class SourceTrace(Sequence[Place]):
    """The frames a source passed through, exposure by exposure, coadds last.

    Attributes
    ----------
    SLID, SID : int
        The source.
    RA, DEC : float
        Its position, ICRS [deg].
    places : tuple of Place
        A row for every frame.
    """

    SLID: int
    SID: int
    RA: float
    DEC: float
    places: tuple[Place, ...]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, which: Any) -> Any:
        return self.places[which]

    def cutout(self, which: int, size: int = 32) -> NDArray[np.float32]:
        """Read the pixels around the source in one frame.

        Parameters
        ----------
        which : int
            Number of the row.
        size : int
            Side of the cut-out [pixel].

        Returns
        -------
        ndarray of float32, shape (size, size)
            Pixels; not a number beyond the edge of the frame.
        """
        place = self.places[which]
        if place.x is None or place.y is None:
            return np.full((size, size), np.nan, np.float32)
        return cut_out(place.object, (place.x, place.y), size)

    def table(self) -> Any:
        """Return the rows as an astropy ``QTable``; x and y are not a number outside a frame."""
        from astropy import units as u
        from astropy.table import QTable

        found = QTable(meta={"SLID": self.SLID, "SID": self.SID, "RA": self.RA, "DEC": self.DEC})
        for name in ("stage", "exposure", "class_name", "object_id", "filename"):
            found[name] = np.array([getattr(place, name) for place in self.places], dtype=str)
        for name in ("x", "y"):
            values = [getattr(place, name) for place in self.places]
            found[name] = np.array([np.nan if v is None else v for v in values]) * u.pix
        found["in_frame"] = np.array([place.in_frame for place in self.places], dtype=bool)
        return found

    def __repr__(self) -> str:
        seen = sum(place.in_frame for place in self.places)
        name = f"SLID {self.SLID} SID {self.SID}"
        return f"<SourceTrace {name}: in {seen} of {len(self)} frames>"

    def __str__(self) -> str:
        lines = [f"SLID {self.SLID} SID {self.SID}  RA {self.RA:.6f}  Dec {self.DEC:+.6f}"]
        for place in self.places:
            where = f"{place.x:9.2f} {place.y:9.2f}" if place.x is not None else "not in the frame"
            lines.append(f"{place.stage:12}{place.class_name:24}{where:21}{place.filename}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = self.table()["stage", "class_name", "x", "y", "filename"]
        html: str = shown._repr_html_()
        return html


def cut_out(item: Any, centre: tuple[float, float], size: int = 32) -> NDArray[np.float32]:
    """Read the pixels around a place in a frame.

    Parameters
    ----------
    item : BaseFrame or PixelMap
        The frame.
    centre : tuple of float
        x and y, counted from 1 as FITS does [pixel].
    size : int
        Side of the cut-out [pixel].

    Returns
    -------
    ndarray of float32, shape (size, size)
        Pixels; not a number beyond the edge of the frame.
    """
    found = np.full((size, size), np.nan, np.float32)
    path, plane = item.retrieve(), "IMAGE" if isinstance(item, RegriddedBaseFrame) else None
    first = [round(value) - 1 - size // 2 for value in centre[::-1]]
    rows, columns = (slice(max(0, f), f + size) for f in first)
    pixels = read_section(path, rows, columns, plane)
    if not pixels.size:
        # The default of a calibration is one pixel that stands for all.
        pixels = read_section(path, slice(0, 1), slice(0, 1), plane)
        found[:] = pixels[0, 0]
        return found
    low, left = rows.start - first[0], columns.start - first[1]
    found[low : low + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return found
