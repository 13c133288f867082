"""The private PostgreSQL under everything that may happen to it and to its users."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from awlab.backend.database import embedded_host, embedded_launch
from awlab.backend.database.embedded import EmbeddedServer, start, status
from awlab.backend.database.embedded_dump import dump, restore
from awlab.backend.errors import DatabaseUnavailable

REPOSITORY = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
# The launcher without the rest of its room, which takes ten times as long to import.
PRELUDE = """
import os, signal, sys, types
from pathlib import Path
import awlab.backend
room = sys.modules["awlab.backend.database"] = types.ModuleType("awlab.backend.database")
room.__path__ = [awlab.backend.__path__[0] + "/database"]
from awlab.backend.database.embedded import start, status
home, linger = Path(sys.argv[1]), float(sys.argv[2])
"""
JOIN = "server = start(home, linger=linger); print(status(home).pid, flush=True); input()"


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a state; the time is a limit against hanging, not an expectation."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.02)


def sql(server: EmbeddedServer, statement: str) -> list[tuple[object, ...]]:
    """Run and commit one statement."""
    connected = closing(psycopg2.connect(server.url.replace("+psycopg2", "")))
    with connected as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def client(
    home: Path,
    linger: float = 0.2,
    *,
    script: str = JOIN,
    prefix: tuple[str, ...] = (sys.executable,),
):
    """Another process on the same home."""
    return subprocess.Popen(
        [*prefix, "-c", PRELUDE + script, str(home), str(linger)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={"PYTHONPATH": str(REPOSITORY)} | os.environ | {"PGPORT": "1", "PGHOST": "/nowhere"},
        text=True,
    )


def test_start_join_and_stop(empty_home: Path) -> None:
    home = empty_home
    assert not status(home).initialised
    assert not home.exists()
    server = start(home, linger=0.2)
    assert start(home) is server
    assert server.running()
    assert server.url.startswith("postgresql+psycopg2://")
    assert sql(server, "select current_database(), current_user")[0] == (
        "awlab",
        pwd.getpwuid(os.geteuid()).pw_name,
    )
    assert sql(server, "select datlocprovider from pg_database where datname = 'awlab'") == [
        ("b" if int(server.version.split(".")[0]) >= 17 else "c",)
    ]
    assert sql(server, "show fsync") == sql(server, "show synchronous_commit") == [("on",)]
    assert sql(server, "show listen_addresses") == [("",)]
    other = client(home)
    assert int(other.stdout.readline()) == status(home).pid
    assert set(status(home).users) == {os.getpid(), other.pid}
    assert status(home).watched
    assert not server.stop()
    assert server.running()
    other.communicate("\n")
    start(home)
    with closing(psycopg2.connect(server.url.replace("+psycopg2", ""))):
        assert not server.stop()
    assert server.stop()
    after = status(home)
    assert (after.running, after.lease, after.users) == (False, None, ())
    assert after.initialised
    assert not server.socket_dir.exists()
    assert server.ensure_running().url == server.url


def test_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    server = start(home, linger=0.2)
    sql(server, "create table kept as select generate_series(1, 1000) as n")
    for _ in range(2):
        with closing(psycopg2.connect(server.url.replace("+psycopg2", ""))) as connection:
            connection.cursor().execute("insert into kept select 0 from generate_series(1, 9999)")
            before = status(home)
            sql(server, "insert into kept values (-1)")
            os.kill(before.pid, signal.SIGKILL)
            again = server.ensure_running()
        assert again.url == server.url
        assert status(home).pid != before.pid
        assert sql(server, "select count(*) from kept where n = 0") == [(0,)]
    assert sql(server, "select count(*) from kept where n < 0") == [(2,)]
    assert server.stop()
    # Its number now belongs to another process.
    file = server.data_dir / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{server.data_dir}\n1\n5432\n/x\n\n 1 1\nready\n")
    assert not status(home).running
    assert sql(server.ensure_running(), "select count(*) from kept") == [(1002,)]


def test_orphans_in_a_long_statement_are_told_to_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_launch, "_RETRY", 1.0)
    server = start(home, linger=0.2)
    busy = client(
        home,
        script="import psycopg2\n"
        "server = start(home)\n"
        "c = psycopg2.connect(server.url.replace('+psycopg2', ''))\n"
        "print('in', flush=True)\n"
        "c.cursor().execute('do $$ begin loop perform 1; end loop; end $$')",
    )
    assert busy.stdout.readline() == "in\n"
    query = "select count(*) from pg_stat_activity where state = 'active' and query like 'do %'"
    wait_for(lambda: sql(server, query) == [(1,)])
    os.kill(status(home).pid, signal.SIGKILL)
    wait_for(lambda: not status(home).running)
    assert status(home).stale_processes
    assert server.ensure_running().running()
    busy.communicate()


def test_killed_client_and_its_server(home: Path) -> None:
    only = client(home)
    pid = int(only.stdout.readline())
    assert status(home).users == (only.pid,)
    only.kill()
    only.communicate()
    wait_for(lambda: not status(home).running)
    wait_for(lambda: not status(home).watched)
    assert status(home).lease is None
    again = client(home)
    assert int(again.stdout.readline()) != pid
    again.communicate("\n")


def test_an_open_connection_keeps_the_server(home: Path) -> None:
    starter = client(home, linger=0.1)
    starter.stdout.readline()
    place = status(home).socket_dir
    role = pwd.getpwuid(os.geteuid()).pw_name
    guest = psycopg2.connect(host=str(place), port=5432, user=role, dbname="awlab")
    starter.kill()
    starter.communicate()
    log = status(home).log
    log.write_text("")
    time.sleep(1.0)  # several times the watcher's patience
    assert status(home).running
    guest.close()
    wait_for(lambda: not status(home).running)


def test_a_killed_watcher_is_replaced(home: Path) -> None:
    first = client(home)
    first.stdout.readline()
    (watcher,) = embedded_watchers(home)
    os.kill(watcher, signal.SIGKILL)
    wait_for(lambda: not status(home).watched)
    start(home, linger=0.2)
    assert status(home).watched
    assert len(embedded_watchers(home)) == 1
    first.communicate("\n")


def embedded_watchers(home: Path) -> list[int]:
    """Process ids of the home's watchers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(home / "database").encode() in words:
            found.append(int(entry.name))
    return found


