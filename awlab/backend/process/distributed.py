"""``dpu``: run sequences on a Dask cluster, of this machine or of many."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any

from awlab.backend.errors import TargetError
from awlab.backend.process.cluster_run import ClusterRun
from awlab.backend.process.dask_cluster import Cluster, open_cluster
from awlab.backend.process.dask_worker import Order
from awlab.backend.process.jobs import Job, LocalProcessing, Making, begin_job
from awlab.backend.process.limits import Limits
from awlab.backend.process.own_code import NOTEBOOK, load_code, travelling_classes
from awlab.backend.process.plan import Plan
from awlab.backend.process.runner import Observer, run_plan
from awlab.backend.process.sequences import class_of, plans_of, run_in_turn
from awlab.backend.process.workers import WorkerContext

__all__ = ["DistributedProcessing", "dpu"]


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What `DistributedProcessing.run` takes besides the key of the targets."""

    client: Any = None
    scheduler: Any = None
    code: Any = None
    time_limit: Any = None
    memory_limit: Any = None

    @classmethod
    def out_of(cls, words: dict[str, Any]) -> tuple[_Wishes, dict[str, Any]]:
        """Part what is meant for the cluster from the key."""
        names = {each.name for each in fields(cls)}
        wishes = {name: value for name, value in words.items() if name in names}
        return cls(**wishes), {n: v for n, v in words.items() if n not in names}

    def limits(self) -> Limits:
        """Read the limits, which may be given as text: ``'10 min'``, ``'4 GiB'``."""
        return Limits(
            _read(self.time_limit, "parse_timedelta", "time_limit", "600 or '10 min'"),
            _read(self.memory_limit, "parse_bytes", "memory_limit", "'4 GiB'"),
        )


def _read(value: Any, function: str, name: str, example: str) -> Any:
    if value is None:
        return None
    try:
        found = getattr(import_module("dask.utils"), function)(value)
    except (ValueError, TypeError, KeyError):
        found = 0
    if found <= 0:
        raise TargetError(f"{name}={value!r} is not understood", f"write {example}")
    return found


class _Engine:
    """A cluster for the jobs of one call; closed when the last of them is over."""

    def __init__(self, wishes: _Wishes, processes: int | None) -> None:
        self._wishes = wishes
        self._limits = wishes.limits()
        self._processes = processes
        self._cluster: Cluster | None = None
        self._turn = threading.Lock()
        self._users = 1  # the call itself
        own = set() if wishes.code is None else {load_code(wishes.code)}
        self._modules = frozenset(own | {NOTEBOOK})

    def begin(self, plan: Plan, name: str, key: dict[str, Any]) -> Job:
        """Begin a job; where nothing has to be made it needs no cluster."""
        if not plan.work:
            return begin_job(plan, name, key, lambda p, o: run_plan(p, observer=o))
        if self._cluster is None:
            # Not in the job's thread: the one who asked is told what is wrong.
            named = self._wishes.client, self._wishes.scheduler
            self._cluster = open_cluster(*named, processes=self._processes)
        order = Order(
            WorkerContext.of_this_process(),
            travelling_classes(plan, self._modules),
            self._limits,
        )
        link = self._cluster.dashboard
        notes = {"engine": "dask"} | ({"dashboard": link} if link else {})
        with self._turn:
            self._users += 1
        return begin_job(plan, name, key | notes, self._making(self._cluster, order))

    def _making(self, cluster: Cluster, order: Order) -> Making:
        def make(plan: Plan, observer: Observer) -> list[Any]:
            try:
                run = ClusterRun(plan, observer, cluster, order, self._modules)
                return run.whole(run.on_cluster)
            finally:
                self.leave()

        return make

    def leave(self) -> None:
        """Take note that the call, or one of its jobs, is over."""
        with self._turn:
            self._users -= 1
            is_last = self._users == 0
        if is_last and self._cluster is not None:
            self._cluster.close()


class DistributedProcessing(LocalProcessing):
    """``dpu``: run sequences on a Dask cluster."""

    def run(
        self,
        sequence: Any,
        *,
        pars: Any = None,
        processes: int | None = None,
        wait: bool = True,
        commit: bool = True,
        **key: Any,
    ) -> Any:
        """Make targets on a Dask cluster: workers make them, this process commits them.

        Parameters
        ----------
        sequence, pars, wait, commit
            As in ``lpu.run``.
        processes : int, optional
            Workers of this machine, where no cluster is named; by default one per processor.
        **key
            As in ``lpu.run``, and besides:

            ``client``
                A connected ``distributed.Client``; it stays open.
            ``scheduler``
                Address, scheduler file or cluster object of ``dask_jobqueue`` or
                ``dask_kubernetes``; by default that of Dask's configuration or, if it has none,
                workers of this machine for the time of the run.
            ``code``
                Path of a Python file, or a module, that the workers do not have. Classes of the
                notebook travel anyway.
            ``time_limit``
                For one target [s], or ``'10 min'``. A worker that is still at it is ended.
            ``memory_limit``
                For one target [bytes], or ``'4 GiB'``.

        Returns
        -------
        Job
            With ``.products`` when finished, and ``.dashboard``.

        Raises
        ------
        TargetError
            If Dask is not installed, the scheduler does not answer, or code cannot travel.
        """
        wishes, words = _Wishes.out_of(key)
        engine = _Engine(wishes, processes)
        if not commit:
            return super().run(sequence, pars=pars, commit=False, **words)
        try:
            plans = plans_of(sequence, words, pars)
            return run_in_turn(plans, sequence, lambda p, n: engine.begin(p, n, words), wait=wait)
        finally:
            engine.leave()

    def run_plan(
        self, plan: Plan, *, processes: int | None = None, wait: bool = True, **key: Any
    ) -> Job:
        """Make exactly what a plan says on a Dask cluster.

        Parameters
        ----------
        plan : Plan
            From ``Class.plan(**key)``.
        processes, wait, **key
            As in `run`.

        Raises
        ------
        TargetError
            If the plan asks for nothing, or as in `run`.
        """
        first = class_of(plan)
        wishes, words = _Wishes.out_of(key)
        engine = _Engine(wishes, processes)
        try:
            plans = [(plan, True)]
            return run_in_turn(plans, first, lambda p, n: engine.begin(p, n, words), wait=wait)
        finally:
            engine.leave()


dpu = DistributedProcessing()
