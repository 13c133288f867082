"""The planner's view of the database: candidates, raw frames, nights, names, in bulk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from awlab.backend.database import (
    And,
    Compare,
    DBObject,
    In,
    Or,
    Query,
    WithIds,
    context,
    current_database,
    favourites,
    newest_number,
    objects_with_ids,
    read_lists,
    read_records,
    verdicts_of,
)
from awlab.backend.datamodel import Filter, Instrument, night_middle
from awlab.backend.process.dependencies import dependencies_of, is_keyed_by_raw, is_selection
from awlab.backend.process.keys import (
    Candidate,
    Group,
    Pointing,
    RawRecord,
    Reference,
    Request,
    Selection,
    preferred,
)
from awlab.backend.process.process_params import parameter_class, parameter_names

__all__ = ["DatabaseRegistry", "raw_records"]

_FIRST, _LAST = datetime(1900, 1, 1), datetime(2200, 1, 1)
_OVERSCAN = "OVERSCAN_CORRECTION"
_POINTING = [
    *("astrom.CRVAL1", "astrom.CRVAL2"),
    *("astrom.CD1_1", "astrom.CD1_2", "astrom.CD2_1", "astrom.CD2_2"),
]

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
    "grid": "",
    "chosen_by": "",
    "OBJECT": "",
    "failure": "",
    "reason": "",
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
        used_for = {_OVERSCAN} | {d.only_with[0] for d in dependencies_of(cls) if d.only_with}
        known = parameter_names(parameters) if parameters else []
        wanted += [name for name in known if name in used_for and name not in wanted]
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
            candidate = self._candidate(plain, params, used_links, lists.get(row[0], {}))
            if is_selection(cls) and plain.get("chosen_by") == "key" and not candidate.raw:
                candidate = candidate._replace(selection=_selection(candidate, plain["OBJECT"]))
            found.append(candidate)
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
            grid=get("grid"),
            position=_pointing(values),
            said=get("failure") or get("reason"),
        )

    def raw_frames(
        self, cls: Any, nights: set[tuple[Group, str]], purposes: Sequence[str] = ()
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
        found: dict[tuple[Group, str], list[RawRecord]] = {}
        for record in raw_records(Query(cls, where, ("DATE_OBS",))):
            # A calibration without filter is made from the frames of all filters.
            for group in {record.group, record.group.without_filter()}:
                found.setdefault((group, record.night), []).append(record)
        return {
            key: tuple(record.id for record in preferred(records, purposes))
            for key, records in found.items()
        }

    def selected(
        self, cls: Any, selections: set[Selection]
    ) -> dict[Selection, tuple[RawRecord, ...]]:
        """Read the good raw frames of selections: one statement."""
        if not selections:
            return {}
        conditions: list[Any] = [Compare(("is_valid",), ">", 0)]
        columns = {"object": "OBJECT"}
        for name in Selection._fields:
            values = {getattr(selection, name) for selection in selections}
            if all(values):
                conditions.append(In((columns.get(name, name),), tuple(sorted(values))))
        records = raw_records(Query(cls, And(tuple(conditions)), ("DATE_OBS",)))
        return {
            selection: tuple(record for record in records if _is_of(record, selection))
            for selection in selections
        }

    def raw_records_of(self, cls: Any, numbers: set[int]) -> dict[int, RawRecord]:
        """Read raw frames by row number: one statement."""
        query = Query(cls, WithIds(tuple(sorted(numbers))))
        return {record.id: record for record in raw_records(query)}

    def references(self, cls: Any) -> list[Reference]:
        """Read the valid reference catalogues of a class, the newest last: one statement."""
        query = Query(cls, Compare(("is_valid",), ">", 0), ("creation_date",))
        paths = ("id", "name", "RA", "DEC", "radius")
        return [Reference(*row) for row in read_records(query, paths)]

    def filters_with(self, attribute: str) -> set[int]:
        """Return the filters of which an attribute is true: one statement."""
        query = Query(Filter, Compare((attribute,), "==", True))
        return {row[0] for row in read_records(query, ("id",))}

    def classes_of(self, numbers: set[int]) -> dict[int, Any]:
        """Return the classes of objects: one statement."""
        ids = np.asarray(sorted(numbers), dtype=np.int64)
        rows = objects_with_ids(current_database(), ids, DBObject)
        return {int(number): type(row) for number, row in zip(ids, rows, strict=True)}

    def withdrawn(self, numbers: set[int]) -> set[int]:
        """Return those of some objects that were invalidated: two statements."""
        ids = np.asarray(sorted(numbers), dtype=np.int64)
        objects = list(objects_with_ids(current_database(), ids, DBObject))
        return {found.id for found in verdicts_of(objects) if found.is_valid == 0}

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
            # A product of a selection has no raw frame, and a key of its own.
            if name in raw_class._attributes and not (is_selection(cls) and name in paths):
                paths[name] = f"raw.{name}"
        if "astrom" in raw_class._attributes:
            paths |= {name: f"raw.{name}" for name in _POINTING}
    return paths


def raw_records(query: Query) -> list[RawRecord]:
    """Read raw frames as the planner sees them: one statement."""
    known = query.root._attributes
    paths = ["id", "instrument", "chip", "readout", "night", "DATE_OBS", "OBJECT", "purpose"]
    paths += ["filter"] if "filter" in known else []
    paths += _POINTING if "astrom" in known else []
    found = []
    for row in read_records(query, tuple(paths)):
        value = dict(zip(paths, row, strict=True))
        group = Group(
            value["instrument"], value["chip"], value.get("filter") or 0, value["readout"]
        )
        words = (value["OBJECT"] or "", value["purpose"] or "", _pointing(value))
        found.append(RawRecord(row[0], group, value["night"], value["DATE_OBS"], *words))
    return found


def _pointing(values: Mapping[str, Any]) -> Pointing | None:
    """Return where a raw frame points, by the linear coordinates of its header."""
    ra, dec, *matrix = (values.get(name) for name in _POINTING)
    if ra is None or dec is None:
        return None
    a, b, c, d = (value or 0.0 for value in matrix)
    return Pointing(ra, dec, 3600.0 * math.sqrt(abs(a * d - b * c)))


def _selection(candidate: Candidate, name: str) -> Selection:
    group = candidate.group
    return Selection(group.instrument, group.filter, group.chip, name, candidate.night)


def _is_of(record: RawRecord, selection: Selection) -> bool:
    """Tell whether a raw frame belongs to a selection; what is empty there means any."""
    has = Selection(
        record.group.instrument,
        record.group.filter,
        record.group.chip,
        record.object,
        record.night,
    )
    return all(wanted in (0, "", value) for wanted, value in zip(selection, has, strict=True))


def _condition(cls: Any, requests: Sequence[Request], used: set[int]) -> Any:
    numbers = used | {r.forced for r in requests if r.forced}
    choices: list[Any] = [WithIds(tuple(sorted(numbers)))] if numbers else []
    plain = [r for r in requests if not r.forced]
    selections = {r.selection for r in plain if r.selection is not None}
    raws = {r.raw for r in plain if r.raw} if is_keyed_by_raw(cls) else set()
    if selections:
        choices.append(_selection_condition(cls, selections))
    if raws:
        choices.append(In(("raw",), tuple(sorted(raws))))
    # A role that may be named, and is not, is among them without a number.
    if any(ids for r in plain for _, ids in r.given) and not raws:
        choices.append(_given_condition(cls, plain))
    if plain and not choices[bool(numbers) :]:
        choices.append(_calibration_condition(plain))
    return Or(tuple(choices))


def _selection_condition(cls: Any, selections: set[Selection]) -> Any:
    """What was made from one of these selections, found by its object and its filter."""
    conditions: list[Any] = [Compare(("chosen_by",), "==", "key")]
    for name, column in (("instrument", "instrument"), ("filter", "filter"), ("object", "OBJECT")):
        values = {getattr(selection, name) for selection in selections}
        if column in cls._attributes and all(values):
            conditions.append(In((column,), tuple(sorted(values))))
    return And(tuple(conditions))


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
