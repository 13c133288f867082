"""Make one target: fetch, compute, store; once, whoever asks at the same moment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from awlab.backend.database import (
    And,
    Compare,
    DBObject,
    PackedObject,
    Query,
    class_named,
    current_database,
    held_lock,
    objects_with_ids,
    pack_object,
    through_restarts,
)
from awlab.backend.datamodel import DataObject, sweep
from awlab.backend.errors import AwlabError, MakeFailed, TargetError
from awlab.backend.process.candidates import CandidateIndex
from awlab.backend.process.dependencies import dependencies_of
from awlab.backend.process.keys import Candidate, Request
from awlab.backend.process.registry import DatabaseRegistry
from awlab.backend.process.work_folder import new_work_folder, work_folder

__all__ = ["Computed", "Made", "Work", "compute_target", "failing", "made_meanwhile", "make_target"]

# From the end of a make() to the end of its commit, the copy of its file included.
_LONGEST_COMMIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Work:
    """One target to make: plain values, so that it can travel to another process."""

    class_name: str
    label: str
    request: Request
    inputs: dict[str, tuple[int, ...]]
    params: dict[str, Any] = field(default_factory=dict)
    horizon: int = 0
    seen: frozenset[int] = frozenset()
    planned: datetime | None = None
    existing: int = 0

    @property
    def cls(self) -> Any:
        """Class of the target."""
        found = class_named(self.class_name)
        if found is None:
            raise TargetError(
                f"a worker process cannot import the class {self.class_name}",
                "put its module on PYTHONPATH, or run with processes=0",
            )
        return found

    @property
    def lock(self) -> str:
        """Name of the lock that makes it once."""
        r = self.request
        group = f"{r.group.instrument}/{r.group.chip}/{r.group.filter}/{r.group.readout}"
        key = f"{r.night} raw {r.raw} {r.overscan} {r.given} {r.selection} {r.grid}"
        return f"{self.class_name} {group} {key}"


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it; ``said`` is what it says itself about why it is no good."""

    id: int
    flags: int
    seconds: float
    reused: bool = False
    said: str = ""
    attempts: int = 1

    @classmethod
    def of(cls, target: Any, seconds: float) -> Made:
        """Return what came of it: ``target`` is committed."""
        said = getattr(target, "failure", "") or getattr(target, "reason", "")
        return cls(int(target._id), int(target.quality_flags), seconds, said=str(said or ""))

    @classmethod
    def by_another(cls, found: Candidate, seconds: float) -> Made:
        """Return what another process made of it."""
        return cls(found.id, found.flags, seconds, reused=True, said=found.said)


@dataclass(frozen=True, slots=True)
class Computed:
    """A target that is made and stored, and that somebody else commits."""

    packed: PackedObject
    seconds: float


def make_target(work: Work) -> Made:
    """Make a target and commit it; take what another process made meanwhile.

    Parameters
    ----------
    work : Work
        The target and its inputs.

    Raises
    ------
    MakeFailed
        If ``make()`` raised; nothing of the target is kept.
    """
    with failing(work.label):
        # A server that is killed takes the lock with it, and perhaps the answer to the commit:
        # what was begun is forgotten, and looked for again under a new lock.
        return through_restarts(lambda: _make_once(work))


def _make_once(work: Work) -> Made:
    started = time.monotonic()
    sweep()
    with held_lock(work.lock) as lock:
        meanwhile = made_meanwhile(work)
        if meanwhile is not None:
            return Made.by_another(meanwhile, time.monotonic() - started)
        with new_work_folder():
            target = _compute(work)
            lock.check()
            target.commit()
    return Made.of(target, time.monotonic() - started)


def compute_target(work: Work) -> Made | Computed:
    """Make a target without committing it, while somebody else holds its lock.

    Parameters
    ----------
    work : Work
        The target and its inputs.

    Returns
    -------
    Computed or Made
        The new object, or the one that another process made meanwhile.

    Raises
    ------
    MakeFailed
        If ``make()`` raised; nothing of the target is kept.
    """
    with failing(work.label):
        return through_restarts(lambda: _look_and_compute(work))


