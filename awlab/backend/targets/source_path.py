"""Where one source is in every frame and calibration that it passed through.

The position on the sky gives the pixel of every regridded and coadded frame by its grid, and that
of every reduced frame by its plate solution. A calibration is met at the same pixel as the frame it
calibrated; the raw frame at that pixel moved by what was trimmed. So a calibration used by several
exposures stands there once for each, with another pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from awlab.backend.algorithms import BadArray, GridWindow, PlateSolution, plate_from_cards
from awlab.backend.database import Query, WithIds, class_named, read_records
from awlab.backend.datamodel import BaseFrame, RawFrame, RawScienceFrame
from awlab.backend.process import Calibration
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.field_solution import FieldSolution
from awlab.backend.targets.pixel_map import PixelMap
from awlab.backend.targets.pixels import layout_of
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.regridded import RegriddedBaseFrame, RegriddedFrame
from awlab.backend.targets.sky_grid import grid_from_text
from awlab.backend.targets.source_trace import Place, SourceTrace
from awlab.backend.targets.weight import WeightFrame

__all__ = ["trace_source"]

_STRIPS = ("PRSC", "OVSC")
_LAYOUT = tuple(f"{s}{a}{e}" for s in _STRIPS for a in "XY" for e in ("", "PRE", "PST"))
_LINEAR = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2",
           "CTYPE1", "CTYPE2")  # fmt: skip
# What is read of each kind of object: one statement per class, however many objects there are.
_COLUMNS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (RawScienceFrame, ("NAXIS1", "NAXIS2", *_LAYOUT)),
    (ReducedScienceFrame, ("NAXIS1", "NAXIS2", *(f"astrom.{name}" for name in _LINEAR))),
    (AstrometricParameters, ("cards",)),
    (RegriddedBaseFrame, ("NAXIS1", "NAXIS2", "grid", "window_x0", "window_y0")),
)
_Pixel = tuple[float, float] | None


def trace_source(owner: Any, source: Any) -> SourceTrace:
    """Find a source in all frames that its list was made from.

    Parameters
    ----------
    owner : BaseList
        Committed list.
    source : mapping
        Source with ``SLID``, ``SID``, ``RA`` and ``DEC`` [deg].

    Returns
    -------
    SourceTrace
        A row for every frame and calibration with pixels.
    """
    ra, dec = float(source["RA"]), float(source["DEC"])
    frames = _Frames(owner, ra, dec)
    places: list[Place] = []
    for raw in frames.exposures():
        places += frames.of_exposure(raw)
    places += frames.coadds()
    return SourceTrace(int(source["SLID"]), int(source["SID"]), ra, dec, tuple(places))


class _Frames:
    """The frames upstream of a list, what is known of each, and who was made from whom."""

    def __init__(self, owner: Any, ra: float, dec: float) -> None:
        lineage = owner.upstream()
        self._ra, self._dec = ra, dec
        self._class = {n: class_named(name) for n, name in lineage.class_names().items()}
        self._facts: dict[int, Any] = {}
        by_class: dict[Any, list[int]] = {}
        for number, cls in self._class.items():
            if cls is not None and issubclass(cls, (BaseFrame, PixelMap, AstrometricParameters)):
                by_class.setdefault(cls, []).append(number)
        for cls, numbers in by_class.items():
            self._read(cls, numbers)
        self._inputs: dict[int, list[int]] = {}
        self._raw_of: dict[int, int] = {}
        for target, origin, role in lineage.edges().rows():
            self._inputs.setdefault(target, []).append(origin)
            if role == "raw":
                self._raw_of[target] = origin
        self._seen = self._passed(owner._id)

    def _passed(self, start: int) -> set[int]:
        """Return what the light of the source came through: no standard stars, no neighbours."""
        found, stack = set(), [start]
        while stack:
            for origin in self._inputs.get(stack.pop(), ()):
                if origin not in found and not self._is_a(origin, Calibration, FieldSolution):
                    found.add(origin)
                    stack.append(origin)
        return found

    def _read(self, cls: Any, numbers: list[int]) -> None:
        more = next((names for kind, names in _COLUMNS if issubclass(cls, kind)), ())
        paths = ("id", "object_id", "filename", *more)
        for row in read_records(Query(cls, WithIds(tuple(numbers))), paths):
            values = {n.rpartition(".")[2]: v for n, v in zip(paths, row, strict=True)}
            self._facts[row[0]] = SimpleNamespace(**values)

    def _is_a(self, number: int, *kinds: Any) -> bool:
        cls = self._class.get(number)
        return cls is not None and issubclass(cls, kinds)

    def exposures(self) -> list[int]:
        """Return the raw frames of the sky, oldest first."""
        return sorted(number for number in self._seen if self._is_a(number, RawScienceFrame))

    # -- one exposure ----------------------------------------------------------------------

    def of_exposure(self, raw: int) -> Iterator[Place]:
        """Yield the raw frame, its calibrations, and what was made of it."""
        name = self._facts[raw].filename
        members = sorted(n for n, its in self._raw_of.items() if its == raw and n in self._facts)
        reduced = next((n for n in members if self._is_a(n, ReducedScienceFrame)), None)
        pixel = self._pixel(members, reduced)
        layout = layout_of(self._facts[raw])
        ny, nx = layout.image.shape
        place = _inside(pixel, nx, ny)
        moved = None if place is None else (place[0] + layout.image.x0, place[1] + layout.image.y0)
        yield self._place("raw", name, raw, moved)
        of_detector = [n for n in members if not self._is_a(n, *_NOT_OF_DETECTOR)]
        for number in self._calibrations(of_detector, raw):
            yield self._place("calibration", name, number, place)
        for number in of_detector:
            yield self._place(self._stage(number), name, number, place)
        for number in members:
            if self._is_a(number, RegriddedFrame):
                yield self._place("regridded", name, number, self._on_grid(number))

    def _stage(self, number: int) -> str:
        kinds = {ReducedScienceFrame: "reduced", WeightFrame: "weight"}
        return next((word for kind, word in kinds.items() if self._is_a(number, kind)), "map")

    def _calibrations(self, members: list[int], raw: int) -> list[int]:
        """Return what has pixels upstream of the frames of one exposure, other exposures aside."""
        found: set[int] = set()
        stack = list(members)
        while stack:
            for origin in self._inputs.get(stack.pop(), ()):
                is_another = self._raw_of.get(origin, raw) != raw
                if origin in found or origin in members or is_another:
                    continue
                found.add(origin)
                stack.append(origin)
        pixels = [n for n in found if n in self._facts and not self._is_a(n, *_NO_CALIBRATION)]
        return sorted(pixels, key=lambda n: (str(self._class[n]), n))

    def _pixel(self, members: list[int], reduced: int | None) -> _Pixel:
        """Pixel of the trimmed frame, from 1: by its plate solution, or by the header."""
        solved = [self._facts[n].cards for n in members if self._is_a(n, AstrometricParameters)]
        delivered = {} if reduced is None else vars(self._facts[reduced])
        for cards in (*reversed(solved), delivered):
            try:
                known = {name: value for name, value in cards.items() if value is not None}
                return self._by_plate(plate_from_cards(known))
            except (BadArray, AttributeError):
                continue
        return None

    def _by_plate(self, plate: PlateSolution) -> _Pixel:
        x, y = plate.sky_to_pixel(np.array([self._ra]), np.array([self._dec]))
        return float(x[0]) + 1.0, float(y[0]) + 1.0

    # -- frames on a grid ------------------------------------------------------------------

    def coadds(self) -> Iterator[Place]:
        """Yield what was made of several exposures."""
        for number in sorted(self._seen):
            is_single = self._is_a(number, RegriddedFrame)
            if self._is_a(number, RegriddedBaseFrame) and not is_single:
                yield self._place("coadded", "", number, self._on_grid(number))

    def _on_grid(self, number: int) -> _Pixel:
        facts = self._facts[number]
        x0, y0, nx, ny = facts.window_x0, facts.window_y0, facts.NAXIS1, facts.NAXIS2
        cards = grid_from_text(facts.grid).cards(GridWindow(x0, x0 + nx, y0, y0 + ny))
        return _inside(self._by_plate(plate_from_cards(cards)), nx, ny)

    def _place(self, stage: str, exposure: str, number: int, pixel: _Pixel) -> Place:
        facts, cls = self._facts[number], self._class[number]
        assert cls is not None
        x, y = pixel or (None, None)
        return Place(stage, exposure, cls.__name__, facts.object_id, facts.filename, x, y)


_NOT_OF_DETECTOR = (RegriddedBaseFrame, AstrometricParameters, RawFrame)
_NO_CALIBRATION = (RawFrame, RegriddedBaseFrame, AstrometricParameters)


def _inside(pixel: _Pixel, nx: int, ny: int) -> _Pixel:
    """Return the pixel if it is one of the frame."""
    if pixel is None or not all(np.isfinite(pixel)):
        return None
    x, y = pixel
    return pixel if 0.5 <= x < nx + 0.5 and 0.5 <= y < ny + 0.5 else None
