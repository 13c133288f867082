"""Jobs: runs that go on while the prompt stays free, kept as rows that any process can read."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

from awlab.backend.database import (
    cancel_job,
    context,
    create_job,
    job_row,
    job_rows,
    target_rows,
    through_restarts,
    update_job,
    update_target,
)
from awlab.backend.datamodel import QualityFlags, utc_now
from awlab.backend.errors import AccessDenied, AwlabError, ObjectNotFound, TargetError
from awlab.backend.process.abandoned import Heartbeat, close_abandoned_jobs
from awlab.backend.process.making import Made
from awlab.backend.process.plan import Node, Plan
from awlab.backend.process.progress import show_progress
from awlab.backend.process.runner import Observer, load_objects, run_plan
from awlab.backend.process.sequences import class_of, plans_of, run_in_turn

__all__ = ["Job", "LocalProcessing", "Making", "begin_job", "lpu"]

_log = logging.getLogger("awlab.jobs")
# Between two looks at a job [s]: a bar moves, and the database hardly notices.
_LOOK = 0.3

#: Makes a plan and tells an observer how it goes on; returns the objects asked for.
Making = Callable[[Plan, Observer], list[Any]]


class Job:
    """One run: its status, progress, log and products.

    Parameters
    ----------
    number : int
        Row of the job; ``lpu.jobs()`` lists them.
    """

    def __init__(self, number: int) -> None:
        if job_row(number) is None:
            raise ObjectNotFound(f"no job {number} of yours", "lpu.jobs() lists them")
        self.number = number
        self._thread: threading.Thread | None = None
        self._finished = 0
        self._cancelled = threading.Event()
        self._error: Exception | None = None
        self._objects: list[Any] = []

    def _row(self) -> dict[str, Any]:
        row = job_row(self.number)
        assert row is not None
        return row

    @property
    def status(self) -> str:
        """``queued``, ``running``, ``finished``, ``failed`` or ``cancelled``."""
        return str(self._row()["status"])

    @property
    def progress(self) -> tuple[int, int]:
        """Targets finished, and all targets."""
        row = self._row()
        return int(row["finished_targets"] or 0), int(row["targets"] or 0)

    @property
    def error(self) -> str:
        """Why it failed; empty if it did not."""
        return str(self._row()["error"] or "")

    @property
    def dashboard(self) -> str:
        """Address of the Dask dashboard of a job of ``dpu``; empty if there is none."""
        return str(self._row()["parameters"].get("dashboard", ""))

    @property
    def products(self) -> list[Any]:
        """The objects that were asked for; those made so far while the job runs."""
        if self._objects:
            return list(self._objects)
        return load_objects([row["object"] for row in target_rows(self.number) if row["object"]])

    def logs(self) -> str:
        """Return one line per target: when, what, how it went."""
        lines = []
        for row in target_rows(self.number):
            took = ""
            if row["started"] and row["finished"]:
                took = f" {(row['finished'] - row['started']).total_seconds():.2f} s"
            message = f": {row['message']}" if row["message"] else ""
            when = f"{row['started']:%H:%M:%S} " if row["started"] else ""
            lines.append(f"{when}{row['label']}: {row['status']}{took}{message}")
        return "\n".join(lines)

    def cancel(self) -> None:
        """Stop before the next target; what is finished stays.

        A job of another notebook reads in its row that it shall stop.

        Raises
        ------
        AccessDenied
            If it is the job of somebody else.
        """
        self._cancelled.set()
        if self._thread is not None:
            return
        row = self._row()
        if row["member"] != context.user:
            raise AccessDenied(
                f"job {self.number} is a job of {row['member']}", "ask there to cancel it"
            )
        cancel_job(self.number)

    def wait(self, timeout: float | None = None) -> Job:
        """Wait until the job is over.

        Parameters
        ----------
        timeout : float, optional
            Longest wait [s].

        Raises
        ------
        MakeFailed, NoValidCalibration, TargetError
            What made the job fail.
        """
        start = time.monotonic()
        while not self._is_over(0.2):
            if timeout is not None and time.monotonic() - start > timeout:
                return self
        return self._outcome()

    def __await__(self) -> Generator[Any, None, Job]:
        """Wait in a notebook: ``await job`` leaves the kernel free for widgets and for Stop."""
        return self._awaited().__await__()

    async def _awaited(self) -> Job:
        while not self._is_over(0.0):
            await asyncio.sleep(0.1 if self._thread is not None else 0.5)
        return self._outcome()

    def _is_over(self, timeout: float) -> bool:
        """Wait at most so long [s], and tell whether the job is over."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        time.sleep(timeout)
        close_abandoned_jobs()
        return self.status not in ("queued", "running")

    def _outcome(self) -> Job:
        if self._error is not None:
            raise self._error
        if self._thread is None and self.status == "failed":
            raise TargetError(f"job {self.number} failed: {self.error}", "its logs() tell more")
        return self

    def follow(self, progress: Callable[[int, int], None]) -> Job:
        """Wait until the job is over; an interrupt stops it before its next target.

        Parameters
        ----------
        progress : callable
            Called with (done, total), several times a second.

        Raises
        ------
        MakeFailed, NoValidCalibration, TargetError
            What made the job fail.
        """
        try:
            while self.status in ("queued", "running"):
                self.wait(_LOOK)
                done, total = self.progress
                if total:
                    progress(done, total)
        except KeyboardInterrupt:
            if self._thread is not None:
                self.cancel()
                self.wait()
            raise
        return self.wait()

    def __repr__(self) -> str:
        done, total = self.progress
        return f"<Job {self.number} {self._row()['sequence']}: {self.status}, {done} of {total}>"

    # -- running ---------------------------------------------------------------------------

    def _begin(self, plan: Plan, make: Making) -> None:
        self._thread = threading.Thread(
            target=self._run, args=(plan, make), name=f"awlab job {self.number}", daemon=True
        )
        self._thread.start()

    def _watch(self, targets: int) -> None:
        """Wait with a progress bar; an interrupt (Ctrl-C, Stop) stops the job as well."""
        try:
            show_progress(targets, lambda: self._finished, self._is_over)
        except KeyboardInterrupt:
            self.cancel()
            raise
        self._outcome()

    def _run(self, plan: Plan, make: Making) -> None:
        try:
            update_job(self.number, status="running", started=utc_now())
            with Heartbeat(self.number):
                self._objects = make(plan, _Recorder(self, plan))
            status, error = "finished", None
        # Whatever happens in the thread must reach the row and the one who waits.
        except Exception as exc:
            self._error = exc
            status = "cancelled" if self._cancelled.is_set() else "failed"
            error = str(exc)
            _log.warning("job %d: %s", self.number, exc)
        try:
            update_job(self.number, status=status, finished=utc_now(), error=error)
        except AwlabError as exc:  # without a database the row stays as it is: doctor closes it
            self._error = self._error or exc


