"""The cache: verified copies, least recently used out first, many processes at once."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from awlab.backend.dataserver import DataServer, FileCache, RemoteStore, hash_file
from awlab.backend.errors import ChecksumMismatch, FileMissing


class Source:
    """A remote store reduced to what a cache sees of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fetched: list[str] = []

    def add(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return hash_file(self.folder / name).digest

    def fetch(self, name: str, target: Path) -> None:
        self.fetched.append(name)
        target.write_bytes((self.folder / name).read_bytes())


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "remote").mkdir()
    return Source(tmp_path / "remote")


def age(path: Path, seconds: float) -> None:
    status = path.stat()
    os.utime(path, ns=(int((time.time() - seconds) * 1e9), status.st_mtime_ns))


def test_fetched_once(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = source.add("a.fits", b"pixels")
    paths = {cache.get("a.fits", digest, source.fetch) for _ in range(3)}
    assert len(paths) == 1
    path = paths.pop()
    assert (path.name, path.read_bytes()) == ("a.fits", b"pixels")
    assert path.stat().st_mode & 0o222 == 0
    assert source.fetched == ["a.fits"]
    assert FileCache(cache.root).get("a.fits", digest, source.fetch) == path
    assert source.fetched == ["a.fits"], "another process finds it too"


def test_nothing_lands_in_the_working_directory(source, tmp_path, monkeypatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    digest = source.add("a.fits", b"pixels")
    FileCache(tmp_path / "cache").get("a.fits", digest, source.fetch)
    assert list(here.iterdir()) == []


def test_a_damaged_copy_is_fetched_again(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = source.add("a.fits", b"pixels")
    path = cache.get("a.fits", digest, source.fetch)
    path.chmod(0o644)
    path.write_bytes(b"broken")
    assert cache.get("a.fits", digest, source.fetch).read_bytes() == b"pixels"
    assert len(source.fetched) == 2


def test_a_damaged_original_is_refused_and_not_kept(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = source.add("a.fits", b"pixels")
    source.add("a.fits", b"rotten")
    with pytest.raises(ChecksumMismatch, match="arrived damaged"):
        cache.get("a.fits", digest, source.fetch)
    assert cache.size() == 0
    assert [p for p in cache.root.rglob("*") if p.is_file() and p.name != ".lock"] == []


def test_least_recently_used_go_first(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    paths = {}
    for number, name in enumerate("abc"):
        digest = source.add(name, name.encode() * 100)
        paths[name] = cache.get(name, digest, source.fetch)
        age(paths[name], 5000 - number)
    cache.get("a", hash_file(paths["a"]).digest, source.fetch)  # used just now
    cache.limit = 250
    assert cache.make_room() == 100
    assert [name for name, path in paths.items() if path.exists()] == ["a", "c"]
    assert cache.size() <= 250


def test_coming_in_makes_room(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", limit=1000, grace=0.0)
    for number in range(30):
        name = f"f{number}"
        path = cache.get(name, source.add(name, bytes([number]) * 100), source.fetch)
        age(path, 1000 - number)
    assert 0 < cache.size() <= 1000


def test_files_just_handed_out_stay(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", limit=150)
    first, second = (
        cache.get(name, source.add(name, name.encode() * 100), source.fetch) for name in "ab"
    )
    assert first.exists() and second.exists()
    age(first, 3600)
    assert cache.make_room() == 100
    assert (first.exists(), second.exists()) == (False, True)


def test_using_a_file_makes_it_young_but_not_modified(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    digest = source.add("a", b"x")
    path = cache.get("a", digest, source.fetch)
    age(path, 5000)
    modified = path.stat().st_mtime_ns
    cache.get("a", digest, source.fetch)
    assert path.stat().st_mtime_ns == modified
    assert time.time() - path.stat().st_atime < 1000


def _use(root: Path, remote: Path, wanted: list[tuple[str, str]], results) -> None:
    cache = FileCache(root, limit=2000, grace=0.0)
    source = Source(remote)
    read = []
    for name, digest in wanted:
        with_room = cache.get(name, digest, source.fetch)
        try:
            read.append(with_room.read_bytes()[:2].decode() == name[:2])
        except FileNotFoundError:  # with no grace another process may take it away at once
            read.append(True)
    results.put(all(read))


def test_eight_processes_share_a_cache(source: Source, tmp_path: Path) -> None:
    wanted = [(f"{n:02d}", source.add(f"{n:02d}", f"{n:02d}".encode() * 100)) for n in range(20)]
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [
        context.Process(
            target=_use, args=(tmp_path / "cache", source.folder, wanted[k:] + wanted[:k], results)
        )
        for k in range(8)
    ]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == [True] * 8
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert list((tmp_path / "cache").glob(".incoming-*")) == []


def test_clear(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache", grace=0.0)
    age(cache.get("a", source.add("a", b"x"), source.fetch), 5)
    cache.clear()
    assert (cache.size(), cache.limit) == (0, 20 * 10**9)


def test_same_name_in_two_databases(source: Source, tmp_path: Path) -> None:
    cache = FileCache(tmp_path / "cache")
    one = cache.get("a", source.add("a", b"one"), source.fetch)
    two = cache.get("a", source.add("a", b"two"), source.fetch)
    assert (one.read_bytes(), two.read_bytes()) == (b"one", b"two")


def test_memory_store_through_the_server(tmp_path: Path) -> None:
    server = DataServer(RemoteStore("memory://unit/cache"), FileCache(tmp_path / "cache"))
    path = tmp_path / "a.fits"
    path.write_bytes(b"pixels")
    digest = hash_file(path).digest
    name = "Cal-ME-WFI-------#842-ccd50-Bias---1.0000000-x.fits"
    with pytest.raises(FileMissing):
        server.retrieve(name, digest)
    assert server.put(path, name, digest)
    assert not server.put(path, name, digest)
    assert server.retrieve(name, digest).read_bytes() == b"pixels"
    assert list(server.names()) == [name]
    server.delete(name)
    assert not server.exists(name)
    with pytest.raises(FileMissing):
        server.delete(name)
