"""The user's copies of the notebooks: fresh ones follow awlab, changed ones stay as they are."""

from __future__ import annotations

import tomllib

import pytest

from awlab.backend.demo import notebooks, own_notebooks
from awlab.backend.errors import AccessDenied, FileMissing, StorageFailed


@pytest.fixture
def delivered(tmp_path, monkeypatch):
    """A folder of two notebooks that stands for the one that came with awlab."""
    folder = tmp_path / "delivered"
    folder.mkdir()
    for name in ("00_start_here.ipynb", "10_more.ipynb"):
        (folder / name).write_text(f"{name} first")
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(notebooks, "_delivered", lambda: folder)
    return folder


def contents(folder):
    return {path.name: path.read_text() for path in folder.glob("*.ipynb")}


def test_copies_follow_until_they_are_changed(delivered, tmp_path):
    own = own_notebooks()
    assert own == tmp_path / "home" / "notebooks"
    assert contents(own) == contents(delivered)
    (own / "10_more.ipynb").write_text("mine")
    (own / "own.ipynb").write_text("mine")
    for path in delivered.glob("*.ipynb"):
        path.write_text("second")
    own_notebooks()
    mine = {"10_more.ipynb": "mine", "own.ipynb": "mine"}
    assert contents(own) == {"00_start_here.ipynb": "second"} | mine
    assert set(contents(delivered).values()) == {"second"}


def test_a_deleted_copy_comes_back_and_a_lost_record_changes_nothing(delivered):
    own = own_notebooks()
    (own / "00_start_here.ipynb").unlink()
    (own / "10_more.ipynb").write_text("mine")
    (own / ".as_delivered.json").write_text("{")
    own_notebooks()
    assert contents(own) == contents(delivered) | {"10_more.ipynb": "mine"}


def test_a_home_that_cannot_be_written_is_said(delivered, tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises((AccessDenied, StorageFailed, FileMissing), match="cannot be copied"):
        own_notebooks()


def test_all_notebooks_are_in_the_wheel(repository):
    """Who installs awlab without its repository has the same notebooks."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    for path in (repository / "notebooks").glob("*.ipynb"):
        assert shared[f"notebooks/{path.name}"] == f"share/awlab/notebooks/{path.name}"
