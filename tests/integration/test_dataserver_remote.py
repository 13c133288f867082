"""The data server on a real S3 API and on a real web server, both on the loopback."""

from __future__ import annotations

import functools
import http.server
import multiprocessing
import queue
import socket
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from awlab.backend.dataserver import (
    DataServer,
    FileCache,
    LocalStore,
    RemoteStore,
    StorageFailed,
    hash_file,
    open_store,
)
from awlab.backend.errors import AccessDenied, AlreadyStored, ChecksumMismatch, FileMissing

NAME = "Sci-ME-WFI-------#842-ccd50-Regr--Sci-54566.3131050-" + "a" * 40 + ".fits"
RAW = "WFI.2000-01-01T08:57:15.410_3.fits"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for key, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(key, value)
    import boto3

    name = f"bucket-{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/some/prefix"


def make(path: Path, content: bytes = b"pixels") -> tuple[Path, str]:
    path.write_bytes(content)
    return path, hash_file(path).digest


def test_s3_there_and_back(bucket: str, tmp_path: Path) -> None:
    server = DataServer(open_store(bucket), FileCache(tmp_path / "cache"))
    path, digest = make(tmp_path / "a", bytes(range(256)) * 50_000)
    assert list(server.names()) == []
    assert not server.exists(NAME)
    for name in (NAME, RAW):
        assert server.put(path, name, digest) is True
        assert server.put(path, name, digest) is False
        assert server.size(name) == 12_800_000
        assert server.retrieve(name, digest).read_bytes() == path.read_bytes()
    assert sorted(server.names()) == sorted([NAME, RAW])
    assert server.url(NAME).startswith(bucket) and "%23842" in server.url(NAME)
    server.delete(NAME)
    assert list(server.names()) == [RAW]
    with pytest.raises(FileMissing, match="not on the data server"):
        server.store.fetch(NAME, tmp_path / "b")


def test_s3_is_written_once(bucket: str, tmp_path: Path, monkeypatch) -> None:
    store = RemoteStore(bucket)
    first, second = make(tmp_path / "1", b"one"), make(tmp_path / "2", b"two")
    store.put(first[0], NAME, first[1])
    with pytest.raises(AlreadyStored):
        store.put(second[0], NAME, second[1])
    # Blind to what is there, as in the moment between asking and writing: the server refuses.
    monkeypatch.setattr(store, "exists", lambda name: False)
    with pytest.raises(AlreadyStored):
        store.put(second[0], NAME, second[1])
    assert store.put(first[0], NAME, first[1]) is False
    store.fetch(NAME, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"one"
    with pytest.raises(ChecksumMismatch):
        store.put(first[0], "new", second[1])


def _put(url: str, path: Path, digest: str, results) -> None:
    try:
        results.put(RemoteStore(url).put(path, NAME, digest))
    except AlreadyStored:
        results.put("refused")


def test_s3_eight_clients_store_one_name(bucket: str, tmp_path: Path) -> None:
    # Spawned workers could not import a test module again, forked ones not use moto's threads:
    # every thread has a client of its own, and the server cannot tell it from a process.
    results: queue.Queue = queue.Queue()
    files = [make(tmp_path / str(n), bytes([n])) for n in range(8)]
    threads = [threading.Thread(target=_put, args=(bucket, *file, results)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    answers = [results.get_nowait() for _ in threads]
    assert answers.count(True) == 1 and answers.count("refused") == 7


def test_s3_damage_is_found(bucket: str, tmp_path: Path) -> None:
    store = RemoteStore(bucket)
    path, digest = make(tmp_path / "a")
    store.put(path, NAME, digest)
    store._filesystem.pipe_file(store._key(NAME), b"rotten")
    with pytest.raises(ChecksumMismatch, match="arrived damaged"):
        DataServer(store, FileCache(tmp_path / "cache")).retrieve(NAME, digest)


def test_s3_survives_a_fork(bucket: str, tmp_path: Path) -> None:
    store = RemoteStore(bucket)
    path, digest = make(tmp_path / "a")
    store.put(path, NAME, digest)
    context = multiprocessing.get_context("fork")
    sizes = context.Queue()
    child = context.Process(target=lambda: sizes.put(store.size(NAME)))
    child.start()
    assert sizes.get(timeout=60) == 6
    child.join(60)


def test_s3_unknown_bucket_and_dead_server(bucket: str, tmp_path: Path, monkeypatch) -> None:
    path, digest = make(tmp_path / "a")
    unknown = RemoteStore("s3://no-such-bucket/x")
    with pytest.raises((FileMissing, StorageFailed)):
        unknown.put(path, NAME, digest)
    with pytest.raises(StorageFailed, match="cannot be listed"):
        list(unknown.names())
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{_free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StorageFailed, match="check the URL"):
        RemoteStore(bucket).exists(NAME)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server that says nothing, and fails where it is told to."""

    def log_message(self, *words: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Serve, or fail."""
        self.send_error(503) if "broken" in self.path else super().do_GET()

    def do_HEAD(self) -> None:
        """Serve, or fail."""
        self.send_error(503) if "broken" in self.path else super().do_HEAD()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, LocalStore]]:
    local = LocalStore(tmp_path / "served")
    local.root.mkdir()
    handler = functools.partial(Quiet, directory=str(local.root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", local
    server.shutdown()
    server.server_close()


def test_web_server_of_a_local_store(web, tmp_path: Path) -> None:
    url, local = web
    path, digest = make(tmp_path / "a", b"pixels" * 1000)
    for name in (NAME, RAW):
        local.put(path, name, digest)
    server = DataServer(open_store(url), FileCache(tmp_path / "cache"))
    assert sorted(server.names()) == sorted([NAME, RAW])
    for name in (NAME, RAW):
        assert server.exists(name)
        assert server.size(name) == 6000
        assert server.retrieve(name, digest).read_bytes() == path.read_bytes()
    with urllib.request.urlopen(server.url(NAME)) as answer:
        assert answer.read() == path.read_bytes()
    assert not server.exists("absent.fits")
    with pytest.raises(FileMissing):
        server.retrieve("absent.fits", digest)
    with pytest.raises(FileMissing):
        server.size("absent.fits")


def test_web_server_is_read_only(web, tmp_path: Path) -> None:
    url, _ = web
    path, digest = make(tmp_path / "a")
    with pytest.raises(AccessDenied, match="read-only"):
        RemoteStore(url).put(path, NAME, digest)
    with pytest.raises(AccessDenied, match="read-only"):
        RemoteStore(url).delete(NAME)


def test_a_dead_or_failing_web_server_is_not_a_missing_file(web, tmp_path: Path) -> None:
    url, _ = web
    with pytest.raises(StorageFailed):
        RemoteStore(f"{url}/broken").exists(NAME)
    dead = RemoteStore(f"http://127.0.0.1:{_free_port()}")
    for call in (dead.exists, dead.size, lambda name: dead.fetch(name, tmp_path / "b")):
        with pytest.raises(StorageFailed, match="network"):
            call(NAME)
    with pytest.raises(StorageFailed):
        list(dead.names())
