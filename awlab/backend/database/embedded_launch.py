"""Starting the private server and waiting for it, under the caller's ``start.lock``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from awlab.backend.database.embedded_binaries import reachable_for
from awlab.backend.database.embedded_cluster import (
    Identity,
    binaries_for,
    client_environment,
    path_seen_by,
)
from awlab.backend.database.embedded_host import socket_directory, write_lease
from awlab.backend.database.embedded_watcher import (
    DATA,
    PORT,
    SERVER_LOCK,
    backends,
    is_held,
    open_lock,
    pid_file,
    postmaster,
    postmaster_state,
    try_lock,
)
from awlab.backend.errors import DatabaseUnavailable

__all__ = ["DATABASE", "LOG", "detach", "start_and_connect"]

DATABASE = "awlab"
LOG = "server.log"
_LOG_LIMIT = 5_000_000  # bytes
_RETRY = 5.0  # s: a dying server and its backends need a moment
_RECOVERY = 300.0  # s: the write-ahead log of a killed server is replayed first

# An acknowledged commit survives a killed server, and nobody but this user can connect: these are
# given on the command line, where no file overrides them.
_FIXED = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
}

# Runs between the caller and the program: the program gets no parent that would have to reap it,
# a session of its own (no Ctrl-C from the terminal), and the server's user.
_DETACH = """
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
os.umask(0o077)
uid, gid = int(sys.argv[1]), int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
os.execv(sys.argv[3], sys.argv[3:])
"""


def detach(command: list[str], cwd: Path, owner: tuple[int, int], lock: int, log: Path) -> None:
    """Start a program that outlives this process and holds a lock.

    Parameters
    ----------
    command : list of str
        Program and its arguments.
    cwd : Path
        Working directory, entered with this process's rights.
    owner : tuple of int
        User and group id that the program runs as.
    lock : int
        Descriptor that the program, and all it starts, inherits.
    log : Path
        File that gets its output.
    """
    with log.open("ab") as output:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _DETACH, *map(str, owner), *command],
            cwd=cwd,
            env=client_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock,),
            check=True,
        )


def _launch(folder: Path, identity: Identity, lock: int) -> None:
    """Start the postmaster; whoever reads ``server.lock`` as held knows that it lives."""
    data, log = folder / DATA, folder / LOG
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    programs = reachable_for(binaries_for(data), identity.owner)
    place = socket_directory(folder, identity.token, identity.owner)
    options = _FIXED | {"unix_socket_directories": str(place)}
    command = [str(programs / "postgres"), "-D", path_seen_by(identity.owner, data)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    found = pid_file(folder)
    if found and postmaster_state(data, found[0]) == "dead":
        # PostgreSQL would refuse while any process, even a zombie, bears that number.
        (data / "postmaster.pid").unlink(missing_ok=True)
        for left in place.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)
    write_lease(folder, os.getpid())
    detach(command, data, identity.owner, lock, log)


def _wait_ready(folder: Path) -> bool:
    """Wait until the server takes connections; False when its processes have ended."""
    deadline = time.monotonic() + _RECOVERY
    while time.monotonic() < deadline:
        if postmaster(folder) is not None:
            return True
        if not is_held(folder / SERVER_LOCK):
            return False
        time.sleep(0.01)
    return False


def _is_coming(folder: Path) -> bool:
    """Tell whether a postmaster lives that takes connections, or will."""
    found = pid_file(folder)
    if found is None or found[2] == "stopping":
        return False
    return postmaster_state(folder / DATA, found[0]) != "dead" and is_held(folder / SERVER_LOCK)


def _lock_when_dead(folder: Path) -> int | None:
    """Wait for the backends of a killed server to end; None if a server turned up instead.

    They notice by themselves, save in the middle of a long statement: after 5 s they are told.
    """
    lock = open_lock(folder / SERVER_LOCK)
    began = time.monotonic()
    hint = signal.SIGQUIT
    while not try_lock(lock, fcntl.LOCK_EX):
        waited = time.monotonic() - began
        if _is_coming(folder):
            os.close(lock)
            return None
        if waited > 3 * _RETRY:
            os.close(lock)
            raise DatabaseUnavailable(
                f"processes of an earlier server still run in {folder}",
                "end them (`ps -C postgres`), and try again",
            )
        if waited > _RETRY:
            for pid in backends(folder / DATA):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, hint)
            hint = signal.SIGKILL if waited > 2 * _RETRY else hint
            time.sleep(0.5)
        time.sleep(0.02)
    return lock


def _ensure_server(folder: Path, identity: Identity) -> None:
    """Start the server if it does not run, and wait until it says that it is ready."""
    deadline = time.monotonic() + _RETRY
    while (pid := postmaster(folder)) is None:
        lock = _lock_when_dead(folder)
        if lock is not None:
            try:
                _launch(folder, identity, lock)
            finally:
                os.close(lock)  # the server has its own copy
        if not _wait_ready(folder):
            if time.monotonic() > deadline:
                raise _failure(folder)
            time.sleep(0.2)
    write_lease(folder, pid)


def _failure(folder: Path) -> DatabaseUnavailable:
    """Say why the server did not start, in the words of its log."""
    log = folder / LOG
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line for line in lines[-50:] if "FATAL:" in line or "PANIC:" in line]
        reason = said[-1].split(":  ", 1)[-1] if said else (lines or ["its log is empty"])[-1]
        return DatabaseUnavailable(
            f"the private database in {folder} did not start: {reason}", f"see {log}"
        )
    return DatabaseUnavailable(f"the private database in {folder} did not start", f"see {log}")


def start_and_connect(folder: Path, identity: Identity) -> tuple[str, str]:
    """Start the server if it does not run, and prove that it answers.

    A process id alone proves little: a server that was killed a moment ago still has one.

    Parameters
    ----------
    folder : Path
        Folder of the private database.
    identity : Identity
        Whose cluster it is.

    Returns
    -------
    tuple of str
        Directory of the server's Unix socket; the server's version.

    Raises
    ------
    DatabaseUnavailable
        If it does not start, or does not let us in, within 5 s of trying.
    """
    import psycopg2

    deadline = time.monotonic() + _RETRY
    while True:
        _ensure_server(folder, identity)
        found = pid_file(folder)
        try:
            if found is not None:
                return found[1], _prepare(found[1], identity.role)
        except psycopg2.OperationalError as exc:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"the private database does not let us in: {str(exc).strip()}",
                    f"see {folder / LOG}",
                ) from exc
        time.sleep(0.02)


def _prepare(socket_dir: str, role: str) -> str:
    """Connect, make awlab's database where it is missing, return the server's version."""
    import psycopg2

    connection = psycopg2.connect(
        host=socket_dir, port=PORT, user=role, dbname="postgres", connect_timeout=10
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f'create database "{DATABASE}"')
        return str(connection.info.parameter_status("server_version"))
    finally:
        connection.close()