def _look_and_compute(work: Work) -> Made | Computed:
    started = time.monotonic()
    sweep()
    found = made_meanwhile(work)
    if found is not None:
        return Made.by_another(found, time.monotonic() - started)
    with new_work_folder():
        target = _compute(work)
    return Computed(pack_object(target), time.monotonic() - started)


def _compute(work: Work) -> Any:
    """Fetch, compute, store."""
    target = _blank(work)
    target.make()
    target.finish()
    _doubt(target, work)
    if isinstance(target, DataObject):
        # What lies in the work folder was made here, and the folder goes: no copy is needed.
        target.store(adopt=Path(target.pathname).is_relative_to(work_folder()))
    return target


class failing:  # noqa: N801 - used like the context managers of contextlib
    """Turn whatever goes wrong inside the ``with`` into one sentence that names the target.

    Parameters
    ----------
    label : str
        The target.
    """

    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> None:
        """Nothing needs to be prepared."""

    def __exit__(self, _kind: Any, exc: BaseException | None, _trace: Any) -> None:
        if isinstance(exc, MakeFailed):
            return
        if isinstance(exc, AwlabError):
            hint = exc.hint or "see `awlab doctor` and the log of the job"
            raise MakeFailed(f"{self._label}: {exc.message}", hint) from exc
        # Whatever a make() of a user raises, also sys.exit(): the run ends with its name.
        if isinstance(exc, (Exception, SystemExit)):
            said = str(exc).strip().splitlines()
            why = f": {said[0][:200]}" if said else ""
            raise MakeFailed(
                f"{self._label}: make() raised {type(exc).__name__}{why}",
                "`%awe --traceback` shows where",
            ) from exc


def made_meanwhile(work: Work) -> Candidate | None:
    """Look again under the lock for the same, made of the same.

    That is what another process made after the plan was made, or what there was all along: an
    input that was made again with the content it had outdates nothing, and the plan could not
    know that.
    """
    cls, registry = work.cls, DatabaseRegistry()
    request = work.request._replace(own_night=True)
    found = registry.candidates(cls, [request], {work.existing} - {0}, list(work.params))
    newer = [c for c in found if c.id not in work.seen and c.is_valid > 0 and _is_new(c, work)]
    _, _, newest = CandidateIndex(newer).resolve(cls, request)
    if newest is not None and _has_params(newest, work) and not _other_inputs(newest, work):
        return newest
    before = next((c for c in found if c.id == work.existing and c.is_valid > 0), None)
    if before is None or not _has_params(before, work):
        return None
    used = {n for ids in _inputs_of(before, work).values() for n in ids}
    same = all(_same_content(*pair) for pair in _other_inputs(before, work))
    return before if same and not registry.withdrawn(used) else None


def _has_params(candidate: Candidate, work: Work) -> bool:
    return all(candidate.params.get(name) == value for name, value in work.params.items())


def _inputs_of(candidate: Candidate, work: Work) -> dict[str, tuple[int, ...]]:
    """Return the row numbers of what a candidate was made of, by role."""
    found = {}
    for role in (dependency.role for dependency in dependencies_of(work.cls)):
        one = candidate.links.get(role, 0)
        found[role] = candidate.lists.get(role, (one,) if one else ())
    return found


def _other_inputs(candidate: Candidate, work: Work) -> list[tuple[set[int], set[int]]]:
    """Return where a candidate was made of other objects: those it used, those of today."""
    pairs = [
        (set(used), set(work.inputs.get(role, ())))
        for role, used in _inputs_of(candidate, work).items()
    ]
    return [(used, now) for used, now in pairs if used != now]


def _same_content(used: set[int], now: set[int]) -> bool:
    """Tell whether targets are others in name only: made again, with the same content."""
    contents = []
    for numbers in (used - now, now - used):
        rows = objects_with_ids(
            current_database(), np.asarray(sorted(numbers), dtype=np.int64), DBObject
        )
        contents.append(sorted(getattr(row, "content_hash", "") for row in rows))
    return contents[0] == contents[1] and all(contents[0])


