"""What is new, what is flagged, and what became of a night: queries and counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from awlab.backend.database import Query, class_named, concrete_subclasses, take_census
from awlab.backend.datamodel import RawFrame
from awlab.backend.errors import QueryError
from awlab.backend.process import ProcessParameters, ProcessTarget

__all__ = [
    "Made",
    "Night",
    "Preview",
    "Taken",
    "flagged_targets",
    "new_targets",
    "objects_by_class",
    "previews",
    "recent_nights",
]

_NEWEST_FIRST = "-creation_date"


@dataclass(frozen=True, slots=True)
class Preview:
    """An object in a line.

    Attributes
    ----------
    object_id, name : str
        Which object, and its class.
    about : str
        What it is of: chip, filter, object on the sky, night.
    verdict : str
        Both verdicts in words.
    created : str
        When it was made, UTC.
    """

    object_id: str
    name: str
    about: str
    verdict: str
    created: str


@dataclass(frozen=True, slots=True)
class Taken:
    """Raw frames of one kind.

    Attributes
    ----------
    instrument, kind, filter : str
        What they are.
    frames, chips : int
        How many, of how many chips.
    seconds : float
        Sum of the exposure times of the exposures, not of their chips [s].
    """

    instrument: str
    kind: str
    filter: str
    frames: int
    chips: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Made:
    """Targets of one class that belong to a night.

    Attributes
    ----------
    name : str
        The class.
    count, bad : int
        How many, and how many of them are flagged or invalid.
    """

    name: str
    count: int
    bad: int


def new_targets() -> Query:
    """Return all targets, the newest first."""
    cls: Any = ProcessTarget
    found: Query = cls.select_all().order_by(_NEWEST_FIRST)
    return found


def flagged_targets() -> Query:
    """Return the targets that are flagged or invalid, the newest first."""
    found: Query = _bad(ProcessTarget).order_by(_NEWEST_FIRST)
    return found


def previews(query: Query, most: int = 10) -> list[Preview]:
    """Return the first objects of a query, each in a line.

    Parameters
    ----------
    query : Query
        Targets.
    most : int
        How many at most.
    """
    return [
        Preview(
            item.object_id,
            type(item).__name__,
            _about(item),
            item.verdict(),
            f"{item.creation_date:%Y-%m-%d %H:%M}",
        )
        for item in query.limit(most)
    ]


def _about(item: Any) -> str:
    source = getattr(item, "raw", None) or getattr(item, "reduced", None)
    words = []
    for name in ("chip", "filter", "OBJECT", "night"):
        value = getattr(item, name, None) or getattr(source, name, None)
        words.append(str(getattr(value, "name", value) or ""))
    return " ".join(filter(None, words))


def objects_by_class() -> list[tuple[str, int, int, int]]:
    """Return (class, objects, flagged, invalid) of what there is, process parameters left out."""
    census = take_census()
    found = []
    for name, count in census.objects.items():
        cls: Any = class_named(name)
        if cls is None or issubclass(cls, ProcessParameters):
            continue
        found.append((name, count, census.flagged.get(name, 0), census.invalid.get(name, 0)))
    return found


def _bad(cls: Any) -> Any:
    return (cls.quality_flags != 0) | (cls.is_valid <= 0)


def recent_nights(most: int = 60) -> list[str]:
    """Return the newest nights with raw frames, the newest first.

    One short statement for each, so that a survey of ten thousand nights is not read.

    Parameters
    ----------
    most : int
        How many nights at most.
    """
    cls: Any = RawFrame
    nights: list[str] = []
    query = cls.night != ""
    while len(nights) < most:
        newest = query.order_by("-night").limit(1).columns("night")["night"]
        if not len(newest):
            break
        nights.append(str(newest[0]))
        query = (cls.night < nights[-1]) & (cls.night != "")
    return nights


class Night:
    """One observing night.

    Parameters
    ----------
    name : str
        CCYY-MM-DD, from noon to noon.

    Raises
    ------
    QueryError
        If it is no date.
    """

    def __init__(self, name: str) -> None:
        from datetime import date

        try:
            self.name = date.fromisoformat(name).isoformat()
        except ValueError as exc:
            raise QueryError(f"{name!r} is no night", "a night is written 2000-04-28") from exc

    def taken(self) -> list[Taken]:
        """Return what was observed, by instrument, kind and filter."""
        return [row for cls in concrete_subclasses(RawFrame) for row in self._taken(cls)]

    def _taken(self, cls: Any) -> list[Taken]:
        paths = ["instrument.name", "chip.name", "DATE_OBS", "EXPTIME"]
        paths += ["filter.name"] if "filter" in cls._attributes else []
        read = (cls.night == self.name).columns(*paths)
        rows = list(zip(*(read[path].tolist() for path in paths), strict=True))
        # A bias has no filter.
        rows = [(*row, "")[:5] for row in rows]
        found = []
        for instrument, name in sorted({(row[0] or "", row[4] or "") for row in rows}):
            mine = [row for row in rows if (row[0] or "", row[4] or "") == (instrument, name)]
            exposures = {row[2]: row[3] or 0.0 for row in mine}
            chips = len({row[1] for row in mine})
            kind = cls.__name__.removeprefix("Raw").removesuffix("Frame")
            total = float(sum(exposures.values()))
            found.append(Taken(instrument, kind, name, len(mine), chips, total))
        return found

    def made(self) -> list[Made]:
        """Return what was made of it, by class: targets that a night selects."""
        found: Counter[str] = Counter()
        bad: Counter[str] = Counter()
        for cls in concrete_subclasses(ProcessTarget):
            query = self.targets(cls)
            if query is None:
                continue
            found[cls.__name__] = query.count()
            if found[cls.__name__]:
                bad[cls.__name__] = (query & _bad(cls)).count()
        return [Made(name, count, bad[name]) for name, count in found.items() if count]

    def targets(self, cls: Any) -> Any:
        """Return the targets of a class that belong to the night; None where none can.

        Parameters
        ----------
        cls : type
            Class of targets.
        """
        attributes = cls._attributes
        if "night" in attributes:
            return cls.night == self.name
        for link in ("raw", "reduced"):
            target = attributes[link].type if link in attributes else None
            inner = getattr(target, "_attributes", {})
            if attributes.get(link) is None or attributes[link].kind != "link":
                continue
            if "night" in inner:
                return getattr(cls, link).night == self.name
            if "raw" in inner:
                return getattr(cls, link).raw.night == self.name
        return None
