"""Bulk registration writes what commit() writes."""

from __future__ import annotations

import uuid
from datetime import datetime

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.database import (
    DBObject,
    Struct,
    commit_objects,
    context,
    incomplete_objects,
    objects_with_ids,
    persistent,
    register_bulk,
)
from awlab.backend.database.bulk import uuid7_array
from awlab.backend.database.class_tables import table_of
from awlab.backend.database.registry_tables import edge
from awlab.backend.errors import AwlabError, DefinitionError, QueryError, WrongType


class BulkStat(Struct):
    """A group of values."""

    mean = persistent("Mean [ADU]", float)
    count = persistent("Count", int, 7)


class BulkChip(DBObject):
    """Exists once."""

    _lineage_node = False
    _unique_on = ("name",)
    name = persistent("Name", str, "")


class BulkRaw(DBObject):
    """Every type there is."""

    chip = persistent("Chip", BulkChip)
    stat = persistent("Statistics", BulkStat)
    name = persistent("Name", str, "x")
    level = persistent("Level [ADU]", float)
    number = persistent("Number", int, 3)
    good = persistent("Good", bool, True)
    when = persistent("When", datetime)
    blob = persistent("Bytes", bytes)
    facts = persistent("Facts", dict)
    things = persistent("Things", list)
    texts = persistent("Texts", str, [])
    levels = persistent("Levels", float, [])
    numbers = persistent("Numbers", int, [])
    times = persistent("Times", datetime, [])


class BulkNext(DBObject):
    """Follows another of its kind."""

    prev = persistent("The one before", DBObject, dependency=False)
    source = persistent("What it is made from", DBObject)


class BulkMade(DBObject):
    """Made from raws."""

    raw = persistent("Raw", BulkRaw)
    raws = persistent("Raws", BulkRaw, [])


class BulkAbstract(DBObject, abstract=True):
    """Has no objects."""


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
WHEN = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))
LEVEL = st.floats(allow_nan=False)
NUMBER = st.integers(-(2**63), 2**63 - 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | TEXT, st.lists, max_leaves=4
)
VALUES = {
    "name": st.none() | TEXT,
    "level": st.none() | LEVEL,
    "number": st.none() | NUMBER,
    "good": st.none() | st.booleans(),
    "when": st.none() | WHEN,
    "blob": st.none() | st.binary(max_size=40),
    "facts": st.none() | st.dictionaries(TEXT, PLAIN, max_size=3),
    "things": st.lists(PLAIN, max_size=3),
    "texts": st.lists(TEXT, max_size=3),
    "levels": st.lists(st.none() | LEVEL, max_size=3),
    "numbers": st.lists(NUMBER, max_size=3),
    "times": st.lists(WHEN, max_size=3),
}


def read(ids, cls=BulkRaw):
    from awlab.backend.database import current_database

    return list(objects_with_ids(current_database(), ids, cls))


@pytest.mark.usefixtures("database")
@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=6))
def test_any_values_come_back(rows):
    ids = register_bulk(BulkRaw, {name: [row[name] for row in rows] for name in VALUES})
    for item, row in zip(read(ids), rows, strict=True):
        assert {name: getattr(item, name) for name in VALUES} == row


def test_the_same_as_commit(database):
    chip = BulkChip(name="same").commit()
    when = datetime(2000, 4, 28, 23, 10, 0, 5)
    one = BulkRaw(
        chip=chip, stat=BulkStat(mean=1.5), level=2.5, when=when, name="é", texts=["a", ""]
    ).commit()
    ids = register_bulk(
        BulkRaw,
        {
            "chip": chip,
            "stat.mean": np.array([1.5]),
            "level": [2.5],
            "when": [when],
            "name": ["é"],
            "texts": [["a", ""]],
        },
    )
    (other,) = read(ids)
    for name in BulkRaw._attributes:
        if name not in ("object_id", "creation_date"):
            assert getattr(other, name) == getattr(one, name), name
    assert other.creation_date >= one.creation_date
    assert other.creator == context.user
    assert BulkRaw(object_id=other.object_id) == other
    assert other in list(chip.inverse_objects())


