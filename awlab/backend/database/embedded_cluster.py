"""Making the private cluster and starting its server, under the caller's ``start.lock``.

Root may not run PostgreSQL, so root's server runs as ``postgres`` or ``nobody``, and that user
owns the data directory and nothing else. It need not be able to walk there: the starter enters the
directory as root, drops its rights, and PostgreSQL is given its own working directory
(``/proc/self/cwd``) for a path. So a home below ``/root`` works and no parent is opened up.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from awlab.backend.database.embedded_binaries import Binaries, find_binaries, reachable_for
from awlab.backend.database.embedded_host import socket_directory, write_lease
from awlab.backend.database.embedded_watcher import (
    DATA,
    IDENTITY,
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

__all__ = [
    "DATABASE",
    "LOG",
    "Identity",
    "client_environment",
    "connect_and_prepare",
    "detach",
    "ensure_cluster",
    "ensure_server",
]

DATABASE = "awlab"
LOG = "server.log"
_LOG_LIMIT = 5_000_000  # bytes
_RETRY = 5.0  # s: a dying server and its backends need a moment
_RECOVERY = 300.0  # s: the write-ahead log of a killed server is replayed first

# For one user on a laptop; kept in postgresql.conf, where the user may change them.
_SETTINGS = """
# ---- awlab: one user on one machine
max_connections = 100
shared_buffers = 128MB
work_mem = 16MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
random_page_cost = 1.1
jit = off
max_logical_replication_workers = 0
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_timezone = 'UTC'
timezone = 'UTC'
"""

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


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose cluster it is; stored beside the data.

    Attributes
    ----------
    uid, gid : int
        User and group that the server runs as.
    role : str
        Login role: the user who made the cluster.
    token : str
        Random name of the cluster.
    """

    uid: int
    gid: int
    role: str
    token: str

    @property
    def owner(self) -> tuple[int, int]:
        """User and group id."""
        return self.uid, self.gid


def _role() -> str:
    """Name of the operating system's user, in a form that PostgreSQL takes for a role."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # containers run under user ids without a name
        name = "awlab"
    return "awlab" if name.startswith("pg_") else name


def _server_owner() -> tuple[int, int]:
    """User and group id for a new server: the caller, or a user without rights for root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise DatabaseUnavailable(
        "PostgreSQL may not run as root, and this machine has neither a user postgres nor nobody",
        "run awlab as an ordinary user, or set AWLAB_DATABASE_URL",
    )


def client_environment() -> dict[str, str]:
    """Environment without PG* variables, which would redirect PostgreSQL's programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _path_seen_by(owner: tuple[int, int], data: Path) -> str:
    """Name the data directory so that its owner can open it from inside."""
    foreign = owner[0] != os.geteuid() and sys.platform == "linux"
    return "/proc/self/cwd" if foreign else str(data)


def _initdb(data: Path, owner: tuple[int, int], role: str) -> None:
    """Fill an empty data directory."""
    binaries = find_binaries()
    locale = ["--locale=C"]
    if binaries.major >= 17:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    uid, gid = owner
    foreign = uid != os.geteuid()
    done = subprocess.run(
        [reachable_for(binaries, owner) / "initdb", "-D", _path_seen_by(owner, data)]
        + ["--no-sync", "--encoding=UTF8", "--auth=trust", f"--username={role}", *locale],
        cwd=data,
        env=client_environment() | {"LC_ALL": "C"},
        user=uid if foreign else None,
        group=gid if foreign else None,
        extra_groups=[] if foreign else None,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or [done.stderr]
        raise DatabaseUnavailable(
            f"the private database could not be made in {data.parent}: {lines[0].strip()}",
            "free space and rights of that folder may be the cause; see `awlab doctor`",
        )
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(_SETTINGS)


def ensure_cluster(folder: Path) -> Identity:
    """Make the cluster if there is none.

    Parameters
    ----------
    folder : Path
        Folder of the private database.

    Returns
    -------
    Identity
        Whose cluster it is.

    Raises
    ------
    DatabaseUnavailable
        If it cannot be made, or what is there is none.
    """
    data, stored = folder / DATA, folder / IDENTITY
    if not data.exists():
        owner = _server_owner()
        identity = Identity(*owner, role=_role(), token=secrets.token_hex(8))
        fresh = folder / f"{DATA}.new"
        if fresh.exists():  # its maker was killed
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        if owner[0] != os.geteuid():
            os.chown(fresh, *owner)
        _initdb(fresh, owner, identity.role)
        stored.write_text(json.dumps(asdict(identity)), encoding="utf-8")
        fresh.rename(data)
    try:
        return Identity(**json.loads(stored.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise DatabaseUnavailable(
            f"{stored}, which says whose database {data} is, cannot be read: {exc}",
            "restore both from a backup, or rename the folder to begin anew",
        ) from exc


def _binaries_for(data: Path) -> Binaries:
    """Find the programs of the major version that wrote the data."""
    try:
        major = int((data / "PG_VERSION").read_text(encoding="ascii").split(".")[0])
    except (OSError, ValueError) as exc:
        raise DatabaseUnavailable(
            f"{data} is not a PostgreSQL data directory: {exc}",
            "restore it from a backup, or rename it to begin anew",
        ) from exc
    return find_binaries(major)


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
    programs = reachable_for(_binaries_for(data), identity.owner)
    place = socket_directory(folder, identity.token, identity.owner)
    options = _FIXED | {"unix_socket_directories": str(place)}
    command = [str(programs / "postgres"), "-D", _path_seen_by(identity.owner, data)]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    found = pid_file(folder)
    if found and postmaster_state(data, found[0]) == "dead":
        # PostgreSQL would refuse while any process, even a zombie, bears that number.
        (data / "postmaster.pid").unlink(missing_ok=True)
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


def ensure_server(folder: Path, identity: Identity) -> int:
    """Start the server if it does not run, and wait until it takes connections.

    Parameters
    ----------
    folder : Path
        Folder of the private database.
    identity : Identity
        Whose cluster it is.

    Returns
    -------
    int
        Process id of the postmaster.

    Raises
    ------
    DatabaseUnavailable
        If it does not start within 5 s of trying.
    """
    deadline = time.monotonic() + _RETRY
    while (pid := postmaster(folder)) is None:
        lock = _lock_when_dead(folder)
        if lock is not None:
            try:
                _launch(folder, identity, lock)
            finally:
                os.close(lock)  # the server has its own copy
        if not _wait_ready(folder) and time.monotonic() > deadline:
            raise _failure(folder)
    write_lease(folder, pid)
    return pid


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


def connect_and_prepare(socket_dir: str, role: str) -> str:
    """Prove that the server answers, and make awlab's database where it is missing.

    Parameters
    ----------
    socket_dir : str
        Directory of the server's Unix socket.
    role : str
        Login role.

    Returns
    -------
    str
        The server's version.

    Raises
    ------
    DatabaseUnavailable
        If it does not let us in within 5 s.
    """
    import psycopg2

    deadline = time.monotonic() + _RETRY
    while True:
        try:
            connection = psycopg2.connect(
                host=socket_dir, port=PORT, user=role, dbname="postgres", connect_timeout=10
            )
            break
        except psycopg2.OperationalError as exc:
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"the private database does not let us in: {str(exc).strip()}",
                    "see `awlab doctor`",
                ) from exc
            time.sleep(0.05)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f'create database "{DATABASE}"')
        return str(connection.info.parameter_status("server_version"))
    finally:
        connection.close()
