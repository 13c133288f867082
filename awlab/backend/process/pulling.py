"""From the words of a user to requests: which target is meant by a key."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from awlab.backend.database import (
    And,
    Compare,
    DBObject,
    In,
    Query,
    WithIds,
    context,
    read_records,
)
from awlab.backend.datamodel import Chip, Filter, Instrument, RawScienceFrame, night_name
from awlab.backend.errors import TargetError
from awlab.backend.process.dependencies import dependencies_of, is_keyed_by_raw, is_selection
from awlab.backend.process.keys import Group, RawRecord, Request, Selection
from awlab.backend.process.plan import Plan
from awlab.backend.process.planner import Planner, Registry
from awlab.backend.process.process_params import asked_parameters
from awlab.backend.process.registry import DatabaseRegistry, raw_records
from awlab.backend.process.runner import run_plan
from awlab.backend.process.up_to_date import UpToDate

__all__ = ["judge_key", "judge_object", "judge_objects", "plan_targets", "requests_for"]

_NOBODY = Group(0, 0, 0, "")
_WILD = ("chip", "filter")


def plan_targets(
    cls: Any, key: dict[str, Any], *, pars: Any = None, depth: int | None = None
) -> Plan:
    """Plan the targets that a key means."""
    requests, is_list = requests_for(cls, key)
    plan = Planner(DatabaseRegistry(), asked_parameters(pars), depth=depth).plan(cls, requests)
    plan.is_list = is_list
    plan.runner = run_plan
    if getattr(cls, "_is_calibration", False) and _has_wildcard(key):
        _drop_impossible(plan)
    return plan


def _has_wildcard(key: dict[str, Any]) -> bool:
    return any("*" in str(key.get(name)) or "?" in str(key.get(name)) for name in _WILD)


def _drop_impossible(plan: Plan) -> None:
    """Where a wildcard asked for everything, leave out what has no raw frames at all."""
    possible = [root for root in plan.roots if root.state.value != "null"]
    if possible:
        gone = {id(root) for root in plan.roots} - {id(root) for root in possible}
        plan.roots = possible
        plan.nodes = [node for node in plan.nodes if id(node) not in gone]


def judge_key(cls: Any, key: dict[str, Any]) -> UpToDate:
    """Tell whether the targets of a key are up to date, and why not."""
    plan = plan_targets(cls, key)
    worst = next((n for n in plan.roots if n.state.value != "up to date"), plan.roots[0])
    reasons = [r for node in plan.roots if node.state.value != "up to date" for r in node.reasons]
    return UpToDate(reasons, worst.state.value)


def judge_object(obj: Any, *, code: bool = False) -> UpToDate:
    """Tell whether one committed object is up to date, and why not."""
    if not obj.is_committed:
        raise TargetError(f"{obj!r} is not committed", "commit it first")
    planner = Planner(DatabaseRegistry(), code=code)
    node = planner.plan(type(obj), [Request(_NOBODY, "", None, forced=obj._id)]).roots[0]
    reasons = node.reasons if node.state.value != "up to date" else []
    return UpToDate(list(reasons), node.state.value)


def judge_objects(
    cls: Any, query: Query, registry: Registry | None = None
) -> list[tuple[Any, list[str]]]:
    """Return the outdated ones among the objects of a query, with reasons.

    Parameters
    ----------
    cls : type
        Target class, which may be abstract.
    query : Query
        Objects of the class.
    registry : Registry, optional
        What exists; that of the database by default.
    """
    objects = list(query)
    registry = registry or DatabaseRegistry()
    reasons: dict[int, list[str]] = {}
    for kind in {type(obj) for obj in objects}:
        mine = [obj for obj in objects if type(obj) is kind]
        requests = [Request(_NOBODY, "", None, forced=obj._id) for obj in mine]
        roots = Planner(registry).plan(kind, requests).roots
        pairs = zip(mine, roots, strict=True)
        reasons |= {obj._id: node.reasons for obj, node in pairs if node.state.value == "outdated"}
    return [(obj, reasons[obj._id]) for obj in objects if obj._id in reasons]


def requests_for(cls: Any, key: dict[str, Any]) -> tuple[list[Request], bool]:
    """Turn a key into requests, and tell whether a list was meant.

    Raises
    ------
    TargetError
        If the key is incomplete, fits nothing, or has a name that the class does not know.
    """
    # What only asks may be told commit=False, too.
    key = {name: value for name, value in key.items() if value is not None and name != "commit"}
    if is_selection(cls):
        return _of_selection(cls, key)
    if is_keyed_by_raw(cls):
        return _science(cls, key)
    if getattr(cls, "_is_calibration", False):
        return _calibrations(cls, key)
    return [_given(cls, key)], False


# -- science: one target per raw frame -----------------------------------------------------


def _science(cls: Any, key: dict[str, Any]) -> tuple[list[Request], bool]:
    raw_class = cls._attributes["raw"].type
    has_grid = "grid" in cls._attributes
    words = {name: value for name, value in key.items() if name != "grid" or not has_grid}
    records, single = _raw_records(cls, raw_class, words)
    requests = [Request(r.group, r.night, r.time, r.id, position=r.position) for r in records]
    if has_grid:
        grid = str(key.get("grid", ""))
        requests = [request._replace(grid=grid) for request in requests]
        if not (grid or single):
            requests = _on_common_grids(cls, requests, [] if "raw" in key else records)
    return requests, not single


def _on_common_grids(
    cls: Any, requests: list[Request], records: Sequence[RawRecord]
) -> list[Request]:
    """Choose the pixels of frames asked for together: one grid per object, or one for all.

    A coadd of the same frames chooses the same ones.
    """
    names = [(r.group.instrument, r.group.filter, r.object) for r in records]
    groups: list[Any] = names or [()] * len(requests)
    grids = {}
    for group in set(groups):
        places = [r.position for r, its in zip(requests, groups, strict=True) if its == group]
        known = [place for place in places if place is not None]
        grids[group] = cls.choose_grid(known) if known else ""
    return [
        request._replace(grid=grids[group]) for request, group in zip(requests, groups, strict=True)
    ]


def _raw_records(cls: Any, raw_class: Any, key: dict[str, Any]) -> tuple[list[RawRecord], bool]:
    """Read the raw frames that a key means, and tell whether one was meant."""
    query, single = _raw_query(cls, raw_class, key)
    records = raw_records(query)
    name = key.get("object")
    if not records and isinstance(name, str) and not {"*", "?"} & set(name):
        # A field goes by the beginning of its name: SA112 for SA112-SF1, but not for SA1120.
        query, _ = _raw_query(cls, raw_class, key | {"object": f"{name}*"})
        longer = raw_records(query)
        records = [r for r in longer if not r.object[len(name) : len(name) + 1].isalnum()]
    if not records:
        raise TargetError(f"no {raw_class.__name__} fits {_spell(key)}", _what_there_is(key))
    return records, single


def _what_there_is(key: dict[str, Any]) -> str:
    """Say which word of a key fits no raw frame, and which there are."""
    columns = {"object": "OBJECT", "filter": "filter.name", "chip": "chip.name", "date": "night"}
    for name, column in columns.items():
        if not isinstance(value := key.get(name), str):
            continue
        known = {row[0] for row in read_records(Query(RawScienceFrame), (column,)) if row[0]}
        if value not in known and not {"*", "?"} & set(value):
            near = get_close_matches(value, known, n=5, cutoff=0.5) or sorted(known)[:5]
            if near:
                return f"no science frame has {name} {value!r}; there are {', '.join(near)}"
    return "ingest the night, or check the key"


def _raw_query(cls: Any, raw_class: Any, key: dict[str, Any]) -> tuple[Query, bool]:
    if "raw" in key or "filename" in key:
        rest = set(key) - {"raw", "filename"}
        if rest:
            raise TargetError(f"{sorted(rest)[0]} does not go with raw= or filename=")
        raw = key.get("raw")
        if raw is None or isinstance(raw, str):
            return raw_class.select(filename=raw or key["filename"]), True
        if isinstance(raw, Query):
            return raw, False
        if isinstance(raw, (list, tuple)):
            numbers = tuple(_number(item, raw_class) for item in raw)
            return Query(raw_class, WithIds(numbers)), False
        return Query(raw_class, WithIds((_number(raw, raw_class),))), True
    known = {"instrument", "date", "filter", "chip", "object", "night"}
    unknown = set(key) - known
    if unknown:
        raise TargetError(
            f"{cls.__name__} has no key {sorted(unknown)[0]!r}",
            f"use raw= or filename=, or {', '.join(sorted(known))}",
        )
    if not key:
        raise TargetError(f"{cls.__name__}: which ones?", "give raw=, or date=, filter=, chip= ...")
    wanted = {"instrument": context.instrument or None} | key
    good = And((Compare(("is_valid",), ">", 0),))
    return Query(raw_class, good) & raw_class.select(**wanted), False


def _number(item: Any, cls: Any) -> int:
    if not isinstance(item, DBObject) or not isinstance(item, cls):
        raise TargetError(f"{item!r} is not a {cls.__name__}", f"give a {cls.__name__}")
    if item._id is None:
        raise TargetError(f"{item!r} is not committed", "commit it first; raw frames are ingested")
    return int(item._id)


# -- products of many raw frames: one target per object and filter -------------------------


def _of_selection(cls: Any, key: dict[str, Any]) -> tuple[list[Request], bool]:
    by_hand = {d.role for d in dependencies_of(cls) if d.rule in ("members", "choice", "given")}
    if "frames" in key:
        roles = [d.role for d in dependencies_of(cls) if d.rule == "members"]
        key = {roles[0] if roles and name == "frames" else name: v for name, v in key.items()}
    key = _by_raw_frame(cls, key)
    if {"raw", "filename"} & set(key):
        return _with_given(cls, key)
    if by_hand & set(key):
        return [_given(cls, key)], False
    raw_class = getattr(cls, "SELECTS", RawScienceFrame)
    words = {name: value for name, value in key.items() if name != "grid"}
    records, _ = _raw_records(cls, raw_class, words)
    selections = sorted({_selection_of(record, cls, key) for record in records})
    grid = str(key.get("grid", ""))
    requests = [
        Request(Group(s.instrument, s.chip, s.filter, ""), s.night, None, selection=s, grid=grid)
        for s in selections
    ]
    named = [key.get(name) for name in ("object", "filter")]
    is_one = all(isinstance(name, (str, DBObject)) and "*" not in str(name) for name in named)
    return requests, len(requests) > 1 or not is_one


def _by_raw_frame(cls: Any, key: dict[str, Any]) -> dict[str, Any]:
    """Ask by the raw frame where what is named is made from one raw frame anyway."""
    for dependency in dependencies_of(cls):
        named = key.get(dependency.role)
        if dependency.rule == "choice" and named is not None and "raw" not in key:
            first = next((c for c in dependency.choices if is_keyed_by_raw(c)), None)
            if first is not None and type(named) is first and is_keyed_by_raw(cls):
                rest = {name: value for name, value in key.items() if name != dependency.role}
                return {"raw": named.raw} | rest
    return key


def _with_given(cls: Any, key: dict[str, Any]) -> tuple[list[Request], bool]:
    """Ask by the raw frame, and name some inputs besides."""
    roles = {d.role: d for d in dependencies_of(cls) if d.rule == "given" and not d.many}
    named = tuple((r, (_number(key[r], d.cls),)) for r, d in roles.items() if r in key)
    requests, is_list = _science(cls, {n: v for n, v in key.items() if n not in roles})
    return [request._replace(given=named) for request in requests], is_list


def _selection_of(record: RawRecord, cls: Any, key: dict[str, Any]) -> Selection:
    """Return the selection that a raw frame belongs to: chip and night only if the key has them.

    A field is all of its frames: chip and night say which fields, not which part of them.
    """
    group = record.group
    key = {} if getattr(cls, "_is_field_solution", False) else key
    return Selection(
        group.instrument,
        group.filter if "filter" in cls._attributes else 0,
        group.chip if "chip" in key else 0,
        record.object,
        record.night if {"date", "night"} & set(key) else "",
    )


# -- calibrations: one target per chip (and filter) and night ------------------------------


def _calibrations(cls: Any, key: dict[str, Any]) -> tuple[list[Request], bool]:
    has_filter = "filter" in cls._attributes
    known = {"instrument", "chip", "date", "night"} | ({"filter"} if has_filter else set())
    unknown = set(key) - known
    if unknown:
        raise TargetError(
            f"{cls.__name__} has no key {sorted(unknown)[0]!r}", f"use {', '.join(sorted(known))}"
        )
    date = key.get("date", key.get("night"))
    needed = {"date": date, "chip": key.get("chip")}
    needed |= {"filter": key.get("filter")} if has_filter else {}
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        raise TargetError(f"{cls.__name__}: {missing[0]} is missing", f"give {missing[0]}=...")
    instrument = _instrument(key)
    chips = _named(Chip, key["chip"], instrument)
    filters = _named(Filter, key["filter"], instrument) if has_filter else [(0, instrument)]
    night = night_name(date)
    registry = DatabaseRegistry()
    readouts = _readouts(cls, {chip for chip, _ in chips}, night)
    requests = []
    for chip, its_instrument in chips:
        for filter_number, _ in filters:
            group = Group(its_instrument, chip, filter_number, readouts.get(chip, ""))
            time = registry.midnight(its_instrument, night)
            requests.append(Request(group, night, time, own_night=True))
    many = any(isinstance(key.get(name), (list, tuple)) for name in _WILD)
    return requests, many or _has_wildcard(key)


def _instrument(key: dict[str, Any]) -> int | None:
    name = key.get("instrument", context.instrument or None)
    if name is None:
        return None
    found = name if isinstance(name, Instrument) else Instrument.named(str(name))
    return int(str(found._id))


def _named(cls: Any, name: Any, instrument: int | None) -> list[tuple[int, int]]:
    """Row numbers of chips or filters of that name, each with its instrument's."""
    if isinstance(name, cls):
        return read_records(Query(cls, WithIds((name._id,))), ("id", "instrument"))
    asked = list(name) if isinstance(name, (list, tuple)) else [name]
    asked = [item.name if isinstance(item, cls) else str(item) for item in asked]
    wanted = cls.select(name=asked if isinstance(name, (list, tuple)) else asked[0])
    found = read_records(wanted, ("id", "instrument", "name"))
    found = [row for row in found if instrument in (None, row[1])]
    kind = cls.__name__.lower()
    unknown = {n for n in asked if "*" not in n and "?" not in n} - {row[2] for row in found}
    if unknown or not found:
        known = ", ".join(sorted({item.name for item in cls.select_all()})) or "none yet"
        raise TargetError(f"no {kind} {min(unknown or {str(name)})!r}", f"known: {known}")
    if instrument is None and len({row[1] for row in found}) > 1:
        raise TargetError(
            f"several instruments have a {kind} {name!r}", "give instrument=, or set_instrument"
        )
    return [(row[0], row[1]) for row in found]


