"""The runner: executes exactly a plan, in this process or in worker processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Protocol

import numpy as np

from awlab.backend.database import DBObject, current_database, objects_with_ids
from awlab.backend.datamodel import QualityFlags
from awlab.backend.errors import AwlabError, MakeFailed, NoValidCalibration, TargetError
from awlab.backend.process.defaults import ON_DEMAND, default_calibration
from awlab.backend.process.dependencies import dependencies_of, fatal_bits
from awlab.backend.process.making import Made, Work, failing, make_target
from awlab.backend.process.plan import Node, Plan, State
from awlab.backend.process.starting import without_program
from awlab.backend.process.workers import WorkerContext, begin_worker, work_in_worker

__all__ = ["Observer", "Run", "load_objects", "run_plan"]

Progress = Callable[[int, int, str], None]


class Observer(Protocol):
    """Somebody who wants to know how a run goes on."""

    def started(self, node: Node) -> None:
        """A target is being made."""

    def finished(self, node: Node, made: Made) -> None:
        """A target was made."""

    def failed(self, node: Node, error: Exception) -> None:
        """A target could not be made."""

    def skipped(self, node: Node, reason: str) -> None:
        """A target was not made, and its default serves instead."""

    def is_cancelled(self) -> bool:
        """Whether to stop before the next target."""


class _Nobody:
    def started(self, node: Node) -> None:
        """Do nothing."""

    def finished(self, node: Node, made: Made) -> None:
        """Do nothing."""

    def failed(self, node: Node, error: Exception) -> None:
        """Do nothing."""

    def skipped(self, node: Node, reason: str) -> None:
        """Do nothing."""

    def is_cancelled(self) -> bool:
        """Never."""
        return False


class _Counter(_Nobody):
    """Tells how many targets are done."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan, self._progress, self._done = plan, progress, 0

    def finished(self, node: Node, made: Made) -> None:
        """Count a target that was made."""
        self._count(node)

    def failed(self, node: Node, error: Exception) -> None:
        """Count a target that could not be made: the others go on."""
        self._count(node)

    def skipped(self, node: Node, reason: str) -> None:
        """Count a target whose default serves."""
        self._count(node)

    def _count(self, node: Node) -> None:
        self._done += 1
        self._progress(self._done, len(self._plan.work), self._plan.label(node))


def run_plan(
    plan: Plan,
    *,
    processes: int = 0,
    observer: Observer | None = None,
    progress: Progress | None = None,
) -> list[Any]:
    """Make what a plan says, inputs first.

    Parameters
    ----------
    plan : Plan
        From `ProcessTarget.plan`.
    processes : int
        Worker processes; 0 works in this process, one target after the other.
    observer : Observer, optional
        Is told of every target.
    progress : callable, optional
        In place of an observer: called with (done, total, name) after every target.

    Returns
    -------
    list of ProcessTarget
        The objects asked for, in the order asked.

    Raises
    ------
    NoValidCalibration
        If a target asked for can neither be found nor made.
    MakeFailed
        If making a target failed; everything finished before stays. Where several targets were
        asked for, the others are made nevertheless.
    """
    run = Run(plan, observer or (_Counter(plan, progress) if progress else _Nobody()))
    if processes and len(plan.work) > 1:
        return run.whole(lambda: run.in_workers(processes))
    return run.whole(run.in_turn)


def load_objects(numbers: list[int]) -> list[Any]:
    """Return the objects with these row numbers, in that order."""
    distinct = sorted(set(numbers))
    rows = objects_with_ids(current_database(), np.asarray(distinct, dtype=np.int64), DBObject)
    place = {number: i for i, number in enumerate(distinct)}
    return [rows[place[number]] for number in numbers]


