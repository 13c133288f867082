"""Sequences: ``'Reduce>Astrometry>Regrid'`` is what to make, in words that a plan is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from awlab.backend.errors import TargetError
from awlab.backend.process.abandoned import close_abandoned_jobs
from awlab.backend.process.named_targets import sequence_classes
from awlab.backend.process.plan import Node, Plan
from awlab.backend.process.pulling import plan_targets

if TYPE_CHECKING:
    from awlab.backend.process.jobs import Job

__all__ = ["class_of", "plans_of", "run_in_turn"]

# What calibrations are asked by; they know nothing of what was observed.
_OF_CALIBRATIONS = frozenset({"instrument", "chip", "date", "night"})


def plans_of(sequence: Any, key: dict[str, Any], pars: Any) -> Iterator[tuple[Plan, bool]]:
    """Yield the plans of a sequence one after the other, each with whether it is the last.

    The plan of the last class has all that it needs, so that most sequences are one plan. Another
    plan comes before it for what was named and is not needed; it has to be run before the next one
    is asked for.

    Parameters
    ----------
    sequence : str or type
        Names of sequences or classes with ``>`` between them, or one class.
    key : dict
        As in ``Class.get``; calibrations of all chips and filters where it names none.
    pars : Pars or dict or None
        Process parameters asked for.

    Yields
    ------
    plan : Plan
        What to make.
    is_last : bool
        Whether it is the plan of the last class.
    """
    *before, last = sequence_classes(sequence)
    plan = _planned(last, key, pars)
    for cls in before:
        if _is_needed(cls, key, plan):
            continue
        own = _planned(cls, key, pars)
        if not {_identity(node) for node in own.work} <= {_identity(node) for node in plan.work}:
            yield own, False
            plan = _planned(last, key, pars)
    yield plan, True


def _planned(cls: Any, key: dict[str, Any], pars: Any) -> Plan:
    return plan_targets(cls, _all_chips(cls, key), pars=pars)


def _is_needed(cls: Any, key: dict[str, Any], plan: Plan) -> bool:
    """Tell whether a plan has all of a class that can be meant: calibrations for an object."""
    if not getattr(cls, "_is_calibration", False):
        return False
    names = {name for name, value in key.items() if value is not None}
    known = _OF_CALIBRATIONS | ({"filter"} if "filter" in cls._attributes else set())
    is_of_night = names <= known and names & {"date", "night"}
    return not is_of_night and any(node.cls is cls for node in plan.nodes)


def _identity(node: Node) -> tuple[Any, ...]:
    """Say which target a node is, also in another plan."""
    request = node.request
    return node.cls, request.group, request.night, request.raw, request.selection, request.given


def _all_chips(cls: Any, key: dict[str, Any]) -> dict[str, Any]:
    if not getattr(cls, "_is_calibration", False):
        return key
    wide = {"chip": "*"} | ({"filter": "*"} if "filter" in cls._attributes else {})
    return wide | {name: value for name, value in key.items() if value is not None}


def class_of(plan: Plan) -> Any:
    """Return the class that a plan makes.

    Raises
    ------
    TargetError
        If the plan asks for nothing.
    """
    if not plan.roots:
        raise TargetError("a plan without targets cannot be run", "use Class.plan(**key)")
    return plan.roots[0].cls


def run_in_turn(
    plans: Iterable[tuple[Plan, bool]],
    sequence: Any,
    begin: Callable[[Plan, str], Job],
    *,
    wait: bool,
) -> Job:
    """Begin a job per plan, each after the one before; return the last.

    Parameters
    ----------
    plans : iterable of (Plan, bool)
        Plans, and whether it is the last.
    sequence : str or type
        What the jobs are named after.
    begin : callable
        ``begin(plan, name)`` begins a job.
    wait : bool
        Whether the last one is waited for too.
    """
    close_abandoned_jobs()
    name = sequence.__name__ if isinstance(sequence, type) else str(sequence)
    job: Job | None = None
    for plan, is_last in plans:
        job = begin(plan, name)
        if wait or not is_last:
            job._watch(len(plan.work))
    assert job is not None
    return job
