"""What is known of the private server's life, and the watcher that ends it.

This module is also run as a script, so it imports nothing but the standard library (and psycopg2
at the very end): the watcher is to stay small, and is to start where awlab itself is slow.

Three lock files in the folder tell the truth, because the kernel drops a ``flock`` when the last
copy of its file descriptor closes, also after ``kill -9``:

``use.lock``
    Held shared by every process that uses the server. The watcher waits for it exclusively.
``server.lock``
    Inherited by PostgreSQL and all its backends: it can be had exactly when none of them lives.
``watcher.lock``
    Inherited by the one watcher.

A lock is only ever given back by closing the descriptor, never by ``LOCK_UN`` (save by the
watcher, which has no children): a forked child shares its parent's lock, and unlocking there would
take it from the parent, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "DATA",
    "IDENTITY",
    "LEASE",
    "PORT",
    "SERVER_LOCK",
    "USE_LOCK",
    "WATCHER_LOCK",
    "backends",
    "client_count",
    "is_held",
    "open_lock",
    "pid_file",
    "postmaster",
    "postmaster_state",
    "stop_server",
    "try_lock",
    "wait_lock",
    "watch",
]

DATA = "data"
LEASE = "lease.json"
IDENTITY = "cluster.json"
USE_LOCK = "use.lock"
SERVER_LOCK = "server.lock"
WATCHER_LOCK = "watcher.lock"
PORT = 5432
_POLL = 0.02


def open_lock(path: Path) -> int:
    """Open a lock file, made where it is missing; the descriptor is not inherited by programs."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int, how: int) -> bool:
    """Lock without waiting; True when the lock was had."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_lock(descriptor: int, how: int, seconds: float) -> bool:
    """Lock, waiting for at most ``seconds`` [s]; True when the lock was had."""
    deadline = time.monotonic() + seconds
    while not try_lock(descriptor, how):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def is_held(path: Path) -> bool:
    """Tell whether someone holds the lock exclusively, without making the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def pid_file(folder: Path) -> tuple[int, str, str] | None:
    """Process id, socket directory and state written by the postmaster; None without one."""
    try:
        lines = (folder / DATA / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        number = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    lines += [""] * (8 - len(lines))
    return abs(number), lines[4].strip(), lines[7].strip()


def _is_postgres(pid: int) -> bool:
    """Tell whether the process runs PostgreSQL and is no zombie."""
    if sys.platform != "linux":
        import subprocess

        listing = subprocess.run(
            ["/bin/ps", "-o", "stat=,command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        return "postgres" in listing and not listing.startswith("Z")
    try:
        # "pid (name) state ...": the name itself may hold blanks and brackets.
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
    except (OSError, UnicodeDecodeError):
        return False
    return name.partition("(")[2] == "postgres" and rest.split()[0] not in "ZXx"


def postmaster_state(data: Path, pid: int) -> str:
    """Say whether a process is a PostgreSQL of this data directory.

    Parameters
    ----------
    data : Path
        Data directory; PostgreSQL's processes always have it as their working directory.
    pid : int
        Process id.

    Returns
    -------
    str
        ``alive``, ``dead``, or ``unknown`` for a PostgreSQL whose working directory is hidden
        (root in a container without the right to trace, and always on macOS).
    """
    if not _is_postgres(pid):
        return "dead"
    if sys.platform != "linux":
        return "unknown"
    try:
        same = os.path.samestat(os.stat(f"/proc/{pid}/cwd"), data.stat())
    except PermissionError:
        return "unknown"
    except OSError:
        return "dead"
    return "alive" if same else "dead"


def postmaster(folder: Path) -> int | None:
    """Process id of the living postmaster that takes connections, else None."""
    found = pid_file(folder)
    if found is None or found[2] != "ready":
        return None
    state = postmaster_state(folder / DATA, found[0])
    if state == "unknown":
        state = "alive" if is_held(folder / SERVER_LOCK) else "dead"
    return found[0] if state == "alive" else None


def backends(data: Path) -> Iterator[int]:
    """Process ids of every PostgreSQL process in the data directory (Linux)."""
    for entry in Path("/proc").glob("[0-9]*"):
        if postmaster_state(data, int(entry.name)) == "alive":
            yield int(entry.name)


def client_count(folder: Path) -> int:
    """Count the connections of clients; 0 when the server does not run."""
    found = pid_file(folder)
    if found is None or postmaster(folder) is None:
        return 0
    import psycopg2

    role = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))["role"]
    try:
        connection = psycopg2.connect(
            host=found[1], port=PORT, user=role, dbname="postgres", connect_timeout=5
        )
    except psycopg2.OperationalError:
        # A running server that lets nobody in is a full one, unless it has died just now.
        return 1 if postmaster(folder) is not None else 0
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            )
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def stop_server(folder: Path) -> bool:
    """Stop the server in order; the caller holds ``use.lock`` exclusively.

    Returns
    -------
    bool
        True when no PostgreSQL process is left.
    """
    found = pid_file(folder)
    # Fast shutdown first (a checkpoint: up to a minute); then the immediate one, which recovers.
    for number, seconds in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0)):
        if found and postmaster_state(folder / DATA, found[0]) != "dead":
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[0], number)
        deadline = time.monotonic() + seconds
        while is_held(folder / SERVER_LOCK) and time.monotonic() < deadline:
            time.sleep(_POLL)
        if not is_held(folder / SERVER_LOCK):
            (folder / LEASE).unlink(missing_ok=True)
            if found and found[1]:
                # Empty after an orderly stop; a socket left by a killed server keeps it.
                with contextlib.suppress(OSError):
                    os.rmdir(found[1])
            return True
    return False


def watch(folder: Path, linger: float, watcher_lock: int) -> None:
    """Wait until nobody uses the server, linger, look again, stop it.

    Parameters
    ----------
    folder : Path
        Folder of the private database.
    linger : float
        Time between the last user's leaving and the stop [s].
    watcher_lock : int
        Descriptor that holds ``watcher.lock``.
    """
    use = open_lock(folder / USE_LOCK)
    fcntl.flock(use, fcntl.LOCK_EX)
    while is_held(folder / SERVER_LOCK):
        fcntl.flock(use, fcntl.LOCK_UN)
        time.sleep(max(linger, 0.1))
        if not try_lock(use, fcntl.LOCK_EX):
            fcntl.flock(use, fcntl.LOCK_EX)  # someone came: wait anew, then linger anew
        elif client_count(folder) == 0 and stop_server(folder):
            break
    if not is_held(folder / SERVER_LOCK):
        (folder / LEASE).unlink(missing_ok=True)  # of a server that was killed
    # In this order: whoever waits for use.lock must find the watcher gone, and start one.
    os.close(watcher_lock)
    os.close(use)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
