"""The wheel that users install: everything is in it that is in the checkout, and works from it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.network]
FROM_WHEEL = """
import awlab, awlab.widgets as widgets
from pathlib import Path
root = Path(awlab.__file__).parents[1]
for name in widgets.__all__:
    cls = getattr(widgets, name)
    looks = getattr(cls, "_esm", "render"), getattr(cls, "_css", "css")
    assert "render" in str(looks[0]) and looks[1], name
print(root, len(widgets.__all__))
"""


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    """Names and places in the wheel, and the wheel unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder)]
    done = subprocess.run(
        [*command, str(repository)], capture_output=True, text=True, check=False, timeout=300
    )
    said = done.stdout + done.stderr
    if done.returncode and ("No matching distribution" in said or "Could not find" in said):
        pytest.skip("NO PACKAGE INDEX: the wheel was not built")
    assert done.returncode == 0, said
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as stored:
        stored.extractall(folder / "unpacked")
        return set(stored.namelist()), folder / "unpacked"


def files_of(folder: Path) -> set[str]:
    """Files below a folder of the checkout, caches left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix()
        for path in found
        if "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts
    }


def test_every_file_of_the_package_is_in(wheel, repository):
    names, _ = wheel
    wanted = {f"awlab/{name}" for name in files_of(repository / "awlab")}
    assert {Path(name).suffix for name in wanted} >= {".py", ".js", ".css", ".yaml", ".typed"}
    assert wanted - names == set()
    mine = {name for name in names if name.startswith("awlab/")}
    assert mine - wanted == set()


def test_shared_data_is_in_where_it_is_looked_for(wheel, repository):
    names, _ = wheel
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    shared = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert "share/awlab/dashboards" in shared.values()
    (data,) = {name.split("/")[0] for name in names if ".data/" in name}
    for source, target in shared.items():
        place = f"{data}/data/{target}"
        found = repository / source
        wanted = {place} if found.is_file() else {f"{place}/{name}" for name in files_of(found)}
        assert wanted and wanted - names == set(), source
    kinds = {Path(name).suffix for name in names if name.startswith(data)}
    assert {".ipynb", ".json", ".html", ".css", ".j2"} <= kinds


def test_nothing_else_is_in(wheel):
    names, _ = wheel
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.startswith("awlab-")} == {"awlab"}
    licence = [name for name in names if name.endswith("LICENSE")]
    assert licence


def test_the_widgets_come_with_their_scripts_from_the_wheel(wheel, tmp_path):
    _, unpacked = wheel
    environment = os.environ | {"PYTHONPATH": str(unpacked), "AWLAB_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FROM_WHEEL], env=environment, cwd=tmp_path,
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    root, count = done.stdout.split()
    assert Path(root) == unpacked and int(count) >= 10