def _readouts(cls: Any, chips: set[int], night: str) -> dict[int, str]:
    """Read-out modes, by chip, of the night's raw frames that the class is made from."""
    found: dict[int, str] = {}
    for dependency in dependencies_of(cls):
        missing = chips - set(found)
        if not missing:
            break
        if dependency.rule in ("raws", "members"):
            source = dependency.cls
            if dependency.rule == "members":
                source = source._attributes["raw"].type
            chosen = In(("chip",), tuple(sorted(missing)))
            where = And((Compare(("night",), "==", night), chosen))
            rows = read_records(Query(source, where), ("chip", "readout"))
            found |= {chip: str(readout) for chip, readout in reversed(rows)}
        elif dependency.rule == "calibration":
            found |= _readouts(dependency.cls, missing, night)
    return found


# -- targets of users' own classes: what they are made from is the key ---------------------


def _given(cls: Any, key: dict[str, Any]) -> Request:
    roles = {d.role: d for d in dependencies_of(cls)}
    unknown = set(key) - set(roles)
    if unknown:
        raise TargetError(
            f"{cls.__name__} has no key {sorted(unknown)[0]!r}", f"use {', '.join(roles)}"
        )
    given = []
    for role, dependency in roles.items():
        value = key.get(role)
        if value is None and not dependency.many and not dependency.optional:
            raise TargetError(f"{cls.__name__}: {role} is missing", f"give {role}=...")
        items = list(value) if dependency.many and value is not None else [value] if value else []
        given.append((role, tuple(_number(item, dependency.cls) for item in items)))
    if not any(numbers for _, numbers in given):
        names = f"give {', '.join(roles)}" if roles else "link it to what it is made from"
        raise TargetError(f"{cls.__name__}: nothing to make it from is named", names)
    return Request(_NOBODY, "", None, given=tuple(given))


def _spell(key: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in key.items())
