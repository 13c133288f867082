"""Where frames are on the sky: corners of many of them, and small pictures with coordinates.

The best coordinates that are known are taken: the grid of a regridded frame, the newest valid
solution of a frame of one chip, else what the telescope delivered.

References
----------
Calabretta & Greisen 2002, A&A 395, 1077 (celestial coordinates in FITS).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import PlateSolution, plate_from_cards, project
from awlab.backend.database import DBObject, Query, WithIds, class_named, read_records
from awlab.backend.errors import AwlabError, QueryError
from awlab.backend.quality.figures import Picture, files_of
from awlab.backend.quality.record import has_path, read_record

__all__ = ["Footprint", "Footprints", "SkyPicture", "footprints", "sky_picture"]

_LINEAR = (
    *("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"),
    *("CTYPE1", "CTYPE2"),
)
_STRIPS = ("PRSCX", "OVSCX", "PRSCY", "OVSCY")
_SIZE = ("NAXIS1", "NAXIS2")
_GRID = ("grid", "window_x0", "window_y0")
# Where the coordinates of an object may be: its own, or those of what it was made of.
_OWNERS = ("", "reduced.", "frame.", "raw.")
_FACTS = {
    "chip": ("chip.name",),
    "filter": ("filter.name", "raw.filter.name"),
    "OBJECT": ("OBJECT", "raw.OBJECT"),
    "DATE_OBS": ("DATE_OBS", "raw.DATE_OBS"),
}
_SAMPLES = 7  # per axis, for the linear coordinates of a picture


@dataclass(frozen=True, slots=True)
class Footprint:
    """The corners of a frame.

    Attributes
    ----------
    object_id, class_name : str
        Which frame.
    ra, dec : tuple of float
        The four corners, from the first pixel on along the first axis [deg].
    origin : str
        Where the coordinates are from: ``grid``, ``solution`` or ``header``.
    is_valid, quality_flags : int
        Its verdicts.
    facts : dict
        Chip, filter, OBJECT and DATE_OBS as text; empty where a class has none.
    """

    object_id: str
    class_name: str
    ra: tuple[float, ...]
    dec: tuple[float, ...]
    origin: str
    is_valid: int
    quality_flags: int
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Footprints:
    """Footprints of several frames.

    Attributes
    ----------
    frames : list of Footprint
        Those that are somewhere.
    nowhere : int
        How many frames have no coordinates.
    more : bool
        Whether there are more than were looked at.
    """

    frames: list[Footprint]
    nowhere: int
    more: bool


@dataclass(frozen=True, eq=False)
class SkyPicture:
    """A picture of a frame with linear coordinates.

    Attributes
    ----------
    picture : Picture
        The whole frame, binned.
    cards : dict
        World coordinates of the picture as FITS keywords, TAN.
    largest_error : float
        How far the linear coordinates are off at most [arcsec].
    """

    picture: Picture
    cards: dict[str, Any]
    largest_error: float


def footprints(frames: Query | DBObject | Iterable[Any], most: int = 1000) -> Footprints:
    """Return where frames are: three statements for each class, whatever their number.

    Parameters
    ----------
    frames : Query, DBObject or iterable of DBObject
        Frames, or what is made of one frame: weights, maps, solutions.
    most : int
        So many are looked at.

    Raises
    ------
    QueryError
        If objects of a class cannot be anywhere on the sky.
    """
    items: list[Any] = _items(frames, most + 1)
    by_class: dict[Any, list[int]] = {}
    for item in items[:most]:
        by_class.setdefault(type(item), []).append(item._id)
    found: dict[int, Footprint] = {}
    for cls, ids in by_class.items():
        found.update(_of_class(cls, ids))
    order = [found[item._id] for item in items[:most] if item._id in found]
    return Footprints(order, len(items[:most]) - len(order), len(items) > most)


def _items(frames: Any, most: int) -> list[Any]:
    if isinstance(frames, Query):
        return list(frames.limit(most))
    several = [frames] if isinstance(frames, DBObject) else islice(iter(frames), most)
    items = list(several)
    if not all(isinstance(item, DBObject) and item._id for item in items):
        raise QueryError("only committed objects are on the sky", "give objects or a query")
    return items


def _of_class(cls: Any, ids: list[int]) -> Iterator[tuple[int, Footprint]]:
    owner = _owner_of(cls)
    wanted = _paths(cls, owner)
    rows = read_records(Query(cls, WithIds(tuple(ids))), ("id", *wanted))
    records = [dict(zip(("id", *wanted), row, strict=True)) for row in rows]
    solved = _solutions(cls, owner, records)
    for record in records:
        place = _place(cls, owner, record, solved)
        if place is None:
            continue
        plate, box, origin = place
        try:
            ra, dec = plate.pixel_to_sky(*box)
        except AwlabError:
            continue
        if np.isfinite([ra, dec]).all():
            yield record["id"], _footprint(cls, record, (ra.tolist(), dec.tolist()), origin)


def _owner_of(cls: Any) -> str:
    """Return the path to what has the coordinates."""
    for owner in _OWNERS:
        if has_path(cls, f"{owner}astrom.CRVAL1") or has_path(cls, f"{owner}grid"):
            return owner
    raise QueryError(
        f"{cls.__name__} is nowhere on the sky", "give science frames, or what was made of one"
    )


def _paths(cls: Any, owner: str) -> list[str]:
    names = [*_SIZE, *_STRIPS, *_GRID, *(f"astrom.{name}" for name in _LINEAR)]
    paths = ["object_id", "is_valid", "quality_flags", "cards", f"{owner}object_id"]
    paths += [f"{owner}{name}" for name in names]
    paths += [path for several in _FACTS.values() for path in several]
    return [path for path in dict.fromkeys(paths) if has_path(cls, path)]


def _solutions(cls: Any, owner: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the newest valid solution of each frame, by its object_id: one statement."""
    solutions: Any = class_named("AstrometricParameters")
    if has_path(cls, f"{owner}grid") or solutions is None or cls is solutions:
        return {}
    link = "raw" if has_path(cls, f"{owner}PRSCX") else "reduced"
    ids = [record[f"{owner}object_id"] for record in records if record[f"{owner}object_id"]]
    query = getattr(solutions, link).object_id.in_(ids)
    query = (query & (solutions.is_valid > 0)).order_by("creation_date")
    paths = (f"{link}.object_id", "cards", "failure", "reduced.NAXIS1", "reduced.NAXIS2")
    return {row[0]: (row[1], row[3], row[4]) for row in read_records(query, paths) if not row[2]}


