"""What runs in a worker of a Dask cluster: one target at a time, made but not committed."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socket
import threading
import time
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

_log = logging.getLogger("awlab.jobs")
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
            with order.limits.kept():
                made = compute_target(work)
        except AwlabError as exc:
            return _refused(exc, work, order.limits)
        if isinstance(made, Computed):
            _hand_over(order.here, work.lock, made.packed.filenames)
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

_AGAIN = 5.0  # s between two looks


@dataclass(frozen=True, slots=True)
class _HandedOver:
    """Files of one result: where they were stored, and the lock of the target."""

    place: tuple[str, str]
    lock: str
    names: tuple[str, ...]


_handed_over: list[_HandedOver] = []
_keeper: threading.Thread | None = None


def _hand_over(here: WorkerContext, lock: str, names: list[str]) -> None:
    """Take note of files that are stored, and that somebody else is to commit."""
    global _keeper  # noqa: PLW0603 - one thread per process
    if names:
        _handed_over.append(_HandedOver(_place(here), lock, tuple(names)))
    if _keeper is None:
        _keeper = threading.Thread(target=_keep_looking, name="awlab files", daemon=True)
        _keeper.start()


def _place(here: WorkerContext) -> tuple[str, str]:
    return here.database_url, here.dataserver


def _keep_looking() -> None:
    while True:
        time.sleep(_AGAIN)
        if not _handed_over or not _turn.acquire(blocking=False):
            continue  # a target is being made
        try:
            _remove_unclaimed()
        # A database or a data server that does not answer now will do so later.
        except Exception as exc:
            _log.info("files of earlier results: %s", exc)
        finally:
            _turn.release()


def _remove_unclaimed() -> None:
    """Remove files of earlier results that were not committed, and never will be.

    Who asked for a target holds its lock until it is committed. Where the lock is free and the
    file is unknown, the one who asked is gone.
    """
    place = _place(_context) if _context is not None else None
    here = [each for each in _handed_over if each.place == place]
    known = known_filenames([name for each in here for name in each.names])
    waiting = [each for each in here if set(each.names) - known]
    over = set(here) - set(waiting)
    if waiting:
        with held_locks([each.lock for each in waiting]) as free:
            unclaimed = {each for each in waiting if each.lock in free}
            lost = {name for each in unclaimed for name in each.names}
            # Looked at again under the lock: the commit may have come in between.
            for name in lost - known_filenames(sorted(lost)):
                with contextlib.suppress(FileMissing):  # somebody else removed it
                    current_dataserver().delete(name)
            over |= unclaimed
    _handed_over[:] = [each for each in _handed_over if each not in over]