def _is_new(candidate: Candidate, work: Work) -> bool:
    """Tell whether a candidate was committed after the plan was made.

    Its number may be older: numbers are given out when a commit begins.
    """
    if candidate.id > work.horizon or work.planned is None:
        return candidate.id > work.horizon
    return candidate.creation > work.planned - _LONGEST_COMMIT


def _blank(work: Work) -> Any:
    """Return the new object with its key, its inputs and its parameters, not yet made."""
    cls = work.cls
    target = cls()
    numbers = sorted({n for ids in work.inputs.values() for n in ids} | _key_numbers(work))
    rows = objects_with_ids(current_database(), np.asarray(numbers, dtype=np.int64), DBObject)
    by_id = dict(zip(numbers, rows, strict=True))
    attributes = cls._attributes
    for name in ("instrument", "chip", "filter"):
        number = getattr(work.request.group, name)
        if number and name in attributes and attributes[name].kind == "link":
            setattr(target, name, by_id[number])
    for name, value in _words_of_key(work).items():
        if name in attributes:
            setattr(target, name, value)
    for role, ids in work.inputs.items():
        items = [by_id[number] for number in ids]
        if attributes[role].kind == "links":
            setattr(target, role, items)
        elif items:
            setattr(target, role, items[0])
    for name, value in work.params.items():
        setattr(target.process_params, name, value)
    target.prev = _previous(work)
    return target


def _words_of_key(work: Work) -> dict[str, str]:
    request = work.request
    words = {"readout": request.group.readout, "night": request.night, "grid": request.grid}
    if request.selection is not None:
        return words | {"OBJECT": request.selection.object, "chosen_by": "key"}
    return words | ({"chosen_by": "frames"} if request.given else {})


def _key_numbers(work: Work) -> set[int]:
    return {n for n in work.request.group[:3] if n}


def _previous(work: Work) -> Any:
    """Return the newest valid object of the same key, of whatever night, or None."""
    same = _same_key(work)
    return None if same is None else (same & (work.cls.is_valid > 0)).max("creation_date")


def _same_key(work: Work) -> Any:
    """Query for the objects of the same raw frame, or chip and filter; None without a key."""
    cls = work.cls
    if work.request.raw:
        return Query(cls, Compare(("raw",), "==", _Number(work.request.raw)))
    if work.request.selection is not None:
        return _same_selection(work, work.request.selection)
    if not getattr(cls, "_is_calibration", False):
        return None
    group = work.request.group
    same = [Compare(("chip",), "==", _Number(group.chip))]
    if "readout" in cls._attributes:
        same.append(Compare(("readout",), "==", group.readout))
    if group.filter and "filter" in cls._attributes:
        same.append(Compare(("filter",), "==", _Number(group.filter)))
    return Query(cls, And(tuple(same))) & (cls.origin == "derived")


def _same_selection(work: Work, selection: Any) -> Any:
    cls = work.cls
    same: list[Any] = [Compare(("OBJECT",), "==", selection.object)]
    for name in ("instrument", "filter"):
        number = getattr(selection, name)
        if number and name in cls._attributes:
            same.append(Compare((name,), "==", _Number(number)))
    return Query(cls, And(tuple(same))) & (cls.chosen_by == "key")


class _Number:
    """A row number that stands for its object in a condition."""

    object_id = ""

    def __init__(self, number: int) -> None:
        self._id = number


def _doubt(target: Any, work: Work) -> None:
    """Flag a result whose like was invalidated: nobody's verdict is undone by making it again."""
    same = _same_key(work)
    if same is None or not target.content_hash:
        return
    cls = type(target)
    if (same & (cls.content_hash == target.content_hash) & (cls.is_valid <= 0)).exists():
        target.raise_flag("REPEATS_INVALID")
