"""The statistics of the archive as plain data: four statements, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from awlab.backend.database import (
    DBObject,
    FileCount,
    GrowthDay,
    class_named,
    survey_archive,
)
from awlab.backend.errors import QueryError
from awlab.backend.process import ProcessParameters

__all__ = ["ArchiveState", "growth_series", "size_text"]

_NEW, _READ = 20, 60
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class ArchiveState:
    """Counts of what the context sees."""

    def overview(self, *, flagged_only: bool = False) -> dict[str, Any]:
        """Return objects and files by class, project, instrument and night, growth, what is new.

        Parameters
        ----------
        flagged_only : bool
            Whether only flagged or invalid objects count as news.
        """
        objects, files, growth, found = survey_archive(_READ, flagged_only=flagged_only)
        # Parameters are made along with what they belong to: they are no news.
        newest = [one for one in found if not _is_parameters(one.class_name)][:_NEW]
        stored = {name: row for name, *row in _files_by(files, lambda f: f.class_name)}
        classes: dict[str, list[int]] = {}
        projects: dict[str, list[int]] = {}
        for row in objects:
            for counts in (
                classes.setdefault(row.class_name, [0, 0, 0]),
                projects.setdefault(row.project, [0, 0, 0]),
            ):
                counts[0] += row.objects
                counts[1] += row.flagged
                counts[2] += row.invalid
        by_class = [
            [name, *counts, *stored.get(name, [0, 0])] for name, counts in sorted(classes.items())
        ]
        total = [sum(counts[i] for counts in classes.values()) for i in range(3)]
        size = sum(one.size for one in files)
        return {
            "totals": {
                "objects": total[0],
                "flagged": total[1],
                "invalid": total[2],
                "files": sum(one.files for one in files),
                "size": size,
                "size_text": size_text(size),
            },
            "tables": {
                "class": _shown(by_class),
                "project": [[name, *counts] for name, counts in sorted(projects.items())],
                "instrument": _shown(_files_by(files, lambda f: f.instrument)),
                "night": _shown(_files_by(files, lambda f: f.night)),
            },
            "growth": growth_series(growth, files),
            "newest": [
                asdict(one) | {"creation_date": f"{one.creation_date:%Y-%m-%d %H:%M:%S}"}
                for one in newest
            ],
        }

    def query_text(self, class_name: str) -> str:
        """Return the Python that finds the objects of a class.

        Raises
        ------
        QueryError
            If it is no name of a class.
        """
        if not str(class_name).isidentifier():
            raise QueryError(f"{class_name!r} is no class")
        return f"{class_name}.select_all()"

    def object(self, object_id: str) -> Any:
        """Return one of the new objects."""
        return DBObject(object_id=object_id)


def _is_parameters(class_name: str) -> bool:
    cls = class_named(class_name)
    return isinstance(cls, type) and issubclass(cls, ProcessParameters)


def _files_by(files: Iterable[FileCount], key: Callable[[FileCount], str]) -> list[list[Any]]:
    found: dict[str, list[int]] = {}
    for one in files:
        counts = found.setdefault(key(one), [0, 0])
        counts[0] += one.files
        counts[1] += one.size
    return [[name, *counts] for name, counts in sorted(found.items())]


def _shown(rows: list[list[Any]]) -> list[list[Any]]:
    """Add the size for people to rows that end with bytes; what has no name is said so."""
    return [[row[0] or "(none)", *row[1:], size_text(row[-1])] for row in rows]


def growth_series(growth: list[GrowthDay], files: list[FileCount]) -> dict[str, list[Any]]:
    """Return how many objects and bytes there were at the end of each day.

    Parameters
    ----------
    growth : list of GrowthDay
        Objects made by day.
    files : list of FileCount
        Bytes stored by day.
    """
    made: dict[date, int] = {}
    stored: dict[date, int] = {}
    for day in growth:
        made[day.day] = made.get(day.day, 0) + day.objects
    for one in files:
        stored[one.day] = stored.get(one.day, 0) + one.size
    days = sorted({*made, *stored})
    if not days:
        return {"days": [], "objects": [], "bytes": []}
    # The day before everything began: a curve begins at nothing.
    found: dict[str, list[Any]] = {
        "days": [str(days[0] - timedelta(1))],
        "objects": [0],
        "bytes": [0],
    }
    for moment in days:
        found["days"].append(str(moment))
        found["objects"].append(found["objects"][-1] + made.get(moment, 0))
        found["bytes"].append(found["bytes"][-1] + stored.get(moment, 0))
    return found


def size_text(size: float) -> str:
    """Write a number of bytes: ``12.3 GB``, in steps of 1000."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000.0, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"