def _place(
    cls: Any, owner: str, record: dict[str, Any], solved: dict[str, Any]
) -> tuple[PlateSolution, tuple[list[float], list[float]], str] | None:
    """Return coordinates, corners in pixels from 0, and where they are from; None for nowhere."""
    get = record.get
    nx: Any = get(f"{owner}NAXIS1")
    ny: Any = get(f"{owner}NAXIS2")
    if not nx or not ny:
        return None
    try:
        if get(f"{owner}grid"):
            frame_class = cls if not owner else cls._attributes[owner[:-1]].type
            return _on_grid(frame_class, record, owner), _corners(0, nx, 0, ny), "grid"
        known = solved.get(get(f"{owner}object_id") or "") or (get("cards"), nx, ny)
        if known[0]:
            return plate_from_cards(known[0]), _corners(0, known[1], 0, known[2]), "solution"
        linear = {name: get(f"{owner}astrom.{name}") for name in _LINEAR}
        plate = plate_from_cards({n: v for n, v in linear.items() if v is not None})
    except (AwlabError, KeyError, TypeError, ValueError):
        return None  # as delivered, a header may lack half of them
    x0, x1, y0, y1 = (get(f"{owner}{name}") or 0 for name in _STRIPS)
    return plate, _corners(x0, nx - x1, y0, ny - y1), "header"