def test_eight_starters_make_one_server(empty_home: Path) -> None:
    home = empty_home
    crowd = [client(home) for _ in range(8)]
    answers = {each.stdout.readline() for each in crowd}
    assert len(answers) == 1
    assert answers == {f"{status(home).pid}\n"}
    assert len(embedded_watchers(home)) == 1
    assert set(status(home).users) == {each.pid for each in crowd}
    for each in crowd:
        each.kill()
        each.communicate()
    wait_for(lambda: not status(home).running)


def test_starters_killed_at_any_moment_leave_nothing_that_hinders(empty_home: Path) -> None:
    home = empty_home
    folder = home / "database"
    seen = [folder / "start.lock", folder / "data.new", folder / "data"]
    moments = [(0, 0.0), (1, 0.0), (1, 0.05), (1, 0.2), (2, 0.0), (2, 0.05)]
    for state, delay in moments:
        victim = client(home)
        wait_for(lambda state=state: any(path.exists() for path in seen[state:]))
        time.sleep(delay)
        victim.kill()
        victim.communicate()
    server = start(home, linger=0.2)
    sql(server, "create table works (n int)")


def test_fork_neither_releases_nor_deadlocks(home: Path) -> None:
    script = """
server = start(home, linger=linger)
child = os.fork()
if not child:
    refused = not server.stop()
    joined = start(home, linger=linger).running() and os.getpid() in status(home).users
    os._exit(0 if refused and joined else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(status(home).users == (os.getpid(),), flush=True)
input()
"""
    parent = client(home, script=script)
    assert [parent.stdout.readline() for _ in range(2)] == ["0\n", "True\n"]
    assert status(home).running
    parent.communicate("\n")
    wait_for(lambda: not status(home).running)