class Run:
    """One execution of one plan."""

    def __init__(self, plan: Plan, observer: Observer) -> None:
        self.plan = plan
        self.observer = observer
        self.made: dict[int, Made] = {}
        self.unmade: dict[int, str] = {}
        self.failures: dict[int, AwlabError] = {}
        self._roots = {id(root) for root in plan.roots}
        self._vital = _vital(plan.roots)
        self._places = 1

    def whole(self, make: Callable[[], None]) -> list[Any]:
        """Give up what cannot be made, have the others made, and return the objects asked for."""
        for root in self.plan.roots:
            if root.state is State.NULL or root.blocked:
                error = NoValidCalibration(
                    f"{self.plan.label(root)} cannot be made: {'; '.join(root.reasons)}",
                    "ingest the raw frames it needs, or see %awe plan",
                )
                self.fail(root, error)
        make()
        self.raise_failures()
        made = self.made
        return load_objects(
            [made[id(r)].id if id(r) in made else r.object_id for r in self.plan.roots]
        )

    def fail(self, node: Node, error: AwlabError) -> None:
        """Give up, or go on with the other targets asked for, or the other members of a list."""
        self.failures[id(node)] = error
        if len(self._roots) == 1 and id(node) in self._vital:
            raise error

    def raise_failures(self) -> None:
        """Raise the first failure, if any, and say how many targets are missing."""
        missing = len(self._roots & set(self.failures))
        if not missing:
            return
        first = next(iter(self.failures.values()))
        count = f"{missing} of {len(self._roots)} targets could not be made"
        raise type(first)(f"{first.message}; {count}", first.hint) from first

    def work_of(self, node: Node) -> Work:
        """Return what a worker needs to know about a target whose inputs are there."""
        inputs: dict[str, tuple[int, ...]] = {}
        derived: set[str] = set()
        for dependency in dependencies_of(node.cls):
            child = node.inputs.get(dependency.role)
            if isinstance(child, tuple):
                inputs[dependency.role] = child
            elif isinstance(child, list):
                inputs[dependency.role] = self._members(node, dependency, child)
            elif isinstance(child, Node):
                number, is_derived = self._input(node, dependency, child)
                inputs[dependency.role] = (number,) if number else ()
                derived |= {dependency.role} if is_derived else set()
        for roles in getattr(node.cls, "NEEDS_DERIVED", ()):
            if not derived & set(roles):
                raise NoValidCalibration(
                    f"{self.plan.label(node)} needs a {' or '.join(roles)} made from raw frames",
                    "look at the flags of those that were made",
                )
        params = dict(self.plan.asked.get(node.cls.__name__, {}))
        if node.request.overscan is not None:
            params.setdefault("OVERSCAN_CORRECTION", node.request.overscan)
        return Work(
            node.cls.__name__,
            self.plan.label(node),
            node.request,
            inputs,
            params,
            self.plan.horizon,
            node.seen,
            self.plan.planned,
            node.object_id,
        )

    def _members(self, node: Node, dependency: Any, children: list[Node]) -> tuple[int, ...]:
        """Return the row numbers of the members of a list that can serve."""
        found: list[int] = []
        why = ""
        for child in children:
            try:
                number, _ = self._input(node, dependency, child)
            except NoValidCalibration as exc:
                why = exc.message
                continue
            found.append(number)
        least = 0 if dependency.optional else dependency.minimum
        if len(found) < least:
            raise NoValidCalibration(
                f"{self.plan.label(node)} needs {least} {dependency.role}, {len(found)} can serve"
                + (f": {why}" if why else ""),
                "look at the flags of the others",
            )
        return tuple(found)

    def _input(self, node: Node, dependency: Any, child: Node) -> tuple[int, bool]:
        """Return the row number of an input, 0 for none, and whether it is no default."""
        made = self.made.get(id(child))
        default = 0 if dependency.optional else node.fallback.get(dependency.role, 0)
        if made is not None:
            bad = made.flags if dependency.rule == "calibration" else fatal_bits(child.cls)
            if not made.flags & bad:
                return made.id, True
            names = ", ".join(QualityFlags(made.flags, child.cls).names)
            reason = f"it was made, but is flagged {names}" + (made.said and f" ({made.said})")
        elif id(child) in self.unmade:
            reason = self.unmade[id(child)]
        elif id(child) in self.failures:
            reason = self.failures[id(child)].message
        else:
            existing = child.existing
            is_good = existing is not None and child.state is not State.NULL and not child.blocked
            if existing is not None and is_good and dependency.rule != "calibration":
                is_good = not existing.flags & fatal_bits(child.cls)
                if is_good:
                    return existing.id, True
            if existing is not None and is_good and self._serves(existing, dependency, node):
                return existing.id, not existing.is_default
            reason = child.reasons[0] if child.reasons else "it does not apply"
        if default == ON_DEMAND:
            with failing(f"default {self.plan.label(child)}"):
                return default_calibration(dependency.cls, child.group), False
        if default or dependency.optional:
            return default, False
        raise NoValidCalibration(
            f"{self.plan.label(node)} needs {self.plan.label(child)}: {reason}",
            "look at it with inspect(), and at the raw frames it is made from",
        )

    def _serves(self, existing: Any, dependency: Any, node: Node) -> bool:
        if existing.is_default:
            return not dependency.optional
        return bool(existing.is_selectable and existing.covers(node.request.time))

    def _ready(self, node: Node) -> Work | None:
        """Return the work of a node, None if it cannot be made and something serves instead."""
        lists = _lists(node)
        for role, child in node.children:
            if id(child) in self.failures and role not in lists:
                self._failed(node, self.failures[id(child)])
                return None
        try:
            return self.work_of(node)
        except NoValidCalibration as exc:
            if id(node) in self._roots:
                self._failed(node, exc)
                return None
            # Those who need it take the default, or say themselves that they cannot be made.
            self.unmade[id(node)] = exc.message
            self.observer.skipped(node, exc.message)
        except AwlabError as exc:
            self._failed(node, exc)
        return None

    def _failed(self, node: Node, error: AwlabError) -> None:
        self.observer.failed(node, error)
        self.fail(node, error)

    def _make(self, node: Node, work: Work) -> None:
        self.observer.started(node)
        try:
            self.made[id(node)] = make_target(work)
        except AwlabError as exc:
            self._failed(node, exc)
            return
        self.observer.finished(node, self.made[id(node)])

    def _check_cancelled(self) -> None:
        if self.observer.is_cancelled():
            raise TargetError("the run was cancelled", "what was finished stays; run it again")

    def in_turn(self) -> None:
        """Make the targets one after the other in this process."""
        for node in self.plan.work:
            self._check_cancelled()
            work = self._ready(node)
            if work is not None:
                self._make(node, work)

    # -- in worker processes ---------------------------------------------------------------

    def in_workers(self, processes: int) -> None:
        """Make the targets in worker processes, each as soon as its inputs are there."""
        waiting = {id(node): node for node in self.plan.work}
        running: dict[Future[Made], Node] = {}
        self._places = processes
        pool = ProcessPoolExecutor(
            processes,
            mp_context=get_context("spawn"),
            initializer=begin_worker,
            initargs=(WorkerContext.of_this_process(),),
        )
        try:
            while waiting or running:
                self._check_cancelled()
                self._submit_ready(waiting, running, pool)
                done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    self._collect(running.pop(future), future)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _submit_ready(
        self, waiting: dict[int, Node], running: dict[Future[Made], Node], pool: Any
    ) -> None:
        for number, node in list(waiting.items()):
            # What waits in the pool does not run yet: its row, and how long it took, say so.
            if len(running) >= self._places:
                return
            if any(id(child) in waiting or child in running.values() for _, child in node.children):
                continue
            del waiting[number]
            work = self._ready(node)
            if work is None:
                continue
            if node.cls.__module__ == "__main__":
                # A class of a notebook exists in this process only.
                self._make(node, work)
                continue
            self.observer.started(node)
            with without_program():
                running[pool.submit(work_in_worker, work)] = node

    def _collect(self, node: Node, future: Future[Made]) -> None:
        try:
            self.made[id(node)] = future.result()
        except AwlabError as exc:
            self._failed(node, exc)
            return
        except BrokenProcessPool as exc:
            error = MakeFailed(
                f"{self.plan.label(node)}: a worker process died",
                "run it again: what was finished stays; a machine short of memory kills processes",
            )
            self.observer.failed(node, error)
            raise error from exc
        current_database().outdate_results()
        self.observer.finished(node, self.made[id(node)])


def _lists(node: Node) -> set[str]:
    """Return the roles of lists of targets: such a list goes on without a member that fails."""
    return {d.role for d in dependencies_of(node.cls) if d.rule == "members"}


def _vital(roots: list[Node]) -> set[int]:
    """Return the ``id()`` of the nodes without which a root cannot be: no list lies between."""
    found: set[int] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if id(node) in found:
            continue
        found.add(id(node))
        lists = _lists(node)
        stack += [child for role, child in node.children if role not in lists]
    return found