def test_links_become_lineage(database):
    raws = register_bulk(BulkRaw, {"number": np.arange(4)})
    made = register_bulk(
        BulkMade,
        {"raw": [raws[0], 0, raws[3]]},
        {"raws": ([0, 2, 2, 4], [raws[1], raws[0], raws[2], raws[2]])},
    )
    first, second, third = read(made, BulkMade)
    assert [item.number for item in first.raws] == [1, 0]
    assert (second.raw, second.raws) == (None, ())
    assert [item.number for item in third.upstream()] == [2, 3]
    assert [item.number for item in first.upstream()] == [0, 1]
    again = BulkMade(raw=first.raw, raws=first.raws).commit()
    roles = [(source, role) for _, source, role in first.upstream().edges().rows()]
    assert roles == [(source, role) for _, source, role in again.upstream().edges().rows()]


def test_lists_alone_say_how_many_objects_there_are(database):
    raws = register_bulk(BulkRaw, {"number": [1, 2]})
    first, second = read(register_bulk(BulkMade, {}, {"raws": ([0, 0, 2], raws)}), BulkMade)
    assert (len(first.raws), len(second.raws)) == (0, 2)


def test_masks_and_missing_times_are_null(database):
    ids = register_bulk(
        BulkRaw,
        {
            "level": np.ma.masked_array([1.0, 2.0], [False, True]),
            "when": np.array(["2000-01-01", "NaT"], dtype="datetime64[s]"),
            "number": np.array([1, 2], dtype=np.int16),
        },
    )
    first, second = read(ids)
    assert (first.level, first.when, first.number) == (1.0, datetime(2000, 1, 1), 1)
    assert (second.level, second.when, second.number) == (None, None, 2)
    assert first.stat == BulkStat()


def test_many_rows_in_pieces(database, monkeypatch):
    from awlab.backend.database import bulk_rows

    monkeypatch.setattr(bulk_rows, "_CHUNK", 2000)
    names = [f"{'n' * (i % 50)}{i}" for i in range(1000)]
    before = database.statements
    ids = register_bulk(BulkRaw, {"name": names})
    assert database.statements - before <= 2  # the numbers, and one COPY
    assert len(np.unique(ids)) == 1000
    assert [item.name for item in read(ids)] == names


def test_no_rows(database):
    assert len(register_bulk(BulkRaw, {"level": np.empty(0)})) == 0


def test_nothing_is_kept_of_a_failure(database):
    def count():
        return BulkMade.select_all().count()

    before = count()
    raws = register_bulk(BulkRaw, {"number": [1]})
    with pytest.raises(QueryError, match="no object that you may see"):
        register_bulk(BulkMade, {"raw": raws}, {"raws": ([0, 1], [2**40])})
    assert count() == before


WRONG = [
    ({"level": ["a"]}, "BulkRaw.level"),
    ({"number": [1.5]}, "BulkRaw.number"),
    ({"name": [1]}, "is not a text"),
    ({"name": ["a\x00"]}, "NUL"),
    ({"good": [1]}, "BulkRaw.good"),
    ({"when": ["soon"]}, "not a date"),
    ({"stat": [1]}, "group of values"),
    ({"chip": ["ccd50"]}, "row numbers"),
    ({"chip.name": ["ccd50"]}, "another object"),
    ({"object_id": ["a"]}, "filled in by awlab"),
    ({"nothing": [1]}, "no persistent attribute"),
    ({"level": [1.0], "number": [1, 2]}, "differ in length"),
    ({"level": 1.0}, "at least one column"),
    ({"numbers": [["a"]]}, "whole number"),
]


@pytest.mark.parametrize(("columns", "words"), WRONG)
def test_what_does_not_fit_is_refused(database, columns, words):
    with pytest.raises(AwlabError, match=words):
        register_bulk(BulkRaw, columns)


@pytest.mark.parametrize(
    "lists", [([0, 1], [1, 1]), ([0], []), ([1, 1], [5]), ([0, 1], [0]), ([0, 2, 1], [1])]
)
def test_offsets_that_do_not_fit_are_refused(database, lists):
    with pytest.raises(QueryError):
        register_bulk(BulkMade, {"raw": [0]}, {"raws": lists})


