"""Making the private cluster, under the caller's ``start.lock``, and whose it is.

Root may not run PostgreSQL, so root's server runs as ``postgres`` or ``nobody``, and that user
owns the data directory and nothing else. It need not be able to walk there: the starter enters the
directory as root, drops its rights, and PostgreSQL is given its own working directory
(``/proc/self/cwd``) for a path. So a home below ``/root`` works and no parent is opened up.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from awlab.backend.database.embedded_binaries import Binaries, find_binaries, reachable_for
from awlab.backend.database.embedded_watcher import DATA, IDENTITY
from awlab.backend.errors import DatabaseUnavailable

__all__ = ["Identity", "binaries_for", "client_environment", "ensure_cluster", "path_seen_by"]

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
    """Return the environment without PG* variables, which would redirect PostgreSQL."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def path_seen_by(owner: tuple[int, int], data: Path) -> str:
    """Name the data directory so that its owner can open it from inside."""
    foreign = owner[0] != os.geteuid() and sys.platform == "linux"
    return "/proc/self/cwd" if foreign else str(data)


def _initdb(data: Path, owner: tuple[int, int], role: str, start_lock: int) -> None:
    """Fill an empty data directory.

    ``initdb`` inherits ``start.lock``: when its starter is killed, the next one waits for it
    instead of working in the same directory.
    """
    binaries = find_binaries()
    locale = ["--locale=C"]
    if binaries.major >= 17:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    uid, gid = owner
    foreign = uid != os.geteuid()
    program = reachable_for(binaries, owner) / "initdb"
    options = ["--no-sync", "--encoding=UTF8", "--auth=trust", f"--username={role}", *locale]
    done = subprocess.run(
        [str(program), "-D", path_seen_by(owner, data), *options],
        cwd=data,
        env=client_environment() | {"LC_ALL": "C"},
        user=uid if foreign else None,
        group=gid if foreign else None,
        extra_groups=[] if foreign else None,
        pass_fds=(start_lock,),
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


def ensure_cluster(folder: Path, start_lock: int) -> Identity:
    """Make the cluster if there is none.

    Parameters
    ----------
    folder : Path
        Folder of the private database.
    start_lock : int
        Descriptor that holds ``start.lock``.

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
        _initdb(fresh, owner, identity.role, start_lock)
        stored.write_text(json.dumps(asdict(identity)), encoding="utf-8")
        fresh.rename(data)
    try:
        return Identity(**json.loads(stored.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise DatabaseUnavailable(
            f"{stored}, which says whose database {data} is, cannot be read: {exc}",
            "restore both from a backup, or rename the folder to begin anew",
        ) from exc


def binaries_for(data: Path) -> Binaries:
    """Find the programs of the major version that wrote the data.

    Parameters
    ----------
    data : Path
        Data directory.

    Returns
    -------
    Binaries
        Programs of that version.

    Raises
    ------
    DatabaseUnavailable
        If there are none, or the directory holds no cluster.
    """
    try:
        major = int((data / "PG_VERSION").read_text(encoding="ascii").split(".")[0])
    except (OSError, ValueError) as exc:
        raise DatabaseUnavailable(
            f"{data} is not a PostgreSQL data directory: {exc}",
            "restore it from a backup, or rename it to begin anew",
        ) from exc
    return find_binaries(major)
