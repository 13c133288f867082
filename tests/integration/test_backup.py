"""A backup of the private database comes back whole, or is refused."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

from awlab.backend.database import current_database, persistent
from awlab.backend.datamodel import DataObject
from awlab.backend.dataserver import write_image
from awlab.backend.doctor import backup_database, restore_database
from awlab.backend.errors import DatabaseUnavailable
from awlab.cli import main


class BackupFrame(DataObject):
    """A frame with a file."""

    level = persistent("Level [ADU]", float)
    other = persistent("Another", DataObject)


@pytest.fixture(scope="module")
def home(new_home, connected_to, tmp_path_factory):
    """A home with two frames, the second made from the first."""
    place, folder = new_home(), tmp_path_factory.mktemp("frames")
    with connected_to(place):
        before = None
        for i in range(2):
            path = folder / f"{i}.fits"
            write_image(path, np.full((4, 4), i, dtype=np.float32), {})
            before = BackupFrame(path, level=float(i), other=before).store().commit()
        yield place


@pytest.fixture(scope="module")
def backup(home, tmp_path_factory):
    """A backup by the command line."""
    folder = tmp_path_factory.mktemp("backups") / "first"
    assert main(["db", "backup", str(folder)]) == 0
    return folder


def test_a_backup_lists_its_files(home, backup):
    manifest = json.loads((backup / "backup.json").read_text())
    assert (manifest["files"], manifest["dataserver"]) == (2, str(home / "dataserver"))
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", str(backup / "files.sha256")],
        cwd=home / "dataserver", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == 2
    with pytest.raises(DatabaseUnavailable, match="is not empty"):
        backup_database(backup)


def test_a_backup_comes_back_with_its_lineage(home, backup, new_home, connected_to, monkeypatch):
    first, second = BackupFrame.select_all().order_by("level")
    told = {item.object_id: (item.level, item.filename) for item in (first, second)}
    fresh = new_home()
    monkeypatch.setenv("AWLAB_HOME", str(fresh))
    shutil.copytree(home / "dataserver", fresh / "dataserver")
    assert main(["db", "restore", str(backup)]) == 0
    found = list(BackupFrame.select_all().order_by("level"))
    assert {item.object_id: (item.level, item.filename) for item in found} == told
    assert found[1].upstream().counts() == {"BackupFrame": 1}
    assert found[0].retrieve().is_relative_to(fresh)
    with pytest.raises(DatabaseUnavailable, match=r"holds \d+ tables"):
        restore_database(backup)


def test_missing_files_are_told(backup, new_home, connected_to, monkeypatch, capsys):
    monkeypatch.setenv("AWLAB_HOME", str(new_home()))
    assert main(["db", "restore", str(backup)]) == 1
    said = capsys.readouterr().out
    assert "2 of their 2 files are missing" in said
    assert "files.sha256" in said


@pytest.mark.parametrize("what", ["backup.json", "awlab.dump", "files.sha256"])
def test_half_a_backup_is_refused(backup, tmp_path, what):
    half = tmp_path / "half"
    shutil.copytree(backup, half)
    whole = (half / what).read_bytes()
    (half / what).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatabaseUnavailable, match=r"no whole backup|is not what was backed up"):
        restore_database(half)
    (half / what).unlink()
    with pytest.raises(DatabaseUnavailable, match=r"no whole backup|is not what was backed up"):
        restore_database(half)


def test_a_backup_that_fails_is_none(home, tmp_path, monkeypatch):
    from awlab.backend.database import embedded_dump

    def full(*_):
        raise DatabaseUnavailable("pg_dump failed: no space left on device")

    monkeypatch.setattr(embedded_dump, "_run", full)
    with pytest.raises(DatabaseUnavailable, match="no space left"):
        backup_database(tmp_path / "new")
    monkeypatch.undo()
    with pytest.raises(DatabaseUnavailable, match="no whole backup"):
        restore_database(tmp_path / "new")


def test_the_server_of_somebody_else_is_left_alone(home, tmp_path, monkeypatch, capsys):
    url = current_database().url.render_as_string(hide_password=False)
    monkeypatch.setenv("AWLAB_DATABASE_URL", url)
    with pytest.raises(DatabaseUnavailable, match="a server of somebody else"):
        backup_database(tmp_path / "new")
    assert main(["db", "backup"]) == 1
    assert "which folder?" in capsys.readouterr().err
