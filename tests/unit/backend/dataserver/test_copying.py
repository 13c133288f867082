"""Files that were hashed already are copied by the kernel; whatever was touched is hashed again."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from awlab.backend.dataserver import LocalStore, hash_file
from awlab.backend.dataserver import store as store_module
from awlab.backend.dataserver.checksum import copy_bytes
from awlab.backend.errors import ChecksumMismatch


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def make(path: Path, content: bytes) -> tuple[Path, str]:
    path.write_bytes(content)
    return path, hash_file(path).digest


def settle(path: Path) -> None:
    """Make a file look as if it was written a minute ago."""
    past = time.time() - 60.5
    os.utime(path, (past, past))


def test_a_file_hashed_before_is_copied_without_another_hash(
    store: LocalStore, tmp_path: Path, monkeypatch
) -> None:
    path, _ = make(tmp_path / "a", b"y" * 3_000_000)
    settle(path)
    digest = store.checksums.take(path).digest

    def never(source, target):
        raise AssertionError("hashed twice")

    monkeypatch.setattr(store_module, "copy_and_hash", never)
    assert store.put(path, "a.fits", digest)
    assert store.local_path("a.fits").read_bytes() == path.read_bytes()


def test_a_file_touched_after_it_was_hashed_is_hashed_again(
    store: LocalStore, tmp_path: Path
) -> None:
    path, _ = make(tmp_path / "a", b"y" * 5000)
    settle(path)
    digest = store.checksums.take(path).digest
    path.write_bytes(b"z" * 5000)
    with pytest.raises(ChecksumMismatch, match="was announced"):
        store.put(path, "a.fits", digest)
    assert list(store.names()) == []
    assert not store.remove_leftovers(older_than=-1)


def test_a_file_written_to_a_moment_ago_is_not_believed(store: LocalStore, tmp_path: Path) -> None:
    """Its time may stay the same when it is written to once more within a tick of the clock."""
    path, _ = make(tmp_path / "a", b"y" * 5000)
    digest = store.checksums.take(path).digest
    with path.open("rb", buffering=0) as file:
        assert not store.checksums.knows(file, digest)
    settle(path)
    assert store.checksums.take(path).digest == digest
    with path.open("rb", buffering=0) as file:
        assert store.checksums.knows(file, digest)
        assert not store.checksums.knows(file, "0" * 64)


def test_a_file_changed_while_it_is_copied_is_refused(
    store: LocalStore, tmp_path: Path, monkeypatch
) -> None:
    path, _ = make(tmp_path / "a", b"y" * 5000)
    settle(path)
    digest = store.checksums.take(path).digest
    copy = store_module.copy_bytes

    def disturbed(source, target):
        with path.open("r+b") as other:
            other.write(b"z")
        return copy(source, target)

    monkeypatch.setattr(store_module, "copy_bytes", disturbed)
    with pytest.raises(ChecksumMismatch, match="was announced"):
        store.put(path, "a.fits", digest)
    assert list(store.names()) == []
    assert not store.remove_leftovers(older_than=-1)


def test_bytes_are_copied_where_the_kernel_cannot(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)) * 9000)

    def refused(*arguments):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "copy_file_range", refused)
    with (tmp_path / "a").open("rb", buffering=0) as source, (tmp_path / "b").open("wb") as target:
        assert copy_bytes(source, target) == 256 * 9000
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()