class _Recorder:
    """Writes the progress of a run into the rows of its job."""

    def __init__(self, job: Job, plan: Plan) -> None:
        self._job = job
        self._ordinals = {id(node): i for i, node in enumerate(plan.work)}

    def _update(self, node: Node, **values: Any) -> None:
        update_target(self._job.number, self._ordinals[id(node)], **values)

    def started(self, node: Node) -> None:
        """Write that a target is being made."""
        self._update(node, status="running", started=utc_now())

    def finished(self, node: Node, made: Made) -> None:
        """Write that a target was made."""
        names = ", ".join(QualityFlags(made.flags, node.cls).names)
        message = f"flagged {names}" if names else None
        if made.reused:
            message = "made by another process"
        if made.attempts > 1:
            message = "; ".join(filter(None, [message, f"made at attempt {made.attempts}"]))
        self._job._finished += 1
        self._update(node, status="finished", finished=utc_now(), object=made.id, message=message)

    def failed(self, node: Node, error: Exception) -> None:
        """Write why a target could not be made."""
        self._update(node, status="failed", finished=utc_now(), message=str(error))

    def skipped(self, node: Node, reason: str) -> None:
        """Write why the default serves instead of a target."""
        self._job._finished += 1
        self._update(node, status="skipped", finished=utc_now(), message=reason)

    def is_cancelled(self) -> bool:
        """Whether the job was cancelled, here or through its row."""
        if not self._job._cancelled.is_set():
            row = through_restarts(lambda: job_row(self._job.number))
            if row is not None and row["status"] == "cancelled":
                self._job._cancelled.set()
        return self._job._cancelled.is_set()


class LocalProcessing:
    """``lpu``: run sequences on this machine, all chips in parallel."""

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
        """Make targets on this machine.

        Parameters
        ----------
        sequence : str or type
            ``'Reduce'``, ``'Bias'``, ...; a chain ``'A>B'`` makes B with all it needs, so that
            naming A says only that it is wanted as well; or a target class. What the last one
            needs is one job; what it does not need runs before it, in a job of its own.
        pars : Pars or dict, optional
            Process parameters.
        processes : int, optional
            Worker processes; by default one per processor.
        wait : bool
            Whether to wait; False returns at once and the job goes on in the background.
        commit : bool
            False for a dry run: returns the plan (a list where there are several), makes nothing.
        **key
            As in ``Class.get``; without ``chip`` all chips, without ``filter`` all filters.

        Returns
        -------
        Job
            With ``.products`` when finished.
        """
        if not commit:
            plans = [plan for plan, _ in plans_of(sequence, key, pars)]
            return plans[0] if len(plans) == 1 else plans
        make = _in_processes(processes)
        wanted = plans_of(sequence, key, pars)
        return run_in_turn(
            wanted, sequence, lambda p, name: begin_job(p, name, key, make), wait=wait
        )

    def run_plan(
        self, plan: Plan, *, processes: int | None = None, wait: bool = True, **key: Any
    ) -> Job:
        """Make exactly what a plan says, or a part of it: ``plan.only(nodes)``.

        Parameters
        ----------
        plan : Plan
            From ``Class.plan(**key)``.
        processes, wait
            As in `run`.
        **key
            What was asked for, kept with the job.

        Raises
        ------
        TargetError
            If the plan asks for nothing.
        """
        make, plans = _in_processes(processes), [(plan, True)]
        first = class_of(plan)
        return run_in_turn(plans, first, lambda p, name: begin_job(p, name, key, make), wait=wait)

    def jobs(self, limit: int = 50) -> list[dict[str, Any]]:
        """Return the newest jobs as rows, one's own and those of one's projects."""
        close_abandoned_jobs()
        return job_rows(limit)

    def job(self, number: int) -> Job:
        """Return one job."""
        close_abandoned_jobs()
        return Job(number)


def begin_job(plan: Plan, name: str, key: dict[str, Any], make: Making) -> Job:
    """Write the row of a job and begin it in the background."""
    targets = [(node.cls.__name__, plan.label(node)) for node in plan.work]
    plain = {k: str(v) for k, v in key.items()}
    if plan.asked:
        plain["pars"] = json.dumps(plan.asked, default=str)
    job = Job(create_job(name, plain, targets))
    job._begin(plan, make)
    return job


def _in_processes(processes: int | None) -> Making:
    count = processes if processes is not None else max(1, os.cpu_count() or 1)
    return lambda plan, observer: run_plan(plan, processes=count, observer=observer)


lpu = LocalProcessing()
