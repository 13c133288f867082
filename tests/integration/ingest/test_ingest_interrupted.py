"""Killed, cut off and run twice at once: all of a file or nothing, and a second run completes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from awlab.backend.dataserver import hash_file
from awlab.backend.ingest import ingest

CHIPS = 8


def test_a_failing_commit_leaves_nothing_and_the_rest_goes_on(
    tmp_path, pixels, monkeypatch, single
):
    from awlab.backend.ingest import run

    for i in range(3):
        single(tmp_path / f"{i}.fits", pixels())
    committed = run.commit_objects

    def broken(objects, **how):
        if objects[0].raw_fits.orig_filename == "1.fits":
            raise RuntimeError("the plug was pulled")
        committed(objects, **how)

    monkeypatch.setattr(run, "commit_objects", broken)
    report = ingest(tmp_path)
    assert [row.status for row in report.rows] == ["new", "refused", "new"]
    assert "1.fits cannot be ingested, RuntimeError: the plug was pulled" in report.rows[1].why
    monkeypatch.undo()
    assert ingest(tmp_path).counts == {"new": 1, "known": 2}


def test_a_lost_answer_does_not_commit_twice(tmp_path, pixels, monkeypatch, single):
    from awlab.backend.datamodel import RawFrame
    from awlab.backend.ingest import run

    path = single(tmp_path / "twice.fits", pixels())
    committed = run.commit_objects

    def answer_lost(objects, **how):
        committed(objects, **how)
        raise ConnectionResetError("the server went away after the commit")

    monkeypatch.setattr(run, "commit_objects", answer_lost)
    assert ingest(path).counts == {"known": 1}
    assert len(RawFrame.raw_fits.content_sha256 == hash_file(path).digest) == 1


RUN = """
import sys
from awlab.backend.ingest import ingest
print(ingest(sys.argv[1], progress=lambda *a: print(*a, flush=True)).headline)
"""


def start(folder):
    """Ingest a folder in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder)], stdout=subprocess.PIPE, text=True
    )


def test_two_processes_ingest_a_folder_once(tmp_path, pixels, single):
    from awlab.backend.datamodel import RawFrame

    paths = [single(tmp_path / f"{i}.fits", pixels()) for i in range(20)]
    both = [start(tmp_path), start(tmp_path)]
    lines = [process.communicate(timeout=120)[0].splitlines()[-1] for process in both]
    assert all(process.returncode == 0 for process in both)
    frames = sum(int(line.split("; ")[1].split()[0]) for line in lines)
    assert frames == len(paths)
    digests = [hash_file(path).digest for path in paths]
    assert len(RawFrame.raw_fits.content_sha256.in_(digests)) == len(paths)


def test_killed_in_the_middle_a_second_run_completes(tmp_path, pixels, mosaic):
    from awlab.backend.database import known_filenames
    from awlab.backend.datamodel import RawFits, RawFrame, current_dataserver

    paths = [
        mosaic(tmp_path / f"WFI.k{i}.fits", [pixels() for _ in range(CHIPS)]) for i in range(30)
    ]
    process = start(tmp_path)
    for _ in range(4):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    digests = [hash_file(path).digest for path in paths]
    done = len(RawFits.content_sha256.in_(digests))
    assert 4 <= done <= len(paths)
    frames = RawFrame.raw_fits.content_sha256.in_(digests)
    assert frames.count() == CHIPS * done
    report = ingest(tmp_path)
    assert report.counts.get("known", 0) == done
    assert report.exit_status == 0
    again = RawFrame.raw_fits.content_sha256.in_(digests)
    assert again.count() == CHIPS * len(paths)
    stored = [name for name in current_dataserver().names() if name.startswith("WFI.k")]
    assert known_filenames(stored) == set(stored)


def test_the_embedded_server_may_be_restarted_meanwhile(tmp_path, pixels, home, single):
    from awlab.backend.database import embedded_status

    paths = [single(tmp_path / f"{i}.fits", pixels()) for i in range(40)]
    killed = []

    def kill_once(done, total, name):
        if done == 2:
            postmaster = embedded_status(home).pid
            killed.append(postmaster)
            os.kill(postmaster, signal.SIGKILL)
            time.sleep(0.2)

    report = ingest(paths, progress=kill_once)
    assert killed
    assert report.counts == {"new": 40}
    assert len(report.objects) == 40


@pytest.mark.parametrize("move", [False, True])
def test_commits_that_a_crash_undid_are_made_again(
    tmp_path, pixels, home, monkeypatch, single, move
):
    """The server dies after commits that are not on the disk yet; nothing was said of them."""
    from awlab.backend.database import embedded_status
    from awlab.backend.datamodel import RawFrame
    from awlab.backend.ingest import run

    paths = [single(tmp_path / f"{i}.fits", pixels()) for i in range(12)]
    digests = [hash_file(path).digest for path in paths]
    flushed, said, again = run.make_durable, [], []
    committed = run.commit_objects

    def crash():
        if len(said) < 2 and not again:
            again.append(len(said))
            assert all(path.exists() for path in paths), "no original has gone yet"
            os.kill(embedded_status(home).pid, signal.SIGKILL)
            time.sleep(0.2)
        flushed()

    def count(objects, *, durable=True):
        committed(objects, durable=durable)
        if durable and again:
            again.append(objects)

    monkeypatch.setattr(run, "make_durable", crash)
    monkeypatch.setattr(run, "commit_objects", count)
    report = ingest(paths, move=move, progress=lambda *told: said.append(told))
    assert again[0] == 0, "nothing had been called new before the crash"
    assert report.counts == {"new": 12}
    assert len(report.objects) == 12
    assert RawFrame.raw_fits.content_sha256.in_(digests).count() == 12
    assert all(frame.retrieve().exists() for frame in report.objects)
    assert [path.exists() for path in paths] == [not move] * 12
    assert move or ingest(paths).counts == {"known": 12}
