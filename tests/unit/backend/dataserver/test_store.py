"""The local store: written once, whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from awlab.backend.dataserver import (
    DataServer,
    FileCache,
    LocalStore,
    RemoteStore,
    StorageFailed,
    atomic,
    hash_file,
    open_store,
)
from awlab.backend.dataserver import store as store_module
from awlab.backend.errors import (
    AccessDenied,
    AlreadyStored,
    ChecksumMismatch,
    FileMissing,
    IngestError,
    SettingsError,
)

NAME = "Cal-ME-WFI-------#842-ccd50-Bias---54566.3131050-abc.fits"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def make(path: Path, content: bytes = b"pixels") -> tuple[Path, str]:
    path.write_bytes(content)
    return path, hash_file(path).digest


def everything(store: LocalStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_put_and_get_back(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    assert store.put(path, NAME, digest) is True
    stored = store.local_path(NAME)
    assert stored.read_bytes() == b"pixels"
    assert stored.stat().st_mode & 0o222 == 0
    assert path.stat().st_mode & 0o200, "the original stays the user's"
    assert (store.exists(NAME), store.size(NAME), list(store.names())) == (True, 6, [NAME])
    assert everything(store) == [stored]
    assert "%23842" in store.url(NAME)


def test_the_same_again_is_no_change_and_another_content_is_refused(store, tmp_path) -> None:
    path, digest = make(tmp_path / "a")
    store.put(path, NAME, digest)
    inode = store.local_path(NAME).stat().st_ino
    assert store.put(path, NAME, digest) is False
    assert store.local_path(NAME).stat().st_ino == inode
    other, other_digest = make(tmp_path / "b", b"others")
    with pytest.raises(AlreadyStored) as caught:
        store.put(other, NAME, other_digest)
    assert "new name" in caught.value.hint
    assert store.local_path(NAME).read_bytes() == b"pixels"


def test_what_changed_since_it_was_hashed_is_refused(store, tmp_path) -> None:
    path, _ = make(tmp_path / "a")
    with pytest.raises(ChecksumMismatch, match="was not stored"):
        store.put(path, NAME, "0" * 64)
    assert everything(store) == []


def test_a_file_of_ones_own_is_taken_without_a_copy(store, tmp_path) -> None:
    path, digest = make(tmp_path / "own")
    store.checksums.learn(path, digest)
    assert store.put(path, NAME, digest, adopt=True) is True
    stored = store.local_path(NAME)
    assert stored.stat().st_ino == path.stat().st_ino
    assert stored.stat().st_mode & 0o222 == 0
    path.unlink()
    assert stored.read_bytes() == b"pixels"
    again, digest = make(tmp_path / "again")
    store.checksums.learn(again, digest)
    assert store.put(again, NAME, digest, adopt=True) is False


CASES = ["not hashed", "second name", "symbolic link", "other disk", "other owner"]


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_ones_own_alone_is_copied(store, tmp_path, monkeypatch, case) -> None:
    path, digest = make(tmp_path / "own")
    path.chmod(0o640)
    if case != "not hashed":
        store.checksums.learn(path, digest)
    if case == "second name":
        os.link(path, tmp_path / "mine")
    if case == "symbolic link":
        (tmp_path / "mine").symlink_to(path)
        path = tmp_path / "mine"
    if case == "other disk":
        link = os.link

        def across(source, target, **options):
            if Path(source) == path:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            link(source, target, **options)

        monkeypatch.setattr(os, "link", across)
    if case == "other owner":
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert store.put(path, NAME, digest, adopt=True) is True
    stored = store.local_path(NAME)
    assert stored.read_bytes() == b"pixels"
    assert stored.stat().st_ino != path.stat().st_ino
    assert path.stat().st_mode & 0o777 == 0o640, "a file that stays is as it was"


def test_a_file_exchanged_at_the_last_moment_is_not_taken(store, tmp_path, monkeypatch) -> None:
    path, digest = make(tmp_path / "own")
    other, _ = make(tmp_path / "other", b"others")
    store.checksums.learn(path, digest)
    link = os.link

    def exchange(source, target, **options):
        if Path(source) == path:
            os.replace(other, path)
        link(source, target, **options)

    monkeypatch.setattr(os, "link", exchange)
    with pytest.raises(ChecksumMismatch, match="was not stored"):
        store.put(path, NAME, digest, adopt=True)
    assert everything(store) == []
    assert path.read_bytes() == b"others"


def test_what_was_taken_is_copied_when_its_owner_keeps_it(store, tmp_path) -> None:
    path, digest = make(tmp_path / "own")
    store.checksums.learn(path, digest)
    store.put(path, NAME, digest, adopt=True)
    assert store.put(path, NAME, digest, adopt=True) is False
    assert store.local_path(NAME).samefile(path)
    assert store.put(path, NAME, digest) is False
    path.chmod(0o600)
    path.write_bytes(b"edited")
    stored = store.local_path(NAME)
    assert (stored.read_bytes(), stored.stat().st_mode & 0o222) == (b"pixels", 0)
    store.checksums.verify(stored, digest)
    # The stored file itself, which was never anybody else's.
    assert store.put(stored, NAME, digest) is False
    assert stored.read_bytes() == b"pixels"


def test_missing_files(store: LocalStore, tmp_path: Path) -> None:
    for call in (store.local_path, store.size, store.delete):
        with pytest.raises(FileMissing, match="not on the data server"):
            call(NAME)
    with pytest.raises(FileMissing, match="gone"):
        store.put(tmp_path / "gone", NAME, "0" * 64)
    assert list(store.names()) == []
    assert not store.exists(NAME)


def test_names_cannot_lead_out_of_the_store(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    with pytest.raises(IngestError, match="cannot be the name"):
        store.put(path, "../../outside", digest)
    with pytest.raises(IngestError):
        store.local_path("../a")


def test_delete(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    store.put(path, NAME, digest)
    store.delete(NAME)
    assert not store.exists(NAME)


def test_files_are_spread_over_folders(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    for number in range(20):
        store.put(path, f"frame{number}.fits", digest)
    shards = {p.parent for p in everything(store)}
    assert len(shards) > 10
    assert sorted(store.names()) == sorted(f"frame{n}.fits" for n in range(20))


def test_a_file_system_without_hard_links(store, tmp_path, monkeypatch) -> None:
    def no_link(source: object, target: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(atomic.os, "link", no_link)
    path, digest = make(tmp_path / "a")
    assert store.put(path, NAME, digest)
    assert store.local_path(NAME).read_bytes() == b"pixels"
    new = tmp_path / "new"
    new.write_bytes(b"x")
    with pytest.raises(FileExistsError):
        atomic.publish(new, store.local_path(NAME))


def _put(root: Path, path: Path, digest: str, start, results) -> None:
    start.wait()
    try:
        results.put(LocalStore(root).put(path, NAME, digest))
    except AlreadyStored:
        results.put("refused")


@pytest.mark.parametrize("same", [True, False])
def test_eight_processes_store_one_name(store, tmp_path, same: bool) -> None:
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    files = [
        make(tmp_path / str(n), b"x" * 300_000 + (b"" if same else bytes([n]))) for n in range(8)
    ]
    workers = [
        context.Process(target=_put, args=(store.root, path, digest, start, results))
        for path, digest in files
    ]
    for worker in workers:
        worker.start()
    start.set()
    answers = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert answers.count(True) == 1
    assert answers.count(False if same else "refused") == 7
    assert len(everything(store)) == 1
    assert hash_file(store.local_path(NAME)).digest in {digest for _, digest in files}


KILLED = """
import os, signal, sys
from pathlib import Path
from awlab.backend.dataserver import LocalStore, hash_file
import awlab.backend.dataserver.store as module
module.publish = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
path = Path(sys.argv[2])
LocalStore(sys.argv[1]).put(path, "a.fits", hash_file(path).digest)
"""


def test_killed_before_the_name_is_given(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    died = subprocess.run([sys.executable, "-c", KILLED, store.root, path], check=False)
    assert died.returncode == -signal.SIGKILL
    assert not store.exists("a.fits")
    assert list(store.names()) == []
    assert len(everything(store)) == 1, "the half-written file is there, unseen"
    assert store.remove_leftovers() == 0, "it might still be going on"
    assert store.remove_leftovers(older_than=-1) == 1
    assert everything(store) == []
    assert store.put(path, "a.fits", digest)


def test_full_disk(store: LocalStore, tmp_path: Path, monkeypatch) -> None:
    path, digest = make(tmp_path / "a", b"x" * 3_000_000)

    def full(source, target):
        target.write(source.read(1000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_module, "copy_and_hash", full)
    with pytest.raises(StorageFailed, match="disk is full") as caught:
        store.put(path, NAME, digest)
    assert isinstance(caught.value, OSError)
    assert "free some space" in caught.value.hint
    assert everything(store) == []


def test_full_disk_for_real(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs to be root and allowed to mount a small tmpfs")
    try:
        store = LocalStore(small / "store")
        path, digest = make(tmp_path / "a", b"x" * 3_000_000)
        with pytest.raises(StorageFailed, match="disk is full"):
            store.put(path, NAME, digest)
        assert everything(store) == []
        little, digest = make(tmp_path / "b")
        assert store.put(little, NAME, digest)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_forbidden_folder(tmp_path: Path, monkeypatch) -> None:
    path, digest = make(tmp_path / "a")

    def forbidden(*names: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with pytest.raises(AccessDenied, match="permission denied"):
        LocalStore(tmp_path / "closed").put(path, NAME, digest)


def test_damage_is_found_at_retrieval(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    server = DataServer(store, FileCache(tmp_path / "cache"))
    server.put(path, NAME, digest)
    stored = server.retrieve(NAME, digest)
    assert stored == store.local_path(NAME), "no copy of a local file is made"
    stored.chmod(0o644)
    stored.write_bytes(b"pixelz")
    with pytest.raises(ChecksumMismatch, match="damaged") as caught:
        server.retrieve(NAME, digest)
    assert "backup" in caught.value.hint


def test_fresh_sees_what_the_memory_cannot(store: LocalStore, tmp_path: Path) -> None:
    path, digest = make(tmp_path / "a")
    server = DataServer(store, FileCache(tmp_path / "cache"))
    server.put(path, NAME, digest)
    stored = store.local_path(NAME)
    status = stored.stat()
    stored.chmod(0o644)
    with open(stored, "r+b") as file:
        file.write(b"P")
    os.utime(stored, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert server.retrieve(NAME, digest) == stored, "as documented: once per process"
    with pytest.raises(ChecksumMismatch):
        server.retrieve(NAME, digest, fresh=True)
    other = DataServer(LocalStore(store.root), FileCache(tmp_path / "cache"))
    with pytest.raises(ChecksumMismatch):
        other.retrieve(NAME, digest)


def test_each_file_is_hashed_once_per_process(store, tmp_path, monkeypatch) -> None:
    from awlab.backend.dataserver import checksum

    path, digest = make(tmp_path / "a")
    store.put(path, NAME, digest)
    server = DataServer(LocalStore(store.root), FileCache(tmp_path / "cache"))
    hashed: list[object] = []
    original = checksum.hash_file
    monkeypatch.setattr(checksum, "hash_file", lambda p: hashed.append(p) or original(p))
    for _ in range(3):
        server.retrieve(NAME, digest)
    assert len(hashed) == 1


def test_raw_names_are_made_unique_by_content(store: LocalStore, tmp_path: Path) -> None:
    server = DataServer(store, FileCache(tmp_path / "cache"))
    first, second = make(tmp_path / "1", b"monday"), make(tmp_path / "2", b"tuesday")
    assert server.put_raw(first[0], "flat-001.fit", first[1]) == "flat-001.fit"
    unique = server.put_raw(second[0], "flat-001.fit", second[1])
    assert unique == f"flat-001-{second[1][:40]}.fit"
    assert server.put_raw(second[0], "flat-001.fit", second[1]) == unique
    assert server.put_raw(first[0], "flat-001.fit", first[1]) == "flat-001.fit"
    assert sorted(server.names()) == sorted(["flat-001.fit", unique])
    assert server.retrieve(unique, second[1]).read_bytes() == b"tuesday"
    assert server.put_raw(first[0], "WFI.fits.fz", first[1], extension=2) == "WFI_2.fits"


def test_open_store(tmp_path: Path) -> None:
    assert isinstance(open_store(tmp_path), LocalStore)
    assert open_store(str(tmp_path)).root == tmp_path
    assert open_store((tmp_path / "a b").as_uri()).root == tmp_path / "a b"
    assert isinstance(open_store("s3://bucket/prefix"), RemoteStore)
    with pytest.raises(SettingsError, match="no data server"):
        open_store("")
    with pytest.raises(SettingsError, match="cannot be used"):
        open_store("nonsense://x").exists("a")


def test_importing_the_room_is_light() -> None:
    code = (
        "import sys, awlab.backend.dataserver as room; room.LocalStore, room.open_store\n"
        "heavy = {'astropy', 'fsspec', 's3fs', 'botocore', 'aiohttp', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert set(room.__all__) <= set(dir(room)); [getattr(room, n) for n in room.__all__]\n"
        "assert 'astropy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
