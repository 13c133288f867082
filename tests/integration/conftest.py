"""Homes with a private PostgreSQL, for tests that do violence to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from awlab.backend.database import embedded_watcher
from awlab.backend.database.embedded import EmbeddedServer, start, status


def end(home: Path) -> None:
    """End whatever a test left behind."""
    found = embedded_watcher.pid_file(home / "database")
    if (home / "database" / "data").exists():
        for pid in embedded_watcher.backends(home / "database" / "data"):
            os.kill(pid, signal.SIGQUIT)
    deadline = time.monotonic() + 30.0
    while status(home).stale_processes or status(home).running:
        assert time.monotonic() < deadline, "the server does not end"
        time.sleep(0.02)
    if found and found[1]:
        shutil.rmtree(found[1], ignore_errors=True)


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[Path]:
    """A home that does not exist yet; as root, one that the server's user cannot walk to."""
    path = tmp_path / "a home"
    yield path
    EmbeddedServer("", path, path, "", path).stop()
    end(path)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database that does not run."""
    path = tmp_path_factory.mktemp("template")
    assert start(path, linger=0.1).stop()
    return path


@pytest.fixture
def home(template: Path, empty_home: Path) -> Path:
    """A home with a database of its own, at rest."""
    subprocess.run(["/bin/cp", "-a", template, empty_home], check=True)
    return empty_home


@pytest.fixture
def end_home():
    """What ends everything in a home."""
    return end
