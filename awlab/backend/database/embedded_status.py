"""Looking at the private database without starting it, for `awlab doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from awlab.backend.database import embedded_watcher as life
from awlab.backend.database.embedded_host import Lease, database_folder, read_lease
from awlab.backend.database.embedded_launch import LOG

__all__ = ["EmbeddedStatus", "status"]


@dataclass(frozen=True, slots=True)
class EmbeddedStatus:
    """What can be told about the private database without starting it.

    Attributes
    ----------
    data_dir : Path
        Data directory.
    initialised : bool
        The cluster exists.
    running : bool
        The server takes connections.
    version : str
        Major version of the data; empty without any.
    pid : int or None
        The postmaster's process id, while it runs.
    socket_dir : Path or None
        Where its socket is, while it runs.
    users : tuple of int
        Processes that hold ``use.lock`` (Linux; process ids as this container sees them).
    watched : bool
        A watcher will stop the server after its last user.
    lease : Lease or None
        The host that says it runs the server.
    stale_lease : bool
        The lease is this host's, and nothing runs: left by a kill or a power cut; harmless.
    foreign_lease : bool
        The lease is another host's: `start` will refuse.
    stale_processes : bool
        PostgreSQL processes live without taking connections: starting, stopping or orphaned.
    log : Path
        The server's log file.
    """

    data_dir: Path
    initialised: bool
    running: bool
    version: str
    pid: int | None
    socket_dir: Path | None
    users: tuple[int, ...]
    watched: bool
    lease: Lease | None
    stale_lease: bool
    foreign_lease: bool
    stale_processes: bool
    log: Path


def status(home: Path) -> EmbeddedStatus:
    """Look at the private database without starting, making or changing anything.

    Parameters
    ----------
    home : Path
        ``AWLAB_HOME``.

    Returns
    -------
    EmbeddedStatus
        What is there.
    """
    folder = database_folder(home)
    data = folder / life.DATA
    try:
        version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except OSError:
        version = ""
    pid, found = life.postmaster(folder), life.pid_file(folder)
    alive = pid is not None or life.is_held(folder / life.SERVER_LOCK)
    lease = read_lease(folder)
    foreign = lease is not None and lease.is_foreign()
    return EmbeddedStatus(
        data_dir=data,
        initialised=bool(version),
        running=pid is not None,
        version=version,
        pid=pid,
        socket_dir=Path(found[1]) if pid is not None and found else None,
        users=_lock_holders(folder / life.USE_LOCK),
        watched=life.is_held(folder / life.WATCHER_LOCK),
        lease=lease,
        stale_lease=lease is not None and not foreign and not alive,
        foreign_lease=foreign,
        stale_processes=alive and pid is None,
        log=folder / LOG,
    )


def _lock_holders(path: Path) -> tuple[int, ...]:
    """Processes that hold a ``flock`` on a file, as the kernel lists them."""
    try:
        inode = str(path.stat().st_ino)
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ()
    # "1: FLOCK  ADVISORY  READ 4711 fd:01:131 0 EOF"; a waiting one has "->" after the number.
    fields = [line.split() for line in lines]
    found = {
        int(words[4])
        for words in fields
        if words[1] == "FLOCK" and words[5].split(":")[-1] == inode and int(words[4]) > 0
    }
    return tuple(sorted(found))
