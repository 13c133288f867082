"""Originals of stored files: gone when they may go, and there whenever there is a doubt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from awlab.backend.dataserver import DataServer, FileCache, LocalStore, hash_file
from awlab.backend.dataserver.originals import is_same_entry
from awlab.backend.errors import AccessDenied, AlreadyStored, ChecksumMismatch, FileMissing

NAME = "frame.fits"


@pytest.fixture
def server(tmp_path: Path) -> DataServer:
    return DataServer(LocalStore(tmp_path / "store"), FileCache(tmp_path / "cache"))


@pytest.fixture
def original(server: DataServer, tmp_path: Path) -> tuple[Path, str]:
    """A file that was stored as a copy, and its SHA-256."""
    path = tmp_path / "original.fits"
    path.write_bytes(b"pixels")
    digest = hash_file(path).digest
    server.put(path, NAME, digest)
    return path, digest


def test_an_original_goes_and_the_stored_file_stays(server, original) -> None:
    path, digest = original
    server.remove_original(path, NAME, digest)
    assert not path.exists()
    assert server.retrieve(NAME, digest).read_bytes() == b"pixels"
    with pytest.raises(FileMissing, match=r"original\.fits"):
        server.remove_original(path, NAME, digest)


def test_nothing_goes_while_nothing_is_stored(server, original) -> None:
    path, digest = original
    server.delete(NAME)
    with pytest.raises(FileMissing, match="is not on the data server"):
        server.remove_original(path, NAME, digest)
    assert path.exists()


def test_what_is_another_content_now_stays(server, original) -> None:
    path, digest = original
    path.write_bytes(b"later pixels")
    with pytest.raises(ChecksumMismatch, match="was changed after it was stored"):
        server.remove_original(path, NAME, digest)
    assert path.read_bytes() == b"later pixels"


@pytest.mark.parametrize("way", ["itself", "linked folder", "symbolic link", "dots"])
def test_the_stored_file_itself_never_goes(server, original, tmp_path, way) -> None:
    _, digest = original
    stored = server.store.local_path(NAME)
    os.link(stored, tmp_path / "second")  # two names do not make it an original
    path = stored
    if way == "linked folder":
        (tmp_path / "view").symlink_to(stored.parent)
        path = tmp_path / "view" / NAME
    if way == "symbolic link":
        path = tmp_path / "link"
        path.symlink_to(stored)
    if way == "dots":
        path = stored.parent / ".." / stored.parent.name / NAME
    with pytest.raises(AlreadyStored, match="the stored file itself"):
        server.remove_original(path, NAME, digest)
    assert stored.exists()
    assert not server.is_stored_file(path, NAME)
    assert server.is_stored_file(tmp_path / "second", NAME)
    server.remove_original(tmp_path / "second", NAME, digest)
    assert stored.read_bytes() == b"pixels"


def test_two_names_are_two_entries(tmp_path) -> None:
    one = tmp_path / "one"
    one.write_text("x")
    os.link(one, tmp_path / "two")
    assert not is_same_entry(one, tmp_path / "two")
    (tmp_path / "folder").mkdir()
    os.link(one, tmp_path / "folder" / "one")
    assert not is_same_entry(one, tmp_path / "folder" / "one")
    assert is_same_entry(one, tmp_path / "folder" / ".." / "one")


def test_a_folder_that_refuses_is_told(server, original, monkeypatch) -> None:
    path, digest = original

    def refuse(which: Path, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(which))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(AccessDenied, match=r"original\.fits cannot be removed: permission denied"):
        server.remove_original(path, NAME, digest)


def test_a_copy_is_no_second_name(server, original) -> None:
    assert not server.is_stored_file(original[0], NAME)
    assert not server.is_stored_file(original[0], "never-stored.fits")
