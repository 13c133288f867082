"""Make one target: fetch, compute, store; once, whoever asks at the same moment."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from awlab.backend.database import (
    And,
    Compare,
    DBObject,
    Query,
    class_named,
    current_database,
    held_lock,
    objects_with_ids,
)
from awlab.backend.datamodel import DataObject, sweep
from awlab.backend.errors import AwlabError, MakeFailed
from awlab.backend.process.candidates import CandidateIndex
from awlab.backend.process.dependencies import dependencies_of
from awlab.backend.process.keys import Candidate, Request
from awlab.backend.process.registry import DatabaseRegistry
from awlab.backend.process.work_folder import new_work_folder

__all__ = ["Made", "Work", "make_target"]


@dataclass(frozen=True, slots=True)
class Work:
    """One target to make: plain values, so that it can travel to another process."""

    class_name: str
    label: str
    request: Request
    inputs: dict[str, tuple[int, ...]]
    params: dict[str, Any] = field(default_factory=dict)
    horizon: int = 0

    @property
    def cls(self) -> Any:
        """Class of the target."""
        found = class_named(self.class_name)
        assert found is not None, self.class_name
        return found

    @property
    def lock(self) -> str:
        """Name of the lock that makes it once."""
        r = self.request
        group = f"{r.group.instrument}/{r.group.chip}/{r.group.filter}/{r.group.readout}"
        return f"{self.class_name} {group} {r.night} raw {r.raw} {r.overscan} {r.given}"


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it."""

    id: int
    flags: int
    seconds: float
    reused: bool = False


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
    started = time.monotonic()
    sweep()
    with held_lock(work.lock):
        meanwhile = _made_meanwhile(work)
        if meanwhile is not None:
            return Made(meanwhile.id, meanwhile.flags, time.monotonic() - started, reused=True)
        with new_work_folder(), _failing(work):
            target = _blank(work)
            target.make()
            target.finish()
            _doubt(target)
            if isinstance(target, DataObject):
                target.store()
            target.commit()
    return Made(int(target._id), int(target.quality_flags), time.monotonic() - started)


@contextlib.contextmanager
def _failing(work: Work) -> Iterator[None]:
    """Turn whatever goes wrong into one sentence that names the target."""
    try:
        yield
    except AwlabError as exc:
        hint = exc.hint or "see `awlab doctor` and the log of the job"
        raise MakeFailed(f"{work.label}: {exc.message}", hint) from exc
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError, AttributeError) as exc:
        raise MakeFailed(
            f"{work.label}: make() raised {type(exc).__name__}: {exc}",
            "`%awe --traceback` shows where",
        ) from exc


def _made_meanwhile(work: Work) -> Candidate | None:
    """Look again under the lock for the same, made of the same, after the plan was made."""
    cls = work.cls
    request = work.request._replace(own_night=True)
    found = DatabaseRegistry().candidates(cls, [request], set(), list(work.params))
    newer = [c for c in found if c.id > work.horizon and c.is_valid > 0]
    index = CandidateIndex(newer)
    _, _, candidate = index.resolve(cls, request)
    if candidate is None or any(candidate.params.get(n) != v for n, v in work.params.items()):
        return None
    for dependency in dependencies_of(cls):
        one = candidate.links.get(dependency.role, 0)
        used = candidate.lists.get(dependency.role, (one,) if one else ())
        if set(used) != set(work.inputs.get(dependency.role, ())):
            return None
    return candidate


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
    for name, value in (("readout", work.request.group.readout), ("night", work.request.night)):
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


def _key_numbers(work: Work) -> set[int]:
    return {n for n in work.request.group[:3] if n}


def _previous(work: Work) -> Any:
    """Return the newest valid object of the same key, of whatever night, or None."""
    cls = work.cls
    if work.request.raw:
        where = Compare(("raw",), "==", _Number(work.request.raw))
        return (Query(cls, where) & (cls.is_valid > 0)).max("creation_date")
    if not getattr(cls, "_is_calibration", False):
        return None
    group = work.request.group
    same = [Compare(("chip",), "==", _Number(group.chip))]
    if group.filter and "filter" in cls._attributes:
        same.append(Compare(("filter",), "==", _Number(group.filter)))
    query = Query(cls, And(tuple(same))) & (cls.is_valid > 0) & (cls.origin == "derived")
    return query.max("creation_date")


class _Number:
    """A row number that stands for its object in a condition."""

    object_id = ""

    def __init__(self, number: int) -> None:
        self._id = number


def _doubt(target: Any) -> None:
    """Flag a result whose like was invalidated: nobody's verdict is undone by making it again."""
    cls = type(target)
    same = Query(cls, Compare(("content_hash",), "==", target.content_hash))
    if target.content_hash and (same & (cls.is_valid <= 0)).exists():
        target.raise_flag("REPEATS_INVALID")
