"""New objects and classes of a notebook reach another process as they are."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import datetime

import pytest

from awlab.backend.database import (
    DBObject,
    KeyLocks,
    Struct,
    classes_as_bytes,
    commit_objects,
    held_lock,
    pack_object,
    persistent,
    unpack_object,
)
from awlab.backend.database.meta import _registry
from awlab.backend.errors import TargetError

MOMENT = datetime(2000, 4, 28, 23)


class TravelSize(Struct):
    x = persistent("x", float)
    y = persistent("y", float)


class TravelPart(DBObject):
    name = persistent("Name", str, "")


class TravelWhole(DBObject):
    part = persistent("A part", TravelPart)
    parts = persistent("Parts", TravelPart, [])
    before = persistent("The one before", TravelPart)
    size = persistent("Size", TravelSize)
    moment = persistent("When", datetime)
    notes = persistent("Notes", dict, {})
    levels = persistent("Levels", float, [])
    raw = persistent("Bytes", bytes)


def whole(old):
    new = TravelPart(name="new")
    return TravelWhole(
        part=new, parts=[old, new], before=None, size=TravelSize(x=1.5), moment=MOMENT,
        notes={"a": [1, "b"]}, levels=[1.0, 2.0], raw=b"\x00\xff",
    )  # fmt: skip


def test_a_new_object_is_committed_as_it_was_made(database):
    old = TravelPart(name="old").commit()
    made = whole(old)
    packed = pickle.loads(pickle.dumps(pack_object(made)))
    assert packed.filenames == []
    there = unpack_object(packed)
    commit_objects([there])
    found = TravelWhole(object_id=made.object_id)
    assert [part.name for part in found.parts] == ["old", "new"]
    assert (found.parts[0], found.part, found.before) == (old, found.parts[1], None)
    assert found.part.object_id == made.part.object_id
    assert found.size == TravelSize(x=1.5)
    assert (found.moment, found.notes, found.levels) == (MOMENT, {"a": [1, "b"]}, [1.0, 2.0])
    assert bytes(found.raw) == b"\x00\xff"
    assert set(found.upstream()) == {old, found.part}


def test_a_class_that_is_not_there_is_named(database, monkeypatch):
    packed = pack_object(whole(TravelPart()))
    monkeypatch.delitem(_registry, "TravelPart")
    with pytest.raises(TargetError, match="this process has no class TravelPart"):
        unpack_object(packed)


# -- classes -------------------------------------------------------------------------------

NOTEBOOK = """
import sys
from typing import ClassVar
from awlab.backend.database import DBObject, Struct, classes_as_bytes, persistent

SCALE = 3

def scaled(value):
    return SCALE * value

class Mixed:
    def twice(self):
        return 2 * self.level

class TripSize(Struct):
    x = persistent("x", float, 2.0)

class TripBase(DBObject, abstract=True):
    FLAGS: ClassVar[dict] = {"A": 1}
    level = persistent("Level [ADU]", float, 1.0)
    def told(self):
        return "base"

class TripLeaf(Mixed, TripBase):
    "A leaf."
    size = persistent("Size", TripSize)
    base = persistent("Another", TripBase)
    @property
    def area(self):
        return scaled(self.size.x)
    @classmethod
    def made(cls):
        return cls(level=5.0)
    @staticmethod
    def plain():
        return SCALE
    def told(self):
        return super().told() + " " + __class__.__name__

sys.stdout.buffer.write(classes_as_bytes([TripLeaf], {"__main__"}))
"""

ELSEWHERE = """
import sys
from awlab.backend.database import class_named, classes_from_bytes
data = sys.stdin.buffer.read()
classes_from_bytes(data)
(leaf,) = classes_from_bytes(data)  # a cell that is run again
assert class_named("TripLeaf") is leaf and leaf.__module__ == "__main__"
base = class_named("TripBase")
assert base._abstract and not leaf._abstract and issubclass(leaf, base)
item = leaf.made()
print(item.level, item.twice(), item.area, leaf.plain(), item.told(), leaf.__doc__, leaf.FLAGS)
print(sorted(set(leaf._attributes) - set(base._attributes)), leaf._attributes["level"].unit)
"""


def test_classes_of_a_notebook_travel():
    sent = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, timeout=60, check=True
    ).stdout
    told = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=sent, capture_output=True, timeout=60, check=False
    )
    assert told.stdout.decode().splitlines() == [
        "5.0 10.0 6.0 3 base TripLeaf A leaf. {'A': 1}",
        "['base', 'size'] adu",
    ], told.stderr.decode()


def test_classes_of_a_package_travel_by_name():
    sent = classes_as_bytes([TravelPart], {"__main__"})
    assert pickle.loads(sent) == [TravelPart]
    assert len(sent) < 200


# -- locks ---------------------------------------------------------------------------------


def test_many_locks_on_one_connection(database):
    with KeyLocks() as mine, KeyLocks() as theirs:
        assert mine.take("a") and mine.take("b") and mine.take("a")
        assert not theirs.take("a")
        refused = pytest.raises(TargetError, match="is being made by another process")
        with refused, held_lock("b", timeout=0.0):
            pass
        mine.give_back(["a", "unknown"])
        assert theirs.take("a")
        assert not mine.take("a")
    with held_lock("a", timeout=0.0), held_lock("b", timeout=0.0):
        assert mine.shaken == set()


def test_locks_that_the_server_forgot_are_taken_again(database):
    with KeyLocks() as mine, KeyLocks() as theirs:
        assert mine.take("a") and mine.take("b")
        backend = mine._connection.connection.driver_connection.info.backend_pid
        with database.transaction() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({backend}, 5000)")
        assert theirs.take("b")
        mine.look()
        assert mine.shaken == {"a", "b"}
        assert mine.take("a") and not mine.take("b")
        assert not theirs.take("a")
        mine.give_back(["a", "b"])
        assert mine.shaken == set()
        assert theirs.take("a")
