"""Locks and process states, on which the private server's life hangs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from awlab.backend.database import embedded_watcher as life


def test_shared_and_exclusive(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert not life.is_held(path)
    assert not path.exists()
    first, second, third = (life.open_lock(path) for _ in range(3))
    assert life.try_lock(first, fcntl.LOCK_SH)
    assert life.try_lock(second, fcntl.LOCK_SH)
    assert not life.try_lock(third, fcntl.LOCK_EX)
    assert not life.wait_lock(third, fcntl.LOCK_EX, 0.05)
    os.close(first)
    os.close(second)
    assert life.wait_lock(third, fcntl.LOCK_EX, 0)
    assert life.is_held(path)
    os.close(third)
    assert not life.is_held(path)


def test_a_lock_file_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "x.lock").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match=r"x\.lock"):
        life.open_lock(tmp_path / "x.lock")
    assert not (tmp_path / "target").exists()


def test_a_lock_lives_as_long_as_its_last_copy(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = life.open_lock(path)
    assert life.try_lock(lock, fcntl.LOCK_EX)
    heir = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "input()"], pass_fds=(lock,), stdin=subprocess.PIPE
    )
    other = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    os.close(lock)
    assert life.is_held(path)
    heir.kill()
    heir.communicate()
    assert not life.is_held(path)  # the other one inherited nothing
    other.communicate(b"\n")


@pytest.mark.parametrize("text", ["", "x\n", "\n"])
def test_a_broken_pid_file_is_none(tmp_path: Path, text: str) -> None:
    assert life.pid_file(tmp_path) is None
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postmaster.pid").write_text(text)
    assert life.pid_file(tmp_path) is None


def test_the_pid_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "postmaster.pid"
    file.write_text("4711\n/proc/self/cwd\n1795392231\n5432\n/run/x\n\n 16039950 4\nready   \n")
    assert life.pid_file(tmp_path) == (4711, "/run/x", "ready")
    file.write_text("4711\n/data\n")  # half written
    assert life.pid_file(tmp_path) == (4711, "", "")


def test_any_other_process_is_no_postmaster(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert life.postmaster_state(tmp_path / "data", os.getpid()) == "dead"
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    assert life.postmaster_state(tmp_path / "data", gone.pid) == "dead"
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n\n\n\n/x\n\n\nready\n")
    assert life.postmaster(tmp_path) is None
    assert life.client_count(tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_postgres_elsewhere_and_a_dead_one_are_told_apart(tmp_path: Path) -> None:
    # Any program of that name will do; it is known by its working directory.
    program, data = tmp_path / "postgres", tmp_path / "data"
    program.symlink_to("/bin/sleep")
    data.mkdir()
    running = subprocess.Popen([program, "60"], cwd=data)
    try:
        assert life.postmaster_state(data, running.pid) == "alive"
        assert life.postmaster_state(tmp_path, running.pid) == "dead"
        assert running.pid in life.backends(data)
    finally:
        running.kill()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert life.postmaster_state(data, running.pid) == "dead"
    running.wait()
