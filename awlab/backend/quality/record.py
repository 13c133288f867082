"""Everything a page needs of one object and of what it links to, in one statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awlab.backend.database import Query, WithIds, read_records

__all__ = ["COLUMNS", "Record", "has_path", "read_record", "table_paths"]

# Columns of a table of frames, and the attributes that may hold them, the best one first.
COLUMNS: dict[str, tuple[str, ...]] = {
    "is_valid": ("is_valid",),
    "quality_flags": ("quality_flags",),
    "DATE_OBS": ("DATE_OBS", "night"),
    "Chip": ("chip.name",),
    "OBJECT": ("OBJECT", "name"),
    "RA": ("RA", "astrom.CRVAL1"),
    "DEC": ("DEC", "astrom.CRVAL2"),
    "EXPTIME": ("EXPTIME",),
    "AIRMASS": ("airmass", "AIRMSTRT"),
    "creation_date": ("creation_date",),
}
_NOT_SHOWN = frozenset({"process_params", "prev"})


def has_path(cls: Any, path: str) -> bool:
    """Tell whether a class has an attribute path that leads to one value."""
    owner = cls
    last = None
    for name in path.split("."):
        last = getattr(owner, "_attributes", {}).get(name)
        if last is None or last.kind == "links":
            return False
        owner = last.type
    return last is not None and last.kind in ("value", "array")


def table_paths(cls: Any) -> dict[str, str]:
    """Return the path that holds each column of `COLUMNS`, of those that a class has."""
    found = {}
    for title, paths in COLUMNS.items():
        path = next((p for p in paths if has_path(cls, p)), None)
        if path is not None:
            found[title] = path
    return found


class Record:
    """Values by attribute path.

    Parameters
    ----------
    cls : type
        Class of the object.
    values : dict
        Value of each path; links are row numbers, 0 or None for none.
    """

    def __init__(self, cls: Any, values: dict[str, Any]) -> None:
        self.cls = cls
        self.values = values
        # Objects that belong to it although it does not link to them: their classes.
        self.linked: dict[str, Any] = {}

    def __getitem__(self, path: str) -> Any:
        return self.values[path]

    def get(self, *paths: str) -> Any:
        """Return the first value that is there; None if none is."""
        for path in paths:
            value = self.values.get(path)
            if value is not None and value != "":
                return value
        return None

    def class_at(self, link: str) -> Any:
        """Return the class of what a link leads to; of the object itself for an empty one."""
        owner = self.cls
        for name in link.split(".") if link else ():
            owner = self.linked.get(name) or owner._attributes[name].type
        return owner

    def attribute(self, path: str) -> Any:
        """Return the declaration of the attribute at a path."""
        link, _, name = path.rpartition(".")
        return self.class_at(link)._attributes[name]

    def under(self, link: str) -> dict[str, Any]:
        """Return what was read of an object linked to."""
        start = f"{link}."
        return {p.removeprefix(start): v for p, v in self.values.items() if p.startswith(start)}


def _own_paths(cls: Any) -> Iterator[str]:
    for name, attribute in cls._attributes.items():
        if attribute.kind in ("value", "array") or attribute.kind == "link":
            yield name
        elif attribute.kind == "struct":
            yield from (f"{name}.{field}" for field in attribute.type._attributes)


def _linked_paths(cls: Any, wanted: tuple[str, ...]) -> Iterator[str]:
    for name, attribute in cls._attributes.items():
        if attribute.kind != "link" or name == "prev":
            continue
        paths = set(table_paths(attribute.type).values()) if name not in _NOT_SHOWN else set()
        if name == "process_params":
            paths = {n for n, a in attribute.type._attributes.items() if a.kind == "value"}
        yield from (f"{name}.{path}" for path in sorted({"object_id", *paths}))
    yield from (path for path in wanted if has_path(cls, path))


def read_record(item: Any, wanted: tuple[str, ...] = ()) -> Record:
    """Read an object, its parameters and what tells its links apart: one statement.

    Parameters
    ----------
    item : DBObject
        Committed object.
    wanted : tuple of str
        Further paths; those that the class does not have are left out.
    """
    cls = type(item)
    paths = tuple(dict.fromkeys([*_own_paths(cls), *_linked_paths(cls, wanted)]))
    (row,) = read_records(Query(cls, WithIds((item._id,))), ("id", *paths))
    return Record(cls, dict(zip(("id", *paths), row, strict=True)))
