"""What the private database needs of its machine: a local disk, one host, a place for a socket."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import stat
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from awlab.backend.database.embedded_watcher import LEASE, PORT
from awlab.backend.errors import DatabaseUnavailable

__all__ = [
    "Lease",
    "check_lease",
    "database_folder",
    "filesystem_type",
    "read_lease",
    "refuse_network_filesystem",
    "socket_directory",
    "this_host",
    "write_lease",
]

USE_A_SERVER = "set AWLAB_DATABASE_URL to a PostgreSQL server, or AWLAB_HOME to a local disk"
MOUNT_TABLE = Path("/proc/self/mountinfo")
RUNTIME_ROOTS = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))

# Several hosts can mount these, and their locks and caches are not those of one kernel.
_NETWORK = re.compile(
    "acfs|afs|beegfs(_nodev)?|ceph|cifs|coda|davfs|exafs|fhgfs|gfs2?|glusterfs|gpfs|ibrix|ifs"
    "|lustre|mmfs|ncpfs|nfs4?|ocfs2|orangefs|panfs|prl_fs|pvfs2|quobyte|smb[23]?|smbfs|snfs"
    "|stornext|wekafs|xtreemfs"
    r"|fuse\.(ceph|davfs2?|gcsfuse|glusterfs|goofys|gvfsd-fuse|juicefs|mfs|moosefs|quobyte|rclone"
    "|s3fs|seaweedfs|smbnetfs|sshfs|xtreemfs)"
)


def database_folder(home: Path) -> Path:
    """Return the folder of the private database below a home, as a path without links."""
    return home.expanduser().resolve() / "database"


@dataclass(frozen=True, slots=True)
class Lease:
    """Which host runs the server on this folder.

    Attributes
    ----------
    host : str
        Host name.
    boot : str
        The kernel's boot id: another one under the same name means that the host was restarted.
    pid : int
        Process id of the postmaster (of the starter, while it starts).
    """

    host: str
    boot: str
    pid: int

    def is_foreign(self) -> bool:
        """Tell whether another machine took the lease; containers share their host's kernel."""
        here = this_host(0)
        return self.host != here.host and (not self.boot or self.boot != here.boot)


def this_host(pid: int) -> Lease:
    """Return the lease that this host would take for a process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return Lease(host=socket.gethostname(), boot=boot, pid=pid)


def read_lease(folder: Path) -> Lease | None:
    """Read the lease of a folder; None where there is none, or an unreadable one."""
    try:
        values = json.loads((folder / LEASE).read_text(encoding="utf-8"))
        return Lease(str(values["host"]), str(values["boot"]), int(values["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_lease(folder: Path, pid: int) -> None:
    """Take the lease for this host."""
    fresh = folder / f"{LEASE}.new"
    fresh.write_text(json.dumps(asdict(this_host(pid))), encoding="utf-8")
    fresh.replace(folder / LEASE)


def check_lease(folder: Path) -> None:
    """Refuse a folder on which another host runs the server.

    Raises
    ------
    DatabaseUnavailable
        If another host holds the lease.
    """
    lease = read_lease(folder)
    if lease is not None and lease.is_foreign():
        raise DatabaseUnavailable(
            f"the private database in {folder} is in use on host {lease.host} (process"
            f" {lease.pid}), and this is {socket.gethostname()}",
            f"{USE_A_SERVER}; if {lease.host} is gone for good, remove {folder / LEASE}",
        )


def _mounts(table: str | None) -> list[tuple[str, str]]:
    """Mount points and file system types, in the order of mounting."""
    if table is None and sys.platform != "linux":
        listing = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False)
        found = re.findall(r" on (/.*?) \((\w+)", listing.stdout)
        return [(point, kind) for point, kind in found]
    text = MOUNT_TABLE.read_text(encoding="utf-8", errors="replace") if table is None else table
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        if len(fields := left.split()) >= 5 and right.split():
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), fields[4])
            mounts.append((point, right.split()[0]))
    return mounts


def filesystem_type(path: Path, table: str | None = None) -> str:
    """Name the file system that a path lies on.

    Parameters
    ----------
    path : Path
        Absolute path without links; it need not exist.
    table : str, optional
        Text in the form of ``/proc/self/mountinfo``; the kernel's own by default.

    Returns
    -------
    str
        Type such as ``ext4``; empty where it cannot be told.
    """
    best, kind = "", ""
    for point, name in _mounts(table):
        # ">=": of two mounts on one point the later one is seen.
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, name
    return kind


def refuse_network_filesystem(path: Path, table: str | None = None) -> None:
    """Refuse a folder that two hosts could see: each would start a server on the same files.

    Parameters
    ----------
    path : Path
        Folder of the private database.
    table : str, optional
        Mount table, see `filesystem_type`.

    Raises
    ------
    DatabaseUnavailable
        If the folder lies on a network file system.
    """
    kind = filesystem_type(path, table)
    if _NETWORK.fullmatch(kind):
        raise DatabaseUnavailable(
            f"{path} lies on the network file system {kind}, where two hosts could write the same"
            " database at once",
            USE_A_SERVER,
        )


def _own_directory(path: Path) -> bool:
    """Make a directory that only this user may write to; False if it is someone else's."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        # Root's server runs as another user, who has to pass, but not to list.
        path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError:
        return False
    return True


def socket_directory(folder: Path, token: str, owner: tuple[int, int]) -> Path:
    """Make the directory of the server's Unix socket.

    Not below the home, whose path may be longer than a socket's may (107 bytes), nor in
    ``XDG_RUNTIME_DIR``, which ends with the login session while a batch job still runs.
    PostgreSQL touches its socket now and then, so that cleaners of old files leave it.

    Parameters
    ----------
    folder : Path
        Folder of the private database.
    token : str
        Random identity of the cluster.
    owner : tuple of int
        User and group id that the server runs as.

    Returns
    -------
    Path
        Directory with mode 0700, owned by the server's user.

    Raises
    ------
    DatabaseUnavailable
        If none of the usual places can be used.
    """
    name = hashlib.sha256(f"{token}:{folder}".encode()).hexdigest()[:12]
    for root in RUNTIME_ROOTS:
        parent = root / f"awlab-{os.geteuid()}"
        path = parent / name
        if len(os.fsencode(path / f".s.PGSQL.{PORT}")) > 103 or not _own_directory(parent):
            continue
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        if path.stat().st_uid != owner[0]:
            os.chown(path, *owner)
        return path
    raise DatabaseUnavailable(
        f"no place for the database's socket: none of {', '.join(map(str, RUNTIME_ROOTS))} lets"
        f" this user have a folder awlab-{os.geteuid()}",
        "remove that folder if it is not yours, or " + USE_A_SERVER,
    )
