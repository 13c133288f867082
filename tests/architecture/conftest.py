"""What the checkers read: the sources of awlab, parsed once, and the files of the repository."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SKIPPED = {".venv", ".git", "node_modules", "__pycache__", "dist", "build"}


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: str  # relative to the repository, with forward slashes
    text: str
    tree: ast.Module


def _list_files(repository: Path) -> list[Path]:
    """Everything git tracks or would track; without git (an sdist), everything there is."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = [path.relative_to(repository) for path in repository.rglob("*") if path.is_file()]
        return sorted(path for path in found if not SKIPPED & set(path.parts))
    listed = {Path(name) for name in names.decode().split("\0") if name}
    return sorted(path for path in listed if (repository / path).is_file())


@pytest.fixture(scope="session")
def repository_files(repository: Path) -> list[Path]:
    """Paths of the repository's files, relative to its root."""
    return _list_files(repository)


@pytest.fixture(scope="session")
def sources(repository: Path, repository_files: list[Path]) -> list[Source]:
    """The Python files of the package ``awlab``."""
    chosen = [p for p in repository_files if p.parts[0] == "awlab" and p.suffix == ".py"]
    texts = {p.as_posix(): (repository / p).read_text(encoding="utf-8") for p in chosen}
    return [Source(path, text, ast.parse(text, path)) for path, text in texts.items()]


@pytest.fixture
def source_of():
    """Make a source out of a few lines: the bad examples every checker is shown."""

    def make(text: str, path: str = "awlab/backend/example.py") -> Source:
        return Source(path, text, ast.parse(text, path))

    return make
