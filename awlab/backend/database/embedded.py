"""awlab's own private PostgreSQL: started by the first process that needs it, shared by all.

`start` makes the cluster below ``AWLAB_HOME/database`` if there is none, starts the server if it
does not run, and marks this process as a user of it for as long as it lives. When the last user
has left, however it ended, a detached watcher stops the server (`embedded_watcher`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from awlab.backend.database import embedded_watcher as life
from awlab.backend.database.embedded_cluster import ensure_cluster
from awlab.backend.database.embedded_host import (
    check_lease,
    database_folder,
    refuse_network_filesystem,
)
from awlab.backend.database.embedded_launch import (
    DATABASE,
    LOG,
    detach,
    start_and_connect,
)
from awlab.backend.database.embedded_status import EmbeddedStatus, status
from awlab.backend.errors import DatabaseUnavailable

__all__ = ["EmbeddedServer", "EmbeddedStatus", "start", "status"]

_START_LOCK = "start.lock"
_START_WAIT = 330.0  # s: somebody else's start may replay a long write-ahead log
_STOP_WAIT = 90.0  # s: the watcher may be stopping the server
_CLOSE_WAIT = 1.0  # s: a connection outlives its closing by a moment


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """The running private server, as seen by one process.

    Attributes
    ----------
    url : str
        SQLAlchemy URL of awlab's database.
    socket_dir, data_dir : Path
        Where its Unix socket and its data are.
    version : str
        The server's version, such as ``18.6``.
    home : Path
        The ``AWLAB_HOME`` it belongs to.
    linger : float
        Time between the last user's leaving and the stop [s].
    """

    url: str
    socket_dir: Path
    data_dir: Path
    version: str
    home: Path
    linger: float = 10.0

    def running(self) -> bool:
        """Tell whether the server takes connections."""
        return life.postmaster(database_folder(self.home)) is not None

    def ensure_running(self) -> EmbeddedServer:
        """Connect to the server, and start it again if it died meanwhile.

        Returns
        -------
        EmbeddedServer
            The server that runs now; its URL is the same unless the home was made anew.

        Raises
        ------
        DatabaseUnavailable
            If it cannot be started.
        """
        return _join(database_folder(self.home), self.linger, prove=True)

    def stop(self) -> bool:
        """Leave the server, and stop it at once if nobody else uses it.

        Connections count as use, this process's own pool too: close them first.

        Returns
        -------
        bool
            True when the server is stopped; False when others use it and it goes on.
        """
        return _stop(database_folder(self.home))


@dataclass(slots=True)
class _Use:
    """Our process's shared hold of ``use.lock``."""

    descriptor: int
    pid: int
    server: EmbeddedServer | None = None


@dataclass(slots=True)
class _Uses:
    """All holds of this process, by folder."""

    guard: threading.RLock = field(default_factory=threading.RLock)
    held: dict[Path, _Use] = field(default_factory=dict)

    def after_fork(self) -> None:
        """Give a child a fresh guard: another thread of the parent may have held the old one.

        The inherited descriptors stay open: a child that outlives its parent may go on with the
        parent's server, and closing or unlocking is not the child's to do.
        """
        self.guard = threading.RLock()


_uses = _Uses()
os.register_at_fork(after_in_child=_uses.after_fork)


def start(home: Path, *, linger: float = 10.0) -> EmbeddedServer:
    """Join the private server of a home; make and start it where needed.

    Parameters
    ----------
    home : Path
        ``AWLAB_HOME``.
    linger : float, optional
        How long the server outlives its last user [s]; the first user's choice holds.

    Returns
    -------
    EmbeddedServer
        The running server. Repeated calls in one process return the same one.

    Raises
    ------
    DatabaseUnavailable
        If the home is on a network file system, in use on another host, not this user's, written
        by another major version of PostgreSQL, or the server does not start.
    """
    return _join(database_folder(home), linger, prove=False)


def _join(folder: Path, linger: float, *, prove: bool) -> EmbeddedServer:
    """Hold ``use.lock`` and bring the server up, or pass on what is known to run."""
    with _uses.guard:
        use = _uses.held.get(folder)
        fresh = use is None or use.pid != os.getpid() or not _is_current(use, folder)
        try:
            if use is None or fresh:
                use = _begin_use(folder)
            if prove or use.server is None or life.postmaster(folder) is None:
                use.server = _bring_up(folder, linger)
            _ensure_watcher(folder, linger)
            return use.server
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            if fresh:
                _end_use(folder)
            if isinstance(exc, DatabaseUnavailable):
                raise
            raise DatabaseUnavailable(
                f"the private database in {folder} cannot be used: {exc}",
                "check the folder's rights and free space, or set AWLAB_HOME or AWLAB_DATABASE_URL",
            ) from exc


