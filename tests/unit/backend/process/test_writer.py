"""One writer commits what others made: together, each once, and says which one is refused."""

from __future__ import annotations

import itertools

import pytest

from awlab.backend.database import DBObject, persistent
from awlab.backend.errors import MakeFailed, NotUnique
from awlab.backend.process import ProcessTarget
from awlab.backend.process import writer as room
from awlab.backend.process.keys import Group, Request
from awlab.backend.process.making import Computed, Work, compute_target
from awlab.backend.process.writer import Writer

_numbers = itertools.count()


class WriterSource(DBObject):
    value = persistent("Value", float, 0.0)


class WriterTarget(ProcessTarget):
    source = persistent("What it is made from", WriterSource)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = 2.0 * self.source.value


def work(source):
    given = (("source", (source._id,)),)
    request = Request(Group(0, 0, 0, ""), "", None, given=given)
    return Work("WriterTarget", f"target {source.value}", request, {"source": (source._id,)})


@pytest.fixture
def works(database):
    WriterTarget(source=WriterSource().commit(), level=0.0).commit()  # so that there is a table
    return [work(WriterSource(value=float(i)).commit()) for i in range(3)]


def computed(works):
    return [(each, compute_target(each)) for each in works]


def test_results_are_committed_together(database, works):
    with Writer() as writer:
        assert all(writer.take(each) for each in works)
        results = computed(works)
        assert all(isinstance(result, Computed) for _, result in results)
        assert not WriterTarget.select(level=4.0).exists()
        epoch = database.epoch
        made = writer.commit(results)
        assert database.epoch == epoch + 1  # one transaction
    levels = [WriterTarget(object_id=r.packed.states[0]["object_id"]) for _, r in results]
    assert [item.level for item in levels] == [0.0, 2.0, 4.0]
    assert [each.id for each in made] == [item._id for item in levels]
    assert all(item.process_status == 1 for item in levels)
    assert compute_target(works[1]).reused  # whoever comes later takes that one


def test_one_that_is_refused_keeps_nobody_else_back(works, monkeypatch):
    before = WriterTarget._before_commit

    def refuse(self):
        if self.level == 2.0:
            raise NotUnique("level 2.0 is not wanted", "take another")
        before(self)

    with Writer() as writer:
        assert all(writer.take(each) for each in works)
        results = computed(works)
        monkeypatch.setattr(WriterTarget, "_before_commit", refuse)
        first, second, third = writer.commit(results)
    assert isinstance(second, MakeFailed)
    assert second.message == "target 1.0: level 2.0 is not wanted"
    assert first.id and third.id


def test_an_answer_that_was_lost_makes_nothing_twice(database, works, monkeypatch):
    import sqlalchemy as sa

    usual, calls = room.commit_objects, []

    def lossy(items):
        usual(items)
        calls.append(len(items))
        if len(calls) == 1:
            for item in items:
                item._id = None  # nobody heard of it
            raise sa.exc.OperationalError("COMMIT", None, Exception("gone"), True, True)

    monkeypatch.setattr(room, "commit_objects", lossy)
    with Writer() as writer:
        assert all(writer.take(each) for each in works)
        made = writer.commit(computed(works))
    assert calls == [3, 0]
    assert len({each.id for each in made}) == 3
    assert len(WriterTarget.source.value.in_([0.0, 1.0, 2.0])) >= 3


def test_a_lock_that_was_lost_is_looked_behind(database, works):
    first = works[0]
    with Writer() as writer:
        assert writer.take(first)
        ((_, mine),) = computed([first])
        backend = writer._locks._connection.connection.driver_connection.info.backend_pid
        with database.transaction() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({backend}, 5000)")
        with Writer() as another:  # makes the same in the meantime
            assert another.take(first)
            (theirs,) = another.commit(computed([first]))
        (made,) = writer.commit([(first, mine)])
        assert made.reused
        assert made.id == theirs.id
