"""The planner's view of the database: candidates, raw frames, nights, names, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from awlab.backend.database import (
    And,
    Compare,
    In,
    Or,
    Query,
    WithIds,
    context,
    favourites,
    newest_number,
    read_lists,
    read_records,
)
from awlab.backend.datamodel import Instrument, night_middle
from awlab.backend.process.dependencies import dependencies_of, is_keyed_by_raw
from awlab.backend.process.keys import Candidate, Group, RawRecord, Request
from awlab.backend.process.process_params import parameter_class, parameter_names

__all__ = ["DatabaseRegistry", "raw_records"]

_FIRST, _LAST = datetime(1900, 1, 1), datetime(2200, 1, 1)
_OVERSCAN = "OVERSCAN_CORRECTION"

# What a candidate has in the database, and what stands in where its class has no such attribute.
_FIELDS: dict[str, Any] = {
    "id": 0,
    "instrument": 0,
    "chip": 0,
    "filter": 0,
    "readout": "",
    "night": "",
    "raw": 0,
    "timestamp_start": _FIRST,
    "timestamp_end": _LAST,
    "creation_date": _FIRST,
    "is_valid": 1,
    "quality_flags": 0,
    "origin": "derived",
    "content_hash": "",
    "code_version": "",
}


class DatabaseRegistry:
    """Reads what exists, a constant number of statements per class."""

    def __init__(self) -> None:
        self._timezones: dict[int, float] | None = None
        self._favourites: set[int] | None = None

    def candidates(
        self, cls: Any, requests: Sequence[Request], used: set[int], asked: Sequence[str]
    ) -> list[Candidate]:
        """Read the objects of a class that may answer the requests: at most two statements."""
        parameters = parameter_class(cls)
        wanted = [name for name in asked if parameters and name in parameter_names(parameters)]
        if parameters and _OVERSCAN in parameter_names(parameters) and _OVERSCAN not in wanted:
            wanted.append(_OVERSCAN)
        fields = _field_paths(cls)
        links = [d for d in dependencies_of(cls) if not d.many]
        paths = [
            *fields.values(),
            *(d.role for d in links),
            *(f"process_params.{name}" for name in wanted),
        ]
        query = Query(cls, _condition(cls, requests, used))
        rows = read_records(query, tuple(paths))
        lists = read_lists(
            [row[0] for row in rows], [d.role for d in dependencies_of(cls) if d.many]
        )
        if self._favourites is None:
            self._favourites = favourites(context.project)
        found = []
        for row in rows:
            values = dict(zip(paths, row, strict=True))
            params = {name: values[f"process_params.{name}"] for name in wanted}
            used_links = {d.role: values[d.role] or 0 for d in links}
            plain = {name: values[path] for name, path in fields.items()}
            found.append(self._candidate(plain, params, used_links, lists.get(row[0], {})))
        return found

    def _candidate(
        self,
        values: dict[str, Any],
        params: dict[str, Any],
        links: dict[str, int],
        lists: dict[str, tuple[int, ...]],
    ) -> Candidate:
        def get(name: str) -> Any:
            value = values.get(name)
            return _FIELDS[name] if value is None else value

        return Candidate(
            id=get("id"),
            group=Group(get("instrument"), get("chip"), get("filter"), get("readout")),
            night=get("night"),
            raw=get("raw"),
            start=get("timestamp_start"),
            end=get("timestamp_end"),
            creation=get("creation_date"),
            is_valid=get("is_valid"),
            flags=get("quality_flags"),
            is_default=get("origin") == "default",
            overscan=params.get(_OVERSCAN),
            params=params,
            content=get("content_hash"),
            code=get("code_version"),
            links=links,
            lists=lists,
            favourite=get("id") in (self._favourites or ()),
            time=values.get("DATE_OBS"),
        )

    def raw_frames(
        self, cls: Any, nights: set[tuple[Group, str]]
    ) -> dict[tuple[Group, str], tuple[int, ...]]:
        """Read the good raw frames of a class by group and night: one statement."""
        if not nights:
            return {}
        where = And(
            (
                In(("night",), tuple(sorted({night for _, night in nights}))),
                In(("chip",), tuple(sorted({group.chip for group, _ in nights}))),
                Compare(("is_valid",), ">", 0),
            )
        )
        found: dict[tuple[Group, str], list[int]] = {}
        for record in raw_records(Query(cls, where, ("DATE_OBS",))):
            # A calibration without filter is made from the frames of all filters.
            for group in {record.group, record.group.without_filter()}:
                found.setdefault((group, record.night), []).append(record.id)
        return {key: tuple(ids) for key, ids in found.items()}

    def midnight(self, instrument: int, night: str) -> datetime | None:
        """Return the middle of a night at an instrument, UTC."""
        if self._timezones is None:
            rows = read_records(Query(Instrument), ("id", "timezone"))
            self._timezones = {row[0]: row[1] or 0.0 for row in rows}
        return night_middle(night, self._timezones.get(instrument, 0.0)) if night else None

    def overscan_default(self, cls: Any) -> int | None:
        """Return the default overscan method of a class, None if it has no such parameter."""
        parameters = parameter_class(cls)
        if parameters is None or _OVERSCAN not in parameters._attributes:
            return None
        return int(parameters._attributes[_OVERSCAN].default)

    def horizon(self) -> int:
        """Return the newest row number."""
        return newest_number()

    def names(self, numbers: set[int]) -> dict[int, str]:
        """Return names of chips, filters and raw frames, for people."""
        from awlab.backend.datamodel import Chip, Filter, RawScienceFrame

        found: dict[int, str] = {}
        if numbers:
            where = WithIds(tuple(sorted(numbers)))
            for cls, name in ((Chip, "name"), (Filter, "name"), (RawScienceFrame, "filename")):
                found.update(dict(read_records(Query(cls, where), ("id", name))))
        return found


def _field_paths(cls: Any) -> dict[str, str]:
    """Paths of the fields of a candidate; what is made from one raw frame has that frame's key."""
    paths = {name: name for name in _FIELDS if name == "id" or name in cls._attributes}
    if is_keyed_by_raw(cls):
        raw_class = cls._attributes["raw"].type
        for name in ("instrument", "chip", "filter", "readout", "night", "DATE_OBS"):
            if name in raw_class._attributes:
                paths[name] = f"raw.{name}"
    return paths


