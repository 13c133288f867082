"""One process, many threads, forks: connections, results and locks stay each other's own."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from awlab.backend.database import (
    Database,
    DBObject,
    Query,
    commit_objects,
    connection,
    context,
    held_lock,
    persistent,
    reading,
)
from awlab.backend.errors import DatabaseUnavailable


class ConnThing(DBObject):
    name = persistent("Name", str, "")
    level = persistent("Level", float)
    next = persistent("Next", DBObject)


class ConnBase(DBObject, abstract=True):
    """Many derived classes, none with a table."""


for i in range(12):
    type(DBObject)(f"ConnLeaf{i}", (ConnBase,), {"__module__": __name__})


@pytest.fixture(scope="module")
def things(database):
    """More than are read row by row."""
    last = ConnThing(name="last").commit()
    commit_objects([ConnThing(name="many", level=float(i), next=last) for i in range(200)])


def open_transactions(database):
    text = """SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'
        AND datname = current_database()"""
    return database.scalar(sa.text(text))


def test_a_forked_child_leaves_the_parent_s_connections_alone(database, things):
    """The child reads and dies; the parent's session, and the lock it holds, live on."""
    with held_lock("forked"):
        session = database.scalar(sa.select(sa.func.pg_backend_pid()))
        child = os.fork()
        if child == 0:
            try:
                fine = len(ConnThing.name == "many") == 200
                mine = database.scalar(sa.select(sa.func.pg_backend_pid()))
                ConnThing(name="child").commit()
                os._exit(0 if fine and mine != session else 1)
            except BaseException:
                os._exit(2)
        deadline = time.monotonic() + 30
        done, status = os.waitpid(child, os.WNOHANG)
        while not done and time.monotonic() < deadline:
            time.sleep(0.02)
            done, status = os.waitpid(child, os.WNOHANG)
        if not done:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert done
        assert status == 0
        assert database.scalar(sa.select(sa.func.pg_backend_pid())) == session
        number = connection.current_database().scalar(
            sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        )
        assert number >= 1
    assert (ConnThing.name == "child").exists()


def test_a_closed_database_is_not_kept_alive(database):
    other = Database(database.url.render_as_string(hide_password=False))
    assert other.scalar(sa.select(sa.literal(1))) == 1
    gone = weakref.ref(other)
    other.close()
    del other
    gc.collect()
    assert gone() is None


def test_a_result_is_as_old_as_its_beginning(database, things, monkeypatch):
    """What another thread commits while a query runs is found by the next look at it."""
    q = ConnThing.name == "meanwhile"
    plain = reading._one_class

    def slow(*arguments):
        rows = plain(*arguments)
        ConnThing(name="meanwhile").commit()
        return rows

    monkeypatch.setattr(reading, "_one_class", slow)
    assert len(q) == 0
    monkeypatch.setattr(reading, "_one_class", plain)
    assert len(q) == 1


def test_commits_at_once_each_outdate_results(database):
    before = database.epoch
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: database.outdate_results(), range(400)))
    assert database.epoch == before + 400


def test_one_result_read_by_many_threads(database, things):
    for _ in range(3):
        q = (ConnThing.name == "many").order_by("level")
        rows = list(q)
        barrier = threading.Barrier(8)

        def read(_, rows=rows, barrier=barrier):
            barrier.wait(10)
            return [(row.level, row.next.name, row.creator) for row in rows]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(read, range(8)))
        assert all(one == found[0] for one in found)
        assert [row[0] for row in found[0]] == [float(i) for i in range(200)]
        assert {row[1] for row in found[0]} == {"last"}


def test_no_transaction_stays_open(database, things):
    q = ConnThing.name == "many"
    q.columns("level")
    q.table()
    q[0].upstream().edges()
    with pytest.raises(ZeroDivisionError), database.transaction():
        raise ZeroDivisionError
    with pytest.raises(sa.exc.DBAPIError):
        database.rows(sa.text("SELECT nothing FROM nowhere"))
    rows = iter(Query(ConnThing))
    next(rows)
    assert open_transactions(database) == 0


def test_a_base_class_without_tables_costs_a_constant_number_of_statements(database):
    """Whether other processes have made tables is asked once, not once per derived class."""
    time.sleep(1.1)
    before = database.statements
    assert len(ConnBase.select_all()) == 0
    assert database.statements - before <= 3


def test_all_connections_in_use_is_one_sentence(database):
    other = Database(database.url.render_as_string(hide_password=False))
    other._engine.pool._timeout = 0.2
    held = [other._connect() for _ in range(connection._CONNECTIONS)]
    try:
        busy = pytest.raises(DatabaseUnavailable, match="all 16 connections")
        with busy, other.transaction():
            pass
    finally:
        for one in held:
            one.close()
        other.close()


def test_a_lock_whose_connection_was_lost_does_not_hide_the_reason(database):
    with pytest.raises(ZeroDivisionError), held_lock("lost"):
        end = """SELECT pg_terminate_backend(pid) FROM pg_locks
            WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"""
        database.rows(sa.text(end))
        raise ZeroDivisionError


def test_privileges_are_never_above_those_of_the_project(database):
    home = context.project
    context.add_project("LOW", max_privileges=2)
    context.set_privileges(4)
    try:
        context.set_project("LOW")
        assert context.privileges == 2
        assert ConnThing().commit().privileges == 2
    finally:
        context.set_project(home)
        context.set_privileges(1)


def test_a_database_says_which_it_is(database):
    """Without asking the server, and without its password."""
    assert repr(database) == "<Database of awlab itself>"
    other = Database("postgresql://me:secret@host:5433/survey")
    assert repr(other) == "<Database postgresql+psycopg2://me:***@host:5433/survey>"
