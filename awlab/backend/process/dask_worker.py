"""What runs in a worker of a Dask cluster: one target at a time, made but not committed."""

from __future__ import annotations

import hashlib
import socket
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from awlab.backend.database import classes_from_bytes, held_locks, known_filenames
from awlab.backend.datamodel import current_dataserver
from awlab.backend.errors import AwlabError, DatabaseUnavailable, FileMissing
from awlab.backend.process.limits import Limits
from awlab.backend.process.making import Computed, Made, Work, compute_target
from awlab.backend.process.workers import WorkerContext, enter_context
from awlab.backend.settings import Settings, load_settings

__all__ = ["Order", "Refused", "work_on_cluster"]

# A process has one context, and one timer: targets of several runs take turns.
_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker needs besides the target: it may have begun after the run did.

    Attributes
    ----------
    here : WorkerContext
        Database, data server and context.
    classes : bytes
        Classes of a notebook, see `classes_as_bytes`; empty if there are none.
    limits : Limits
        Bounds of time and memory for one target.
    """

    here: WorkerContext
    classes: bytes
    limits: Limits


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a target was not made. It travels as words: not every cause can be pickled."""

    kind: str
    message: str
    hint: str


def work_on_cluster(order: Order, work: Work) -> Computed | Made | Refused:
    """Make one target in a worker of a Dask cluster.

    Parameters
    ----------
    order : Order
        What the worker needs besides.
    work : Work
        The target, whose lock is held by the one who asks.
    """
    with _turn:
        try:
            _prepare(order)
            _remove_unclaimed()
            with order.limits.kept():
                made = compute_target(work)
        except AwlabError as exc:
            return _refused(exc, work, order.limits)
        if isinstance(made, Computed):
            _handed_over.append((work.lock, made.packed.filenames))
        return made


def _refused(exc: AwlabError, work: Work, limits: Limits) -> Refused:
    if limits.memory is not None and isinstance(exc.__cause__, MemoryError):
        text = f"{work.label}: needs more than the {limits.memory / 2**20:.0f} MiB it may take"
        return Refused(type(exc).__name__, text, "raise memory_limit")
    return Refused(type(exc).__name__, exc.message, exc.hint)


# -- the context of the run ----------------------------------------------------------------

_context: WorkerContext | None = None
_loaded: str = ""


def _prepare(order: Order) -> None:
    """Connect, once per run, with a cache of this worker's own, and load the classes."""
    global _context, _loaded  # noqa: PLW0603 - the context of a process
    if _context != order.here:
        settings = load_settings()
        if not settings.cache_folder:
            settings = replace(settings, cache_folder=str(_cache_folder()))
        _connect(order.here, settings)
        _context, _loaded = order.here, ""
    digest = hashlib.sha256(order.classes).hexdigest()
    if order.classes and digest != _loaded:
        classes_from_bytes(order.classes)
        _loaded = digest


def _connect(here: WorkerContext, settings: Settings) -> None:
    try:
        enter_context(here, settings)
    except DatabaseUnavailable as exc:
        raise DatabaseUnavailable(
            f"the worker on {socket.gethostname()}: {exc.message}",
            "AWLAB_DATABASE_URL must name a server that all workers reach",
        ) from exc


def _cache_folder() -> Path:
    """Folder for files fetched from the data server: it goes with the worker."""
    from distributed import get_worker

    return Path(get_worker().local_directory) / "awlab-cache"


# -- files that nobody wants any more ------------------------------------------------------

_handed_over: list[tuple[str, list[str]]] = []


def _remove_unclaimed() -> None:
    """Remove files of earlier results that were not committed, and never will be.

    Who asked for a target holds its lock until it is committed. Where the lock is free and the
    file is unknown, the one who asked is gone.
    """
    if not _handed_over:
        return
    known = known_filenames([name for _, names in _handed_over for name in names])
    waiting = [(key, names) for key, names in _handed_over if set(names) - known]
    _handed_over[:] = waiting
    if not waiting:
        return
    with held_locks([key for key, _ in waiting]) as free:
        lost = {name for key, names in waiting if key in free for name in names}
        # Looked at again under the lock: the commit may have come in between.
        for name in lost - known_filenames(sorted(lost)):
            try:
                current_dataserver().delete(name)
            except FileMissing:
                continue  # somebody else removed it
        _handed_over[:] = [(key, names) for key, names in waiting if key not in free]
