"""One execution of one plan on a Dask cluster: workers make, this process commits."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import time
import uuid
from asyncio import CancelledError
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError as FutureCancelled
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from awlab.backend import errors
from awlab.backend.database import current_database
from awlab.backend.errors import AwlabError, MakeFailed
from awlab.backend.process.dask_cluster import Cluster
from awlab.backend.process.dask_worker import Order, Refused, work_on_cluster
from awlab.backend.process.making import Computed, Made, Work
from awlab.backend.process.placing import Chip, Places
from awlab.backend.process.plan import Node, Plan
from awlab.backend.process.runner import Observer, Run
from awlab.backend.process.writer import Writer

__all__ = ["ClusterRun"]

_log = logging.getLogger("awlab.jobs")

_LOOK = 0.5  # s between two looks at what is not told: cancelled jobs, new workers, locks
_DEATHS = 3  # workers that one target may cost
_PAUSE = 1.0  # s before the second attempt; twice as long before every further one
_LONGEST_PAUSE = 30.0
_GRACE = 5.0  # s after which a worker should have kept the time limit itself
_GATHER = 60.0  # s to wait for a result that is said to be there
_PATIENCE = 60.0  # s to wait for what is running when a run ends early


@dataclass(eq=False, slots=True)
class _Try:
    """One attempt to make a target."""

    node: Node
    work: Work
    future: Any
    worker: str
    begun: float


@dataclass(frozen=True, slots=True)
class _Lost:
    """A result that never comes, and how many workers died of it."""

    deaths: int


class ClusterRun(Run):
    """One execution of one plan on a Dask cluster.

    A target is sent when its inputs are committed and a worker is free; the results that have
    come back meanwhile are committed together.

    Parameters
    ----------
    plan : Plan
        What to make.
    observer : Observer
        Is told of every target.
    cluster : Cluster
        Where to make it.
    order : Order
        What workers need besides a target.
    modules : frozenset of str
        Modules whose classes travel in the order.
    """

    def __init__(
        self,
        plan: Plan,
        observer: Observer,
        cluster: Cluster,
        order: Order,
        modules: frozenset[str],
    ) -> None:
        super().__init__(plan, observer)
        self._cluster = cluster
        self._order = order
        self._writer = Writer(modules)
        self._queue = Places()
        self._later: list[tuple[float, int, Node]] = []
        self._ticket = itertools.count()
        self._running: dict[str, _Try] = {}
        self._arrived: SimpleQueue[str] = SimpleQueue()
        self._attempts: Counter[int] = Counter()
        self._deaths: Counter[int] = Counter()
        self._workers: list[str] = []
        self._looked = 0.0
        work = {id(node) for node in plan.work}
        self._missing = {
            id(node): len({id(child) for _, child in node.children} & work) for node in plan.work
        }
        self._dependents: dict[int, list[Node]] = {}
        for node in plan.work:
            for child in {id(child) for _, child in node.children} & work:
                self._dependents.setdefault(child, []).append(node)
        self._open = len(plan.work)

    def on_cluster(self) -> None:
        """Make the targets on the cluster, each as soon as its inputs are there."""
        for node in self.plan.work:
            if not self._missing[id(node)]:
                self._queue.put(node, _chip(node))
        with self._writer:
            try:
                while self._open:
                    self._check_cancelled()
                    self._send()
                    self._receive(_LOOK)
            finally:
                self._drain()

    # -- sending ---------------------------------------------------------------------------

    def _send(self) -> None:
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            node = heapq.heappop(self._later)[2]
            self._queue.put(node, _chip(node), first=True)
        for worker in self._free_workers(now):
            for node, work in self._next(worker):
                self._submit(node, work, worker)
                break

    def _free_workers(self, now: float) -> list[str]:
        if now - self._looked > _LOOK:
            found = self._cluster.workers()
            for gone in set(self._workers) - set(found):
                self._queue.forget(gone)
            if not found and self._workers:
                _log.warning("no worker of the Dask cluster is there; waiting for one")
            self._workers, self._looked = found, now
        busy = {attempt.worker for attempt in self._running.values()}
        return [worker for worker in self._workers if worker not in busy]

    def _next(self, worker: str) -> Iterator[tuple[Node, Work]]:
        """Yield targets for a free worker; those that turn out not to be made are passed over."""
        while (node := self._queue.take(worker)) is not None:
            work = self._ready(node)
            if work is None:
                self._settle(node)
            elif self._writer.take(work):
                yield node, work
            else:  # another process is making it: then that one is taken
                self._put_off(node, _LOOK)

    def _put_off(self, node: Node, seconds: float) -> None:
        due = time.monotonic() + seconds
        heapq.heappush(self._later, (due, next(self._ticket), node))

    def _submit(self, node: Node, work: Work, worker: str) -> None:
        self._attempts[id(node)] += 1
        future = self._cluster.client.submit(
            work_on_cluster,
            self._order,
            work,
            key=f"{node.cls.__name__}-{uuid.uuid4().hex}",
            workers=[worker],
            allow_other_workers=True,
            pure=False,
        )
        self._running[future.key] = _Try(node, work, future, worker, time.monotonic())
        self.observer.started(node)
        future.add_done_callback(lambda done: self._arrived.put(done.key))

    # -- receiving -------------------------------------------------------------------------

    def _receive(self, timeout: float) -> None:
        """Take what has come back, commit it, and say how it went: failures at the end."""
        computed: list[tuple[_Try, Computed]] = []
        others: list[tuple[_Try, Any]] = []
        for key in self._keys(timeout):
            attempt = self._running.pop(key, None)
            if attempt is not None:
                result = self._result(attempt)
                is_computed = isinstance(result, Computed)
                (computed if is_computed else others).append((attempt, result))
        if computed:
            made = self._writer.commit([(attempt.work, result) for attempt, result in computed])
            others += zip((attempt for attempt, _ in computed), made, strict=True)
        others += self._overdue()
        for attempt, result in sorted(others, key=lambda pair: not isinstance(pair[1], Made)):
            self._take(attempt, result)
        if not self._cluster.is_alive:
            raise self._cluster.gone()

    def _keys(self, timeout: float) -> list[str]:
        found: list[str] = []
        with contextlib.suppress(Empty):
            found.append(self._arrived.get(timeout=timeout))
            while True:
                found.append(self._arrived.get_nowait())
        return found

    def _result(self, attempt: _Try) -> Any:
        from distributed.scheduler import KilledWorker

        try:
            return attempt.future.result(timeout=_GATHER)
        except KilledWorker as exc:
            return _Lost(exc.allowed_failures + 1)
        except (CancelledError, FutureCancelled, OSError, TimeoutError):
            return _Lost(1)
        # What is no error of awlab comes from Dask: nothing was made.
        except Exception as exc:
            said = (str(exc).strip().splitlines() or [""])[0][:200]
            return MakeFailed(
                f"{attempt.work.label}: the worker {attempt.worker} raised"
                f" {type(exc).__name__}: {said}",
                "workers need the same awlab and the same Dask as this process",
            )

    def _overdue(self) -> list[tuple[_Try, Any]]:
        """Give up targets whose worker did not keep the time limit itself."""
        seconds = self._order.limits.seconds
        if seconds is None:
            return []
        latest = time.monotonic() - seconds - _GRACE
        found = [key for key, attempt in self._running.items() if attempt.begun < latest]
        attempts = [self._running.pop(key) for key in found]
        for attempt in attempts:
            attempt.future.cancel()
        return [(attempt, self._too_long(attempt, seconds)) for attempt in attempts]

    def _too_long(self, attempt: _Try, seconds: float) -> MakeFailed:
        return MakeFailed(
            f"{attempt.work.label}: takes longer than {seconds:g} s",
            "raise time_limit; the log of the worker shows where it was",
        )

    def _take(self, attempt: _Try, result: Any) -> None:
        if isinstance(result, _Lost):
            result = self._after_loss(attempt, result)
        if result is None:
            return
        node = attempt.node
        self._writer.give_back(attempt.work)
        self._settle(node)
        if isinstance(result, Refused):
            kind = getattr(errors, result.kind, MakeFailed)
            result = kind(result.message, result.hint)
        if isinstance(result, AwlabError):
            self._failed(node, result)
            return
        self.made[id(node)] = replace(result, attempts=self._attempts[id(node)])
        current_database().outdate_results()
        self.observer.finished(node, self.made[id(node)])

    def _after_loss(self, attempt: _Try, lost: _Lost) -> AwlabError | None:
        """Put a target off whose worker died, or say that it is given up."""
        seconds = self._order.limits.seconds
        if seconds is not None and time.monotonic() - attempt.begun >= seconds:
            return self._too_long(attempt, seconds)
        number = id(attempt.node)
        self._deaths[number] += lost.deaths
        self._looked = 0.0
        deaths = self._deaths[number]
        if deaths >= _DEATHS:
            return MakeFailed(
                f"{attempt.work.label}: {deaths} workers died while making it",
                "it needs more memory than a worker has, or crashes Python: see their logs",
            )
        _log.warning("%s: its worker %s died", attempt.work.label, attempt.worker)
        self._put_off(attempt.node, min(_LONGEST_PAUSE, _PAUSE * 2 ** (deaths - 1)))
        return None

    def _settle(self, node: Node) -> None:
        """Take note that a target is made or given up: those that wait for it may be ready."""
        self._open -= 1
        for other in self._dependents.get(id(node), ()):
            self._missing[id(other)] -= 1
            if not self._missing[id(other)]:
                self._queue.put(other, _chip(other))

    def _drain(self) -> None:
        """Commit what is being made when a run ends early; give up what takes too long."""
        until = time.monotonic() + _PATIENCE
        while self._running and self._cluster.is_alive and time.monotonic() < until:
            # Why the run ends is known already.
            with contextlib.suppress(AwlabError):
                self._receive(_LOOK)
        if self._running and self._cluster.is_alive:
            futures = [attempt.future for attempt in self._running.values()]
            with contextlib.suppress(Exception):
                self._cluster.client.cancel(futures, force=True)


def _chip(node: Node) -> Chip:
    """Chip that a target is of: its raw frames and calibrations are those of its worker."""
    group = node.group
    return (group.instrument, group.chip) if group.chip else None