def _is_current(use: _Use, folder: Path) -> bool:
    """Tell whether the lock that we hold is the file that lies there now."""
    try:
        there = (folder / life.USE_LOCK).stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(use.descriptor), there)


def _begin_use(folder: Path) -> _Use:
    """Check that the folder may be used here, and hold ``use.lock``."""
    refuse_network_filesystem(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        # Also for root: files that root leaves in a user's folder lock that user out.
        raise DatabaseUnavailable(
            f"the private database in {folder} belongs to user {owner}, not to {os.geteuid()}",
            "run awlab as that user, or set AWLAB_HOME to a folder of your own",
        )
    check_lease(folder)
    descriptor = life.open_lock(folder / life.USE_LOCK)
    if not life.wait_lock(descriptor, fcntl.LOCK_SH, _STOP_WAIT):
        os.close(descriptor)
        raise DatabaseUnavailable(
            f"the private database in {folder} has been stopping for {_STOP_WAIT:.0f} s",
            f"see {folder / LOG}, and try again",
        )
    _end_use(folder)  # only now: a lock inherited by fork is not given up before we have our own
    use = _uses.held[folder] = _Use(descriptor, os.getpid())
    return use


def _end_use(folder: Path) -> None:
    """Give up the hold of ``use.lock``; closing leaves the copies of other processes alone."""
    use = _uses.held.pop(folder, None)
    if use is not None:
        with contextlib.suppress(OSError):
            os.close(use.descriptor)


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[int]:
    """Hold ``start.lock``: one process at a time makes or starts the cluster."""
    descriptor = life.open_lock(folder / _START_LOCK)
    try:
        if not life.wait_lock(descriptor, fcntl.LOCK_EX, _START_WAIT):
            raise DatabaseUnavailable(
                f"another process has been starting the private database in {folder} for"
                f" {_START_WAIT:.0f} s",
                f"see {folder / LOG}, and try again",
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _bring_up(folder: Path, linger: float) -> EmbeddedServer:
    """Make, start and prove the server; the caller holds ``use.lock``."""
    with _starting(folder) as lock:
        check_lease(folder)
        identity = ensure_cluster(folder, lock)
        place, version = start_and_connect(folder, identity)
    role, host = quote(identity.role, safe=""), quote(place, safe="/")
    return EmbeddedServer(
        # The port is named because PGPORT would else choose another.
        url=f"postgresql+psycopg2://{role}@/{DATABASE}?host={host}&port={life.PORT}",
        socket_dir=Path(place),
        data_dir=folder / life.DATA,
        version=version,
        home=folder.parent,
        linger=linger,
    )


def _ensure_watcher(folder: Path, linger: float) -> None:
    """Start the watcher unless one holds ``watcher.lock``, which it inherits from us."""
    lock = life.open_lock(folder / life.WATCHER_LOCK)
    try:
        if life.try_lock(lock, fcntl.LOCK_EX):
            # -P: the modules beside the script must not hide those of the standard library.
            command = [sys.executable, "-P", life.__file__, str(folder), str(linger), str(lock)]
            owner = (os.geteuid(), os.getegid())
            detach(command, Path("/"), owner, lock, folder / LOG)
    finally:
        os.close(lock)


def _lock_alone(lock: int) -> bool:
    """Lock ``use.lock`` exclusively; False if others use the server.

    The watcher takes the lock for a moment when a user leaves, or longer to stop the server.
    """
    began = time.monotonic()
    while not life.try_lock(lock, fcntl.LOCK_EX):
        waited = time.monotonic() - began
        if waited > _STOP_WAIT or (waited > 0.2 and life.try_lock(lock, fcntl.LOCK_SH)):
            return False
        time.sleep(0.01)
    return True


def _stop(folder: Path) -> bool:
    """Leave, and stop the server if nobody else uses it."""
    with _uses.guard:
        use = _uses.held.get(folder)
        if use is not None and use.pid == os.getpid():
            _end_use(folder)
        if not folder.exists():
            return True
        lock = life.open_lock(folder / life.USE_LOCK)
        try:
            if not _lock_alone(lock):
                return False
            deadline = time.monotonic() + _CLOSE_WAIT
            while life.client_count(folder):
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
            return life.stop_server(folder)
        finally:
            os.close(lock)