def _corners(x0: int, x1: int, y0: int, y1: int) -> tuple[list[float], list[float]]:
    """Outer corners of pixels x0 to x1 - 1 and y0 to y1 - 1, counted from 0."""
    left, right, low, high = x0 - 0.5, x1 - 0.5, y0 - 0.5, y1 - 0.5
    return [left, right, right, left], [low, low, high, high]


def _on_grid(cls: Any, record: dict[str, Any], owner: str) -> PlateSolution:
    names = (*_GRID, *_SIZE)
    frame = cls(**{name: record[f"{owner}{name}"] for name in names})
    return plate_from_cards(frame.tan_grid.cards(frame.window))


def _footprint(
    cls: Any, record: dict[str, Any], corners: tuple[list[float], list[float]], origin: str
) -> Footprint:
    facts = {}
    for name, paths in _FACTS.items():
        value = next((record[p] for p in paths if record.get(p) not in (None, "")), "")
        facts[name] = f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else str(value)
    return Footprint(
        object_id=record["object_id"],
        class_name=cls.__name__,
        ra=tuple(corners[0]),
        dec=tuple(corners[1]),
        origin=origin,
        is_valid=int(record.get("is_valid", 1) or 0),
        quality_flags=int(record.get("quality_flags") or 0),
        facts=facts,
    )


def sky_picture(frame: Any) -> SkyPicture:
    """Return a small picture of a frame, with linear coordinates that any viewer understands.

    Parameters
    ----------
    frame : DBObject
        Committed frame.

    Raises
    ------
    QueryError
        If it has no image, or is nowhere on the sky.
    """
    record = read_record(frame, ("weight.filename", "weight.file_sha256", "astrom_params.cards"))
    files = files_of(record)
    if files is None:
        raise QueryError(f"{frame!r} has no image")
    plate = _solved_plate(frame) or files.plate()
    if plate is None:
        raise QueryError(f"{frame!r} is nowhere on the sky", "make its AstrometricParameters")
    picture = files.picture()
    cards, error = _linear(plate, picture)
    return SkyPicture(picture, cards, error)


def _solved_plate(frame: Any) -> PlateSolution | None:
    """Return the newest valid solution of a reduced frame."""
    if type(frame).__name__ != "ReducedScienceFrame":
        return None
    found = _solutions(type(frame), "", [{"object_id": frame.object_id}])
    known = found.get(frame.object_id)
    return plate_from_cards(known[0]) if known and known[0] else None


def _linear(plate: PlateSolution, picture: Picture) -> tuple[dict[str, Any], float]:
    """Fit a TAN projection to the coordinates over the picture; return the largest error too."""
    ny, nx = picture.pixels.shape
    b = picture.binning
    x, y = (g.ravel() for g in np.meshgrid(np.linspace(0, nx - 1, _SAMPLES),
                                           np.linspace(0, ny - 1, _SAMPLES)))  # fmt: skip
    ra, dec = plate.pixel_to_sky((x + 0.5) * b - 0.5, (y + 0.5) * b - 0.5)
    middle = len(x) // 2
    ra0, dec0 = float(ra[middle]), float(dec[middle])
    plane = np.stack(project(ra, dec, ra0, dec0), axis=1)
    terms = np.stack([x, y, np.ones_like(x)], axis=1)
    fit: NDArray[np.float64] = np.linalg.lstsq(terms, plane, rcond=None)[0]
    cd, shift = fit[:2].T, fit[2]
    crpix = np.linalg.solve(cd, -shift) + 1.0
    error = float(np.abs(terms @ fit - plane).max()) * 3600.0
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra0, "CRVAL2": dec0}
    cards |= {f"CRPIX{i + 1}": float(crpix[i]) for i in (0, 1)}
    cards |= {f"CD{i + 1}_{j + 1}": float(cd[i, j]) for i in (0, 1) for j in (0, 1)}
    return cards, error
