"""The arrows between rooms, as import-linter sees them; and that it does see them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CONTRACTS = ("pyproject.toml", "tests/architecture/cycles.toml")
ROOMS = ("algorithms", "database", "datamodel", "dataserver", "ingest", "process", "targets")


def lint_imports(config, folder):
    """Hold the package ``awlab`` in a folder against a configuration."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-logo", "--no-cache", "--config", str(config)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("config", CONTRACTS)
def test_arrows_hold(repository, config):
    answer = lint_imports(repository / config, repository)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.fixture
def small_house(tmp_path):
    """A package of the same rooms with nothing in them."""
    backend = tmp_path / "awlab" / "backend"
    for folder in (backend.parent, backend, *(backend / room for room in ROOMS)):
        folder.mkdir()
        (folder / "__init__.py").touch()
    for module in ("errors.py", "settings.py"):
        (backend / module).touch()
    return tmp_path


def test_a_small_house_holds(repository, small_house):
    for config in CONTRACTS:
        answer = lint_imports(repository / config, small_house)
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("path", "text", "broken"),
    [
        ("database/a.py", "import awlab.backend.process", "rooms of the backend"),
        ("database/a.py", "def f():\n    import awlab.backend.dataserver", "rooms of the backend"),
        ("errors.py", "import awlab.backend.settings", "rooms of the backend"),
        ("surprise/__init__.py", "", "rooms of the backend"),
        ("../surprise.py", "", "cli | kernel_magic"),
        ("process/a.py", "from IPython import get_ipython", "knows nothing of Jupyter"),
        ("algorithms/a.py", "import pathlib", "Algorithms know arrays"),
        ("algorithms/a.py", "import awlab.backend.settings", "Algorithms know arrays"),
    ],
)
def test_contracts_can_break(repository, small_house, path, text, broken):
    place = small_house / "awlab" / "backend" / path
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    answer = lint_imports(repository / "pyproject.toml", small_house)
    assert answer.returncode != 0
    verdicts = [line for line in answer.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(broken in line for line in verdicts), answer.stdout + answer.stderr


def test_cycles_are_seen(repository, small_house):
    room = small_house / "awlab" / "backend" / "database"
    (room / "a.py").write_text("import awlab.backend.database.b", encoding="utf-8")
    (room / "b.py").write_text("def f():\n    import awlab.backend.database.a", encoding="utf-8")
    answer = lint_imports(repository / "tests/architecture/cycles.toml", small_house)
    assert answer.returncode != 0
    assert "BROKEN" in answer.stdout