def raw_records(query: Query) -> list[RawRecord]:
    """Read raw frames as the planner sees them: one statement."""
    has_filter = "filter" in query.root._attributes
    paths = ["id", "instrument", "chip", "readout", "night", "DATE_OBS"]
    paths += ["filter"] if has_filter else []
    return [
        RawRecord(
            row[0], Group(row[1], row[2], row[6] or 0 if has_filter else 0, row[3]), *row[4:6]
        )
        for row in read_records(query, tuple(paths))
    ]


def _condition(cls: Any, requests: Sequence[Request], used: set[int]) -> Any:
    numbers = used | {r.forced for r in requests if r.forced}
    choices: list[Any] = [WithIds(tuple(sorted(numbers)))] if numbers else []
    plain = [r for r in requests if not r.forced]
    if plain and is_keyed_by_raw(cls):
        choices.append(In(("raw",), tuple(sorted({r.raw for r in plain}))))
    elif plain and any(r.given for r in plain):
        choices.append(_given_condition(cls, plain))
    elif plain:
        choices.append(_calibration_condition(plain))
    return Or(tuple(choices))


def _given_condition(cls: Any, requests: Sequence[Request]) -> Any:
    role, _ = next(item for r in requests for item in r.given if item[1])
    numbers = {n for r in requests for name, ids in r.given if name == role for n in ids}
    return In((role,), tuple(sorted(numbers)))


def _calibration_condition(requests: Sequence[Request]) -> Any:
    """What may apply: the right chips, and a validity that meets the times, or the very night."""
    times = [r.time for r in requests if r.time is not None] or [_FIRST]
    chips = In(("chip",), tuple(sorted({r.group.chip for r in requests})))
    nights = tuple(sorted({r.night for r in requests if r.night}))
    meets = And(
        (
            Compare(("timestamp_start",), "<=", max(times)),
            Compare(("timestamp_end",), ">", min(times)),
        )
    )
    return And((chips, Or((meets, In(("night",), nights)))))
