"""Killed while files are moved: at any moment each file is there, and the next run finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from awlab.backend.dataserver import hash_file
from awlab.backend.ingest import ingest

FILES = 6
AT = 2  # the call that is the last

#: Kill this process before or after the third call of a function.
RUN = f"""
import os, signal, sys
from importlib import import_module
from awlab.backend.ingest import ingest
folder, place, when = sys.argv[1:]
if place:
    where, _, name = place.rpartition(".")
    owner = import_module(where)
    calls, original = [], getattr(owner, name)
    def killed(*given, **named):
        mine = "link" not in name or str(given[0]).startswith(folder)
        calls.append(mine)
        last = mine and sum(calls) == (1 if name == "make_durable" else {AT + 1})
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*given, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, killed)
print(ingest(folder, move=True, progress=lambda *told: print(*told, flush=True)).headline)
"""

MOMENTS = [
    ("awlab.backend.ingest.storing.note_file", "before"),
    ("os.link", "before"),
    ("os.link", "after"),
    ("awlab.backend.ingest.run.commit_objects", "before"),
    ("awlab.backend.ingest.run.commit_objects", "after"),
    ("awlab.backend.ingest.run.make_durable", "after"),
    ("awlab.backend.ingest.run.take_away", "before"),
    ("awlab.backend.ingest.run.take_away", "after"),
]


@pytest.fixture
def paths(tmp_path, pixels, single):
    """Bias frames of an hour ago."""
    made = [single(tmp_path / f"{os.urandom(3).hex()}-{i}.fits", pixels()) for i in range(FILES)]
    for path in made:
        os.utime(path, (time.time() - 3600.5,) * 2)
    return made


def start(folder, place="", when="before"):
    """Move a folder in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), place, when], stdout=subprocess.PIPE, text=True
    )


def check(contents):
    """Every content is where it was, or stored and committed, or both; the rest is done now."""
    from awlab.backend.datamodel import RawFrame
    from awlab.backend.doctor import examine

    def committed():
        frames = RawFrame.file_sha256.in_(list(contents))
        return {frame.file_sha256: frame.retrieve() for frame in frames}

    stored = committed()
    for digest, path in contents.items():
        assert path.exists() or digest in stored, "a file is lost"
        if path.exists():
            assert hash_file(path).digest == digest
    left = [path for path in contents.values() if path.exists()]
    report = ingest(left, move=True)
    assert report.exit_status == 0
    assert report.moved == len(left)
    assert not any(path.exists() for path in contents.values())
    stored = committed()
    assert set(stored) == set(contents)
    assert all(hash_file(path).digest == digest for digest, path in stored.items())
    assert all(path.stat().st_nlink == 1 for path in stored.values())
    report = examine(sample=0)
    assert report.is_clean, str(report)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "when"), MOMENTS)
def test_killed_at_a_moment(tmp_path, paths, place, when):
    contents = {hash_file(path).digest: path for path in paths}
    process = start(tmp_path, place, when)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    check(contents)


@pytest.mark.slow
def test_killed_whenever_and_by_several_at_once(tmp_path, paths):
    contents = {hash_file(path).digest: path for path in paths}
    both = [start(tmp_path), start(tmp_path)]
    assert both[0].stdout.readline()
    both[0].send_signal(signal.SIGKILL)
    both[0].communicate()
    both[1].communicate(timeout=120)
    assert both[1].returncode == 0
    check(contents)
