"""Contract, section 2: declaring, committing, getting back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from awlab.backend.database import DBObject, Struct, commit_objects, persistent
from awlab.backend.errors import (
    DefinitionError,
    DependencyCycle,
    ImmutableObject,
    ObjectNotFound,
    UnknownAttribute,
    WrongType,
)


class PStat(Struct):
    mean = persistent("Mean [ADU]", float)
    npix = persistent("Number [pixel]", int)


class PThing(DBObject):
    name = persistent("Name", str, "")
    number = persistent("A number [s]", float, 1.5)
    whole = persistent("A whole number", int)
    when = persistent("A moment", datetime)
    raw = persistent("Bytes", bytes)
    words = persistent("A list of texts", str, [])
    free = persistent("Anything", dict)
    stat = persistent("Statistics", PStat)


class PParent(DBObject):
    thing = persistent("One", PThing)
    things = persistent("Many", PThing, [])


def test_round_trip(database):
    moment = datetime(2000, 4, 28, 23, 10, 0, 123456)
    thing = PThing(
        name="Ünïcode '; DROP TABLE dbobject; --",
        number=float("inf"),
        whole=2**40,
        when=moment,
        raw=b"\x00\xff",
        words=["a", "b"],
        free={"x": [1, None]},
        stat=PStat(mean=3.5, npix=7),
    ).commit()
    again = PThing(object_id=thing.object_id)
    assert again == thing
    assert again is not thing
    for name in ("name", "number", "whole", "when", "raw", "words", "free", "stat"):
        assert getattr(again, name) == getattr(thing, name)
    assert again.stat.mean == 3.5
    assert again.creator == database.user


def test_defaults_and_missing(database):
    again = PThing(object_id=PThing().commit().object_id)
    assert (again.name, again.number, again.whole, again.words) == ("", 1.5, None, [])


def test_dates_are_utc(database):
    thing = PThing(when=datetime(2000, 1, 1, 12, tzinfo=UTC))
    assert thing.when == datetime(2000, 1, 1, 12)
    thing.when = "2000-01-02T00:00:00"
    assert thing.when == datetime(2000, 1, 2)


def test_dependencies_are_committed_with_it(database):
    parent = PParent(thing=PThing(name="one"), things=[PThing(name="two"), PThing(name="three")])
    parent.commit()
    again = PParent(object_id=parent.object_id)
    assert again.thing.name == "one"
    assert [thing.name for thing in again.things] == ["two", "three"]
    assert parent.thing.is_committed
    assert set(again.upstream()) == {again.thing, *again.things}
    assert list(again.thing.downstream()) == [again]


def test_all_or_nothing(database, monkeypatch):
    before = PThing.select_all().count()
    bad = PParent(thing=PThing(name="never"))
    monkeypatch.setattr(PParent, "_before_commit", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bad.commit()
    assert PThing.select_all().count() == before
    assert not bad.thing.is_committed


def test_committed_objects_do_not_change(database):
    thing = PThing().commit()
    with pytest.raises(ImmutableObject, match=r"PThing\.name"):
        thing.name = "other"
    parent = PParent(things=[thing]).commit()
    with pytest.raises(AttributeError):
        parent.things.append(thing)


def test_the_database_itself_refuses_changes(database):
    import sqlalchemy as sa

    thing = PThing(name="kept").commit()
    with pytest.raises(sa.exc.DBAPIError, match="never changes"), database.transaction() as c:
        c.execute(sa.text("UPDATE \"PThing\" SET name = 'x' WHERE id = :i"), {"i": thing._id})
    assert PThing(object_id=thing.object_id).name == "kept"


def test_a_circle_is_refused(database):
    class PLoop(DBObject):
        other = persistent("Another", DBObject)

    a, b = PLoop(), PLoop()
    a.other, b.other = b, a
    with pytest.raises(DependencyCycle):
        a.commit()


def test_a_class_may_grow_but_not_change(database):
    def declare(**attributes):
        return type(DBObject)("PGrow", (DBObject,), {"__module__": "__main__", **attributes})

    first = declare(a=persistent("A", int))
    old = first(a=1).commit()
    second = declare(a=persistent("A", int), b=persistent("B", str))
    new = second(a=2, b="x").commit()
    assert second(object_id=old.object_id).b is None
    assert second(object_id=new.object_id).b == "x"
    third = declare(a=persistent("A", str))
    from awlab.backend.errors import SchemaMismatch

    with pytest.raises(SchemaMismatch, match=r"PGrow\.a"):
        third(a="text").commit()
    declare(a=persistent("A", int), b=persistent("B", str))


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        (lambda: persistent("", int), "documentation"),
        (lambda: persistent("A set", set), "cannot be kept|not a type"),
        (lambda: persistent("A number", int, "x"), "whole number"),
    ],
)
def test_bad_declarations(declaration, words):
    with pytest.raises((DefinitionError, WrongType), match=words):
        declaration()


def test_bad_classes():
    with pytest.raises(DefinitionError, match="not a unit"):

        class PUnit(DBObject):
            a = persistent("A [furlongs per fortnight]", float)

    with pytest.raises(DefinitionError, match="hide"):

        class PHide(DBObject):
            commit = persistent("Shadows a method", int)

    with pytest.raises(DefinitionError, match="query language"):

        class PLike(DBObject):
            like = persistent("Taken", str)


def test_bad_values(database):
    with pytest.raises(WrongType, match=r"PThing\.number"):
        PThing(number="x")
    with pytest.raises(WrongType):
        PThing(name="nul\x00")
    with pytest.raises(UnknownAttribute, match="did you mean name"):
        PThing(nme="x")
    with pytest.raises(WrongType, match="PThing"):
        PParent(thing=PParent())
    with pytest.raises(ObjectNotFound):
        PThing(object_id="0192f0c1-7d3e-7abc-8def-0123456789ab")


def test_properties():
    found = PThing.get_persistent_properties()
    assert found["number"] == {"doc": "A number [s]", "type": "float", "unit": "s"}
    assert found["words"]["type"] == "list of str"


def test_commit_many(database):
    things = [PThing(name=f"m{i}") for i in range(20)]
    commit_objects(things)
    assert all(thing.is_committed for thing in things)
