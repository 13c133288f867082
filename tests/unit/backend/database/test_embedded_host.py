"""What the private database asks of its machine."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from awlab.backend.database import embedded_host as host
from awlab.backend.errors import DatabaseUnavailable

TABLE = r"""22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /people rw shared:5 - nfs4 filer:/people rw,vers=4.2
31 30 253:1 / /people/local rw - xfs /dev/vdb rw
32 22 0:41 / /scratch rw - lustre 10.0.0.1@tcp:/scratch rw
33 22 0:42 / /mnt/two\040words rw - cifs //nas/x rw
34 22 0:43 / /mnt/ssh rw master:3 propagate_from:2 - fuse.sshfs me@there: rw
35 22 0:44 / /mnt/enc rw - fuse.gocryptfs /x rw
36 22 0:45 / /covered rw - nfs filer:/c rw
37 36 253:2 / /covered rw - ext4 /dev/vdc rw
38 22 0:46 / /gpfs rw - gpfs gpfs0 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/people/x/.local/share/awlab", "nfs4"),
        ("/people/local/x", "xfs"),
        ("/peoples", "ext4"),
        ("/scratch/x", "lustre"),
        ("/mnt/two words/x", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/mnt/enc/x", "fuse.gocryptfs"),
        ("/covered/x", "ext4"),
        ("/gpfs/x", "gpfs"),
    ],
)
def test_the_file_system_and_whether_it_is_refused(path: str, kind: str) -> None:
    assert host.filesystem_type(Path(path), TABLE) == kind
    if kind in {"nfs4", "lustre", "cifs", "gpfs", "fuse.sshfs"}:
        with pytest.raises(DatabaseUnavailable, match=f"network file system {kind}") as caught:
            host.refuse_network_filesystem(Path(path), TABLE)
        assert "AWLAB_DATABASE_URL" in caught.value.hint
    else:
        host.refuse_network_filesystem(Path(path), TABLE)


def test_the_kernels_own_mount_table_can_be_read(tmp_path: Path) -> None:
    assert host.filesystem_type(tmp_path)


def test_own_lease_passes(tmp_path: Path) -> None:
    host.check_lease(tmp_path)
    host.write_lease(tmp_path, 4711)
    assert host.read_lease(tmp_path) == host.this_host(4711)
    host.check_lease(tmp_path)


@pytest.mark.parametrize(
    ("name", "boot", "foreign"),
    [
        ("elsewhere", "another-boot", True),
        ("elsewhere", "", True),
        ("elsewhere", None, False),  # another container on this kernel: the locks tell
        (None, "another-boot", False),  # this host was restarted
    ],
)
def test_leases_of_other_hosts(
    tmp_path: Path, name: str | None, boot: str | None, foreign: bool
) -> None:
    here = host.this_host(1)
    lease = {
        "host": socket.gethostname() if name is None else name,
        "boot": here.boot if boot is None else boot,
        "pid": 12,
    }
    (tmp_path / "lease.json").write_text(json.dumps(lease))
    if boot is None and not here.boot:
        pytest.skip("this kernel has no boot id")
    if foreign:
        with pytest.raises(DatabaseUnavailable, match="in use on host elsewhere"):
            host.check_lease(tmp_path)
    else:
        host.check_lease(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "nonsense"])
def test_a_broken_lease_is_no_lease(tmp_path: Path, text: str) -> None:
    (tmp_path / "lease.json").write_text(text)
    assert host.read_lease(tmp_path) is None
    host.check_lease(tmp_path)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: a socket's may have 107 characters, pytest's own are long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_socket_directory_is_short_private_and_per_cluster(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "RUNTIME_ROOTS", (short / "absent", short))
    owner = (os.geteuid(), os.getegid())
    home = short / ("long" * 40)
    first = host.socket_directory(home, "token", owner)
    assert first.stat().st_mode & 0o777 == 0o700
    assert first.parent == short / f"awlab-{os.geteuid()}"
    assert not first.parent.stat().st_mode & 0o066
    assert host.socket_directory(home, "token", owner) == first
    assert host.socket_directory(home, "other", owner) != first


def test_socket_directory_avoids_what_others_prepared(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap, good = short / "trap", short / "good"
    trap.mkdir()
    good.mkdir()
    (trap / f"awlab-{os.geteuid()}").symlink_to(good)
    owner = (os.geteuid(), os.getegid())
    monkeypatch.setattr(host, "RUNTIME_ROOTS", (trap, good))
    assert host.socket_directory(short, "token", owner).is_relative_to(good)
    monkeypatch.setattr(host, "RUNTIME_ROOTS", (trap,))
    with pytest.raises(DatabaseUnavailable, match="no place for the database's socket"):
        host.socket_directory(short, "token", owner)
