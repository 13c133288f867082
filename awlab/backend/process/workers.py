"""Worker processes: each connects for itself, in the context of the process that began it."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import parent_process

from awlab.backend.database import context, current_database
from awlab.backend.datamodel import connect, dataserver_location
from awlab.backend.process.making import Made, Work, make_target
from awlab.backend.settings import Settings

__all__ = ["WorkerContext", "begin_worker", "enter_context", "work_in_worker"]


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker needs to see and make the same things."""

    database_url: str
    dataserver: str
    project: str
    privileges: int
    instrument: str
    modules: tuple[str, ...]

    @classmethod
    def of_this_process(cls) -> WorkerContext:
        """Return the context of this process, with the modules of its persistent classes."""
        from awlab.backend.database import registered_classes

        modules = {c.__module__ for c in registered_classes().values()}
        url = current_database().url.render_as_string(hide_password=False)
        return cls(
            url,
            dataserver_location(),
            context.project,
            context.privileges,
            context.instrument,
            tuple(sorted(m for m in modules if m not in ("__main__", "awlab.stand_in"))),
        )


def begin_worker(here: WorkerContext) -> None:
    """Connect a fresh worker process and load the classes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    enter_context(here)


def enter_context(here: WorkerContext, settings: Settings | None = None) -> None:
    """Load the classes and connect to the same database and data server, in the same context."""
    for name in here.modules:
        with contextlib.suppress(ImportError):  # loaded from a path; missed when it is needed
            import_module(name)
    connect(here.database_url, dataserver=here.dataserver, settings=settings)
    context.set_project(here.project)
    context.set_privileges(here.privileges)
    context.set_instrument(here.instrument)


def _end_with_parent() -> None:
    """End when the kernel that began this worker is killed: nobody waits for the result."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def work_in_worker(work: Work) -> Made:
    """Make one target in a worker process."""
    return make_target(work)
