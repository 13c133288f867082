"""Notes of stored files: what a killed process left is removed, what others have is not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from awlab.backend.database import DBObject, create_job, persistent
from awlab.backend.database.registry_tables import job
from awlab.backend.datamodel import (
    DataObject,
    current_dataserver,
    journal,
    note_file,
    note_kept,
    pending_names,
    process_is_gone,
    sweep,
)


class NotedFile(DataObject):
    """A file of a user."""

    subject = persistent("What it is about", DBObject, dependency=False)


@pytest.fixture
def dead():
    """Number of a process that has ended and that nobody has waited for."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    until = time.monotonic() + 30.0
    while not process_is_gone(process.pid):
        assert time.monotonic() < until
        time.sleep(0.01)
    yield process.pid
    process.wait()


@pytest.fixture
def notes_of(database):
    """Write notes as another process would have done."""
    written = []

    def write(pid, *names, more=""):
        before = os.getpid
        os.getpid = lambda: pid
        try:
            for name in names:
                note_file(name)
        finally:
            os.getpid = before
        path = journal._folder() / f"{socket.gethostname()}-{pid}.jsonl"
        with path.open("a") as notes:
            notes.write(more)
        written.append(path)
        return path

    yield write
    for path in written:
        path.unlink(missing_ok=True)


def stored(tmp_path, name):
    path = tmp_path / f"{name}.txt"
    path.write_text(name + str(time.time_ns()))
    return NotedFile(path).store()


def test_a_process_that_ended_is_gone_also_before_it_is_reaped(dead):
    assert process_is_gone(dead)
    assert not process_is_gone(os.getpid())


def test_only_what_nobody_has_is_removed(database, tmp_path, notes_of, dead):
    lost, kept = (stored(tmp_path, name) for name in ("lost", "kept"))
    kept.commit()
    # This process noted them as well, and is alive: hands off.
    notes = notes_of(dead, lost.filename, kept.filename, "never-stored.txt")
    assert lost.filename in pending_names()
    assert sweep() == []
    assert not notes.exists()
    own = journal._folder() / f"{socket.gethostname()}-{os.getpid()}.jsonl"
    own.unlink()
    notes_of(dead, lost.filename, kept.filename, "never-stored.txt")
    assert sweep() == [lost.filename]
    assert kept.is_on_dataserver()
    assert not lost.is_on_dataserver()


def test_what_was_noted_to_be_the_only_one_is_never_removed(database, tmp_path, notes_of, dead):
    """As if the database had been put back to the day before: no object has the file."""
    only, lost = stored(tmp_path, "only"), stored(tmp_path, "other")
    (journal._folder() / f"{socket.gethostname()}-{os.getpid()}.jsonl").unlink()
    note_kept(only.filename)
    own = journal._folder() / f"{socket.gethostname()}-{os.getpid()}.jsonl"
    kept = own.read_text()
    own.unlink()
    notes_of(dead, only.filename, lost.filename, only.filename, more=kept)
    assert sweep() == [lost.filename]
    assert current_dataserver().exists(only.filename)


def test_a_half_written_line_hides_no_other(database, tmp_path, notes_of, dead):
    lost = stored(tmp_path, "half")
    (journal._folder() / f"{socket.gethostname()}-{os.getpid()}.jsonl").unlink()
    notes_of(dead, more='["a data')
    notes_of(dead, lost.filename)
    assert sweep() == [lost.filename]


def test_many_sweep_at_once(database, tmp_path, notes_of, dead):
    files = [stored(tmp_path, f"many{i}") for i in range(20)]
    (journal._folder() / f"{socket.gethostname()}-{os.getpid()}.jsonl").unlink()
    notes_of(dead, *(item.filename for item in files))
    removed, errors = [], []

    def one():
        try:
            removed.extend(sweep())
        except Exception as exc:
            errors.append(exc)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert errors == []
    assert sorted(removed) == sorted(item.filename for item in files)


def test_while_a_commit_is_open_nothing_is_taken_for_lost(database, tmp_path, notes_of, dead):
    """The server goes on with the commit of a process that is killed while it waits for it."""
    item = stored(tmp_path, "open")
    (journal._folder() / f"{socket.gethostname()}-{os.getpid()}.jsonl").unlink()
    notes = notes_of(dead, item.filename)
    number = create_job("Open", {}, [])
    with database.transaction() as connection:
        connection.execute(job.update().where(job.c.id == number).values(status="finished"))
        assert sweep() == []
        assert notes.exists()
        assert current_dataserver().exists(item.filename)
    assert sweep() == [item.filename]


def test_a_killed_process_is_swept_up_by_the_next(database, tmp_path):
    script = """
import sys, time
from awlab.backend.datamodel import DataObject, connect
connect()
print(DataObject(sys.argv[1]).store().filename, flush=True)
time.sleep(60)
"""
    path = tmp_path / "killed.txt"
    path.write_text(f"killed {time.time_ns()}")
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )
    name = process.stdout.readline().strip()
    assert name in pending_names()
    assert sweep() == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sweep() == [name]
    assert not current_dataserver().exists(name)