def test_refuses_a_network_file_system(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = empty_home
    table = home.parent / "mountinfo"
    table.write_text("22 1 0:40 / / rw - lustre mds:/x rw\n")
    monkeypatch.setattr(embedded_host, "MOUNT_TABLE", table)
    with pytest.raises(DatabaseUnavailable, match="network file system lustre"):
        start(home)
    assert not home.exists()


def test_refuses_while_another_host_holds_the_lease(empty_home: Path) -> None:
    home = empty_home
    (home / "database").mkdir(parents=True)
    lease = {"host": "elsewhere", "boot": "other", "pid": 1}
    (home / "database" / "lease.json").write_text(json.dumps(lease))
    assert status(home).foreign_lease
    with pytest.raises(DatabaseUnavailable, match="in use on host elsewhere"):
        start(home)
    assert [path.name for path in (home / "database").iterdir()] == ["lease.json"]


def test_refuses_another_major_version(empty_home: Path) -> None:
    home = empty_home
    data = home / "database" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("12\n")
    identity = {"uid": os.geteuid(), "gid": os.getegid(), "role": "x", "token": "t"}
    (home / "database" / "cluster.json").write_text(json.dumps(identity))
    assert status(home).version == "12"
    with pytest.raises(DatabaseUnavailable, match="written by PostgreSQL 12") as caught:
        start(home)
    assert "embedded_dump dump" in caught.value.hint
    assert status(home).users == ()


def test_says_why_the_server_does_not_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start(home, linger=0.2)
    assert server.stop()
    with (server.data_dir / "postgresql.conf").open("a") as file:
        file.write("\nno_such_setting = 1\n")
    monkeypatch.setattr(embedded_launch, "_RETRY", 0.0)
    with pytest.raises(DatabaseUnavailable, match=r"did not start: .*configuration file"):
        start(home)
    assert status(home).users == ()
    server.socket_dir.rmdir()  # made for the server that did not come


@pytest.mark.skipif(not AS_ROOT, reason="root runs the server as another user")
def test_as_root_nothing_is_opened_up(empty_home: Path) -> None:
    home = empty_home
    home.mkdir()
    home.chmod(0o700)
    server = start(home, linger=0.2)
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "database").stat().st_mode & 0o777 == 0o700
    assert (home / "database").stat().st_uid == 0
    stored = json.loads((home / "database" / "cluster.json").read_text())
    assert server.data_dir.stat().st_uid == stored["uid"] != 0
    assert server.data_dir.stat().st_mode & 0o777 == 0o700
    assert server.socket_dir.stat().st_uid == stored["uid"]
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert Path(f"/proc/{status(home).pid}").stat().st_uid == stored["uid"]


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def nobodys_python(monkeypatch: pytest.MonkeyPatch) -> str:
    """An interpreter of this version that nobody can run, with this environment's packages."""
    if not AS_ROOT or not shutil.which("setpriv"):
        pytest.skip("needs root and setpriv")
    packages = os.pathsep.join([str(REPOSITORY), *(path for path in sys.path if path)])
    monkeypatch.setenv("PYTHONPATH", packages)
    # Run within itself: setpriv's own exec may still have root's rights.
    probe = "import subprocess, sys, psycopg2; subprocess.run([sys.executable, '-V'], check=True)"
    for name in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(subprocess.CalledProcessError, FileNotFoundError):
            subprocess.run([*NOBODY, name, "-c", probe], check=True, cwd="/", capture_output=True)
            return name
    pytest.skip("NOBODY CANNOT RUN PYTHON: the ordinary user's case was not tested")


@pytest.fixture
def nobodys_home(nobodys_python: str, end_home: Callable[[Path], None]) -> Iterator[Path]:
    """A home of the user nobody."""
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, 65534, 65534)
    yield folder
    end_home(folder)
    shutil.rmtree(folder)


def test_as_an_ordinary_user(nobodys_home: Path, nobodys_python: str) -> None:
    script = """
server = start(home, linger=linger)
os.kill(status(home).pid, signal.SIGKILL)
server = server.ensure_running()
print(server.running(), server.data_dir.stat().st_uid, server.stop(), flush=True)
"""
    done = client(nobodys_home, script=script, prefix=(*NOBODY, nobodys_python))
    assert done.stdout.readline() == "True 65534 True\n"
    done.communicate()
    with pytest.raises(DatabaseUnavailable, match="belongs to user 65534"):
        start(nobodys_home)


@pytest.mark.skipif(not AS_ROOT or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_as_root_of_a_container_that_may_not_trace(home: Path) -> None:
    script = """
server = start(home, linger=linger)
first = status(home).pid
os.kill(first, signal.SIGKILL)
server = server.ensure_running()
print(server.running(), status(home).pid != first, server.stop(), flush=True)
"""
    root = ("setpriv", "--bounding-set=-sys_ptrace", sys.executable)
    done = client(home, script=script, prefix=root)
    assert done.stdout.readline() == "True True True\n"
    done.communicate()


def test_dump_and_restore(home: Path) -> None:
    server = start(home, linger=0.2)
    sql(server, "create table kept as select 42 as n")
    file = home / "awlab.dump"
    dump(home, file)
    with pytest.raises(DatabaseUnavailable, match="exists"):
        dump(home, file)
    with pytest.raises(DatabaseUnavailable, match="holds 1 tables"):
        restore(home, file)
    assert server.stop()
    (home / "database").rename(home / "database.old")
    restore(home, file)
    assert sql(start(home), "select n from kept") == [(42,)]
    with pytest.raises(DatabaseUnavailable, match="does not exist"):
        restore(home, home / "absent.dump")
