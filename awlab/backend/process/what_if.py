"""What would become outdated if a verdict or a validity were changed: nothing is changed.

The planner asks a `Registry` what exists. Here it asks one in which one object looks as it would
look after the change, and both answers are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from awlab.backend.database import Query, WithIds, registered_classes
from awlab.backend.datamodel import RawFrame
from awlab.backend.errors import DependencyCycle, QueryError
from awlab.backend.process.dependencies import (
    class_order,
    dependencies_of,
    is_keyed_by_raw,
    is_target,
)
from awlab.backend.process.keys import Candidate, Group, RawRecord, Request
from awlab.backend.process.pulling import judge_objects
from awlab.backend.process.registry import DatabaseRegistry, raw_records

__all__ = ["WhatIf", "what_if"]


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a change would do.

    Attributes
    ----------
    outdated : list of (ProcessTarget, list of str)
        Valid objects that are up to date and would not be any more, each with the reasons.
    restored : list of ProcessTarget
        Valid objects that are outdated and would be up to date again.
    """

    outdated: list[tuple[Any, list[str]]] = field(default_factory=list)
    restored: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [f"{item!r}: {'; '.join(reasons)}" for item, reasons in self.outdated]
        rows += [f"{item!r}: up to date again" for item in self.restored]
        counts = f"{len(self.outdated)} would be outdated, {len(self.restored)} up to date again"
        return "\n".join([*rows, counts])


def what_if(
    obj: Any, *, is_valid: int | None = None, timestamp_start: Any = None, timestamp_end: Any = None
) -> WhatIf:
    """Tell which products would become outdated by a change, without making the change.

    Parameters
    ----------
    obj : ProcessTarget or RawFrame
        Committed object.
    is_valid : int, optional
        Another verdict: 0 bad, 1 valid, 2 qualified.
    timestamp_start, timestamp_end : str, datetime or Time, optional
        Another validity, UTC; one that is not given stays as it is.

    Returns
    -------
    WhatIf
        A constant number of statements per class that depends on the object's.

    Raises
    ------
    QueryError
        If nothing is changed, the object is not committed, or it cannot look like that.
    """
    changes = _changes(obj, is_valid, timestamp_start, timestamp_end)
    found = WhatIf()
    now, then = DatabaseRegistry(), _Overlay(obj, changes)
    for cls in _dependents(type(obj)):
        query = _products(cls, obj)
        before = {item._id: item for item, _ in judge_objects(cls, query, now)}
        after = {item._id: (item, why) for item, why in judge_objects(cls, query, then)}
        found.outdated.extend(pair for number, pair in after.items() if number not in before)
        found.restored.extend(item for number, item in before.items() if number not in after)
    return found


def _changes(obj: Any, is_valid: int | None, start: Any, end: Any) -> dict[str, Any]:
    """Return the fields of a candidate that change."""
    cls = type(obj)
    asked = {"is_valid": is_valid, "timestamp_start": start, "timestamp_end": end}
    asked = {name: value for name, value in asked.items() if value is not None}
    if not asked or not getattr(obj, "is_committed", False):
        raise QueryError(
            f"what_if({obj!r}) changes nothing", "give a committed object, and is_valid= or a time"
        )
    for name in asked:
        if name not in cls._attributes:
            raise QueryError(f"{cls.__name__} has no {name}", "only calibrations have a validity")
    new = {name: cls._attributes[name].check(value) for name, value in asked.items()}
    if new.get("is_valid", 1) not in (0, 1, 2):
        raise QueryError(f"is_valid = {is_valid!r} has no meaning", "use 0, 1 or 2")
    if "timestamp_start" in cls._attributes:
        first, last = (new.get(n, getattr(obj, n)) for n in ("timestamp_start", "timestamp_end"))
        if first is not None and last is not None and first >= last:
            raise QueryError(f"a validity from {first} to {last} is empty", "start before end")
    fields = {"is_valid": "is_valid", "timestamp_start": "start", "timestamp_end": "end"}
    return {fields[name]: value for name, value in new.items()}


def _dependents(cls: Any) -> list[Any]:
    """Return the target classes whose chain leads to a class, in alphabetical order."""
    found = []
    for _, owner in sorted(registered_classes().items()):
        if not is_target(owner) or owner._abstract or owner is cls:
            continue
        try:
            chain = class_order(owner)
        except DependencyCycle:
            continue
        inputs = {d.cls for member in chain for d in dependencies_of(member)}
        if any(issubclass(cls, kind) for kind in inputs):
            found.append(owner)
    return found


def _products(cls: Any, obj: Any) -> Any:
    """Return the valid objects of a class that the object can matter to: those of its chip."""
    chip = getattr(obj, "chip", None)
    valid = cls.is_valid > 0
    if (
        chip is not None
        and is_keyed_by_raw(cls)
        and "chip" in cls._attributes["raw"].type._attributes
    ):
        # What is made with the solution of a field depends on the other chips as well.
        same = cls.raw.chip == chip
        return valid & (same | _made_of(cls, obj) if _takes_field(cls) else same)
    if chip is not None and getattr(cls, "_is_calibration", False):
        return valid & (cls.chip == chip)
    return _made_of(cls, obj) & valid


def _made_of(cls: Any, obj: Any) -> Query:
    return Query(cls, WithIds(tuple(item._id for item in obj.downstream().objects(cls))))


def _takes_field(cls: Any) -> bool:
    return any(d.rule == "field" for member in class_order(cls) for d in dependencies_of(member))


class _Overlay(DatabaseRegistry):
    """The database as it would be if one object looked different."""

    def __init__(self, obj: Any, changes: dict[str, Any]) -> None:
        super().__init__()
        self._cls, self._id, self._changes = type(obj), int(obj._id), changes
        self._raw: RawRecord | None = None
        if isinstance(obj, RawFrame):
            (self._raw,) = raw_records(Query(self._cls, WithIds((self._id,))))

    def candidates(
        self, cls: Any, requests: Sequence[Request], used: set[int], asked: Sequence[str]
    ) -> list[Candidate]:
        """Read the candidates, the object among them wherever it might apply then."""
        if cls is not self._cls:
            return super().candidates(cls, requests, used, asked)
        found = super().candidates(cls, requests, used | {self._id}, asked)
        return [c._replace(**self._changes) if c.id == self._id else c for c in found]

    def raw_frames(
        self, cls: Any, nights: set[tuple[Group, str]], purposes: Sequence[str] = ()
    ) -> dict[tuple[Group, str], tuple[int, ...]]:
        """Read the good raw frames, without the one that would be bad, or with it."""
        found = super().raw_frames(cls, nights, purposes)
        raw = self._raw
        if raw is None or not issubclass(self._cls, cls):
            return found
        is_good = self._changes["is_valid"] > 0
        for group in {raw.group, raw.group.without_filter()}:
            others = tuple(n for n in found.get((group, raw.night), ()) if n != self._id)
            is_wanted = not purposes or raw.purpose in purposes or not others
            found[group, raw.night] = (*others, self._id) if is_good and is_wanted else others
        return found