def test_links_to_another_class_are_refused(database):
    chip = BulkChip(name="wrong").commit()
    with pytest.raises(QueryError, match="are to a BulkChip"):
        register_bulk(BulkMade, {"raw": [chip._id]})
    with pytest.raises(WrongType, match="not a list of links"):
        register_bulk(BulkMade, {"raw": [0]}, {"raw": ([0, 0], [])})
    with pytest.raises(WrongType, match="list of links"):
        register_bulk(BulkMade, {"raws": [0]})


@pytest.mark.parametrize("cls", [BulkAbstract, BulkChip, BulkStat, int])
def test_classes_without_objects_to_register(database, cls):
    with pytest.raises(DefinitionError, match="bulk"):
        register_bulk(cls, {"name": ["a"]})


def test_identifiers_are_uuids_in_order():
    made = [uuid.UUID(bytes=row.tobytes()) for row in uuid7_array(500)]
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {uuid.RFC_4122}
    assert made == sorted(made)
    assert len(set(made)) == 500


def test_committed_and_bulk_identifiers_sort_together(database):
    first = BulkRaw().commit()
    (second,) = read(register_bulk(BulkRaw, {"number": [1]}))
    third = BulkRaw()
    commit_objects([third])
    assert first.object_id[:8] <= second.object_id[:8] <= third.object_id[:8]


def test_no_row_points_to_nothing(database):
    """Edges are checked a statement at a time, whoever writes them; bulk leaves nothing loose."""
    raws = register_bulk(BulkRaw, {"level": np.arange(500.0)})
    made = register_bulk(BulkMade, {"raw": raws[:100]}, {"raws": (np.arange(101) * 5, raws)})
    assert incomplete_objects() == {}
    row = {"target": int(made[0]), "source": int(raws[0]), "role": 2**30, "ordinal": 0}
    with database.autocommit() as connection:
        with pytest.raises(sa.exc.IntegrityError, match="an input does not exist"):
            connection.execute(edge.insert(), row | {"source": 2**60})
        with pytest.raises(sa.exc.IntegrityError, match="no such role"):
            connection.execute(edge.insert(), row)
        # The class's own trigger writes edges too.
        identity = {"object_id": str(uuid.uuid4()), "creator": "x", "project": "x"}
        rest = {"privileges": 1, "creation_date": datetime(2000, 1, 1)}
        with pytest.raises(sa.exc.IntegrityError, match="an input does not exist"):
            connection.execute(
                table_of(BulkMade).insert(), identity | rest | {"id": 2**59, "raw": 2**60}
            )
    assert incomplete_objects() == {}


def test_objects_of_one_call_follow_each_other(database):
    """A negative number is an earlier object of the same call; dates are those that are given."""
    dates = np.array(["2001-01-02", "2001-01-03", "2003-05-06"], dtype="datetime64[us]")
    ids = register_bulk(
        BulkNext, {"prev": np.array([0, -1, -2]), "source": [0, -1, -1], "creation_date": dates}
    )
    first, second, third = read(ids, BulkNext)
    assert first.prev is None
    assert (second.prev, third.prev) == (first, second)
    assert third.creation_date == datetime(2003, 5, 6)
    assert {item.object_id for item in first.inverse_objects()} == {
        second.object_id,
        third.object_id,
    }
    assert incomplete_objects() == {}


@pytest.mark.parametrize("links", [[-1, 0], [0, -2], [-2, 0], [0, -9]])
def test_nothing_follows_itself_or_what_comes_later(database, links):
    with pytest.raises(WrongType, match="an earlier object of the same call"):
        register_bulk(BulkNext, {"source": np.array(links)})


def test_a_negative_number_is_no_object_of_another_class(database):
    register_bulk(BulkRaw, {"level": [1.0, 2.0]})
    with pytest.raises(WrongType, match="an earlier object of the same call"):
        register_bulk(BulkMade, {"raw": np.array([0, -1])})
